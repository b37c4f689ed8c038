"""A limit order may wait for long; what is asked meanwhile does not wait behind it: it is answered, or overtakes."""

from decimal import Decimal

from backstop.domain.ids import CommandId
from backstop.domain.order import CancelReason, Order
from backstop.domain.position import Position, PositionStatus
from backstop.domain.refusal import Refused
from backstop.domain.signal import Action, Enter, Leave, Signal, SignalStatus, wish_of
from backstop.domain.slot import Lane
from backstop.domain.strategy import OnOpposite
from backstop.engine.bars import is_part_of_a_turn, supersede
from backstop.engine.effects import SettleCommand, SettleSignal
from backstop.engine.entries import act_on_signal
from backstop.engine.events import CloseCommand, ProtectCommand
from backstop.engine.exits import free_quantity
from backstop.engine.resting import take_back_entries, waiting_entry
from backstop.engine.settle import settle_command, settle_signal
from backstop.engine.state import Request
from backstop.engine.turn import Turn

_NOTHING_FILLED = Refused("nothing_filled", "the position's entry still waits; close it to take the entry back")


def make_way(turn: Turn, lane: Lane, request: Request) -> bool:
    """Whether `request` is settled by the limit order that waits in its lane. If not it goes on as ever, and what it would
    have to wait behind is being taken back."""
    position = turn.state.of_strategy(lane.symbol, lane.strategy_id)
    order = waiting_entry(turn.state, position) if position is not None else None
    if position is None or order is None:
        return False
    is_open = position.status is PositionStatus.OPEN and position.id not in turn.state.reversals
    line = turn.state.waiting.get(lane, ())
    if order.cancel_reason is None and (not line or line[0] is request):
        match request:
            case Signal():
                if _answered(turn, request, order, position):
                    return True
            case ProtectCommand() if not is_open:
                settle_command(turn, request.id, _NOTHING_FILLED)
                return True
            case CloseCommand() if not is_open and request.portion < 1:
                settle_command(turn, request.id, _NOTHING_FILLED)
                return True
            case _:
                pass
    if not is_open or _grows(turn, request, position):
        take_back_entries(turn, position, CancelReason.OVERTAKEN)
    return False


def waits_for_entry(turn: Turn, request: Request, position: Position) -> bool:
    """Whether it must know how large the position becomes before it can be decided."""
    return _grows(turn, request, position) and any(
        order.is_entry and order.position_id == position.id for order in turn.state.orders.values()
    )


def answer_overtaker(turn: Turn, position: Position) -> None:
    """Nothing of the entry was filled: who waits to close it has what he wants."""
    lane = turn.state.lane(position.symbol, position.strategy_id)
    line = turn.state.waiting.get(lane, ())
    if not line or not _wants_it_closed(turn, line[0], position):
        return
    request = turn.next_waiting(lane)
    message = "the entry was taken back before anything was filled"
    if isinstance(request, Signal):
        turn.record(SettleSignal(request.id, SignalStatus.EXECUTED, "entry_canceled", message, position.id))
    elif isinstance(request, CloseCommand):
        turn.record(SettleCommand(CommandId(request.id), SignalStatus.EXECUTED, "entry_canceled", message))


def _answered(turn: Turn, signal: Signal, order: Order, position: Position) -> bool:
    wish, strategy = wish_of(signal), turn.state.strategies.get(signal.strategy_id)
    theirs = position.strategy_id not in (None, signal.strategy_id)
    if strategy is None or not strategy.enabled or isinstance(wish, Refused) or theirs:
        act_on_signal(turn, signal)
        return True
    if is_part_of_a_turn(signal, position):
        supersede(turn, signal, position)
        return True
    if isinstance(wish, Leave) and not wish.concerns(position.side):
        act_on_signal(turn, signal)
        return True
    if not isinstance(wish, Enter):
        return False
    if wish.side is not position.side:
        if strategy.on_opposite is OnOpposite.IGNORE:
            act_on_signal(turn, signal)
        return strategy.on_opposite is OnOpposite.IGNORE
    if signal.action is not Action.TARGET:
        refusal = Refused("entry_waiting", f"an order to open {order.symbol} {position.side} waits already")
        settle_signal(turn, signal.id, refusal)
        return True
    if signal.qty is None or _becomes(turn, signal.qty, order, position):
        message = f"an order waits to make {order.symbol} {position.side} that large"
        turn.record(SettleSignal(signal.id, SignalStatus.EXECUTED, "already_there", message, position.id))
        return True
    return False


def _becomes(turn: Turn, wanted: Decimal, order: Order, position: Position) -> bool:
    """Whether the position will be that large once `order` is filled."""
    instrument = turn.state.instruments.get(position.symbol)
    whole = free_quantity(turn, position) + order.qty - order.filled_qty
    return instrument is not None and abs(wanted - whole) < instrument.qty_step


def _grows(turn: Turn, request: Request, position: Position) -> bool:
    """Whether it means the size of the position: more of the same side, or a quantity."""
    if not isinstance(request, Signal):
        return False
    wish = wish_of(request)
    return isinstance(wish, Enter) and wish.side is position.side


def _wants_it_closed(turn: Turn, request: Request, position: Position) -> bool:
    if isinstance(request, CloseCommand):
        return request.position_id == position.id
    if not isinstance(request, Signal):
        return False
    wish, strategy = wish_of(request), turn.state.strategies.get(request.strategy_id)
    if isinstance(wish, Leave):
        return wish.concerns(position.side)
    closes = strategy is not None and strategy.on_opposite is OnOpposite.CLOSE
    return closes and isinstance(wish, Enter) and wish.side is not position.side
