"""The protection of an open position is changed: what was not named stays as it has become, a stop that was moved too."""

from dataclasses import replace

from backstop.domain.ids import order_link_id
from backstop.domain.instrument import Instrument
from backstop.domain.money import Price
from backstop.domain.placement import below_zero, misplaced_break_even, misplaced_level
from backstop.domain.position import Position
from backstop.domain.protection import (
    NO_PROTECTION,
    Level,
    LevelKind,
    LevelStatus,
    Protection,
    first_stop_price,
    levels_of,
)
from backstop.domain.refusal import Refused
from backstop.engine.effects import Disarm, SetResidentStop
from backstop.engine.events import ProtectCommand
from backstop.engine.exits import disarmed
from backstop.engine.prices import fresh
from backstop.engine.settle import settle_command
from backstop.engine.shield import lay_levels, wanted_resident
from backstop.engine.turn import Turn

_LEG_MOST = 6

_LEGS = {
    LevelKind.STOP_LOSS: "s",
    LevelKind.TRAILING: "w",
    LevelKind.RATCHET: "x",
    LevelKind.BREAK_EVEN: "b",
}
"""Levels of which a position has one of a kind."""

_NOTHING: frozenset[LevelKind] = frozenset()


def edit_protection(turn: Turn, position: Position, command: ProtectCommand) -> None:
    """Do what a user asks, or refuse all of it."""
    instrument, entry = turn.state.instruments.get(position.symbol), position.entry_price
    if instrument is None or entry is None:
        settle_command(turn, command.id, Refused("not_open", "the position has no entry price yet"))
        return
    before = position.protection
    wanted = replace(
        before,
        stop_loss=command.stop_loss or before.stop_loss,
        take_profit=before.take_profit if command.take_profit is None else command.take_profit,
        trailing=before.trailing if command.trailing is None else command.trailing.to,
        break_even=before.break_even if command.break_even is None else command.break_even.to,
        time_exit_ms=before.time_exit_ms if command.time_exit_ms is None else command.time_exit_ms.to,
    )
    quote = turn.state.quotes.get(position.symbol)
    known = quote.of(wanted.trigger_by) if quote is not None else None
    anew = _named(command)
    refusal = _refusal(turn, position, command, wanted, anew, known, instrument, entry)
    if refusal is None:
        trailing = command.trailing.to if command.trailing is not None else None
        at_once = trailing is not None and trailing.activation is None
        change_protection(turn, position, wanted, anew, trails_from=known[0] if at_once and known is not None else None)
    settle_command(turn, command.id, refusal)


def _named(command: ProtectCommand) -> frozenset[LevelKind]:
    """The levels that are laid anew, though they may be asked for as they were."""
    return _kinds(
        stop=command.stop_loss is not None,
        trailing=command.trailing is not None,
        break_even=command.break_even is not None,
    )


def _kinds(*, stop: bool, trailing: bool, break_even: bool) -> frozenset[LevelKind]:
    """The levels that each of these settings lays."""
    laid = {
        LevelKind.STOP_LOSS: stop,
        LevelKind.TRAILING: trailing,
        LevelKind.RATCHET: trailing,
        LevelKind.BREAK_EVEN: break_even,
    }
    return frozenset(kind for kind, is_meant in laid.items() if is_meant)


def _refusal(
    turn: Turn,
    position: Position,
    command: ProtectCommand,
    wanted: Protection,
    anew: frozenset[LevelKind],
    known: tuple[Price, int] | None,
    instrument: Instrument,
    entry: Price,
) -> Refused | None:
    """Why it makes no sense, or None. `known`: what the levels are compared with as last heard, and when."""
    if not may_change(position, wanted):
        text = "its protection was changed so often that no ids are left for new levels; close it and open it anew"
        return Refused("too_many_changes", text)
    misplaced = below_zero(wanted, position.side, entry, instrument)
    if misplaced is not None:
        return misplaced
    if command.stop_loss is not None and (known is not None or command.stop_loss.share is not None):
        reference = known[0] if known is not None and command.stop_loss.price is not None else entry
        stop = replace(NO_PROTECTION, stop_loss=command.stop_loss)
        misplaced = misplaced_level(stop, position.side, reference, instrument)
        if misplaced is not None:
            return misplaced
    if command.trailing is not None:
        misplaced = _trailing_refusal(turn, position, wanted, anew, known, instrument)
        if misplaced is not None:
            return misplaced
    if command.break_even is not None and command.break_even.to is not None:
        misplaced = misplaced_break_even(command.break_even.to, position.side, entry, instrument)
        if misplaced is not None:
            return misplaced
    allowed = command.time_exit_ms.to if command.time_exit_ms is not None else None
    if allowed is not None and turn.now - position.opened_at >= allowed:
        is_open = (turn.now - position.opened_at) // 1000
        return Refused("time_exit_passed", f"it has been open for {is_open} s, longer than {allowed // 1000} s")
    return None


def _trailing_refusal(
    turn: Turn,
    position: Position,
    wanted: Protection,
    anew: frozenset[LevelKind],
    known: tuple[Price, int] | None,
    instrument: Instrument,
) -> Refused | None:
    if wanted.trailing is not None:
        if known is None or not fresh(known[1], turn.now):
            return Refused("no_price", f"no price of {position.symbol} is fresh enough to trail behind")
        trailing = replace(NO_PROTECTION, trailing=wanted.trailing)
        misplaced = misplaced_level(trailing, position.side, known[0], instrument)
        if misplaced is not None:
            return misplaced
    stays = any(level.kind.is_stop and level.kind not in anew for level in position.armed)
    leaves_one = stays or first_stop_price(wanted, position.side, Price(position.cost / position.qty), instrument)
    if position.stop_loss is not None and not leaves_one:
        return Refused("last_stop", "the trailing stop is the only one; set a stop-loss in its place")
    return None


def may_change(position: Position, protection: Protection) -> bool:
    """Whether there are ids left for another round of levels: some hundred changes with ten targets, a thousand with
    fewer. An id has 36 characters, two of which are kept for repeated closes."""
    return len(f"t{len(protection.take_profit)}r{position.levels_round + 1}") <= _LEG_MOST


def change_protection(
    turn: Turn,
    position: Position,
    protection: Protection,
    anew: frozenset[LevelKind] = _NOTHING,
    *,
    trails_from: Price | None = None,
) -> Position:
    """New levels under new ids in place of the armed ones, `anew` and what differs where `protection` says, the others
    where they are. Rungs that have closed their part stay closed as long as the ladder is the same. `trails_from`: where
    a new trailing stop begins to follow, if not at the entry."""
    before = position.protection
    if not anew and replace(before, time_exit_ms=protection.time_exit_ms) == protection:
        edited = replace(position, protection=protection)
        turn.put_position(edited)
        return edited
    used = _used_rungs(position) if protection.take_profit == before.take_profit else frozenset()
    gone = tuple(level.close_id for level in position.armed)
    if gone:
        turn.at_once(Disarm(gone))
    round_ = position.levels_round + 1
    kept = _kept(position, protection, anew | _differing(before, protection), round_)
    instrument, entry = turn.state.instruments.get(position.symbol), position.entry_price
    if trails_from is not None and instrument is not None:
        trailing = replace(NO_PROTECTION, trailing=protection.trailing, trigger_by=protection.trigger_by)
        kept += levels_of(position.id, position.symbol, position.side, trails_from, trailing, instrument, round_=round_)
    edited = replace(
        position,
        protection=protection,
        levels_round=round_,
        levels=(*disarmed(position.levels), *kept),
        resident_asked_at=turn.now,
        resident_tries=0,
    )
    edited = lay_levels(turn, edited, used)
    turn.put_position(edited)
    if instrument is not None and entry is not None:
        wanted = wanted_resident(edited, entry, instrument)
        stays = wanted == position.resident.price and protection.trigger_by is before.trigger_by
        if wanted is not None and not stays:
            turn.afterwards(SetResidentStop(position.slot, wanted, protection.trigger_by))
    return edited


def _differing(before: Protection, after: Protection) -> frozenset[LevelKind]:
    """The levels whose settings are not the same."""
    return _kinds(
        stop=before.stop_loss != after.stop_loss,
        trailing=before.trailing != after.trailing,
        break_even=before.break_even != after.break_even,
    )


def _kept(position: Position, protection: Protection, anew: frozenset[LevelKind], round_: int) -> tuple[Level, ...]:
    """The levels that are not laid anew, where they are, under the ids of the round `round_`."""
    round_before = max(position.levels_round, 1)
    return tuple(
        replace(level, close_id=order_link_id(position.id, f"{leg}{round_}"), trigger_by=protection.trigger_by)
        for kind, leg in _LEGS.items()
        for level in position.levels
        if kind not in anew
        and level.close_id == order_link_id(position.id, f"{leg}{round_before}")
        and (level.status is LevelStatus.ARMED or kind is LevelKind.BREAK_EVEN)
    )


def _used_rungs(position: Position) -> frozenset[int]:
    """The take-profits of the newest round that have fired."""
    return frozenset(
        level.rung
        for level in position.levels
        if level.status is LevelStatus.FIRED
        and level.kind is LevelKind.TAKE_PROFIT
        and level.close_id == order_link_id(position.id, f"t{level.rung}r{position.levels_round}")
    )
