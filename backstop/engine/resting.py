"""A limit order that waits to open a position, and the ways it is taken back.

That it is to be canceled is written down with why. The cancel is asked for again until the order is known to be over, for
only the exchange's word ends it: what fills meanwhile is ours and is protected like any other fill.
"""

from dataclasses import replace

from backstop.domain.ids import cause_of
from backstop.domain.limits import HaltLevel
from backstop.domain.order import CancelReason, Order, OrderStatus
from backstop.domain.position import Position
from backstop.engine.effects import CancelOrder, Remind, ResolveOrder
from backstop.engine.events import CancelAnswered, CheckOrder
from backstop.engine.state import AccountState
from backstop.engine.turn import Turn

CANCEL_AGAIN_MS = 3_000


def waiting_entry(state: AccountState, position: Position) -> Order | None:
    """The limit order that waits to open `position` or to make it larger."""
    return next((order for order in state.orders.values() if order.position_id == position.id and _waits(order)), None)


def _waits(order: Order) -> bool:
    return order.is_entry and order.limit_price is not None and not order.status.final


def next_look_at(order: Order) -> int | None:
    """When there is something to do about a limit order: its time is over, or its cancel should have come to something."""
    return order.expires_at if order.cancel_asked_at is None else order.cancel_asked_at + CANCEL_AGAIN_MS


def take_back(turn: Turn, order: Order, why: CancelReason, *, at_once: bool = False) -> None:
    """Have the order canceled; again if it has been asked for before. `at_once`: before anything is written."""
    asked = replace(order, cancel_reason=order.cancel_reason or why, cancel_asked_at=turn.now)
    turn.put_order(asked)
    if order.status is not OrderStatus.INTENDED:
        (turn.at_once if at_once else turn.afterwards)(CancelOrder(asked))
    turn.afterwards(Remind(CheckOrder(order.link_id), turn.now + CANCEL_AGAIN_MS))


def take_back_entries(turn: Turn, position: Position, why: CancelReason, *, at_once: bool = False) -> None:
    """Have what still waits to open `position` or make it larger canceled, if that is not under way already."""
    order = waiting_entry(turn.state, position)
    if order is not None and order.cancel_reason is None:
        take_back(turn, order, why, at_once=at_once)


def tend_entries(turn: Turn) -> None:
    """Take back what has waited long enough or must not open any more; ask again where nothing came of it."""
    for order in tuple(turn.state.orders.values()):
        if not _waits(order):
            continue
        if order.cancel_reason is None:
            why = _why_over(turn, order)
            if why is not None:
                take_back(turn, order, why)
        elif order.cancel_asked_at is None or turn.now - order.cancel_asked_at >= CANCEL_AGAIN_MS:
            take_back(turn, order, order.cancel_reason)


def _why_over(turn: Turn, order: Order) -> CancelReason | None:
    state = turn.state
    if order.expires_at is not None and turn.now >= order.expires_at:
        return CancelReason.EXPIRED
    adds = cause_of(order.link_id) != order.position_id
    if state.halt is not None and not (adds and state.halt.level is HaltLevel.NO_ENTRIES):
        return CancelReason.HALTED
    if order.slot in state.foreign:
        return CancelReason.FOREIGN_POSITION
    position = state.position(order.position_id)
    strategy = state.strategies.get(position.strategy_id) if position is not None and position.strategy_id else None
    return CancelReason.STRATEGY_DISABLED if strategy is None or not strategy.enabled else None


def on_cancel_answered(turn: Turn, event: CancelAnswered) -> None:
    """Taken or not, the order's own end tells what became of it."""
    order = turn.state.orders.get(event.link_id)
    if order is not None and not order.done and not event.taken:
        turn.afterwards(ResolveOrder(order))
