"""A position's stops: setting, resizing and clearing them.

A whole-position stop is an order of the exchange's own that waits; the position row shows its trigger price.
Source: Bybit V5, "Set Trading Stop".
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from simulator.exchange import Exchange, close_order
from simulator.model import (
    FULL_PROTECTION,
    PROTECTION,
    ZERO,
    Account,
    Order,
    OrderStatus,
    OrderType,
    Position,
    PriceSource,
    Refusal,
    Side,
    StopKind,
    TimeInForce,
)
from simulator.numbers import is_multiple
from simulator.rows import emit_order, emit_position

_CREATE_TYPES = {
    StopKind.STOP_LOSS: "CreateByStopLoss",
    StopKind.TAKE_PROFIT: "CreateByTakeProfit",
    StopKind.TRAILING: "CreateByTrailingStop",
    StopKind.PARTIAL_STOP_LOSS: "CreateByPartialStopLoss",
    StopKind.PARTIAL_TAKE_PROFIT: "CreateByPartialTakeProfit",
}
_PROFITS = frozenset({StopKind.TAKE_PROFIT, StopKind.PARTIAL_TAKE_PROFIT})
MAX_PARTIAL_STOPS = 20


@dataclass(frozen=True, slots=True)
class StopTerms:
    """One stop that is wanted for a position."""

    kind: StopKind
    trigger_price: Decimal | None
    trigger_by: PriceSource = PriceSource.LAST
    qty: Decimal | None = None
    """Coins of a partial stop; None for the whole position."""
    limit_price: Decimal | None = None
    trailing_distance: Decimal | None = None
    active_price: Decimal | None = None


def wrong_side(side: Side, terms: StopTerms, base: Decimal, base_name: str) -> Refusal | None:
    """Refuse a stop that would fire at once.

    Args:
        side: Buy for a long position, Sell for a short one.
        terms: the stop.
        base: the price it must stand clear of, USDT.
        base_name: LastPrice, MarkPrice, IndexPrice or order price, for the text.
    """
    price = terms.trigger_price
    if price is None:
        return None
    is_profit = terms.kind in _PROFITS
    must_be_above = is_profit == (side is Side.BUY)
    if (price > base) if must_be_above else (price < base):
        return None
    name = "TakeProfit" if is_profit else "StopLoss"
    relation = "higher" if is_profit else "greater"
    wording = f"{relation} than" if must_be_above else "lower than"
    # The venue writes both numbers as scaled integers.
    scaled, scaled_base = int(price * 10_000), int(base * 10_000)
    return Refusal(
        10001, f"{name}:{scaled} set for {side} position should {wording} base_price:{scaled_base}??{base_name}"
    )


def off_tick(exchange: Exchange, symbol: str, prices: list[Decimal | None]) -> Refusal | None:
    """Refuse prices that are not on the tick grid or outside the price filter."""
    instrument = exchange.instrument(symbol)
    for price in prices:
        if price is not None and not (
            is_multiple(price, instrument.tick_size) and instrument.min_price <= price <= instrument.max_price
        ):
            return Refusal(10001, "params error: stop price is not a multiple of the tick size")
    return None


def set_stop(
    exchange: Exchange, account: Account, position: Position, terms: StopTerms, now_ms: int, parent: str = ""
) -> None:
    """Set, move or (trigger price 0 or None) remove one stop of an open position."""
    side = position.side
    assert side is not None, position
    symbol, position_idx = position.symbol, position.position_idx
    whole = terms.kind in FULL_PROTECTION
    existing = account.protection(symbol, position_idx, terms.kind) if whole else None
    if not terms.trigger_price and not terms.trailing_distance:
        if existing is not None:
            drop(exchange, account, existing, "CancelByUser", now_ms)
        return
    rising = (terms.kind in _PROFITS) == (side is Side.BUY)
    order = existing or Order(
        order_id=exchange.new_id(),
        number=exchange.next_number(),
        symbol=symbol,
        side=side.opposite,
        order_type=OrderType.MARKET if terms.limit_price is None else OrderType.LIMIT,
        qty=ZERO,
        price=terms.limit_price or ZERO,
        status=OrderStatus.UNTRIGGERED,
        created_ms=now_ms,
        updated_ms=now_ms,
        parent_order_link_id=parent,
        position_idx=position_idx,
        time_in_force=TimeInForce.IOC if terms.limit_price is None else TimeInForce.GTC,
        reduce_only=True,
        close_on_trigger=True,
        stop_kind=terms.kind,
        create_type=_CREATE_TYPES[terms.kind],
        tpsl_mode="Full" if whole else "Partial",
        last_price_on_created=exchange.quote(symbol).last,
    )
    order.qty = abs(position.size) if terms.qty is None else terms.qty
    order.trigger_price = terms.trigger_price
    order.trigger_by = terms.trigger_by
    order.trigger_direction = 1 if rising else 2
    order.trailing_distance = terms.trailing_distance
    order.active_price = terms.active_price
    if terms.trailing_distance and not terms.active_price:
        order.extreme_price = exchange.quote(symbol).last
        order.trigger_price = order.extreme_price - side.sign * terms.trailing_distance
    account.open_orders[order.order_id] = order
    emit_order(exchange, account, order, now_ms)


def attach(
    exchange: Exchange, account: Account, position: Position, order: Order, filled: Decimal, now_ms: int
) -> None:
    """Turn the stopLoss and takeProfit of an order that opened into stops of the position."""
    partial = order.tpsl_mode == "Partial"
    kinds = (
        (StopKind.PARTIAL_TAKE_PROFIT, StopKind.PARTIAL_STOP_LOSS)
        if partial
        else (StopKind.TAKE_PROFIT, StopKind.STOP_LOSS)
    )
    wanted = zip(kinds, (order.take_profit, order.stop_loss), (order.tp_trigger_by, order.sl_trigger_by), strict=True)
    for kind, price, trigger_by in wanted:
        if price:
            terms = StopTerms(kind, price, trigger_by or PriceSource.LAST, filled if partial else None)
            set_stop(exchange, account, position, terms, now_ms, parent=order.order_link_id)


def resize(exchange: Exchange, account: Account, position: Position, now_ms: int) -> None:
    """Make whole-position stops cover the size the position has now."""
    for kind in (StopKind.TAKE_PROFIT, StopKind.STOP_LOSS, StopKind.TRAILING):
        order = account.protection(position.symbol, position.position_idx, kind)
        if order is not None and order.qty != abs(position.size):
            order.qty = abs(position.size)
            emit_order(exchange, account, order, now_ms)


def clear(exchange: Exchange, account: Account, position: Position, now_ms: int) -> None:
    """Remove every stop of a position that closed or changed side."""
    for order in list(account.open_orders.values()):
        if (
            order.stop_kind in PROTECTION
            and order.status is OrderStatus.UNTRIGGERED
            and order.symbol == position.symbol
            and order.position_idx == position.position_idx
        ):
            drop(exchange, account, order, "CancelByTpSlTsClear", now_ms)


def drop(exchange: Exchange, account: Account, order: Order, cancel_type: str, now_ms: int) -> None:
    """End an open order: Deactivated before its trigger, Cancelled after."""
    order.status = OrderStatus.DEACTIVATED if order.is_conditional else OrderStatus.CANCELLED
    order.cancel_type = cancel_type
    if cancel_type == "CancelByUser":
        order.reject_reason = "EC_PerCancelRequest"
    order.margin_reserved = ZERO
    close_order(account, order)
    emit_order(exchange, account, order, now_ms)


@dataclass(frozen=True, slots=True)
class TradingStop:
    """A trading-stop request. None leaves a stop alone, 0 removes it."""

    symbol: str
    position_idx: int
    full: bool
    take_profit: Decimal | None
    stop_loss: Decimal | None
    trailing: Decimal | None
    active_price: Decimal | None
    tp_trigger_by: PriceSource
    sl_trigger_by: PriceSource
    tp_size: Decimal | None
    sl_size: Decimal | None
    tp_limit: Decimal | None
    sl_limit: Decimal | None

    def terms(self) -> list[StopTerms]:
        """The stops it names."""
        take, stop = (
            (StopKind.TAKE_PROFIT, StopKind.STOP_LOSS)
            if self.full
            else (StopKind.PARTIAL_TAKE_PROFIT, StopKind.PARTIAL_STOP_LOSS)
        )
        wanted = []
        if self.take_profit is not None:
            wanted.append(StopTerms(take, self.take_profit, self.tp_trigger_by, self.tp_size, self.tp_limit))
        if self.stop_loss is not None:
            wanted.append(StopTerms(stop, self.stop_loss, self.sl_trigger_by, self.sl_size, self.sl_limit))
        if self.trailing is not None:
            wanted.append(
                StopTerms(
                    StopKind.TRAILING, None, trailing_distance=self.trailing, active_price=self.active_price or None
                )
            )
        return wanted


def trading_stop(exchange: Exchange, account: Account, request: TradingStop, now_ms: int) -> Refusal | None:
    """Set the stops of a position; nothing is changed when any of them is refused."""
    position = account.position(request.symbol, request.position_idx)
    terms = request.terms()
    refusal = _check(exchange, account, position, request, terms)
    if refusal is not None:
        return refusal
    for stop in terms:
        set_stop(exchange, account, position, stop, now_ms)
    position.updated_ms = now_ms
    emit_position(exchange, account, position.symbol, position.position_idx)
    return None


def _check(
    exchange: Exchange, account: Account, position: Position, request: TradingStop, terms: list[StopTerms]
) -> Refusal | None:
    side = position.side
    if side is None:
        return Refusal(10001, "can not set tp/sl/ts for zero position")
    quote = exchange.quote(position.symbol)
    if all(_is_unchanged(account, position, stop) for stop in terms):
        return Refusal(34040, "not modified")
    if (refusal := off_tick(exchange, position.symbol, [stop.trigger_price or None for stop in terms])) is not None:
        return refusal
    for stop in terms:
        if stop.trigger_price:
            refusal = wrong_side(side, stop, quote.price(stop.trigger_by), stop.trigger_by)
            if refusal is not None:
                return refusal
    if not request.full:
        return _check_partial(account, position, terms)
    return None


def _check_partial(account: Account, position: Position, terms: list[StopTerms]) -> Refusal | None:
    for stop in terms:
        if stop.kind is not StopKind.TRAILING and (stop.qty is None or not 0 < stop.qty <= abs(position.size)):
            return Refusal(10001, "params error: tpSize and slSize must lie above 0 and within the position size")
    partial = [
        order
        for order in account.open_orders.values()
        if order.symbol == position.symbol and order.tpsl_mode == "Partial" and order.stop_kind in PROTECTION
    ]
    if len(partial) + len(terms) > MAX_PARTIAL_STOPS:
        return Refusal(110061, "the number of partial TP/SL orders exceeds the limit of 20")
    return None


def _is_unchanged(account: Account, position: Position, terms: StopTerms) -> bool:
    if terms.kind not in FULL_PROTECTION:
        return False
    existing = account.protection(position.symbol, position.position_idx, terms.kind)
    if existing is None:
        return not terms.trigger_price and not terms.trailing_distance
    if terms.kind is StopKind.TRAILING:
        return (existing.trailing_distance, existing.active_price) == (terms.trailing_distance, terms.active_price)
    return (existing.trigger_price, existing.trigger_by) == (terms.trigger_price, terms.trigger_by)
