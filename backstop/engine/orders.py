"""What becomes of an order: accepted, refused, unknown, reported. The exchange's evidence moves it, never a guess."""

from dataclasses import replace
from decimal import Decimal
from typing import assert_never

from backstop.domain.ids import CommandId, attempt_of, cause_of, next_attempt
from backstop.domain.instrument import largest_part
from backstop.domain.money import ZERO, Qty
from backstop.domain.order import TRANSITIONS, Order, OrderStatus
from backstop.domain.position import Position, PositionStatus
from backstop.domain.signal import SignalStatus
from backstop.engine.effects import (
    Notice,
    NoticeLevel,
    ReadModes,
    Remind,
    ResolveOrder,
    SendOrder,
    SettleCommand,
    SettleSignal,
    TakeSnapshot,
)
from backstop.engine.events import (
    CheckOrder,
    CloseAgain,
    OrderAbsent,
    OrderAccepted,
    OrderLapsed,
    OrderRefused,
    OrderReported,
    OrderSent,
    OrderUncertain,
    ResendOrder,
    Verdict,
)
from backstop.engine.exits import CHECK_AFTER_MS, booked_under, finish
from backstop.engine.outcomes import partly_filled, unfilled
from backstop.engine.overtaking import answer_overtaker
from backstop.engine.resting import next_look_at, take_back
from backstop.engine.reversal import EntryPlan
from backstop.engine.settle import finish_reversal, settle_plan
from backstop.engine.turn import Turn

_RESEND_AFTER_MS = 1_000
_FILLS_WITHIN_MS = 10_000
"""A close that is over is not waited for longer when the fills it reports do not come."""

_BACKOFF_MS = (200, 400, 800, 1_500, 2_000)


def on_sent(turn: Turn, event: OrderSent) -> None:
    order = turn.state.orders.get(event.link_id)
    if order is not None:
        turn.put_order(replace(_moved(order, OrderStatus.SENT), sent_at=event.at))


def on_accepted(turn: Turn, event: OrderAccepted) -> None:
    order = turn.state.orders.get(event.link_id)
    if order is None:
        return
    moved = _moved(order, OrderStatus.OPEN)
    turn.put_order(
        replace(
            moved,
            exchange_order_id=event.exchange_order_id or order.exchange_order_id,
            acknowledged_at=order.acknowledged_at or turn.now,
        )
    )
    turn.afterwards(Remind(CheckOrder(event.link_id), turn.now + CHECK_AFTER_MS))
    _now_open(turn, order.status, turn.state.orders[order.link_id])


def on_refused(turn: Turn, event: OrderRefused) -> None:
    order = turn.state.orders.get(event.link_id)
    if order is None or order.status.final or order.status is OrderStatus.OPEN:
        return
    order = replace(order, ret_code=event.ret_code, reason=event.message)
    match event.verdict:
        case Verdict.RETRY:
            _retry(turn, order, _BACKOFF_MS[min(order.retries, len(_BACKOFF_MS) - 1)])
        case Verdict.NOTHING_TO_REDUCE:
            turn.put_order(_moved(order, OrderStatus.REJECTED))
            turn.afterwards(TakeSnapshot())
            _nothing_left(turn, turn.state.orders[order.link_id])
        case Verdict.FINAL:
            reject(turn, order)
        case Verdict.WRONG_MODE:
            turn.put_order(order)
            turn.afterwards(ReadModes((order.symbol,)))
            _wrong_mode(turn, order)
        case _:
            assert_never(event.verdict)


def _worth_telling(order: Order) -> bool:
    """Of closes that are refused again and again the 1st, 2nd, 4th, 8th … are told: it may go on for hours."""
    attempt = attempt_of(order.link_id)
    return attempt & (attempt - 1) == 0


def _wrong_mode(turn: Turn, order: Order) -> None:
    """Its position index is not one of the symbol's mode. A new position's order goes again once the mode is read, under
    its id, which was never taken. What is held cannot change its mode: it is read anew."""
    position = turn.state.position(order.position_id)
    if order.is_entry and position is not None and position.status is PositionStatus.OPENING:
        turn.state = replace(turn.state, misplaced=turn.state.misplaced | {order.link_id})
        return
    turn.afterwards(TakeSnapshot())
    reject(turn, order)


def reject(turn: Turn, order: Order) -> None:
    """It was refused, for good; what a close was to close, the next one tries."""
    turn.put_order(_moved(order, OrderStatus.REJECTED))
    if not order.is_entry and _worth_telling(order):
        why = f"{order.ret_code}: {order.reason}"
        text = f"closing {order.symbol} was refused ({why}); trying again"
        turn.record(Notice(NoticeLevel.ERROR, "close_refused", text))
    order_done(turn, turn.state.orders[order.link_id])


def on_uncertain(turn: Turn, event: OrderUncertain) -> None:
    """Sent without a usable answer: look for evidence. A close goes out again under the same id meanwhile, which is
    harmless: the exchange takes an id once, and it can only reduce."""
    order = turn.state.orders.get(event.link_id)
    if order is None or order.status.final or order.status is OrderStatus.OPEN:
        return
    order = replace(_moved(order, OrderStatus.UNKNOWN), reason=event.reason)
    turn.afterwards(ResolveOrder(order))
    if order.is_entry:
        turn.put_order(order)
    else:
        _retry(turn, order, _RESEND_AFTER_MS)


def on_absent(turn: Turn, event: OrderAbsent) -> None:
    order = turn.state.orders.get(event.link_id)
    if order is None or order.status.final:
        return
    if order.is_entry and (order.status is OrderStatus.OPEN or order.filled_qty > 0):
        turn.afterwards(Remind(CheckOrder(order.link_id), turn.now + CHECK_AFTER_MS))
    elif not order.is_entry and not _still_wanted(turn, order):
        _drop(turn, order)
    elif not order.retrying:
        send_again(turn, order)


def on_lapsed(turn: Turn, event: OrderLapsed) -> None:
    order = turn.state.orders.get(event.link_id)
    if order is None or order.status.final:
        return
    why = event.reason if order.cancel_reason is None else "taken back before it was sent"
    turn.put_order(replace(_moved(order, OrderStatus.EXPIRED), reason=why))
    order_done(turn, turn.state.orders[order.link_id])


def on_resend(turn: Turn, event: ResendOrder) -> None:
    order = turn.state.orders.get(event.link_id)
    if order is None:
        return
    order = replace(order, retrying=False)
    turn.keep_order(order)
    if order.status.final or order.status is OrderStatus.OPEN or order.filled_qty > 0:
        return
    if order.is_entry or _still_wanted(turn, order):
        send_again(turn, order)
    elif order.status is OrderStatus.INTENDED:
        _drop(turn, order)
    else:
        turn.afterwards(ResolveOrder(order))


def on_check(turn: Turn, event: CheckOrder) -> None:
    order = turn.state.orders.get(event.link_id)
    if order is not None and not order.done:
        turn.afterwards(ResolveOrder(order))
        next_look = next_look_at(order)
        if next_look is not None and next_look > turn.now:
            turn.afterwards(Remind(CheckOrder(order.link_id), next_look))


def on_reported(turn: Turn, event: OrderReported) -> None:
    order = turn.state.orders.get(event.link_id)
    if order is None:
        return
    moved = replace(
        _moved(order, event.status),
        exchange_order_id=event.exchange_order_id or order.exchange_order_id,
        reported_qty=max(order.reported_qty, event.filled_qty),
        reason=event.reason or order.reason,
    )
    if moved.status.final and moved.final_at is None:
        moved = replace(moved, final_at=turn.now)
    if moved == order:
        if _fills_are_overdue(turn, order):
            _end_without_fills(turn, order)
        return
    turn.put_order(moved)
    if moved.done:
        order_done(turn, moved)
    elif moved.status.final:
        turn.afterwards(Remind(CheckOrder(order.link_id), turn.now + CHECK_AFTER_MS))
    else:
        _now_open(turn, order.status, moved)


def _now_open(turn: Turn, before: OrderStatus, order: Order) -> None:
    """A limit order that is known to be there waits until its time is over, or is taken back by now."""
    if order.limit_price is None or order.status is not OrderStatus.OPEN or before is OrderStatus.OPEN:
        return
    if order.expires_at is not None:
        turn.afterwards(Remind(CheckOrder(order.link_id), order.expires_at))
    if order.cancel_reason is not None:
        take_back(turn, order, order.cancel_reason)


def order_done(turn: Turn, order: Order) -> None:
    """An order is over, with everything it filled booked."""
    if order.is_entry:
        turn.forget_order(order.link_id)
        _entry_done(turn, order)
    else:
        _close_done(turn, order)


def _entry_done(turn: Turn, order: Order) -> None:
    position = turn.state.positions.get(order.slot)
    if position is None or position.id != order.position_id:
        return
    plan = _plan_of(turn, order, position)
    if order.filled_qty > 0:
        position = replace(position, entries=position.entries + 1)
        turn.put_position(position)
    if position.qty == 0 and position.exit_qty > 0:
        finish(turn, position)
    elif position.entry_qty == 0:
        turn.put_position(replace(position, status=PositionStatus.CLOSED, closed_at=turn.now))
    if position.entry_qty == 0 or (order.filled_qty == 0 and plan.adds_to is not None):
        settle_plan(turn, plan, *unfilled(order))
        if position.entry_qty == 0:
            answer_overtaker(turn, position)
        return
    if plan.signal_id is not None:
        code, reason = partly_filled(order)
        turn.record(SettleSignal(plan.signal_id, SignalStatus.EXECUTED, code, reason, position.id))
    else:
        turn.record(SettleCommand(CommandId(plan.cause_id), SignalStatus.EXECUTED))
    finish_reversal(turn, plan)


def _close_done(turn: Turn, order: Order) -> None:
    """What the close left over is closed by the next one, which takes its purpose from this one."""
    position = turn.state.positions.get(order.slot)
    if position is not None and position.qty > 0 and position.closing_link_id == order.link_id:
        wait = 0 if order.filled_qty > 0 else _backoff(order)
        turn.afterwards(Remind(CloseAgain(order.slot), turn.now + wait))
        return
    turn.forget_order(order.link_id)
    if position is None or position.qty <= 0 or position.id != order.position_id:
        return
    if position.status is PositionStatus.OPEN and order.filled_qty < order.qty + order.rest:
        _close_rest(turn, order, position)


def _close_rest(turn: Turn, order: Order, position: Position) -> None:
    link_id = next_attempt(order.link_id)
    # What the next one has closed already, when it was sent before a crash.
    done, value = booked_under(turn, link_id)
    left = Qty(min(order.qty + order.rest - order.filled_qty - done, position.qty))
    if left <= 0:
        return
    part = largest_part(left + done, turn.state.instruments.get(order.symbol))
    rest = replace(
        order,
        link_id=link_id,
        qty=part,
        rest=left + done - part,
        status=OrderStatus.OPEN if done else OrderStatus.INTENDED,
        created_at=turn.now,
        exchange_order_id=None,
        filled_qty=done,
        filled_value=value,
        reported_qty=ZERO,
        sent_at=None,
        final_at=None,
        retries=0,
        retrying=False,
    )
    if done:
        turn.put_order(rest)
        turn.afterwards(Remind(CheckOrder(link_id), turn.now))
    else:
        _retry(turn, rest, 0 if order.filled_qty >= order.qty else _backoff(order))


def _nothing_left(turn: Turn, order: Order) -> None:
    """The exchange holds nothing to reduce: a part is not tried again, a whole close is until our books say so too."""
    position = turn.state.positions.get(order.slot)
    if position is not None and position.closing_link_id == order.link_id:
        order_done(turn, order)
    else:
        turn.forget_order(order.link_id)


def _still_wanted(turn: Turn, order: Order) -> bool:
    """Whether what a close was to reduce is still held: sent later it would reduce what was opened since."""
    position = turn.state.positions.get(order.slot)
    return position is not None and position.id == order.position_id


def _drop(turn: Turn, order: Order) -> None:
    """A close that the exchange does not have and that has nothing to close any more."""
    turn.put_order(replace(_moved(order, OrderStatus.EXPIRED), reason="nothing is left to close"))
    turn.forget_order(order.link_id)


def _fills_are_overdue(turn: Turn, order: Order) -> bool:
    return (
        not order.is_entry
        and not order.done
        and order.final_at is not None
        and turn.now - order.final_at >= _FILLS_WITHIN_MS
    )


def _end_without_fills(turn: Turn, order: Order) -> None:
    """Its fills were booked before the order was known (by a process that ended) or never will be: the books go on
    from the quantity the exchange reads."""
    order = replace(order, filled_qty=order.reported_qty)
    turn.put_order(order)
    turn.afterwards(TakeSnapshot())
    order_done(turn, order)


def _retry(turn: Turn, order: Order, wait: int) -> None:
    """Have it sent again in `wait` milliseconds, unless it is about to be: retries of one order must not multiply."""
    if not order.retrying:
        turn.afterwards(Remind(ResendOrder(order.link_id), turn.now + wait))
    turn.put_order(replace(order, retries=order.retries + 1, retrying=True))


def send_again(turn: Turn, order: Order) -> None:
    """The same order under the same id."""
    if not order.is_entry:
        turn.at_once(SendOrder(order))
        turn.afterwards(Remind(CheckOrder(order.link_id), turn.now + CHECK_AFTER_MS))
        return
    too_late = (order.not_after is not None and turn.now > order.not_after) or (
        order.expires_at is not None and turn.now >= order.expires_at
    )
    if too_late or order.cancel_reason is not None:
        turn.put_order(replace(_moved(order, OrderStatus.EXPIRED), reason="too old to be sent again"))
        order_done(turn, turn.state.orders[order.link_id])
    else:
        turn.afterwards(SendOrder(order))


def _plan_of(turn: Turn, order: Order, position: Position) -> EntryPlan:
    """The plan an entry order came from, as far as its end needs it."""
    reversal = turn.state.reversals.get(order.position_id) if order.position_id is not None else None
    if reversal is not None:
        return reversal.plan
    cause = cause_of(order.link_id)
    assert cause is not None, order
    assert position.strategy_id is not None, position
    return EntryPlan(
        cause_id=cause,
        signal_id=order.signal_id,
        strategy_id=position.strategy_id,
        symbol=order.symbol,
        side=position.side,
        qty=order.qty,
        protection=position.protection,
        leverage=order.leverage or position.leverage or Decimal(1),
        at=order.created_at,
        max_age_ms=0,
        adds_to=position.id if cause != position.id else None,
    )


def _moved(order: Order, status: OrderStatus) -> Order:
    """The order in its new status, or as it was when what is reported is older than what is known."""
    return replace(order, status=status) if status in TRANSITIONS[order.status] else order


def _backoff(order: Order) -> int:
    attempt = attempt_of(order.link_id)
    return _BACKOFF_MS[min(attempt, len(_BACKOFF_MS)) - 1]
