"""The exchange's REST side: what it answers, refuses and does not show yet."""

from bisect import bisect_right
from collections import Counter, deque
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

from backstop.domain.ids import Symbol
from backstop.domain.slot import Slot
from tests.simulation.books import ExchangeOrder, Market, Row
from tests.simulation.exchange import Exchange
from tests.simulation.faults import Kind

Reply = dict[str, Any]

ORDERS_PER_S = 10
READS_PER_S = 50
REQUESTS_PER_5S = 600
_RECENT_CLOSED = 500
_ACTIVE = ("New", "PartiallyFilled")
_DAY = 86_400_000

ENDPOINTS = (
    "private_get_v5_position_list",
    "private_get_v5_account_info",
    "private_get_v5_execution_list",
    "private_get_v5_order_realtime",
    "private_get_v5_order_history",
    "private_get_v5_account_wallet_balance",
    "private_post_v5_order_create",
    "private_post_v5_order_cancel",
    "private_post_v5_position_trading_stop",
)


class Window:
    """Requests of the last so many milliseconds."""

    def __init__(self, length: int) -> None:
        self._length = length
        self._times: deque[int] = deque()
        self.most = 0

    def add(self, now: int) -> int:
        times = self._times
        times.append(now)
        while times[0] <= now - self._length:
            times.popleft()
        self.most = max(self.most, len(times))
        return len(times)


class Venue:
    """Answers requests by ccxt's method names. `down` and `lag` are set from outside."""

    def __init__(self, exchange: Exchange) -> None:
        self.exchange = exchange
        self.maintenance_until = 0
        self.down: dict[str, int] = {}
        """Until when an endpoint does not work."""
        self.lag: dict[str, int] = {}
        """By how many milliseconds an endpoint's answers are behind."""
        self.pressure_until = 0
        self.key_code: int | None = None
        """With which code the key is refused, if it is."""
        self.key_refused_at = 0
        self.banned_until = 0
        self.requests: Counter[str] = Counter()
        self.asked_at: dict[str, int] = {}
        self.order_rate, self.cancel_rate, self.read_rate = Window(1_000), Window(1_000), Window(1_000)
        self.all_rate = Window(5_000)

    def answer(self, method: str, parameters: Mapping[str, Any], signed_at: int) -> Reply:
        now = self.exchange.heap.now
        self.requests[method] += 1
        self.asked_at[method] = now
        if self.all_rate.add(now) > REQUESTS_PER_5S:
            return _refuse(10429, "access too frequent")
        if now < self.maintenance_until or now < self.down.get(method, 0):
            return _refuse(10016, "System error. Please try again later.")
        if method.startswith("private") and not signed_at - 1_000 < now <= signed_at + 5_000:
            return _refuse(10002, "invalid request, please check your server timestamp or recv_window param.")
        if method.startswith("private") and self.key_code is not None:
            return _refuse(self.key_code, "the key is not taken")
        match method:
            case "private_post_v5_order_create":
                return self._create(parameters, now)
            case "private_post_v5_order_cancel":
                return self._cancel(parameters, now)
            case "private_post_v5_position_trading_stop":
                return self._trading_stop(parameters)
            case "private_post_v5_position_set_leverage":
                return self._set_leverage(parameters)
            case "public_get_v5_market_time":
                return _ok({})
            case "public_get_v5_market_instruments_info":
                return _ok({"list": [market.row() for market in self.exchange.markets.values() if market.is_listed]})
            case _:
                return self._show(method, parameters, now)

    def allow_key(self) -> None:
        self.key_code = None

    @property
    def serves(self) -> bool:
        """Whether it answers all that is asked of it."""
        return self.answers and self.key_code is None

    @property
    def answers(self) -> bool:
        """Whether all that is asked of it gets an answer, if only to be refused."""
        return self.exchange.heap.now >= max(self.maintenance_until, self.banned_until) and not self.down

    def _show(self, method: str, parameters: Mapping[str, Any], now: int) -> Reply:
        if self.read_rate.add(now) > READS_PER_S:
            return _refuse(10006, "Too many visits. Exceeded the API Rate Limit.")
        seen_until = now - self.lag.get(method, 0)
        match method:
            case "private_get_v5_position_list":
                symbol = parameters.get("symbol")
                if symbol is not None and not self.exchange.markets[symbol].is_listed:
                    return _refuse(10001, "params error: symbol invalid")
                return self._page(self._positions(seen_until, symbol), parameters)
            case "private_get_v5_execution_list":
                return self._page(self._executions(parameters, seen_until), parameters)
            case "private_get_v5_order_realtime" if parameters.get("orderFilter") == "StopOrder":
                return self._page(self._stops(seen_until), parameters)
            case "private_get_v5_order_realtime":
                return _ok({"list": self._realtime(str(parameters["orderLinkId"]), seen_until)})
            case "private_get_v5_order_history":
                return _ok({"list": self._history(str(parameters["orderLinkId"]), seen_until)})
            case "private_get_v5_account_info":
                return _ok({"marginMode": "REGULAR_MARGIN", "unifiedMarginStatus": 6})
            case "private_get_v5_account_wallet_balance":
                return _ok({"list": [self.exchange.wallet_row()]})
            case _:
                return _refuse(10017, f"no such route: {method}")

    # ---- doing

    def _create(self, body: Mapping[str, Any], now: int) -> Reply:
        if self.order_rate.add(now) > ORDERS_PER_S or (
            now < self.pressure_until and self.exchange.dice.of(Kind.PRESSURE).random() < 0.6
        ):
            return _refuse(10006, "Too many visits. Exceeded the API Rate Limit.")
        link = str(body.get("orderLinkId", ""))
        if link and link in self.exchange.orders:
            return _refuse(110072, "OrderLinkedID is duplicate")
        if len(link) > 36:
            return _refuse(10001, "order link id is too long")
        if self.exchange.dice.hits(Kind.STRANGE_CODE):
            return _refuse(177_777, "something new")
        refusal = self._unacceptable(body)
        if refusal is not None:
            return refusal
        stop = body.get("stopLoss")
        order = self.exchange.place(
            _slot(body),
            buys=body["side"] == "Buy",
            qty=Decimal(str(body["qty"])),
            reduce_only=bool(body.get("reduceOnly", False)),
            link=link,
            stop=Decimal(str(stop)) if stop is not None else None,
            stop_by=str(body.get("slTriggerBy", "LastPrice")),
            limit=Decimal(str(body["price"])) if body["orderType"] == "Limit" else None,
            post_only=body.get("timeInForce") == "PostOnly",
        )
        return _ok({"orderId": order.id, "orderLinkId": link})

    def _cancel(self, body: Mapping[str, Any], now: int) -> Reply:
        if self.cancel_rate.add(now) > ORDERS_PER_S:
            return _refuse(10006, "Too many visits. Exceeded the API Rate Limit.")
        if not self.exchange.cancel(str(body["orderLinkId"])):
            return _refuse(110001, "order not exists or too late to cancel")
        return _ok({"orderLinkId": str(body["orderLinkId"])})

    def _unacceptable(self, body: Mapping[str, Any]) -> Reply | None:
        if body.get("symbol") not in self.exchange.markets:
            return _refuse(10001, "Not supported symbols")
        book = self.exchange.books.get(_slot(body))
        if book is None:
            return _WRONG_INDEX
        market = book.market
        if not market.is_listed:
            return _refuse(110074, "This contract is not live")
        buys, reduce_only = body["side"] == "Buy", bool(body.get("reduceOnly", False))
        try:
            qty = Decimal(str(body["qty"]))
        except InvalidOperation:
            return _refuse(10001, "qty is not a number")
        if qty < book.listing.least or qty % book.listing.step != 0 or qty > book.listing.most:
            return _refuse(10001, "The number of contracts exceeds a limit allowed")
        if reduce_only or book.closes(buys):
            against = book.against(buys)
            return (
                None if against > 0 else _refuse(110017, "current position is zero, cannot fix reduce-only order qty")
            )
        if market.delivers_at is not None:
            return _refuse(30228, "No new positions during delisting")
        if market.value_cap is not None and (abs(book.size) + qty) * market.last > market.value_cap:
            return _refuse(110090, "Order placement failed as your position may exceed the max limit")
        if body["orderType"] == "Limit" and _beyond_band(market, Decimal(str(body["price"])), buys=buys):
            return _refuse(110003, "Order price exceeds the allowable range.")
        if body["orderType"] == "Limit" and (
            (limit := Decimal(str(body["price"]))) <= 0 or limit % book.listing.tick != 0
        ):
            return _refuse(10001, "params error: price invalid")
        if qty * market.last < 5:
            return _refuse(110094, "Order does not meet minimum order value 5USDT")
        leverage = Decimal(market.leverage or "1")
        margin = sum(abs(other.size) * other.market.mark for other in self.exchange.books.values()) / leverage
        if margin + qty * market.last / leverage > self.exchange.equity():
            return _refuse(110007, "ab not enough for new order")
        stop = body.get("stopLoss")
        base = market.price_by(str(body.get("slTriggerBy", "LastPrice")))
        if body["orderType"] == "Limit" and body.get("slTriggerBy", "LastPrice") == "LastPrice":
            base = Decimal(str(body["price"]))
        if stop is not None and (Decimal(str(stop)) >= base) is buys:
            return _refuse(10001, f"StopLoss set for {body['side']} position should lower than base_price")
        return None

    def _trading_stop(self, body: Mapping[str, Any]) -> Reply:
        book = self.exchange.books.get(_slot(body))
        if book is None:
            return _WRONG_INDEX
        stop = Decimal(str(body["stopLoss"]))
        if book.size == 0:
            return _refuse(10001, "can not set tp/sl/ts for zero position")
        stop_by = str(body["slTriggerBy"])
        if (stop >= book.market.price_by(stop_by)) is (book.size > 0):
            return _refuse(10001, "StopLoss set for position should lower than base_price")
        if stop == book.stop and stop_by == book.stop_by:
            return _refuse(34040, "not modified")
        self.exchange.set_stop(book.slot, stop, stop_by)
        return _ok({})

    def _set_leverage(self, body: Mapping[str, Any]) -> Reply:
        symbol, wanted = str(body["symbol"]), str(body["buyLeverage"])
        if self.exchange.markets[symbol].value_cap is not None and Decimal(wanted) > 5:
            return _refuse(110013, "Cannot set leverage due to risk limit level.")
        if self.exchange.markets[symbol].leverage == wanted:
            return _refuse(110043, "leverage not modified")
        self.exchange.set_leverage(symbol, wanted)
        return _ok({})

    # ---- showing

    def _positions(self, seen_until: int, symbol: str | None) -> list[Row]:
        """What is held; of one symbol its row even when flat."""
        rows = []
        for book in self.exchange.books.values():
            if symbol is not None and book.listing.symbol != symbol:
                continue
            at = bisect_right(book.versions, seen_until, key=lambda version: version[0])
            row = book.versions[max(at - 1, 0)][1]
            if row["side"] or symbol is not None:
                rows.append({**row, "markPrice": str(book.market.mark)})
        return rows

    def _stops(self, seen_until: int) -> list[Row]:
        """The positions' own stops, which are orders that wait."""
        rows = []
        for book in self.exchange.books.values():
            at = bisect_right(book.versions, seen_until, key=lambda version: version[0])
            _, row, stop_by = book.versions[max(at - 1, 0)]
            if row["side"] and row["stopLoss"] != "0":
                rows.append(
                    {
                        "category": "linear",
                        "symbol": row["symbol"],
                        "positionIdx": book.idx,
                        "orderId": f"s{row['symbol']}{book.idx or ''}",
                        "orderLinkId": "",
                        "orderStatus": "Untriggered",
                        "stopOrderType": "StopLoss",
                        "triggerPrice": row["stopLoss"],
                        "triggerBy": stop_by,
                    }
                )
        return rows

    def _executions(self, parameters: Mapping[str, Any], seen_until: int) -> list[Row]:
        """Newest first."""
        link = parameters.get("orderLinkId")
        if link is not None:
            found = self.exchange.executions_of.get(str(link), [])
            return [execution.row for execution in reversed(found) if execution.at <= seen_until]
        first = self.exchange.executions_until(int(parameters["startTime"]) - 1)
        last = self.exchange.executions_until(min(int(parameters["endTime"]), seen_until))
        return [execution.row for execution in reversed(self.exchange.executions[first:last])]

    def _version(self, link: str, seen_until: int) -> tuple[ExchangeOrder, Row] | None:
        order = self.exchange.orders.get(link)
        if order is None:
            return None
        at = bisect_right(order.versions, seen_until, key=lambda version: version[0])
        return (order, order.versions[at - 1][1]) if at else None

    def _realtime(self, link: str, seen_until: int) -> list[Row]:
        found = self._version(link, seen_until)
        if found is None:
            return []
        order, row = found
        if row["orderStatus"] not in _ACTIVE:
            assert order.closed_at is not None
            forgotten = order.closed_no <= self.exchange.closed - _RECENT_CLOSED
            if order.closed_at < self.exchange.wiped_at or forgotten:
                return []
        return [row]

    def _history(self, link: str, seen_until: int) -> list[Row]:
        found = self._version(link, seen_until)
        if found is None or found[1]["orderStatus"] in _ACTIVE:
            return []
        order, row = found
        assert order.closed_at is not None
        if order.filled == 0 and order.closed_at < self.exchange.heap.now - _DAY:
            return []
        return [row]

    def _page(self, rows: list[Row], parameters: Mapping[str, Any]) -> Reply:
        size = 1 if self.exchange.dice.hits(Kind.SMALL_PAGES) else int(parameters.get("limit", 50))
        start = int(parameters.get("cursor") or 0)
        end = start + size
        return _ok({"list": rows[start:end], "nextPageCursor": str(end) if end < len(rows) else ""})


def _beyond_band(market: Market, price: Decimal, *, buys: bool) -> bool:
    if market.band is None:
        return False
    return price > market.mark * (1 + market.band) if buys else price < market.mark * (1 - market.band)


def _slot(body: Mapping[str, Any]) -> Slot:
    return Slot(Symbol(str(body["symbol"])), int(body.get("positionIdx", 0)))


def _ok(result: Mapping[str, Any]) -> Reply:
    return {"retCode": 0, "retMsg": "OK", "result": dict(result)}


def _refuse(code: int, message: str) -> Reply:
    return {"retCode": code, "retMsg": message, "result": {}}


_WRONG_INDEX = _refuse(10001, "position idx not match position mode")
