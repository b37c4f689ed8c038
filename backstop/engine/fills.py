"""An execution is booked once: it moves its order, the position and the ledger together."""

from dataclasses import replace

from backstop.domain.execution import FUNDING, POSITION_CHANGING, Execution, ExitReason, foreign_exit_reason
from backstop.domain.guess import GUESSED
from backstop.domain.ids import OrderLinkId, cause_of
from backstop.domain.money import NO_USDT, Usdt, plain
from backstop.domain.order import CancelReason, Order, OrderStatus, Purpose
from backstop.domain.position import Filled, Position, PositionStatus, apply_fill
from backstop.domain.side import PositionSide
from backstop.domain.slot import Slot
from backstop.engine.effects import (
    BookExecution,
    Notice,
    NoticeLevel,
    Quarantine,
    Remind,
    TakeSnapshot,
)
from backstop.engine.events import CloseAgain
from backstop.engine.exits import booked_under, finish, purpose_of, recall_close
from backstop.engine.guesses import correct_closed, guessed, note_guess, take_back
from backstop.engine.orders import order_done
from backstop.engine.resting import take_back_entries
from backstop.engine.shield import lay_levels, order_resident_stop
from backstop.engine.turn import Turn

SEEN_FOR_MS = 3_600_000
"""How long an execution id is remembered behind the newest one; a gap fill never reads further back than that."""

_EXIT_REASON = {
    Purpose.STOP_LOSS: ExitReason.STOP_LOSS,
    Purpose.TAKE_PROFIT: ExitReason.TAKE_PROFIT,
    Purpose.SIGNAL: ExitReason.SIGNAL,
    Purpose.REVERSE: ExitReason.REVERSE,
    Purpose.MANUAL: ExitReason.MANUAL,
    Purpose.PROTECTION: ExitReason.STOP_LOSS,
    Purpose.HALT: ExitReason.HALT,
    Purpose.TRAILING: ExitReason.TRAILING,
    Purpose.BREAK_EVEN: ExitReason.BREAK_EVEN,
    Purpose.TIME: ExitReason.TIME,
}


def on_executed(turn: Turn, execution: Execution) -> bool:
    """Book it; returns whether a position was closed by it. A fill that closes more than is held while the opening
    order still fills was told too early, and is booked behind the opening fills."""
    if execution.exec_id in turn.state.seen:
        return False
    if _too_early(turn, execution):
        slot = _slot(turn, execution)
        held = turn.state.early.get(slot, ())
        if execution.exec_id not in {other.exec_id for other in held}:
            _hold(turn, slot, (*held, execution))
            take_back_entries(turn, turn.state.positions[slot], CancelReason.CLOSING)
        return False
    return _book(turn, execution)


def book_early(turn: Turn) -> None:
    """Book the fills held back whose time has come."""
    for slot in tuple(turn.state.early):
        while ready := [other for other in turn.state.early.get(slot, ()) if not _too_early(turn, other)]:
            _hold(turn, slot, tuple(other for other in turn.state.early[slot] if other is not ready[0]))
            if ready[0].exec_id not in turn.state.seen:
                _book(turn, ready[0])


def _too_early(turn: Turn, execution: Execution) -> bool:
    position = turn.state.positions.get(_slot(turn, execution))
    return (
        position is not None
        and execution.exec_type in POSITION_CHANGING
        and execution.side is position.side.exit
        and execution.qty > position.qty
        and _entry_under_way(turn, position)
    )


def _slot(turn: Turn, execution: Execution) -> Slot:
    """The slot an execution belongs to. Executions do not name it: our orders do and, of others in hedge mode, a buy that
    closes nothing went to the long, one that closes to the short (a funding row's side is the position's)."""
    order = turn.state.orders.get(OrderLinkId(execution.order_link_id))
    if order is not None:
        return order.slot
    side = PositionSide.opened_by(execution.side)
    closes = execution.closed_qty > 0
    slot = turn.state.slot(execution.symbol, side.opposite if closes else side)
    if closes and slot not in turn.state.positions:
        # The mode was switched since: what it closed is where it was opened.
        held = (it.slot for it in turn.state.on(execution.symbol) if it.side is side.opposite)
        slot = next(held, slot)
    return slot


def _hold(turn: Turn, slot: Slot, held: tuple[Execution, ...]) -> None:
    early = {other: fills for other, fills in turn.state.early.items() if other != slot}
    if held:
        early[slot] = held
    turn.state = replace(turn.state, early=early)


def _book(turn: Turn, execution: Execution) -> bool:
    _remember(turn, execution)
    slot = _slot(turn, execution)
    position = turn.state.positions.get(slot)
    if execution.exec_type == FUNDING:
        _book_funding(turn, execution, position)
        return False
    if execution.exec_type not in POSITION_CHANGING:
        turn.record(Quarantine("execution", f"unknown execType {execution.exec_type}", str(execution)))
        turn.afterwards(TakeSnapshot())
        return False
    order = turn.state.orders.get(OrderLinkId(execution.order_link_id))
    if order is None and position is not None and _forgotten_close(execution, position):
        order = _recalled(turn, execution, position)
        position = recall_close(turn, position, order.link_id)
    elif order is None and position is None and _late(turn, execution):
        order = _recalled(turn, execution, None)
    if order is not None:
        order = replace(
            order,
            filled_qty=order.filled_qty + execution.qty,
            filled_value=order.filled_value + execution.value,
            exchange_order_id=execution.exchange_order_id or order.exchange_order_id,
            status=OrderStatus.OPEN if order.status in _UNPROVEN else order.status,
        )
        if order.filled_qty >= order.qty:
            order = replace(order, status=OrderStatus.FILLED)
        turn.put_order(order)
    guess = guessed(turn, execution, slot)
    if guess is not None and guess.closed is not None:
        correct_closed(turn, guess, guess.closed, execution, _exit_reason(execution, order))
    elif position is None:
        turn.record(BookExecution(execution, None, NO_USDT, NO_USDT))
        turn.afterwards(TakeSnapshot())
    else:
        filled = apply_fill(position, execution) if guess is None else take_back(turn, guess, position, execution)
        _apply(turn, filled, execution, order)
    if order is not None and order.done:
        order_done(turn, order)
    return position is not None and position.slot not in turn.state.positions


_UNPROVEN = (OrderStatus.INTENDED, OrderStatus.SENT, OrderStatus.UNKNOWN)


def _remember(turn: Turn, execution: Execution) -> None:
    seen = {**turn.state.seen, execution.exec_id: execution.booked}
    if len(seen) > 2_000:
        oldest = max(booked.at for booked in seen.values()) - SEEN_FOR_MS
        seen = {exec_id: booked for exec_id, booked in seen.items() if booked.at >= oldest}
    turn.state = replace(turn.state, seen=seen, funds=None)


def _book_funding(turn: Turn, execution: Execution, position: Position | None) -> None:
    """execFee of a funding row above 0 was paid; the ledger's sign is the wallet's."""
    received = Usdt(-execution.fee)
    if position is not None:
        turn.put_position(replace(position, funding=Usdt(position.funding + received)))
    turn.record(BookExecution(execution, position.id if position else None, NO_USDT, received))


def _forgotten_close(execution: Execution, position: Position) -> bool:
    """Whether this is a close of ours that was sent before a crash and is known by its id alone."""
    return cause_of(execution.order_link_id) is not None and execution.side is position.side.exit


def _late(turn: Turn, execution: Execution) -> bool:
    """Whether this belongs to a close of ours that its fills so far had seemed to finish: an earlier life had sent it
    with another quantity."""
    link_id = OrderLinkId(execution.order_link_id)
    known = cause_of(link_id) is not None and purpose_of(link_id) is not Purpose.ENTRY
    return known and booked_under(turn, link_id)[0] > execution.qty


def _recalled(turn: Turn, execution: Execution, position: Position | None) -> Order:
    """The order as far as it is known: by its fills, this one and those booked before."""
    link_id = OrderLinkId(execution.order_link_id)
    qty, value = booked_under(turn, link_id)
    return Order(
        link_id=link_id,
        symbol=execution.symbol,
        side=execution.side,
        purpose=purpose_of(link_id),
        qty=qty,
        created_at=execution.at,
        position_id=position.id if position is not None else None,
        position_idx=_slot(turn, execution).idx,
        status=OrderStatus.OPEN,
        filled_qty=qty - execution.qty,
        filled_value=value - execution.value,
    )


def _exit_reason(execution: Execution, order: Order | None) -> ExitReason:
    """By the order's purpose; of an order of ours that is forgotten its id tells."""
    ours = order is None and cause_of(execution.order_link_id) is not None
    purpose = order.purpose if order is not None else purpose_of(execution.order_link_id) if ours else None
    reason = _EXIT_REASON.get(purpose) if purpose is not None else None
    return reason or foreign_exit_reason(execution)


def _apply(turn: Turn, filled: Filled, execution: Execution, order: Order | None) -> None:
    position = filled.position
    turn.record(BookExecution(execution, position.id, filled.realised, NO_USDT))
    if execution.exec_id.startswith(GUESSED):
        note_guess(turn, position, execution, filled.realised)
    if execution.side is position.side.exit:
        position = replace(position, exit_reason=_exit_reason(execution, order))
    elif execution.closed_qty > 0:
        turn.record(
            Notice(
                NoticeLevel.WARNING,
                "foreign_closed",
                f"the opening order for {execution.symbol} closed {plain(execution.closed_qty)} that Backstop did not open",
            )
        )
    if filled.excess > 0:
        turn.record(
            Notice(
                NoticeLevel.ERROR,
                "flipped",
                f"{execution.symbol} was traded past zero at the exchange by {plain(filled.excess)}: not ours",
            )
        )
        turn.state = replace(turn.state, foreign={**turn.state.foreign, position.slot: filled.excess})
        turn.afterwards(TakeSnapshot())
    if position.qty == 0 and position.exit_qty > 0 and not _entry_under_way(turn, position):
        finish(turn, position)
        return
    if position.qty == 0 and position.exit_qty > 0:
        take_back_entries(turn, position, CancelReason.CLOSING)
    if execution.side is position.side.entry:
        if position.status is PositionStatus.OPENING and position.qty > 0:
            waited = order is not None and order.limit_price is not None
            opened_at = execution.at if waited else position.opened_at
            position = replace(position, status=PositionStatus.OPEN, opened_at=opened_at)
        if position.status is PositionStatus.OPEN:
            position = lay_levels(turn, position)
        else:
            turn.afterwards(Remind(CloseAgain(position.slot), turn.now))
    turn.put_position(position)
    if execution.side is position.side.entry:
        order_resident_stop(turn, position)
    if position.status is PositionStatus.CLOSING and position.qty > 0 and order is None:
        turn.afterwards(Remind(CloseAgain(position.slot), turn.now))


def _entry_under_way(turn: Turn, position: Position) -> bool:
    """Whether more of the opening order may still come; until that is known the position is not called closed."""
    return any(order.is_entry and order.position_id == position.id for order in turn.state.orders.values())
