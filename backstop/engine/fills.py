"""An execution is booked once: it moves its order, the position and the ledger together."""

from dataclasses import replace

from backstop.domain.execution import FUNDING, POSITION_CHANGING, Execution, ExitReason, foreign_exit_reason
from backstop.domain.ids import OrderLinkId, cause_of
from backstop.domain.money import NO_USDT, Usdt, plain
from backstop.domain.order import Order, OrderStatus, Purpose
from backstop.domain.position import Position, PositionStatus, apply_fill
from backstop.engine.effects import (
    BookExecution,
    Notice,
    NoticeLevel,
    Quarantine,
    Remind,
    TakeSnapshot,
)
from backstop.engine.events import CloseAgain
from backstop.engine.exits import finish, purpose_of
from backstop.engine.orders import order_done
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
}


def on_executed(turn: Turn, execution: Execution) -> bool:
    """Book it; returns whether a position was closed by it."""
    if execution.exec_id in turn.state.seen:
        return False
    _remember(turn, execution)
    position = turn.state.positions.get(execution.symbol)
    if execution.exec_type == FUNDING:
        _book_funding(turn, execution, position)
        return False
    if execution.exec_type not in POSITION_CHANGING:
        turn.record(Quarantine("execution", f"unknown execType {execution.exec_type}", str(execution)))
        turn.afterwards(TakeSnapshot())
        return False
    order = _order_of(turn, execution, position)
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
    if position is None:
        turn.record(BookExecution(execution, None, NO_USDT, NO_USDT))
        turn.afterwards(TakeSnapshot())
    else:
        _apply(turn, position, execution, order)
    if order is not None and order.done:
        order_done(turn, order)
    return position is not None and execution.symbol not in turn.state.positions


_UNPROVEN = (OrderStatus.INTENDED, OrderStatus.SENT, OrderStatus.UNKNOWN)


def _remember(turn: Turn, execution: Execution) -> None:
    seen = {**turn.state.seen, execution.exec_id: execution.at}
    if len(seen) > 2_000:
        oldest = max(seen.values()) - SEEN_FOR_MS
        seen = {exec_id: at for exec_id, at in seen.items() if at >= oldest}
    turn.state = replace(turn.state, seen=seen)


def _book_funding(turn: Turn, execution: Execution, position: Position | None) -> None:
    """execFee of a funding row above 0 was paid; the ledger's sign is the wallet's."""
    received = Usdt(-execution.fee)
    if position is not None:
        turn.put_position(replace(position, funding=Usdt(position.funding + received)))
    turn.record(BookExecution(execution, position.id if position else None, NO_USDT, received))


def _order_of(turn: Turn, execution: Execution, position: Position | None) -> Order | None:
    """The order a fill belongs to: one under way, or one sent before a crash and known again by its id alone."""
    link_id = OrderLinkId(execution.order_link_id)
    known = turn.state.orders.get(link_id)
    if known is not None or position is None or cause_of(link_id) is None:
        return known
    if execution.side is not position.side.exit:
        return None
    return Order(
        link_id=link_id,
        symbol=execution.symbol,
        side=execution.side,
        purpose=purpose_of(link_id),
        qty=execution.qty,
        created_at=execution.at,
        position_id=position.id,
        status=OrderStatus.OPEN,
    )


def _apply(turn: Turn, position: Position, execution: Execution, order: Order | None) -> None:
    filled = apply_fill(position, execution)
    position = filled.position
    turn.record(BookExecution(execution, position.id, filled.realised, NO_USDT))
    if execution.side is position.side.exit:
        reason = _EXIT_REASON.get(order.purpose) if order is not None else None
        position = replace(position, exit_reason=reason or foreign_exit_reason(execution))
    if filled.excess > 0:
        turn.record(
            Notice(
                NoticeLevel.ERROR,
                "flipped",
                f"{execution.symbol} was traded past zero at the exchange by {plain(filled.excess)}: not ours",
            )
        )
        turn.afterwards(TakeSnapshot())
    if position.qty == 0 and position.exit_qty > 0 and not _entry_under_way(turn, position):
        finish(turn, position)
        return
    if execution.side is position.side.entry:
        if position.status is PositionStatus.OPENING:
            position = replace(position, status=PositionStatus.OPEN)
        if position.status is PositionStatus.OPEN:
            position = lay_levels(turn, position)
        else:
            turn.afterwards(Remind(CloseAgain(position.symbol), turn.now))
    turn.put_position(position)
    if execution.side is position.side.entry:
        order_resident_stop(turn, position)
    if position.status is PositionStatus.CLOSING and position.qty > 0 and order is None:
        turn.afterwards(Remind(CloseAgain(position.symbol), turn.now))


def _entry_under_way(turn: Turn, position: Position) -> bool:
    """Whether more of the opening order may still come; until that is known the position is not called closed."""
    return any(order.is_entry and order.position_id == position.id for order in turn.state.orders.values())
