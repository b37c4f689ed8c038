"""Two layers of protection: the levels we watch on every tick, and the stop the exchange keeps behind them."""

from dataclasses import replace
from decimal import Decimal

from backstop.domain.ids import OrderLinkId, order_link_id
from backstop.domain.instrument import Instrument
from backstop.domain.money import Price
from backstop.domain.order import Purpose
from backstop.domain.position import Position, PositionStatus
from backstop.domain.protection import (
    Level,
    LevelKind,
    LevelStatus,
    PriceSource,
    ResidentStop,
    levels_of,
    resident_behind,
)
from backstop.domain.slot import Slot
from backstop.engine.effects import Arm, Notice, NoticeLevel, Remind, SetResidentStop, TakeSnapshot
from backstop.engine.events import CheckStop, ExchangePosition, ResidentStopRefused, ResidentStopUncertain
from backstop.engine.exits import close_position
from backstop.engine.modes import learn
from backstop.engine.turn import Turn

_ASK_AGAIN_MS = 1_500
_TRIES = 3
_LOOSEST_GAP = Decimal("1.5")
"""A resident stop up to this many gaps behind the watched one is left as it is."""


def lay_levels(turn: Turn, position: Position, used: frozenset[int] = frozenset()) -> Position:
    """Put the levels where the entry price says, keeping their ids and those already fired, and arm them. `used`: rungs
    that an earlier round has closed already."""
    instrument = turn.state.instruments.get(position.symbol)
    entry = position.entry_price
    if instrument is None or entry is None:
        return position
    round_ = max(position.levels_round, 1)
    wanted = levels_of(
        position.id, position.symbol, position.side, entry, position.protection, instrument, round_=round_
    )
    before = {level.close_id: level for level in position.levels}
    moved = any(level.kind is LevelKind.BREAK_EVEN and level.status is LevelStatus.FIRED for level in position.levels)
    levels = tuple(
        _kept(level, before[level.close_id], moved)
        if level.close_id in before
        else replace(level, status=LevelStatus.FIRED)
        if level.rung in used
        else level
        for level in wanted
    )
    laid = {level.close_id for level in levels}
    later = _laid_later(position, round_) - laid
    levels += tuple(level for level in position.levels if level.close_id in later)
    older = tuple(level for level in position.levels if level.close_id not in laid | later)
    armed = tuple(level for level in levels if level.status is LevelStatus.ARMED)
    if armed:
        turn.afterwards(Arm(armed))
    return replace(position, levels=(*older, *levels), levels_round=round_)


def _kept(wanted: Level, before: Level, moved: bool) -> Level:
    """A level laid again keeps what became of it, and a stop that has been moved its place."""
    stays = before.kind in (LevelKind.TRAILING, LevelKind.RATCHET) or (before.kind is LevelKind.STOP_LOSS and moved)
    return before if stays else replace(wanted, status=before.status)


def _laid_later(position: Position, round_: int) -> set[OrderLinkId]:
    """Stops of this round that came into being only when something was reached."""
    return {order_link_id(position.id, f"{leg}{round_}") for leg in ("w", "s")}


def on_position_reported(turn: Turn, reported: ExchangePosition) -> None:
    """The exchange's word on its own stop: keep the proof, mend what is wrong."""
    learn(turn, reported)
    position = turn.state.positions.get(reported.slot)
    if position is None or reported.side is not position.side or reported.size <= 0:
        return
    resident = position.resident
    if resident.verified_at is not None and reported.at < resident.verified_at:
        return
    # A stop that has moved shows that the exchange does as it is asked, though ours may have moved on since.
    obeyed = reported.stop_loss is not None and reported.stop_loss != resident.price
    proven = replace(
        position,
        resident=ResidentStop(
            reported.stop_loss, reported.at, reported.stop_trigger_by or _trigger_still(resident, reported)
        ),
        resident_tries=0 if obeyed else position.resident_tries,
    )
    turn.put_position(proven, quiet=resident.price == reported.stop_loss)
    if proven.status is PositionStatus.OPEN:
        order_resident_stop(turn, proven)


def _trigger_still(resident: ResidentStop, reported: ExchangePosition) -> PriceSource | None:
    """What the same stop was compared with when that was last read."""
    return resident.trigger_by if resident.price == reported.stop_loss else None


def order_resident_stop(turn: Turn, position: Position) -> None:
    """Ask the exchange for the right stop when its own is missing or wrong; close when that fails again and again."""
    grounds = _grounds(turn, position)
    if grounds is None:
        return
    entry, instrument = grounds
    wanted = wanted_resident(position, entry, instrument)
    if wanted is None or resident_is_right(position, entry, instrument):
        if position.resident_tries:
            turn.put_position(replace(position, resident_tries=0), quiet=True)
        return
    if position.resident.verified_at is None or turn.now - position.resident_asked_at < _ASK_AGAIN_MS:
        return
    if position.resident_tries >= _TRIES:
        _give_up(turn, position, "the exchange does not keep its stop-loss")
        return
    _ask_for(turn, replace(position, resident_tries=position.resident_tries + 1), wanted)


def _grounds(turn: Turn, position: Position | None) -> tuple[Price, Instrument] | None:
    """What the stop of an open position is reckoned from: its entry price and its instrument."""
    if position is None or position.status is not PositionStatus.OPEN:
        return None
    instrument, entry = turn.state.instruments.get(position.symbol), position.entry_price
    return (entry, instrument) if instrument is not None and entry is not None else None


def _ask_for(turn: Turn, position: Position, wanted: Price) -> None:
    turn.put_position(replace(position, resident_asked_at=turn.now), quiet=True)
    turn.afterwards(SetResidentStop(position.slot, wanted, position.protection.trigger_by))


def wanted_resident(position: Position, entry: Price, instrument: Instrument) -> Price | None:
    """Where the exchange's stop belongs behind the watched one."""
    watched = position.stop_loss
    if watched is None:
        return None
    return resident_behind(watched, position.protection, position.side, entry, instrument)


def resident_is_right(position: Position, entry: Price, instrument: Instrument) -> bool:
    """Whether the exchange's stop lies behind the watched one, or on it, and not much farther than its gap, and is
    compared with the same price."""
    stop, resident = position.stop_loss, position.resident.price
    if stop is None or resident is None:
        return stop is None
    if position.resident.trigger_by not in (None, position.protection.trigger_by):
        return False
    behind = (stop - resident) * position.side.sign
    loosest = entry * position.protection.resident_gap * _LOOSEST_GAP + instrument.tick_size * 2
    return 0 <= behind <= loosest


def on_resident_refused(turn: Turn, event: ResidentStopRefused) -> None:
    position = turn.state.positions.get(event.slot)
    if position is None or position.status is not PositionStatus.OPEN:
        return
    if event.passed or position.resident_tries >= _TRIES:
        _give_up(turn, position, event.message)
    else:
        turn.afterwards(Remind(CheckStop(event.slot), turn.now + _ASK_AGAIN_MS))


def on_resident_uncertain(turn: Turn, event: ResidentStopUncertain) -> None:
    """No answer is no refusal: look. The reading at once may be from before it was set, so that another follows. What
    went so long without an answer is asked for again meanwhile, for the reading may get none either: the same stop set
    twice is one stop."""
    position = turn.state.positions.get(event.slot)
    grounds = _grounds(turn, position)
    if position is not None and grounds is not None and turn.now - position.resident_asked_at >= _ASK_AGAIN_MS:
        wanted = wanted_resident(position, *grounds)
        if wanted is not None:
            _ask_for(turn, position, wanted)
    turn.afterwards(TakeSnapshot())
    turn.afterwards(Remind(CheckStop(event.slot), turn.now + _ASK_AGAIN_MS))


def check_stop(turn: Turn, slot: Slot) -> None:
    """Have it read, unless it was since it was asked for, and found right."""
    position = turn.state.positions.get(slot)
    grounds = _grounds(turn, position)
    if position is None or grounds is None:
        return
    seen = position.resident.verified_at is not None and position.resident.verified_at >= position.resident_asked_at
    if not (seen and resident_is_right(position, *grounds)):
        turn.afterwards(TakeSnapshot())


def _give_up(turn: Turn, position: Position, why: str) -> None:
    """No position stays without the exchange's stop."""
    turn.record(Notice(NoticeLevel.ERROR, "unprotected", f"closing {position.symbol} at market: {why}"))
    close_position(turn, position, Purpose.PROTECTION, cause=position.id)
