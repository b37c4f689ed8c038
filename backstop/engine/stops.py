"""A stop that moves: trailing behind the best price, or to break-even. It only ever moves toward the price."""

from dataclasses import replace
from decimal import Decimal

from backstop.domain.ids import order_link_id
from backstop.domain.instrument import Instrument
from backstop.domain.money import Price
from backstop.domain.position import Position
from backstop.domain.protection import (
    Level,
    LevelKind,
    LevelStatus,
    break_even_price,
    ratchet_price,
    trailing_price,
)
from backstop.engine.effects import Arm
from backstop.engine.turn import Turn


def move_stop(turn: Turn, position: Position, reached: Level, price: Price) -> None:
    """`reached` was crossed at `price`: move the stop it moves, and arm both anew. The stop keeps its close id, which no
    order has used."""
    instrument = turn.state.instruments.get(position.symbol)
    if instrument is None:
        return
    if reached.kind is LevelKind.RATCHET:
        moved = _trail(position, reached, price, instrument)
    else:
        moved = _to_break_even(position, reached, instrument)
    levels = {level.close_id: level for level in position.levels} | {level.close_id: level for level in moved}
    turn.put_position(replace(position, levels=tuple(levels.values())))
    armed = tuple(level for level in moved if level.status is LevelStatus.ARMED)
    if armed:
        turn.afterwards(Arm(armed))


def _trail(position: Position, ratchet: Level, price: Price, instrument: Instrument) -> tuple[Level, ...]:
    trailing = position.protection.trailing
    if trailing is None:
        return (replace(ratchet, status=LevelStatus.DISARMED),)
    stop = _stop(position, LevelKind.TRAILING, "w", trailing_price(trailing, position.side, price, instrument))
    return (stop, replace(ratchet, price=ratchet_price(trailing, position.side, price, instrument)))


def _to_break_even(position: Position, trigger: Level, instrument: Instrument) -> tuple[Level, ...]:
    break_even, entry = position.protection.break_even, position.entry_price
    fired = replace(trigger, status=LevelStatus.FIRED)
    if break_even is None or entry is None:
        return (fired,)
    price = break_even_price(break_even, position.side, entry, instrument)
    return (fired, _stop(position, LevelKind.STOP_LOSS, "s", price))


def _stop(position: Position, kind: LevelKind, leg: str, price: Price) -> Level:
    """The armed stop of that kind at `price`, or where it is if that is tighter; a new one if there is none."""
    known = next((level for level in position.armed if level.kind is kind), None)
    if known is not None:
        tighter = (price - known.price) * position.side.sign > 0
        return replace(known, price=price) if tighter else known
    close_id = order_link_id(position.id, f"{leg}{max(position.levels_round, 1)}")
    return Level(
        position.id,
        position.symbol,
        position.side,
        kind,
        0,
        price,
        Decimal(1),
        close_id,
        trigger_by=position.protection.trigger_by,
    )
