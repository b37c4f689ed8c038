"""Private REST answers about orders and executions; the trade socket uses the same.

Source: Bybit V5, "Trade".
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from simulator import orders, queries
from simulator.exchange import KEPT_REQUESTS, forget_oldest
from simulator.handling import Call, Handler, Result, answer, empty_list, is_linear
from simulator.model import Order, Refusal, Request
from simulator.order_checks import MalformedError, read_bool, read_order, read_symbol
from simulator.rows import execution_row, order_row

BATCH_LIMIT = 20
_NOT_THERE = {
    "cancel": "order not exists or too late to cancel",
    "amend": "order not exists or too late to replace",
}


def create(call: Call) -> Result:
    """order/create: accepted now, matched after the answer. Every request is logged for /sim/orders."""
    account = call.account
    request = read_order(call.params)
    outcome = request if isinstance(request, Refusal) else orders.accept(call.exchange, account, request, call.now_ms)
    log_request(call, outcome)
    if isinstance(outcome, Refusal):
        return outcome
    order = outcome
    call.after.append(lambda: orders.work(call.exchange, account, order, call.now_ms))
    return _ids(order)


def amend(call: Call) -> Result:
    """order/amend."""
    account, order = call.account, _open_order(call, "amend")
    refusal = orders.amend(call.exchange, account, order, call.params, call.now_ms)
    if refusal is not None:
        return refusal
    call.after.append(lambda: orders.work(call.exchange, account, order, call.now_ms))
    return _ids(order)


def cancel(call: Call) -> Result:
    """order/cancel."""
    order = _open_order(call, "cancel")
    orders.cancel(call.exchange, call.account, order, call.now_ms)
    return _ids(order)


def cancel_all(call: Call) -> Result:
    """order/cancel-all; linear must name a symbol, baseCoin or settleCoin."""
    if call.text("category") != "linear":
        raise MalformedError("Illegal category")
    symbol = call.text("symbol")
    base = call.text("baseCoin")
    if not (symbol or base or call.text("settleCoin")):
        raise MalformedError("params error: symbol, settleCoin or baseCoin required")
    if symbol:
        read_symbol(call.params)
    cancelled = orders.cancel_all(
        call.exchange,
        call.account,
        symbol=symbol or (f"{base}USDT" if base else ""),
        order_filter=call.text("orderFilter"),
        stop_order_type=call.text("stopOrderType"),
        now_ms=call.now_ms,
    )
    return {"list": [_ids(order) for order in cancelled], "success": "1"}


def batch(handler: Handler) -> Handler:
    """The batch form of create, amend or cancel: up to 20 items, each with its own code in ``batch_codes``."""

    def handle(call: Call) -> Result:
        items = call.params.get("request")
        if not isinstance(items, list) or not 1 <= len(items) <= BATCH_LIMIT:
            raise MalformedError(f"params error: request must hold 1 to {BATCH_LIMIT} orders")
        rows: list[dict[str, Any]] = []
        codes: list[dict[str, Any]] = []
        for item in items:
            params = {**_as_object(item), "category": call.text("category")}
            part = Call(call.exchange, params, call.now_ms, call.signer, call.received_ns, call.via, call.after)
            result = answer(handler, part)
            refused = isinstance(result, Refusal)
            rows.append({} if isinstance(result, Refusal) else {**result, "symbol": params.get("symbol", "")})
            codes.append(
                {"code": result.code, "msg": result.message}
                if isinstance(result, Refusal)
                else {"code": 0, "msg": "OK"}
            )
            assert refused == (codes[-1]["code"] != 0), codes
        return {"list": rows, BATCH_CODES: codes}

    return handle


BATCH_CODES = "batch_codes"
"""Key under which a batch leaves what belongs into retExtInfo."""


def realtime(call: Call) -> Result:
    """order/realtime."""
    if not is_linear(call):
        return empty_list(call)
    found = queries.realtime(call.account, call.params)
    chosen, cursor = queries.page(found, call.params, default=20, maximum=50)
    return {"category": "linear", "list": [order_row(order) for order in chosen], "nextPageCursor": cursor}


def history(call: Call) -> Result:
    """order/history."""
    if not is_linear(call):
        return empty_list(call)
    found = queries.history(call.account, call.params, call.now_ms)
    chosen, cursor = queries.page(found, call.params, default=20, maximum=50)
    extra = {"extraFees": ""}
    rows = [order_row(order) | extra for order in chosen]
    return {"category": "linear", "list": rows, "nextPageCursor": cursor}


def executions(call: Call) -> Result:
    """execution/list."""
    if not is_linear(call):
        return empty_list(call)
    found = queries.executions(call.account, call.params, call.now_ms)
    chosen, cursor = queries.page(found, call.params, default=50, maximum=100)
    return {"category": "linear", "list": [execution_row(row) for row in chosen], "nextPageCursor": cursor}


def disconnect_cancel_all(call: Call) -> Result:
    """order/disconnected-cancel-all: taken note of; a retail key has no such protection, so nothing comes of it."""
    call.whole("timeWindow", 0, 3, 300)
    return {}


def log_request(call: Call, outcome: Order | Refusal | None) -> None:
    """Note an order/create as it arrived. None: it was lost before the exchange saw it."""
    refusal = outcome if isinstance(outcome, Refusal) else None
    code = None if outcome is None else 0 if refusal is None else refusal.code
    call.exchange.state.requests.append(
        Request(
            api_key=call.account.api_key,
            order_link_id=call.text("orderLinkId"),
            symbol=call.text("symbol"),
            side=call.text("side"),
            order_type=call.text("orderType"),
            qty=call.text("qty"),
            price=call.text("price"),
            reduce_only=read_bool(call.params, "reduceOnly"),
            stop_loss=call.text("stopLoss"),
            take_profit=call.text("takeProfit"),
            via=call.via,
            received_ns=call.received_ns,
            ret_code=code,
            ret_msg="" if refusal is None else refusal.message,
            order_id=outcome.order_id if isinstance(outcome, Order) else "",
        )
    )
    forget_oldest(call.exchange.state.requests, KEPT_REQUESTS)
    call.exchange.changes += 1


def _open_order(call: Call, purpose: str) -> Order:
    symbol = read_symbol(call.params)
    order_id, link_id = call.text("orderId"), call.text("orderLinkId")
    if not order_id and not link_id:
        raise MalformedError("params error: orderId or orderLinkId required")
    order = call.account.find_order(order_id, link_id)
    if order is None or order.order_id not in call.account.open_orders or order.symbol != symbol:
        raise MalformedError(_NOT_THERE[purpose], code=110001)
    return order


def _ids(order: Order) -> dict[str, Any]:
    return {"orderId": order.order_id, "orderLinkId": order.order_link_id}


def _as_object(item: object) -> Mapping[str, Any]:
    if not isinstance(item, dict):
        raise MalformedError("params error: request items must be objects")
    return item
