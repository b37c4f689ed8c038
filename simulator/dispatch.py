"""From a request to its answer: budgets, faults, the handler. REST and the trade socket share it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from simulator import handlers_account, handlers_market, handlers_trade
from simulator.handlers_trade import BATCH_CODES, batch
from simulator.handling import Call, Handler, answer
from simulator.model import Account, Refusal
from simulator.rate_limits import Budget
from simulator.venue import Venue

ORDER_RATE = 0
"""Marks endpoints whose budget is the account's own order rate."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One V5 path. ``rate`` is requests a second; None for public paths."""

    method: str
    path: str
    handler: Handler
    rate: int | None = None
    may_be_stale: bool = False


@dataclass(frozen=True, slots=True)
class Answer:
    """What to reply, and how late."""

    code: int
    message: str
    result: dict[str, Any] = field(default_factory=dict)
    ext_info: dict[str, Any] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)
    delay_ms: int = 0


@dataclass(frozen=True, slots=True)
class Silence:
    """No reply: the connection is dropped, or hangs."""

    hangs: bool


ENDPOINTS: dict[str, Endpoint] = {
    endpoint.path: endpoint
    for endpoint in (
        Endpoint("GET", "/v5/market/time", handlers_market.time),
        Endpoint("GET", "/v5/market/instruments-info", handlers_market.instruments_info),
        Endpoint("GET", "/v5/market/tickers", handlers_market.tickers),
        Endpoint("GET", "/v5/market/kline", handlers_market.kline),
        Endpoint("GET", "/v5/market/orderbook", handlers_market.order_book),
        Endpoint("GET", "/v5/market/recent-trade", handlers_market.recent_trade),
        Endpoint("GET", "/v5/market/price-limit", handlers_market.price_limit),
        Endpoint("GET", "/v5/market/risk-limit", handlers_market.risk_limit),
        Endpoint("GET", "/v5/asset/coin/query-info", handlers_market.coin_info, rate=5),
        Endpoint("GET", "/v5/user/query-api", handlers_account.query_api, rate=10),
        Endpoint("GET", "/v5/account/info", handlers_account.account_info, rate=50),
        Endpoint("GET", "/v5/account/instruments-info", handlers_market.instruments_info, rate=10),
        Endpoint("GET", "/v5/account/wallet-balance", handlers_account.wallet_balance, rate=50),
        Endpoint("GET", "/v5/account/fee-rate", handlers_account.fee_rate, rate=5),
        Endpoint("GET", "/v5/account/transaction-log", handlers_account.transaction_log, rate=25),
        Endpoint("POST", "/v5/account/set-margin-mode", handlers_account.set_margin_mode, rate=5),
        Endpoint("GET", "/v5/position/list", handlers_account.position_list, rate=50, may_be_stale=True),
        Endpoint("POST", "/v5/position/set-leverage", handlers_account.set_leverage, rate=10),
        Endpoint("POST", "/v5/position/switch-mode", handlers_account.switch_mode, rate=10),
        Endpoint("POST", "/v5/position/trading-stop", handlers_account.trading_stop, rate=10),
        Endpoint("GET", "/v5/position/closed-pnl", handlers_account.closed_pnl, rate=50),
        Endpoint("POST", "/v5/order/create", handlers_trade.create, rate=ORDER_RATE),
        Endpoint("POST", "/v5/order/amend", handlers_trade.amend, rate=ORDER_RATE),
        Endpoint("POST", "/v5/order/cancel", handlers_trade.cancel, rate=ORDER_RATE),
        Endpoint("POST", "/v5/order/cancel-all", handlers_trade.cancel_all, rate=ORDER_RATE),
        Endpoint("POST", "/v5/order/create-batch", batch(handlers_trade.create), rate=ORDER_RATE),
        Endpoint("POST", "/v5/order/amend-batch", batch(handlers_trade.amend), rate=ORDER_RATE),
        Endpoint("POST", "/v5/order/cancel-batch", batch(handlers_trade.cancel), rate=ORDER_RATE),
        Endpoint("GET", "/v5/order/realtime", handlers_trade.realtime, rate=50, may_be_stale=True),
        Endpoint("GET", "/v5/order/history", handlers_trade.history, rate=50, may_be_stale=True),
        Endpoint("GET", "/v5/execution/list", handlers_trade.executions, rate=50, may_be_stale=True),
        Endpoint("POST", "/v5/order/disconnected-cancel-all", handlers_trade.disconnect_cancel_all, rate=5),
    )
}
"""The one table of what is served. Rates: Bybit V5, "Rate Limit Rules"."""


def spend(venue: Venue, account: Account, endpoint: Endpoint, params: Mapping[str, Any]) -> Budget:
    """Take a request from the account's budget of this endpoint."""
    assert endpoint.rate is not None, endpoint
    limit = endpoint.rate or account.order_rate
    return venue.limits.spend(account.uid, endpoint.path, limit, venue.now_ms())


def dispatch(
    venue: Venue, endpoint: Endpoint, account: Account | None, params: Mapping[str, Any], *, received_ns: int, via: str
) -> Answer | Silence:
    """Answer one authenticated (or public) request, as the faults that are on allow.

    What the request sets off happens on the next turn of the loop, so the answer normally leaves first.
    """
    api_key, symbol, path = account.api_key if account else None, _symbol(params), endpoint.path
    faults, headers = venue.faults, {}
    if account is not None and endpoint.rate is not None:
        budget = spend(venue, account, endpoint, params)
        headers = budget.headers()
        limited = faults.take("rate_limited", api_key, symbol, path=path)
        if limited is not None and not limited.params["reset_header"]:
            headers = {}
        elif limited is not None:
            headers["X-Bapi-Limit-Reset-Timestamp"] = str(venue.now_ms() + 1000)
        if not budget.allowed or limited is not None:
            return Answer(10006, "Too many visits. Exceeded the API Rate Limit.", headers=headers)
    refused = faults.take("ret_code", api_key, symbol, path=path)
    if refused is not None:
        return Answer(refused.number("code"), str(refused.params["message"]), headers=headers)
    short = faults.take("page_limit", api_key, symbol) if endpoint.method == "GET" else None
    if short is not None:
        params = {**params, "limit": str(short.number("limit"))}
    shown = venue.as_read(account) if account is not None and endpoint.may_be_stale else account
    call = Call(venue.exchange, params, venue.now_ms(), shown, received_ns, via)
    lost = faults.take("drop_request", api_key, symbol, path=path)
    if lost is not None:
        if endpoint.handler is handlers_trade.create:
            handlers_trade.log_request(call, None)
        return Silence(lost.params["how"] == "hang")
    result = answer(endpoint.handler, call)
    asyncio.get_running_loop().call_soon(_finish, venue, call)
    unanswered = faults.take("ack_lost", api_key, symbol, path=path)
    if unanswered is not None:
        return Silence(unanswered.params["how"] == "hang")
    late = faults.take("ack_delay", api_key, symbol, path=path)
    delay_ms = late.number("ms") if late is not None else 0
    if isinstance(result, Refusal):
        return Answer(result.code, result.message, headers=headers, delay_ms=delay_ms)
    codes = result.pop(BATCH_CODES, None)
    ext_info = {} if codes is None else {"list": codes}
    return Answer(0, "OK", result, ext_info, headers, delay_ms)


def _finish(venue: Venue, call: Call) -> None:
    for work in call.after:
        work()
    venue.publish()


def _symbol(params: Mapping[str, Any]) -> str | None:
    symbol = params.get("symbol")
    return symbol if isinstance(symbol, str) else None
