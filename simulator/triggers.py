"""Prices that move, and what they set off: resting orders, conditional orders, stops, liquidation.

Order of one move: resting limit orders, then trailing stops follow, then triggers by age, then liquidation.
"""

from __future__ import annotations

from decimal import Decimal

from simulator.exchange import Exchange, Ticked
from simulator.margin import order_margin, summary
from simulator.matching import closable, fill_resting, is_reached, market_bound, match
from simulator.model import PROTECTION, Account, Order, OrderStatus, OrderType, Side, StopKind
from simulator.numbers import floor_to
from simulator.protection import drop
from simulator.rows import emit_order, emit_position
from simulator.settlement import liquidate


def set_price(exchange: Exchange, symbol: str, *, last: Decimal, mark: Decimal, index: Decimal, now_ms: int) -> None:
    """Move a symbol's prices (USDT) and let everything happen that they set off."""
    exchange.quote(symbol).move(last, mark, index)
    exchange.tape(symbol).record(now_ms, last)
    exchange.emit(Ticked(symbol))
    for account in list(exchange.state.accounts.values()):
        evaluate(exchange, account, symbol, now_ms)
        liquidate(exchange, account, symbol, now_ms)


def evaluate(exchange: Exchange, account: Account, symbol: str, now_ms: int) -> None:
    """Fill and fire what the current prices of a symbol make due for one account."""
    mine = [order for order in account.open_orders.values() if order.symbol == symbol]
    if not mine:
        return
    quote = exchange.quote(symbol)
    for order in mine:
        if order.rests and order.order_id in account.open_orders and is_reached(order, quote.last):
            fill_resting(exchange, account, order, now_ms)
    waiting = [order for order in account.open_orders.values() if order.symbol == symbol and order.is_conditional]
    for order in sorted(waiting, key=lambda waiting_order: waiting_order.number):
        if order.stop_kind is StopKind.TRAILING:
            follow(order, quote.last, exchange.instrument(symbol).tick_size)
        if order.is_conditional and is_crossed(order, _watched(exchange, order)):
            _fire(exchange, account, order, now_ms)


def is_crossed(order: Order, price: Decimal) -> bool:
    """Whether the price has reached the trigger, from the side the order waits on."""
    if order.trigger_price is None:
        return False
    if order.trigger_direction == 1:
        return price >= order.trigger_price
    return price <= order.trigger_price


def follow(order: Order, last: Decimal, tick: Decimal) -> None:
    """Let a trailing stop follow the best price since it became active."""
    assert order.trailing_distance is not None, order
    guards_long = order.side is Side.SELL
    if order.extreme_price is None:
        active = order.active_price
        if active is not None and (last < active if guards_long else last > active):
            return
        order.extreme_price = last
    order.extreme_price = max(order.extreme_price, last) if guards_long else min(order.extreme_price, last)
    distance = order.trailing_distance if guards_long else -order.trailing_distance
    order.trigger_price = floor_to(order.extreme_price - distance, tick)


def _watched(exchange: Exchange, order: Order) -> Decimal:
    assert order.trigger_by is not None, order
    return exchange.quote(order.symbol).price(order.trigger_by)


def _fire(exchange: Exchange, account: Account, order: Order, now_ms: int) -> None:
    position = account.position(order.symbol, order.position_idx)
    order.status = OrderStatus.TRIGGERED
    emit_order(exchange, account, order, now_ms)
    order.status = OrderStatus.NEW
    if order.order_type is OrderType.MARKET:
        order.price = market_bound(exchange.quote(order.symbol).last, order.side, exchange.instrument(order.symbol))
    if order.stop_kind in PROTECTION:
        order.qty = min(order.qty, abs(position.size))
    elif order.stop_kind is StopKind.STOP and order.create_type == "CreateByUser":
        order.create_type = "CreateByStopOrder"
    if order.reduce_only and order.close_on_trigger and not order.qty:
        order.qty = abs(position.size)
    if order.reduce_only and not order.qty:
        drop(exchange, account, order, "CancelByReduceOnly", now_ms)
    elif not _has_margin(exchange, account, order):
        order.reject_reason = "EC_NoEnoughBalance"
        drop(exchange, account, order, "UNKNOWN", now_ms)
    else:
        match(exchange, account, order, now_ms)
        return
    emit_position(exchange, account, order.symbol, order.position_idx)


def _has_margin(exchange: Exchange, account: Account, order: Order) -> bool:
    if order.reduce_only:
        return True
    opening = order.qty - min(order.qty, closable(account.position(order.symbol, order.position_idx), order.side))
    price = order.price if order.order_type is OrderType.LIMIT else exchange.quote(order.symbol).last
    order.margin_reserved = order_margin(opening, price, account.leverage_of(order.symbol))
    return summary(account, exchange.quote).available >= 0
