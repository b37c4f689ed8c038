"""The control port under /sim: accounts, prices, faults, trades by hand, and what happened.

Errors are 4xx JSON: ``{"error": …, "field": …}``, saying which field and what is allowed. No rate limits here.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict
from decimal import Decimal
from typing import Any

from aiohttp import web

from simulator.control_faults import FaultSwitch
from simulator.control_replay import Replay
from simulator.faults import FaultError
from simulator.instruments import INSTRUMENTS
from simulator.market import Walk, next_walk_price
from simulator.model import Account, MarginMode, OrderStatus, Request, Side
from simulator.numbers import is_multiple, parse, text
from simulator.order_checks import closes_in_hedge, read_bool
from simulator.rows import emit_position, execution_row, position_row
from simulator.settlement import fund, trade_by_hand
from simulator.sockets import encode
from simulator.sockets_public import PublicStream
from simulator.triggers import set_price
from simulator.venue import Venue

WALK_STEP_S = 0.1
_KEY_FIELDS = frozenset({"permissions", "readOnly", "ips", "deadlineDay", "expiredAt", "uta", "kycRegion"})
_ANY_AMOUNT = Decimal(10) ** 12
_Handler = Callable[[Mapping[str, Any]], Awaitable[dict[str, Any]]]


class Control:
    """Serves /sim."""

    def __init__(self, venue: Venue, public: PublicStream) -> None:
        self._venue = venue
        self._faults = FaultSwitch(venue, public)
        self.replay = Replay(lambda tick: self._set_price(tick.symbol, tick.last, tick.mark, tick.index))

    def routes(self) -> list[web.RouteDef]:
        """The paths and who answers them."""
        table: list[tuple[str, str, _Handler]] = [
            ("POST", "accounts", self.open_account),
            ("POST", "key", self.key),
            ("POST", "price", self.price),
            ("POST", "walk", self.walk),
            ("POST", "replay", self.replay.start),
            ("GET", "replay", self.replay.view),
            ("DELETE", "replay", self.replay.stop),
            ("POST", "limits", self.limits),
            ("POST", "depth", self.depth),
            ("POST", "funding", self.funding),
            ("POST", "manual", self.manual),
            ("POST", "modes", self.modes),
            ("POST", "reset", self.reset),
            ("POST", "faults", self._faults.add),
            ("GET", "faults", self._faults.view),
            ("DELETE", "faults", self._faults.clear),
            ("GET", "orders", self.orders),
            ("GET", "executions", self.executions),
            ("GET", "positions", self.positions),
            ("GET", "health", self.health),
        ]
        return [web.route(method, f"/sim/{name}", _as_route(handler)) for method, name, handler in table]

    async def keep_walking(self) -> None:
        """Move every walking price for ever."""
        while True:
            await asyncio.sleep(WALK_STEP_S)
            for symbol, instrument in INSTRUMENTS.items():
                quote = self._venue.exchange.quote(symbol)
                if quote.walk is not None:
                    quote.walk.steps += 1
                    price = next_walk_price(quote, quote.walk, instrument)
                    self._set_price(symbol, price, price, price)

    async def open_account(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """Open a funded account {api_key, api_secret, balance ["10000"], order_rate [10]}; again changes no wallet."""
        key, secret = _word(body, "api_key"), _word(body, "api_secret")
        balance = _number(body, "balance", default="10000", low=Decimal(0))
        rate = _number(body, "order_rate", low=Decimal(1)) if body.get("order_rate") is not None else None
        account = self._venue.exchange.open_account(
            key, secret, balance, self._venue.now_ms(), None if rate is None else int(rate)
        )
        return {"api_key": key, "uid": account.uid, "balance": text(account.wallet)}

    async def key(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """Change what user/query-api tells of a key {api_key, permissions, readOnly, ips, deadlineDay, expiredAt, uta,
        kycRegion} and account/info {unifiedMarginStatus}; only what is named."""
        account = self._venue.exchange.account(_word(body, "api_key"))
        if account is None:
            raise _InvalidError("api_key", "has no account here")
        for name in body:
            if name not in {"api_key", "unifiedMarginStatus", *_KEY_FIELDS}:
                raise _InvalidError(name, f"not one of {', '.join(sorted(_KEY_FIELDS))}, unifiedMarginStatus")
        account.key |= {name: value for name, value in body.items() if name in _KEY_FIELDS}
        if "unifiedMarginStatus" in body:
            account.unified_status = int(_number(body, "unifiedMarginStatus", low=Decimal(1)))
        self._venue.exchange.changes += 1
        return {"api_key": account.api_key, **account.key, "unifiedMarginStatus": account.unified_status}

    async def price(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """Set prices {symbol, last, mark [last], index [last]}; triggers and fills follow before the answer.

        The price is taken as it is, off the tick grid too: market orders fill at exactly ``last``.
        """
        symbol = _symbol(body)
        instrument = INSTRUMENTS[symbol]
        prices = {}
        for name in ("last", "mark", "index"):
            value = _number(body, name, default=body.get("last"), low=instrument.min_price, high=instrument.max_price)
            prices[name] = value
        self._set_price(symbol, prices["last"], prices["mark"], prices["index"])
        return {"symbol": symbol, **{name: text(value) for name, value in prices.items()}}

    async def walk(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """Switch a random walk {symbol, on [true], volatility ["0.0005" a step], seed [1]}; ten steps a second."""
        symbol = _symbol(body)
        quote = self._venue.exchange.quote(symbol)
        on = body.get("on", True)
        if not isinstance(on, bool):
            raise _InvalidError("on", "must be true or false")
        volatility = _number(body, "volatility", default="0.0005", low=Decimal(0), high=Decimal("0.5"))
        seed = _number(body, "seed", default=1, low=Decimal(0))
        quote.walk = Walk(volatility, int(seed)) if on else None
        self._venue.exchange.changes += 1
        return {"symbol": symbol, "on": on, "volatility": text(volatility), "seed": int(seed)}

    async def limits(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """What an address may ask {requests_per_5s [null: no limit; Bybit 600], ban_s [600]}; beyond it, it is banned."""
        most = body.get("requests_per_5s")
        address = self._venue.address
        address.most = None if most is None else int(_number(body, "requests_per_5s", low=Decimal(1)))
        address.ban_ms = int(_number(body, "ban_s", default=600, low=Decimal(0)) * 1000)
        address.clear()
        return {"requests_per_5s": address.most, "ban_s": address.ban_ms / 1000}

    async def depth(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """Limit the coins each taker order finds {symbol, qty}; qty null takes the limit away."""
        symbol = _symbol(body)
        quote = self._venue.exchange.quote(symbol)
        quote.depth = None if body.get("qty") is None else _number(body, "qty", low=Decimal(0))
        self._set_price(symbol, quote.last, quote.mark, quote.index)
        return {"symbol": symbol, "qty": None if quote.depth is None else text(quote.depth)}

    async def funding(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """Settle funding now {symbol, rate [the ticker's], api_key [all]}."""
        symbol = _symbol(body)
        quote = self._venue.exchange.quote(symbol)
        rate = _number(body, "rate", default=quote.funding_rate, low=Decimal(-1), high=Decimal(1))
        count = fund(self._venue.exchange, symbol, rate, self._venue.now_ms(), str(body.get("api_key") or ""))
        self._venue.publish()
        return {"symbol": symbol, "rate": text(rate), "positions": count}

    async def manual(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """A market trade made by hand {api_key, symbol, side Buy|Sell, qty, reduce_only [false], position_idx}."""
        account, symbol = self._account(body), _symbol(body)
        try:
            side = Side(str(body.get("side")).capitalize())
        except ValueError:
            raise _InvalidError("side", f"{body.get('side')!r} is not one of Buy, Sell") from None
        instrument = INSTRUMENTS[symbol]
        qty = _number(body, "qty", low=instrument.min_qty)
        if not is_multiple(qty, instrument.qty_step):
            raise _InvalidError("qty", f"{text(qty)} is not a multiple of the lot step {text(instrument.qty_step)}")
        default_idx = 0 if not account.is_hedged(symbol) else 1 if side is Side.BUY else 2
        position_idx = int(_number(body, "position_idx", default=default_idx, low=Decimal(0), high=Decimal(2)))
        if account.is_hedged(symbol) != (position_idx != 0):
            raise _InvalidError("position_idx", "0 in one-way mode, 1 or 2 in hedge mode")
        order = trade_by_hand(
            self._venue.exchange,
            account,
            symbol=symbol,
            side=side,
            qty=qty,
            position_idx=position_idx,
            reduce_only=read_bool(body, "reduce_only") or closes_in_hedge(position_idx, side),
            now_ms=self._venue.now_ms(),
        )
        self._venue.publish()
        average = order.cum_exec_value / order.cum_exec_qty if order.cum_exec_qty else Decimal(0)
        return {
            "order_id": order.order_id,
            "status": order.status,
            "filled_qty": text(order.cum_exec_qty),
            "avg_price": text(average),
        }

    async def modes(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """How an account is set up, as its owner does by hand {api_key, symbol, hedge, leverage, margin_mode}; what is not
        named stays. As at the exchange, neither mode changes while something is held."""
        account, symbol = self._account(body), _symbol(body)
        hedge, margin_mode = body.get("hedge"), body.get("margin_mode")
        if hedge is not None:
            if any(row.size for row in account.positions.values() if row.symbol == symbol):
                raise _InvalidError("hedge", f"{symbol} has a position")
            account.hedge[symbol] = read_bool(body, "hedge")
        if margin_mode is not None:
            if margin_mode not in list(MarginMode):
                raise _InvalidError("margin_mode", f"{margin_mode!r} is not one of {', '.join(MarginMode)}")
            if any(row.size for row in account.positions.values()):
                raise _InvalidError("margin_mode", "something is held")
            account.margin_mode = MarginMode(margin_mode)
        if body.get("leverage") is not None:
            account.leverage[symbol] = _number(body, "leverage", low=Decimal(1), high=INSTRUMENTS[symbol].max_leverage)
            for row in account.rows(symbol):
                emit_position(self._venue.exchange, account, symbol, row.position_idx)
        self._venue.exchange.changes += 1
        self._venue.publish()
        return {
            "symbol": symbol,
            "hedge": account.is_hedged(symbol),
            "leverage": text(account.leverage_of(symbol)),
            "margin_mode": account.margin_mode,
        }

    async def reset(self, _body: Mapping[str, Any]) -> dict[str, Any]:
        """Everything as at the first start: no accounts, no faults, start prices. Private sockets are closed."""
        await self.replay.end()
        self._venue.exchange.reset()
        self._venue.faults.clear()
        self._venue.limits.clear()
        self._venue.address.clear()
        for connection in (*self._venue.private, *self._venue.trade):
            await connection.close(1001)
        for symbol in INSTRUMENTS:
            quote = self._venue.exchange.quote(symbol)
            self._set_price(symbol, quote.last, quote.mark, quote.index)
        return {"status": "reset"}

    async def orders(self, query: Mapping[str, Any]) -> dict[str, Any]:
        """Every order/create as it arrived, oldest first [?api_key=]. ``ret_code`` null: lost by drop_request."""
        wanted = query.get("api_key")
        requests = self._venue.exchange.state.requests
        return {"items": [self._request_view(one) for one in requests if wanted in {None, one.api_key}]}

    async def executions(self, query: Mapping[str, Any]) -> dict[str, Any]:
        """Every execution of an account, oldest first, in Bybit's words {?api_key=}."""
        return {"items": [execution_row(row) for row in self._account(query).executions]}

    async def positions(self, query: Mapping[str, Any]) -> dict[str, Any]:
        """Open positions of an account {?api_key=}."""
        account = self._account(query)
        held = [position for position in account.positions.values() if position.size]
        return {"items": [self._position_view(account, position_row_of) for position_row_of in held]}

    async def health(self, _query: Mapping[str, Any]) -> dict[str, Any]:
        """That it runs, and who is connected."""
        return {
            "status": "ok",
            "time": self._venue.now_ms(),
            "accounts": len(self._venue.exchange.state.accounts),
            "connections": {
                "public": len(self._venue.public),
                "private": len(self._venue.private),
                "trade": len(self._venue.trade),
            },
        }

    def _set_price(self, symbol: str, last: Decimal, mark: Decimal, index: Decimal) -> None:
        now = self._venue.now_ms()
        set_price(self._venue.exchange, symbol, last=last, mark=mark, index=index, now_ms=now)
        self._venue.publish()

    def _account(self, body: Mapping[str, Any]) -> Account:
        key = _word(body, "api_key")
        account = self._venue.exchange.account(key)
        if account is None:
            raise _InvalidError("api_key", f"{key} has no account here; open it with POST /sim/accounts", status=404)
        return account

    def _request_view(self, one: Request) -> dict[str, Any]:
        account = self._venue.exchange.account(one.api_key)
        order = account.find_order(one.order_id, "") if account and one.order_id else None
        status = order.status if order is not None else OrderStatus.REJECTED if one.ret_code else "Lost"
        return {
            **asdict(one),
            "status": status,
            "filled_qty": text(order.cum_exec_qty) if order is not None else "0",
        }

    def _position_view(self, account: Account, position: Any) -> dict[str, Any]:
        row = position_row(account, position, self._venue.exchange.quote(position.symbol))
        return {
            "symbol": row["symbol"],
            "position_idx": row["positionIdx"],
            "side": row["side"],
            "qty": row["size"],
            "entry_price": row["avgPrice"],
            "mark_price": row["markPrice"],
            "unrealised_pnl": row["unrealisedPnl"],
            "leverage": row["leverage"],
            "stop_loss": row["stopLoss"],
            "take_profit": row["takeProfit"],
            "trailing_stop": row["trailingStop"],
            "status": row["positionStatus"],
        }


class _InvalidError(FaultError):
    """A request that can't be served; says which field and what is allowed."""

    def __init__(self, field: str, message: str, status: int = 422) -> None:
        super().__init__(field, message)
        self.status = status


def _as_route(handler: _Handler) -> Callable[[web.Request], Awaitable[web.Response]]:
    async def route(request: web.Request) -> web.Response:
        if request.method == "GET":
            body: Any = dict(request.query)
        else:
            try:
                body = json.loads(await request.read() or b"{}", parse_float=Decimal)
            except ValueError as error:
                return _json(400, {"error": f"the body is not JSON: {error}", "field": None})
        if not isinstance(body, dict):
            return _json(400, {"error": "the body must be a JSON object", "field": None})
        try:
            return _json(200, await handler(body))
        except _InvalidError as error:
            return _json(error.status, {"error": str(error), "field": error.field})
        except FaultError as error:
            return _json(422, {"error": str(error), "field": error.field})

    return route


def _json(status: int, body: dict[str, Any]) -> web.Response:
    return web.Response(status=status, text=encode(body), content_type="application/json")


def _word(body: Mapping[str, Any], name: str) -> str:
    value = body.get(name)
    if not isinstance(value, str) or not value.strip():
        raise _InvalidError(name, "required, a text that is not empty")
    return value


def _symbol(body: Mapping[str, Any]) -> str:
    symbol = _word(body, "symbol")
    if symbol not in INSTRUMENTS:
        raise _InvalidError("symbol", f"{symbol} is not one of {', '.join(INSTRUMENTS)}")
    return symbol


def _number(
    body: Mapping[str, Any], name: str, *, default: object = None, low: Decimal, high: Decimal = _ANY_AMOUNT
) -> Decimal:
    value = body.get(name)
    number = parse(default if value is None else value)
    if number is None or not low <= number <= high:
        raise _InvalidError(name, f"{value!r} is not a number from {text(low)} to {text(high)}")
    return number
