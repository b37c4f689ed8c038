"""What a signal would do now: the engine's own step, taken on a copy and forgotten."""

from dataclasses import dataclass, replace
from decimal import Decimal

from backstop.domain.money import Price
from backstop.domain.order import Order
from backstop.domain.protection import first_stop_price
from backstop.domain.side import PositionSide
from backstop.domain.signal import Action, Signal, protection_of
from backstop.engine.effects import Commit, Effect, SaveOrder, SettleSignal
from backstop.engine.events import SignalReceived
from backstop.engine.margin import liquidation_price
from backstop.engine.reversal import EntryPlan
from backstop.engine.state import AccountState
from backstop.engine.step import step


@dataclass(frozen=True, slots=True)
class Entry:
    """An opening order foreseen. `price` is what it is likely to fill at; `stop` is watched, the order's own lies behind.
    `liquidation` is an estimate on the safe side, None where it cannot be told."""

    order: Order
    price: Price
    stop: Price | None
    liquidation: Decimal | None


@dataclass(frozen=True, slots=True)
class Foresight:
    """`settled`: what is known of the signal at once, with code and reason; None while it would wait. `closes` come before
    `entry`; `needs_price`: it would wait for a price that is fresh, nothing else is told then."""

    settled: SettleSignal | None
    closes: tuple[Order, ...] = ()
    entry: Entry | None = None
    adds: bool = False
    needs_price: bool = False


def foresee(state: AccountState, signal: Signal, now: int) -> Foresight:
    """What `signal` would do if it came at `now`. For a reversal, as if the close filled at the price there is."""
    after, effects = step(state, SignalReceived(signal), now)
    orders, settled = _orders(effects), _settled(effects, signal)
    if any(isinstance(one, EntryPlan) for line in after.waiting.values() for one in line if one not in _known(state)):
        return Foresight(None, needs_price=True)
    entry = next((order for order in orders if order.is_entry), None)
    closes = tuple(order for order in orders if not order.is_entry)
    reversal = after.reversals.get(signal.id)
    if reversal is not None:
        held = {slot: one for slot, one in state.positions.items() if one.id != reversal.position_id}
        kept = {link: order for link, order in state.orders.items() if order.position_id != reversal.position_id}
        action = Action.BUY if reversal.plan.side is PositionSide.LONG else Action.SELL
        second = foresee(replace(state, positions=held, orders=kept), replace(signal, action=action, target=None), now)
        return replace(second, closes=closes)
    if entry is None:
        return Foresight(settled, closes)
    return Foresight(settled, closes, _entry(state, signal, entry), adds=_adds(state, entry))


def _entry(state: AccountState, signal: Signal, order: Order) -> Entry:
    quote, instrument = state.quotes[order.symbol], state.instruments[order.symbol]
    side = PositionSide.opened_by(order.side)
    price = quote.last
    if order.limit_price is not None:
        price = min(order.limit_price, price) if side is PositionSide.LONG else max(order.limit_price, price)
    held = next((one for one in state.positions.values() if one.id == order.position_id), None)
    leverage = order.leverage or Decimal(1)
    protection = protection_of(signal, state.strategies[signal.strategy_id])
    return Entry(
        order=order,
        price=price,
        stop=first_stop_price(protection, side, price, instrument),
        liquidation=liquidation_price(state, held, side, leverage, order.qty, price, instrument),
    )


def _adds(state: AccountState, order: Order) -> bool:
    return any(position.id == order.position_id for position in state.positions.values())


def _orders(effects: tuple[Effect, ...]) -> list[Order]:
    changes = [change for effect in effects if isinstance(effect, Commit) for change in effect.changes]
    return [change.order for change in changes if isinstance(change, SaveOrder) and change.order.sent_at is None]


def _settled(effects: tuple[Effect, ...], signal: Signal) -> SettleSignal | None:
    changes = [change for effect in effects if isinstance(effect, Commit) for change in effect.changes]
    told = [change for change in changes if isinstance(change, SettleSignal) and change.signal_id == signal.id]
    return told[-1] if told else None


def _known(state: AccountState) -> list[object]:
    return [one for line in state.waiting.values() for one in line]
