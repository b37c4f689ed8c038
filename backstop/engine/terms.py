"""What an opening order asks for: how much, at what price, with which stop, or why there is to be none."""

from dataclasses import dataclass

from backstop.domain.entry import LimitEntry, limit_price
from backstop.domain.instrument import Instrument, fit_quantity
from backstop.domain.money import Price, Qty, plain
from backstop.domain.placement import STOP_MAX_SHARE, misplaced_level
from backstop.domain.position import Position
from backstop.domain.protection import first_stop_price, resident_behind, resident_stop_price, tightest
from backstop.domain.refusal import Refused
from backstop.domain.side import PositionSide
from backstop.domain.sizing import size_entry
from backstop.engine.events import Quote
from backstop.engine.margin import available, beyond_liquidation, short_of_margin
from backstop.engine.rails import refusal_of
from backstop.engine.reversal import EntryPlan
from backstop.engine.turn import Turn


@dataclass(frozen=True, slots=True)
class Terms:
    """What an opening order asks for. `price` is what it is likely to fill at."""

    qty: Qty
    price: Price
    limit_price: Price | None
    stop: Price | None


def terms_of(turn: Turn, plan: EntryPlan, quote: Quote, instrument: Instrument) -> Terms | Refused:
    limit, price = None, quote.last
    if isinstance(plan.entry, LimitEntry):
        limit = limit_price(plan.entry, plan.side, quote.last, instrument)
        if limit <= 0 or abs(limit - quote.last) > quote.last * STOP_MAX_SHARE:
            return Refused(
                "limit_too_far",
                f"a limit of {plain(limit)} is more than {plain(STOP_MAX_SHARE * 100)}% from {plain(quote.last)}; "
                'a distance is written with a percent sign, like "0.2%"',
            )
        price = min(limit, price) if plan.side is PositionSide.LONG else max(limit, price)
    trigger = quote.of(plan.protection.trigger_by)
    assert trigger is not None, quote
    qty = _quantity(turn, plan, price, Price(trigger[0] + price - quote.last), instrument)
    if isinstance(qty, Refused):
        return qty
    stop = _attached_stop(turn, plan, qty, price, instrument)
    return (
        refusal_of(turn, plan, qty, price)
        or short_of_margin(turn, plan, qty * price)
        or beyond_liquidation(turn, plan, qty, price, stop, instrument)
        or Terms(qty, price, limit, stop)
    )


def _attached_stop(turn: Turn, plan: EntryPlan, qty: Qty, price: Price, instrument: Instrument) -> Price | None:
    """The exchange's stop to go with an order of `qty` at about `price`. What is added takes the whole position's stop
    along: behind the watched one as it is now, and as it will be around the new average."""
    position = turn.state.position(plan.adds_to)
    if position is None or position.entry_price is None:
        return resident_stop_price(plan.protection, plan.side, price, instrument)
    entry, average = position.entry_price, Price((position.cost + qty * price) / (position.qty + qty))
    after = resident_stop_price(plan.protection, plan.side, average, instrument)
    now = resident_stop_price(plan.protection, plan.side, entry, instrument)
    if plan.protection == position.protection and position.stop_loss is not None:
        now = resident_behind(position.stop_loss, plan.protection, plan.side, entry, instrument)
    stops = [stop for stop in (now, after) if stop is not None]
    return min(stops, key=lambda stop: stop * plan.side.sign) if stops else None


def _quantity(turn: Turn, plan: EntryPlan, price: Price, trigger: Price, instrument: Instrument) -> Qty | Refused:
    """`trigger`: what the levels are compared with when it fills at `price`, as far as that can be told."""
    position = turn.state.position(plan.adds_to)
    untried = position is None or plan.protection != position.protection
    for reached in dict.fromkeys((price, trigger) if untried else ()):
        misplaced = misplaced_level(plan.protection, plan.side, reached, instrument)
        if misplaced is not None:
            return misplaced
    if plan.qty is not None:
        return fit_quantity(plan.qty, price, instrument)
    strategy = turn.state.strategies.get(plan.strategy_id)
    if strategy is None:
        return Refused("strategy_disabled", "the strategy is deleted")
    return size_entry(
        plan.sizing or strategy.sizing,
        price=price,
        stop=_stop_at(position, plan, price, instrument),
        equity=turn.state.equity,
        available=available(turn.state),
        leverage=plan.leverage,
        instrument=instrument,
    )


def _stop_at(position: Position | None, plan: EntryPlan, price: Price, instrument: Instrument) -> Price | None:
    """Where what is bought now will be closed at a loss: a stop that has been moved stays where it is."""
    fresh = first_stop_price(plan.protection, plan.side, price, instrument)
    if position is None or position.stop_loss is None or fresh is None:
        return fresh
    return tightest([fresh, position.stop_loss], plan.side)
