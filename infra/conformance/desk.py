"""One account at the exchange, spoken to by hand: signed requests, orders, and what became of them.

Source: Bybit V5, "Integration Guidance", "Place Order", "Rate Limit Rules".
"""

import asyncio
import hashlib
import hmac
import json
import time
from collections import deque
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from decimal import ROUND_DOWN, ROUND_UP, Decimal
from itertools import count
from typing import Any, TypeVar
from urllib.parse import urlencode
from uuid import uuid4

import aiohttp

from backstop.domain.money import plain
from backstop.vault import Credentials
from streamer.bybit.hosts import Hosts

Row = dict[str, Any]
T = TypeVar("T")

FINAL = frozenset({"Filled", "Cancelled", "Rejected", "Deactivated"})
WRONG_SECRET = "not-this-one"  # noqa: S105  # nosec B105 # wrong on purpose
_TIMEOUT = aiohttp.ClientTimeout(total=15)
_LIMIT_UNTIL_TOLD = 10
_MARKET_LIMIT = 50
"""What everyone may read has no limit of its own, but each address has one."""


class Differs(Exception):
    """The exchange does otherwise than is believed; says how."""


class NotHere(Exception):
    """This environment has no such thing."""


@dataclass(frozen=True, slots=True)
class Reply:
    """An HTTP answer. `code` is None where the body is no V5 envelope."""

    status: int
    code: int | None
    message: str
    result: Row
    extra: Row
    headers: dict[str, str]


@dataclass(frozen=True, slots=True)
class Rules:
    """The contract's grid and limits, in its own units."""

    tick: Decimal
    step: Decimal
    min_qty: Decimal
    max_qty: Decimal
    min_notional: Decimal
    max_leverage: Decimal

    def price(self, value: Decimal) -> Decimal:
        """Down to the tick."""
        return (value / self.tick).to_integral_value(ROUND_DOWN) * self.tick


@dataclass(frozen=True, slots=True)
class Way:
    """Where the account is and what can be done there. `cross`: have the last price reach a price, or wait for it to."""

    hosts: Hosts
    keys: Credentials
    symbol: str
    cross: Callable[["Desk", Decimal], Awaitable[None]]
    within_s: float = 8.0
    """How long the exchange may take for what it has accepted."""


class Desk:
    """`open` first."""

    rules: Rules
    unit: Decimal
    """A quantity that is small, and worth twice the least the exchange takes."""

    def __init__(self, way: Way, http: aiohttp.ClientSession) -> None:
        self.hosts, self.keys, self.symbol = way.hosts, way.keys, way.symbol
        self.within_s = way.within_s
        self.offset_ms = 0
        """How far our clock is ahead of the exchange's."""
        self._cross = way.cross
        self._http = http
        self._run = uuid4().hex[:10]
        self._numbers = count(1)
        self._sent: dict[str, deque[float]] = {}
        self._limits: dict[str, int] = {}
        self._touched = True

    # ---- requests

    def now_ms(self) -> int:
        """The exchange's time, as far as it is known."""
        return time.time_ns() // 1_000_000 - self.offset_ms

    async def call(
        self,
        method: str,
        path: str,
        fields: Row | None = None,
        *,
        keys: Credentials | None = None,
        skew_ms: int = 0,
        window: str = "5000",
    ) -> Reply:
        """One signed request, whatever comes of it; it waits its turn."""
        await self._turn(path)
        self._touched = self._touched or method == "POST"
        signer, stamp = keys or self.keys, str(self.now_ms() + skew_ms)
        query = urlencode(fields or {}) if method == "GET" else ""
        body = json.dumps(fields or {}) if method == "POST" else None
        text = f"{stamp}{signer.api_key}{window}{query or body or ''}"
        headers = {
            "X-BAPI-API-KEY": signer.api_key,
            "X-BAPI-TIMESTAMP": stamp,
            "X-BAPI-RECV-WINDOW": window,
            "X-BAPI-SIGN": hmac.new(signer.api_secret.encode(), text.encode(), hashlib.sha256).hexdigest(),
            "Content-Type": "application/json",
        }
        url = f"{self.hosts.rest}{path}" + (f"?{query}" if query else "")
        async with self._http.request(method, url, data=body, headers=headers, timeout=_TIMEOUT) as response:
            told = {name.lower(): value for name, value in response.headers.items()}
            text = (await response.text()).replace(signer.api_key, "(the key)")  # a refusal repeats what was signed
            return self._read(path, response.status, text, told)

    def _read(self, path: str, status: int, text: str, headers: dict[str, str]) -> Reply:
        if (limit := headers.get("x-bapi-limit", "")).isdecimal():
            self._limits[path] = int(limit)
        try:
            body = json.loads(text)
        except ValueError:
            body = None
        if not isinstance(body, dict) or not isinstance(body.get("retCode"), int):
            return Reply(status, None, text[:200], {}, {}, headers)
        result = body.get("result")
        return Reply(
            status,
            body["retCode"],
            str(body.get("retMsg", "")),
            result if isinstance(result, dict) else {},
            {"time": body.get("time"), **(body.get("retExtInfo") or {})},
            headers,
        )

    async def _turn(self, path: str) -> None:
        sent = self._sent.setdefault(path, deque())
        untold = _MARKET_LIMIT if path.startswith("/v5/market/") else _LIMIT_UNTIL_TOLD
        most = max(1, self._limits.get(path, untold) - 2)
        while sent and sent[0] <= time.monotonic() - 1.1:
            sent.popleft()
        if len(sent) >= most:
            await asyncio.sleep(max(0.0, sent[-most] + 1.1 - time.monotonic()))
        sent.append(time.monotonic())

    async def get(self, path: str, **fields: Any) -> Row:
        """The result of a query that must be answered."""
        return taken(await self.call("GET", path, fields)).result

    async def rows(self, path: str, **fields: Any) -> list[Row]:
        """The list of a query about linear contracts."""
        found: list[Row] = (await self.get(path, category="linear", **fields))["list"]
        return found

    async def post(self, path: str, **fields: Any) -> Reply:
        """A command about the symbol."""
        return await self.call("POST", path, {"category": "linear", "symbol": self.symbol, **fields})

    # ---- the market

    async def ticker(self) -> Row:
        """market/tickers of the symbol."""
        return (await self.rows("/v5/market/tickers", symbol=self.symbol))[0]

    async def last(self) -> Decimal:
        """The last price."""
        return Decimal((await self.ticker())["lastPrice"])

    async def near(self, fraction: str) -> Decimal:
        """A price so far from the last one: "-0.05" is 5 % below."""
        return self.rules.price(await self.last() * (1 + Decimal(fraction)))

    async def cross(self, price: Decimal) -> None:
        """The last price reaches this price. Raises `NotHere` when the market does not go there in time."""
        await self._cross(self, price)

    # ---- orders

    def link_id(self) -> str:
        """One never used before."""
        return f"cf-{self._run}-{next(self._numbers)}"

    async def order(self, side: str = "Buy", qty: Decimal | None = None, **fields: Any) -> Reply:
        """An order/create, a market order unless told otherwise."""
        wanted = {"side": side, "orderType": "Market", "qty": plain(self.unit if qty is None else qty), **fields}
        return await self.post("/v5/order/create", **{"orderLinkId": self.link_id(), **wanted})

    async def limit(self, price: Decimal, qty: Decimal | None = None, **fields: Any) -> Reply:
        """A limit order to buy."""
        return await self.order("Buy", qty, orderType="Limit", price=plain(price), **fields)

    async def rests(self, **fields: Any) -> Row:
        """A buy that waits 5 % below the market; its row once it is New."""
        answer = taken(await self.limit(await self.near("-0.05"), **fields))
        return await self.becomes(answer.result["orderId"], "New")

    async def find(self, order_id: str) -> Row | None:
        """The order as order/realtime tells of it, else as order/history."""
        for path in ("/v5/order/realtime", "/v5/order/history"):
            if found := await self.rows(path, symbol=self.symbol, orderId=order_id):
                return found[0]
        return None

    async def ends(self, answer: Reply) -> Row:
        """The order that was taken, once nothing more becomes of it."""
        return await self.becomes(taken(answer).result["orderId"], *FINAL)

    async def becomes(self, order_id: str, *statuses: str) -> Row:
        """The order once it is in one of these states."""

        async def look() -> Row | None:
            found = await self.find(order_id)
            return found if found is not None and found["orderStatus"] in statuses else None

        return await self.eventually(look, f"order {order_id} never became {' or '.join(sorted(statuses))}")

    async def open_orders(self, **fields: Any) -> list[Row]:
        """What waits of the symbol, stops too."""
        return await self.rows("/v5/order/realtime", symbol=self.symbol, limit="50", **fields)

    async def executions(self, order_id: str) -> list[Row]:
        """All fills of one order."""
        return await self.rows("/v5/execution/list", symbol=self.symbol, orderId=order_id)

    # ---- the position

    async def position(self) -> Row:
        """The one-way position, flat or not."""
        return (await self.rows("/v5/position/list", symbol=self.symbol))[0]

    async def holds(self, side: str, size: Decimal) -> Row:
        """The position once it has this side and size."""

        async def look() -> Row | None:
            row = await self.position()
            return row if Decimal(row["size"]) == size and (size == 0 or row["side"] == side) else None

        return await self.eventually(look, f"the position never became {side} {size}")

    async def opened(self, side: str = "Buy", units: int = 1, **fields: Any) -> tuple[Row, Row]:
        """A position of so many units opened at the market: its order's row and its own."""
        order = await self.ends(await self.order(side, self.unit * units, **fields))
        same(order["orderStatus"], "Filled", "a small market order's orderStatus")
        return order, await self.holds(side, self.unit * units)

    async def closed(self) -> Row:
        """Close whatever is held; the row of the closing order."""
        row = await self.position()
        side = "Sell" if row["side"] == "Buy" else "Buy"
        order = await self.ends(await self.order(side, Decimal(row["size"]), reduceOnly=True))
        await self.holds("", Decimal(0))
        return order

    async def eventually(self, look: Callable[[], Awaitable[T | None]], otherwise: str) -> T:
        """Look again until there is something to see. Raises `Differs` with `otherwise` when time is over."""
        deadline, pause = time.monotonic() + self.within_s, 0.01
        while (found := await look()) is None:
            if time.monotonic() > deadline:
                raise Differs(f"{otherwise} within {self.within_s:g} s")
            await asyncio.sleep(pause)
            pause = min(pause * 2, 0.5)
        return found

    # ---- before and after

    async def open(self) -> None:
        """Read the clock and the contract's rules.

        Raises:
            Differs: the account is not as the cases need it: flat, without orders, one-way on the symbol.
        """
        theirs = await self.call("GET", "/v5/market/time")
        if isinstance(theirs.extra["time"], int):
            self.offset_ms = time.time_ns() // 1_000_000 - theirs.extra["time"]
        row = (await self.rows("/v5/market/instruments-info", symbol=self.symbol))[0]
        lot = row["lotSizeFilter"]
        self.rules = Rules(
            tick=Decimal(row["priceFilter"]["tickSize"]),
            step=Decimal(lot["qtyStep"]),
            min_qty=Decimal(lot["minOrderQty"]),
            max_qty=Decimal(lot["maxOrderQty"]),
            min_notional=Decimal(lot["minNotionalValue"]),
            max_leverage=Decimal(row["leverageFilter"]["maxLeverage"]),
        )
        steps = (2 * self.rules.min_notional / await self.last() / self.rules.step).to_integral_value(ROUND_UP)
        self.unit = max(self.rules.min_qty, steps * self.rules.step)
        positions = await self.rows("/v5/position/list", symbol=self.symbol)
        if [row["positionIdx"] for row in positions] != [0]:
            raise Differs(f"{self.symbol} is in hedge mode; switch it to one-way first")
        if Decimal(positions[0]["size"]) or await self.open_orders():
            raise Differs(
                f"the account has a position or orders in {self.symbol}; close them first, or name another symbol"
            )
        self._touched = False

    def touched(self) -> None:
        """Something was sent otherwise than by `call`."""
        self._touched = True

    async def tidy(self) -> None:
        """No orders, no position."""
        if not self._touched:
            return
        if await self.open_orders():
            taken(await self.post("/v5/order/cancel-all"))
        if Decimal((await self.position())["size"]):
            await self.closed()

        async def look() -> bool | None:
            return True if not await self.open_orders() else None

        await self.eventually(look, "orders are left")
        self._touched = False


def taken(reply: Reply) -> Reply:
    """A reply that must be retCode 0."""
    if reply.code != 0:
        raise Differs(
            f"refused with {reply.code if reply.code is not None else f'HTTP {reply.status}'}: {reply.message}"
        )
    return reply


def refused(reply: Reply, *codes: int, saying: str = "") -> Reply:
    """A reply that must be one of these retCodes, its text holding `saying`."""
    if reply.code not in codes:
        raise Differs(f"retCode {reply.code} ({reply.message!r}), not {' or '.join(map(str, codes))}")
    if saying.lower() not in reply.message.lower():
        raise Differs(f"retCode {reply.code} says {reply.message!r}, nothing of {saying!r}")
    return reply


def same(got: object, wanted: object, what: str) -> None:
    """They must be equal; decimals by value."""
    if got != wanted:
        raise Differs(f"{what} is {got!r}, not {wanted!r}")


def must(truth: object, what: str) -> None:
    """Must be true; `what` says what is not when it is not."""
    if not truth:
        raise Differs(what)


def has(row: Row, names: Iterable[str], what: str) -> None:
    """A row must have these fields."""
    if missing := sorted(set(names) - row.keys()):
        raise Differs(f"{what} lacks {', '.join(missing)}")
