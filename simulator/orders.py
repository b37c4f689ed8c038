"""Order commands: create, amend, cancel, cancel all.

An accepted order is only accepted: ``work`` does the matching afterwards, as the venue does after its answer.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Any

from simulator.exchange import Exchange
from simulator.market import price_band
from simulator.matching import closable, market_bound, match
from simulator.model import (
    PROTECTION,
    ZERO,
    Account,
    Order,
    OrderStatus,
    OrderType,
    PriceSource,
    Refusal,
    Side,
    StopKind,
)
from simulator.numbers import is_multiple
from simulator.order_checks import OrderRequest, check_margin, check_order, read_decimal, read_source, required_margin
from simulator.protection import drop, off_tick
from simulator.rows import emit_order, emit_position
from simulator.triggers import evaluate

_CANCEL_ALL_LIMIT = 500


def accept(exchange: Exchange, account: Account, request: OrderRequest, now_ms: int) -> Order | Refusal:
    """Check an order and take it into the book, unmatched."""
    if (refusal := check_order(exchange, account, request)) is not None:
        return refusal
    instrument, quote = exchange.instrument(request.symbol), exchange.quote(request.symbol)
    is_market, waits = request.order_type is OrderType.MARKET, request.trigger_price is not None
    held = closable(account.position(request.symbol, request.position_idx), request.side)
    qty = request.qty
    if request.reduce_only and not waits:
        limit = instrument.max_market_qty if is_market else instrument.max_qty
        qty = min(held, limit) if request.closes_all else min(qty, held)
    margin = ZERO if request.reduce_only or waits else required_margin(exchange, account, request)
    order = Order(
        order_id=exchange.new_id(),
        number=exchange.next_number(),
        symbol=request.symbol,
        side=request.side,
        order_type=request.order_type,
        qty=qty,
        price=_within_band(exchange, request) or market_bound(quote.last, request.side, instrument),
        status=OrderStatus.UNTRIGGERED if waits else OrderStatus.NEW,
        created_ms=now_ms,
        updated_ms=now_ms,
        order_link_id=request.order_link_id,
        position_idx=request.position_idx,
        time_in_force=request.time_in_force,
        reduce_only=request.reduce_only,
        close_on_trigger=request.close_on_trigger,
        stop_kind=StopKind.STOP if waits else StopKind.NONE,
        trigger_price=request.trigger_price,
        trigger_direction=request.trigger_direction if waits else 0,
        trigger_by=request.trigger_by if waits else None,
        take_profit=request.take_profit,
        stop_loss=request.stop_loss,
        tp_trigger_by=request.tp_trigger_by if request.take_profit else None,
        sl_trigger_by=request.sl_trigger_by if request.stop_loss else None,
        tpsl_mode=request.tpsl_mode or ("Full" if request.take_profit or request.stop_loss else ""),
        smp_type=request.smp_type,
        last_price_on_created=quote.last,
        margin_reserved=margin,
    )
    account.open_orders[order.order_id] = order
    if order.order_link_id:
        account.link_ids[order.order_link_id] = order.order_id
    return order


def _within_band(exchange: Exchange, request: OrderRequest) -> Decimal | None:
    """The price asked for, moved to the band where it lies beyond it, as the exchange does by default for futures; that of
    a conditional order stays, the band being judged when it triggers."""
    if request.price is None or request.trigger_price is not None:
        return request.price
    lowest, highest = price_band(exchange.quote(request.symbol), exchange.instrument(request.symbol))
    return min(request.price, highest) if request.side is Side.BUY else max(request.price, lowest)


def work(exchange: Exchange, account: Account, order: Order, now_ms: int) -> None:
    """Match an order that was accepted or amended, and fire what its fill makes due."""
    if order.status is OrderStatus.UNTRIGGERED:
        emit_order(exchange, account, order, now_ms)
        emit_position(exchange, account, order.symbol, order.position_idx)
    else:
        match(exchange, account, order, now_ms)
    evaluate(exchange, account, order.symbol, now_ms)


def amend(exchange: Exchange, account: Account, order: Order, params: Mapping[str, Any], now_ms: int) -> Refusal | None:
    """Change an open order. "0" removes a take profit or stop loss.

    Raises:
        MalformedError: a number that can't be read.
    """
    changes = {name: read_decimal(params, name) for name in ("qty", "price", "triggerPrice", "takeProfit", "stopLoss")}
    if all(value is None for value in changes.values()):
        return Refusal(10001, "params error: nothing to amend")
    instrument = exchange.instrument(order.symbol)
    qty = order.qty if changes["qty"] is None else changes["qty"]
    price = order.price if changes["price"] is None else changes["price"]
    if price != order.price and not (is_multiple(price, instrument.tick_size) and price):
        return Refusal(110003, "price is invalid")
    if qty != order.qty and not (
        is_multiple(qty, instrument.qty_step) and order.cum_exec_qty < qty <= instrument.max_qty
    ):
        return Refusal(10001, "Qty invalid")
    stops = [changes[name] or None for name in ("triggerPrice", "takeProfit", "stopLoss")]
    if (refusal := off_tick(exchange, order.symbol, stops)) is not None:
        return refusal
    by = {name: read_source(params, name) for name in ("tpTriggerBy", "slTriggerBy")}
    request = _as_request(order, qty - order.cum_exec_qty, price)
    reserved, order.margin_reserved = order.margin_reserved, ZERO
    refusal = check_margin(exchange, account, request)
    order.margin_reserved = reserved
    if refusal is not None:
        return refusal
    if not order.reduce_only and not order.is_conditional:
        order.margin_reserved = required_margin(exchange, account, request)
    order.qty, order.price, order.rests = qty, price, False
    order.trigger_price = changes["triggerPrice"] or order.trigger_price
    if changes["takeProfit"] is not None:
        order.take_profit = changes["takeProfit"] or None
        order.tp_trigger_by = by["tpTriggerBy"] if order.take_profit else None
    if changes["stopLoss"] is not None:
        order.stop_loss = changes["stopLoss"] or None
        order.sl_trigger_by = by["slTriggerBy"] if order.stop_loss else None
    order.updated_ms = now_ms
    exchange.changes += 1
    return None


def cancel(exchange: Exchange, account: Account, order: Order, now_ms: int) -> None:
    """Cancel an open order at its owner's wish."""
    drop(exchange, account, order, "CancelByUser", now_ms)
    emit_position(exchange, account, order.symbol, order.position_idx)


def cancel_all(
    exchange: Exchange, account: Account, *, symbol: str, order_filter: str, stop_order_type: str, now_ms: int
) -> list[Order]:
    """Cancel the open orders of a symbol, or of all when it is "": stops too, unless the filter says otherwise.

    Source: Bybit V5, "Cancel All Orders": an omitted orderFilter means everything.
    """
    chosen = [
        order
        for order in list(account.open_orders.values())
        if (not symbol or order.symbol == symbol)
        and passes(order, order_filter)
        and (not stop_order_type or order.stop_kind == stop_order_type)
    ][:_CANCEL_ALL_LIMIT]
    for order in chosen:
        cancel(exchange, account, order, now_ms)
    return chosen


def passes(order: Order, order_filter: str) -> bool:
    """Bybit's orderFilter: Order, StopOrder, tpslOrder; anything else passes all."""
    match order_filter:
        case "Order":
            return not order.is_conditional
        case "StopOrder":
            return order.is_conditional
        case "tpslOrder":
            return order.stop_kind in PROTECTION
        case _:
            return True


def _as_request(order: Order, qty: Decimal, price: Decimal) -> OrderRequest:
    request = OrderRequest(
        symbol=order.symbol,
        side=order.side,
        order_type=order.order_type,
        qty=qty,
        price=price,
        time_in_force=order.time_in_force,
        position_idx=order.position_idx,
        order_link_id="",
        reduce_only=order.reduce_only,
        close_on_trigger=order.close_on_trigger,
        trigger_price=order.trigger_price if order.is_conditional else None,
        trigger_direction=order.trigger_direction,
        trigger_by=order.trigger_by or PriceSource.LAST,
        take_profit=order.take_profit,
        stop_loss=order.stop_loss,
        tp_trigger_by=order.tp_trigger_by or PriceSource.LAST,
        sl_trigger_by=order.sl_trigger_by or PriceSource.LAST,
        tpsl_mode=order.tpsl_mode,
        smp_type=order.smp_type,
    )
    return replace(request, price=None) if order.order_type is OrderType.MARKET else request
