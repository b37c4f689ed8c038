"""`target` with a quantity: hold this much on this side. What is missing is bought, what is too much is closed."""

from backstop.domain.instrument import fit_quantity
from backstop.domain.money import Qty, floor_to, plain
from backstop.domain.order import Purpose
from backstop.domain.position import Position
from backstop.domain.refusal import Refused
from backstop.domain.signal import Signal, SignalStatus
from backstop.engine.effects import SettleSignal
from backstop.engine.exits import free_quantity, reduce_position
from backstop.engine.settle import settle_signal
from backstop.engine.turn import Turn


def missing(turn: Turn, signal: Signal, position: Position, wanted: Qty) -> Qty | None:
    """How much is to be added to `position` so that `wanted` is held; None when the signal is settled.

    Counted from what is held less what closes under way will take, so that a target told twice acts once. A difference
    that no order can make is none.
    """
    instrument, price = turn.state.instruments.get(position.symbol), position.entry_price
    if instrument is None or price is None:
        settle_signal(turn, signal.id, Refused("unknown_symbol", f"{position.symbol} is not traded any more"))
        return None
    if floor_to(wanted, instrument.qty_step) < instrument.min_qty:
        least = f"{plain(wanted)} {position.symbol} is below the smallest order of {plain(instrument.min_qty)}"
        settle_signal(turn, signal.id, Refused("below_min_qty", f"{least}; to hold nothing, send position flat"))
        return None
    held = free_quantity(turn, position)
    difference = floor_to(abs(wanted - held), instrument.qty_step)
    quote = turn.state.quotes.get(position.symbol)
    fitted = fit_quantity(difference, quote.last if quote is not None else price, instrument)
    if wanted > held and (not isinstance(fitted, Refused) or fitted.code == "above_max_qty"):
        return Qty(difference)
    if wanted < held and difference >= instrument.min_qty:
        reduce_position(turn, position, Purpose.SIGNAL, Qty(difference), cause=signal.id, signal_id=signal.id)
        turn.record(SettleSignal(signal.id, SignalStatus.EXECUTED, position_id=position.id))
    else:
        message = f"{plain(held)} {position.symbol} {position.side} is held already"
        turn.record(SettleSignal(signal.id, SignalStatus.EXECUTED, "already_there", message, position.id))
    return None
