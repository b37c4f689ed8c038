"""A position is closed, whole or in part: by a crossed level, a signal, a command, or because it cannot be protected.

Closes are reduce-only, go out before anything is written, and repeat until the position reads zero.
"""

from dataclasses import replace
from decimal import Decimal, localcontext
from uuid import UUID

from backstop.domain.ids import OrderLinkId, SignalId, cause_of, next_attempt, order_link_id
from backstop.domain.instrument import largest_part
from backstop.domain.money import ARITHMETIC, NO_QTY, ZERO, Qty, floor_to
from backstop.domain.order import CancelReason, Order, Purpose
from backstop.domain.position import Position, PositionStatus, trade_of
from backstop.domain.protection import Level, LevelKind, LevelStatus
from backstop.domain.slot import Slot
from backstop.engine.effects import Arm, Disarm, Remind, SaveTrade, SendOrder
from backstop.engine.events import CheckOrder, CloseAgain, LevelCrossed
from backstop.engine.resting import take_back_entries
from backstop.engine.state import AccountState
from backstop.engine.stops import move_stop
from backstop.engine.turn import Turn

_LEGS = {
    Purpose.MANUAL: "c",
    Purpose.SIGNAL: "g",
    Purpose.REVERSE: "r",
    Purpose.PROTECTION: "p",
    Purpose.HALT: "h",
    Purpose.TIME: "e",
}

CAUSED_LEGS = tuple(_LEGS[purpose] for purpose in (Purpose.MANUAL, Purpose.SIGNAL, Purpose.REVERSE))
"""Of closes named by a signal or command."""

_MOVERS = frozenset({LevelKind.RATCHET, LevelKind.BREAK_EVEN})
"""What closes nothing: it moves a stop."""

CHECK_AFTER_MS = 2_000
"""A market order not known to be finished by then is looked up."""


def on_level_crossed(turn: Turn, event: LevelCrossed) -> None:
    position, level = _crossed(turn.state, event)
    if position is None or level is None:
        return
    if not level.crossed_by(event.price):
        # It was moved, and is still watched where it was.
        turn.afterwards(Arm((level,)))
        return
    if level.kind in _MOVERS:
        move_stop(turn, position, level, event.price)
        return
    fired = _fired(position, level)
    purpose = _purpose(position, level)
    link_id = level.close_id
    qty = _level_quantity(turn.state, position, level)
    if qty is None:
        _close_whole(turn, fired, purpose, link_id, signal_id=None)
    else:
        turn.put_position(fired)
        _send_close(turn, fired, purpose, link_id, qty, signal_id=None)


def close_at(state: AccountState, event: LevelCrossed, now: int) -> Order | None:
    """The close that `step` asks for when this level is crossed, without all else that it decides then: whoever sends it
    may do so first. None: nothing is closed."""
    position, level = _crossed(state, event)
    if position is None or level is None or level.kind in _MOVERS or not level.crossed_by(event.price):
        return None
    with localcontext(ARITHMETIC):
        part = _level_quantity(state, position, level)
        qty, purpose = part or position.qty, _purpose(position, level)
        if qty <= 0:
            return None
        return _close_order(state, position, purpose, level.close_id, qty, now, is_part=part is not None)


def _crossed(state: AccountState, event: LevelCrossed) -> tuple[Position, Level] | tuple[None, None]:
    """The open position and its armed level that an event is about."""
    for position in state.on(event.symbol):
        for level in position.levels:
            if level.close_id == event.close_id and level.status is LevelStatus.ARMED:
                return (position, level) if position.status is PositionStatus.OPEN else (None, None)
    return None, None


def _purpose(position: Position, level: Level) -> Purpose:
    """A stop that break-even has moved closes for that reason."""
    moved = any(other.kind is LevelKind.BREAK_EVEN and other.status is LevelStatus.FIRED for other in position.levels)
    entry = position.entry_price
    if level.kind is LevelKind.STOP_LOSS and moved and entry is not None:
        return Purpose.BREAK_EVEN if (level.price - entry) * position.side.sign > 0 else Purpose.STOP_LOSS
    return Purpose.of_level(level.kind)


def _level_quantity(state: AccountState, position: Position, level: Level) -> Qty | None:
    """How much a level closes; None is all of it, also when what would remain is too small to be closed later."""
    if level.kind is not LevelKind.TAKE_PROFIT or level.portion >= 1 or _last_rung(position, level):
        return None
    return part_of(state, position, position.entry_qty * level.portion)


def _last_rung(position: Position, fired: Level) -> bool:
    """Whether a ladder that is to close everything has no other take-profit left: the last one takes what rounding left."""
    portions = sum((target.portion for target in position.protection.take_profit), Decimal(0))
    others = (level for level in position.armed if level.close_id != fired.close_id)
    return portions >= 1 and not any(level.kind is LevelKind.TAKE_PROFIT for level in others)


def part_of(state: AccountState, position: Position, wanted: Decimal) -> Qty | None:
    """`wanted` on the lot step, at least the smallest order; None when that leaves nothing that can be closed later."""
    instrument = state.instruments.get(position.symbol)
    if instrument is None:
        return None
    part = max(floor_to(wanted, instrument.qty_step), instrument.min_qty)
    return Qty(part) if position.qty - part >= instrument.min_qty else None


def close_position(
    turn: Turn, position: Position, purpose: Purpose, *, cause: UUID, signal_id: SignalId | None = None
) -> None:
    """Close all of it at market, for a signal, a command, a reversal or want of protection."""
    link_id = order_link_id(cause, leg_of(purpose))
    _close_whole(turn, position, purpose, link_id, signal_id=signal_id, before=booked_under(turn, link_id))


def reduce_position(
    turn: Turn, position: Position, purpose: Purpose, qty: Qty, *, cause: UUID, signal_id: SignalId | None = None
) -> None:
    """Close a part at market, by hand or for a signal."""
    link_id = order_link_id(cause, leg_of(purpose))
    _send_close(turn, position, purpose, link_id, qty, signal_id=signal_id, before=booked_under(turn, link_id))


def free_quantity(turn: Turn, position: Position) -> Decimal:
    """What no close under way takes already."""
    taken = sum(
        (
            order.qty + order.rest - order.filled_qty
            for order in turn.state.orders.values()
            if order.position_id == position.id and not order.is_entry and not order.status.final
        ),
        Decimal(0),
    )
    return max(Decimal(0), position.qty - taken)


def leg_of(purpose: Purpose) -> str:
    """The leg of closes that no level stands for. It tells what they were for when nothing else is left of them."""
    return _LEGS[purpose]


def booked_under(turn: Turn, link_id: OrderLinkId) -> tuple[Qty, Decimal]:
    """Quantity and value of the fills booked for an order so far. Of one that was sent before a crash they may be all
    that is known."""
    known = [booked for booked in turn.state.seen.values() if booked.link_id == link_id]
    return Qty(sum((booked.qty for booked in known), ZERO)), sum((booked.value for booked in known), ZERO)


def close_again(turn: Turn, slot: Slot) -> None:
    """The next close of a position that should be gone and is not."""
    position = turn.state.positions.get(slot)
    if position is None or position.status is not PositionStatus.CLOSING or position.qty <= 0:
        return
    last = position.closing_link_id
    if last is None:
        _close_whole(turn, position, Purpose.PROTECTION, order_link_id(position.id, "p"), signal_id=None)
        return
    under_way = turn.state.orders.get(last)
    if under_way is not None and not under_way.done:
        return
    purpose = under_way.purpose if under_way is not None else purpose_of(last)
    signal_id = under_way.signal_id if under_way is not None else None
    turn.forget_order(last)
    again = next_attempt(last)
    _close_whole(turn, position, purpose, again, signal_id=signal_id, before=booked_under(turn, again))


def purpose_of(link_id: str) -> Purpose:
    """What an order of ours was for, by the leg in its id."""
    leg = link_id.split("-")[1] if link_id.count("-") == 2 else ""
    match leg[:1]:
        case "o":
            return Purpose.ENTRY
        case "s":
            return Purpose.STOP_LOSS
        case "t":
            return Purpose.TAKE_PROFIT
        case "c":
            return Purpose.MANUAL
        case "g":
            return Purpose.SIGNAL
        case "r":
            return Purpose.REVERSE
        case "h":
            return Purpose.HALT
        case "e":
            return Purpose.TIME
        case "w":
            return Purpose.TRAILING
        case _:
            return Purpose.PROTECTION


def recall_close(turn: Turn, position: Position, link_id: OrderLinkId) -> Position:
    """A close of ours was filled that we do not remember: the process ended between sending and writing it down. The
    level it names has fired, and its id is used up."""
    if position.status is not PositionStatus.OPEN or cause_of(link_id) != position.id:
        return position
    level = next((level for level in position.armed if level.close_id == link_id), None)
    partial = level is not None and level.kind is LevelKind.TAKE_PROFIT and level.portion < 1
    if level is not None:
        turn.at_once(Disarm((link_id,)))
        position = _fired(position, level)
    if partial or purpose_of(link_id) is Purpose.TAKE_PROFIT:
        return position
    gone = tuple(other.close_id for other in position.armed)
    if gone:
        turn.at_once(Disarm(gone))
    turn.afterwards(Remind(CloseAgain(position.slot), turn.now + CHECK_AFTER_MS))
    return replace(position, status=PositionStatus.CLOSING, closing_link_id=link_id, levels=disarmed(position.levels))


def _fired(position: Position, level: Level) -> Position:
    return replace(
        position,
        levels=tuple(
            replace(other, status=LevelStatus.FIRED) if other.close_id == level.close_id else other
            for other in position.levels
        ),
    )


def _close_whole(
    turn: Turn,
    position: Position,
    purpose: Purpose,
    link_id: OrderLinkId,
    *,
    signal_id: SignalId | None,
    before: tuple[Qty, Decimal] = (NO_QTY, ZERO),
) -> None:
    closing = replace(
        position,
        status=PositionStatus.CLOSING,
        closing_link_id=link_id,
        levels=disarmed(position.levels),
    )
    gone = tuple(level.close_id for level in position.armed)
    if gone:
        turn.at_once(Disarm(gone))
    turn.put_position(closing)
    if position.qty > 0:
        _send_close(turn, closing, purpose, link_id, position.qty, signal_id=signal_id, before=before)
    take_back_entries(turn, position, CancelReason.CLOSING, at_once=True)


def _send_close(
    turn: Turn,
    position: Position,
    purpose: Purpose,
    link_id: OrderLinkId,
    qty: Qty,
    *,
    signal_id: SignalId | None,
    before: tuple[Qty, Decimal] = (NO_QTY, ZERO),
) -> None:
    """`before`: what this order has filled already, when it is sent for the second time after a crash. Of more than the
    exchange takes at once it closes what it may; the loop goes on with a whole close, `rest` with a part."""
    is_part = position.status is PositionStatus.OPEN
    made = _close_order(turn.state, position, purpose, link_id, qty, turn.now, is_part=is_part, before=before)
    order = replace(made, signal_id=signal_id)
    turn.at_once(SendOrder(order))
    turn.put_order(order)
    turn.afterwards(Remind(CheckOrder(link_id), turn.now + CHECK_AFTER_MS))


def _close_order(
    state: AccountState,
    position: Position,
    purpose: Purpose,
    link_id: OrderLinkId,
    qty: Qty,
    now: int,
    *,
    is_part: bool,
    before: tuple[Qty, Decimal] = (NO_QTY, ZERO),
) -> Order:
    instrument = state.instruments.get(position.symbol)
    wanted = Qty(qty + before[0])
    part = largest_part(wanted, instrument)
    return Order(
        link_id=link_id,
        symbol=position.symbol,
        side=position.side.exit,
        purpose=purpose,
        qty=part,
        rest=wanted - part if is_part else ZERO,
        created_at=now,
        position_id=position.id,
        position_idx=position.position_idx,
        reduce_only=True,
        whole=instrument is not None and part < instrument.min_qty,
        filled_qty=before[0],
        filled_value=before[1],
    )


def finish(turn: Turn, position: Position) -> None:
    """It reads zero and nothing of it is under way: the position becomes a trade."""
    armed = tuple(level.close_id for level in position.armed)
    if armed:
        turn.at_once(Disarm(armed))
    closed = replace(
        position, status=PositionStatus.CLOSED, closed_at=position.updated_at, levels=disarmed(position.levels)
    )
    turn.put_position(closed)
    for order in tuple(turn.state.orders.values()):
        if order.position_id == closed.id and order.done:
            turn.forget_order(order.link_id)
    turn.record(SaveTrade(trade_of(closed)))
    turn.state = replace(
        turn.state,
        settled_at={**turn.state.settled_at, closed.slot: turn.now},
        settled_seq={**turn.state.settled_seq, closed.slot: closed.seq},
        guesses=tuple(
            replace(guess, closed=closed) if guess.position_id == closed.id else guess for guess in turn.state.guesses
        ),
    )


def disarmed(levels: tuple[Level, ...]) -> tuple[Level, ...]:
    return tuple(
        replace(level, status=LevelStatus.DISARMED) if level.status is LevelStatus.ARMED else level for level in levels
    )
