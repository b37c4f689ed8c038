"""Signed REST through ccxt's transport. The only importer of ccxt.

Requests are made with ccxt's implicit calls, so that what is sent is what we say, to the letter, and what comes back is
judged by its retCode. Every method tells what it knows: an answer, a refusal, or that there was none.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any, TypeVar

import aiohttp
import ccxt.async_support as ccxt

from backstop.domain.execution import Execution
from backstop.domain.ids import OrderLinkId, Symbol
from backstop.domain.instrument import Instrument
from backstop.domain.money import Price, plain
from backstop.domain.order import Order
from backstop.domain.protection import PriceSource
from backstop.engine.events import (
    ExchangePosition,
    OrderAccepted,
    OrderRefused,
    OrderReported,
    OrderUncertain,
    Verdict,
)
from backstop.telemetry import logger
from backstop.vault import Credentials
from streamer.bybit import codec
from streamer.bybit.hosts import Hosts
from streamer.bybit.ret_codes import CLOCK_OFF, DUPLICATE_LINK_ID, Meaning, meaning_of, verdict_of
from streamer.crash_points import passing

log = logger("streamer")

TIMEOUT_MS = 5_000
RECV_WINDOW_MS = 5_000
_PAGES_MAX = 50

_T = TypeVar("_T")


class NoAnswer(Exception):
    """The request may or may not have arrived; nothing is known."""


@dataclass
class Refusal(Exception):
    """The exchange declined, with its retCode."""

    code: int
    message: str

    def __str__(self) -> str:
        return f"{self.code}: {self.message}"


class BybitRest:
    """One account's (or nobody's) REST side. Close it when done."""

    def __init__(
        self, hosts: Hosts, credentials: Credentials | None, session: aiohttp.ClientSession, clock: Callable[[], int]
    ) -> None:
        self._clock = clock
        self.clock_offset = 0
        """How far our clock is ahead of the exchange's, milliseconds, as last measured."""
        self.on_unreadable: Callable[[str, str, str], None] | None = None
        """Told of rows of listings that are not understood: topic, reason, the row."""
        self._aside: set[str] = set()
        self._leverage: dict[Symbol, Decimal] = {}
        self._ccxt: Any = ccxt.bybit(
            {
                "apiKey": credentials.api_key if credentials else "",
                "secret": credentials.api_secret if credentials else "",
                "session": session,
                "enableRateLimit": False,
                "timeout": TIMEOUT_MS,
                "urls": {"api": {"public": hosts.rest, "private": hosts.rest}},
                "options": {
                    "recvWindow": RECV_WINDOW_MS,
                    "maxRetriesOnFailure": 0,
                    "enableUnifiedMargin": False,
                    "enableUnifiedAccount": True,
                    "unifiedMarginStatus": 6,
                },
            }
        )

    async def close(self) -> None:
        await self._ccxt.close()

    async def synchronise_clock(self) -> int:
        """Measure how far our clock is from the exchange's and sign with theirs; returns the offset in milliseconds."""
        before = self._clock()
        reply = await self._ask("public_get_v5_market_time", {})
        theirs = reply.get("time")
        if not isinstance(theirs, int):
            raise NoAnswer("the exchange does not say what time it is")
        self.clock_offset = (before + self._clock()) // 2 - theirs
        self._ccxt.options["timeDifference"] = self.clock_offset
        return self.clock_offset

    async def instruments(self) -> dict[Symbol, Instrument]:
        rows = await self._pages("public_get_v5_market_instruments_info", {"category": "linear", "limit": "1000"})
        found = {}
        for row in rows:
            if row.get("settleCoin") == "USDT" and row.get("contractType") == "LinearPerpetual":
                try:
                    instrument = codec.read_instrument(row)
                except codec.Unreadable as error:
                    log.warning("instrument not understood", symbol=str(row.get("symbol")), reason=repr(error))
                    continue
                found[instrument.symbol] = instrument
        return found

    async def positions(self, *, with_triggers: bool = False) -> tuple[ExchangePosition, ...]:
        """Everything held, USDT-settled; `with_triggers` also which price each stop is compared with, which listings of
        positions do not tell."""
        at = self._clock()
        rows = await self._pages(
            "private_get_v5_position_list", {"category": "linear", "settleCoin": "USDT", "limit": "200"}
        )
        positions = _read_all(lambda row: codec.read_position(row, at), rows)
        if not with_triggers:
            return tuple(positions)
        rows = await self._pages(
            "private_get_v5_order_realtime",
            {"category": "linear", "settleCoin": "USDT", "orderFilter": "StopOrder", "limit": "50"},
        )
        triggers = {(symbol, price): source for symbol, price, source in filter(None, _read_all(codec.read_stop, rows))}
        return tuple(
            replace(position, stop_trigger_by=triggers.get((position.symbol, position.stop_loss)))
            if position.stop_loss is not None
            else position
            for position in positions
        )

    async def executions(self, since: int) -> list[Execution]:
        """Fills and funding from `since` (UTC milliseconds) to now, oldest first, across 7-day windows."""
        week = 7 * 86_400_000 - 1
        rows: list[codec.Fields] = []
        start, now = since, self._clock()
        while start <= now:
            rows += await self._pages(
                "private_get_v5_execution_list",
                {"category": "linear", "limit": "100", "startTime": str(start), "endTime": str(start + week)},
            )
            start += week + 1
        return sorted(self._readable(rows), key=lambda execution: execution.at)

    def _readable(self, rows: Iterable[codec.Fields]) -> Iterator[Execution]:
        """What is understood. The rest is set aside, each row once: it must not hold back all others for ever, and what
        it did to a position shows in the position itself."""
        for row in rows:
            try:
                yield codec.read_execution(row)
            except codec.Unreadable as error:
                text = json.dumps(row)
                if text not in self._aside and self.on_unreadable is not None:
                    self._aside.add(text)
                    self.on_unreadable("execution", str(error), text)

    async def executions_of(self, link_id: OrderLinkId) -> list[Execution]:
        rows = await self._pages(
            "private_get_v5_execution_list", {"category": "linear", "orderLinkId": link_id, "limit": "100"}
        )
        return sorted(_read_all(codec.read_execution, rows), key=lambda execution: execution.at)

    async def open_order(self, link_id: OrderLinkId) -> OrderReported | None:
        return await self._find_order("private_get_v5_order_realtime", link_id)

    async def past_order(self, link_id: OrderLinkId) -> OrderReported | None:
        return await self._find_order("private_get_v5_order_history", link_id)

    async def equity(self) -> Decimal | None:
        reply = await self._call("private_get_v5_account_wallet_balance", {"accountType": "UNIFIED"})
        return codec.read_equity(reply["result"]["list"])

    async def create(self, order: Order) -> OrderAccepted | OrderRefused | OrderUncertain:
        """Send one order. Never raises for the network: a lost answer is an outcome.

        Safe to repeat: the exchange takes an orderLinkId once.
        """
        try:
            if not order.reduce_only and order.leverage is not None:
                await self._set_leverage(order.symbol, order.leverage)
        except NoAnswer as error:
            return OrderRefused(order.link_id, Verdict.RETRY, 0, f"leverage not set: {error}")
        except Refusal as refusal:
            final = verdict_of(meaning_of(refusal.code)) or Verdict.RETRY
            return OrderRefused(order.link_id, final, refusal.code, f"leverage not set: {refusal.message}")
        try:
            passing("create:before")
            reply = await self._call("private_post_v5_order_create", codec.create_body(order))
            passing("create:after")
        except NoAnswer as error:
            return OrderUncertain(order.link_id, str(error))
        except Refusal as refusal:
            verdict = verdict_of(meaning_of(refusal.code))
            if verdict is None or refusal.code == DUPLICATE_LINK_ID:
                return OrderUncertain(order.link_id, str(refusal))
            return OrderRefused(order.link_id, verdict, refusal.code, refusal.message)
        return OrderAccepted(order.link_id, str(reply["result"].get("orderId", "")))

    async def set_resident_stop(self, symbol: Symbol, price: Price, trigger_by: PriceSource = PriceSource.LAST) -> None:
        """Move the exchange's own stop of the whole position. Raises `Refusal` or `NoAnswer`."""
        passing("resident_stop:before")
        await self._call(
            "private_post_v5_position_trading_stop",
            {
                "category": "linear",
                "symbol": symbol,
                "tpslMode": "Full",
                "positionIdx": 0,
                "stopLoss": plain(price),
                "slTriggerBy": codec.TRIGGER_NAMES[trigger_by],
            },
        )
        passing("resident_stop:after")

    async def _set_leverage(self, symbol: Symbol, leverage: Decimal) -> None:
        if self._leverage.get(symbol) == leverage:
            return
        text = plain(leverage)
        await self._call(
            "private_post_v5_position_set_leverage",
            {"category": "linear", "symbol": symbol, "buyLeverage": text, "sellLeverage": text},
        )
        self._leverage[symbol] = leverage

    async def _find_order(self, method: str, link_id: OrderLinkId) -> OrderReported | None:
        reply = await self._call(method, {"category": "linear", "orderLinkId": link_id})
        rows = reply["result"]["list"]
        return _read_all(codec.read_order, rows[:1])[0] if rows else None

    async def _pages(self, method: str, parameters: Mapping[str, str]) -> list[codec.Fields]:
        rows: list[codec.Fields] = []
        cursor = ""
        for _ in range(_PAGES_MAX):
            page = {**parameters, **({"cursor": cursor} if cursor else {})}
            result = (await self._call(method, page))["result"]
            rows += result["list"]
            cursor = result.get("nextPageCursor") or ""
            if not cursor or not result["list"]:
                return rows
        raise NoAnswer(f"more than {_PAGES_MAX} pages")

    async def _call(self, method: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
        """The reply with retCode 0 (or one that means the same). Raises `Refusal` or `NoAnswer`.

        Refused for its time, a request was not taken: the clocks are compared anew and it is sent once more.
        """
        try:
            return await self._ask(method, parameters)
        except Refusal as refusal:
            if refusal.code != CLOCK_OFF:
                raise
        log.warning("clocks compared anew", offset_ms=await self.synchronise_clock())
        return await self._ask(method, parameters)

    async def _ask(self, method: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
        try:
            reply: Any = await getattr(self._ccxt, method)(dict(parameters))
        except ccxt.BaseError as error:
            envelope = _envelope(str(error))
            if envelope is None:
                raise NoAnswer(f"{type(error).__name__}: {_short(str(error))}") from None
            code, message = envelope["retCode"], str(envelope.get("retMsg", ""))
            if meaning_of(code) is Meaning.DONE:
                return envelope
            if meaning_of(code) is Meaning.AMBIGUOUS and code != DUPLICATE_LINK_ID:
                raise NoAnswer(f"{code}: {message}") from None
            raise Refusal(code, message) from None
        except (aiohttp.ClientError, OSError, TimeoutError, ValueError) as error:
            raise NoAnswer(type(error).__name__) from None
        if not isinstance(reply, dict) or not isinstance(reply.get("result"), dict):
            raise NoAnswer("the reply is not an answer")
        return reply


def _read_all(read: Callable[[codec.Fields], _T], rows: Iterable[codec.Fields]) -> list[_T]:
    """All rows, or `NoAnswer`: what is told of a part would be taken for the whole."""
    try:
        return [read(row) for row in rows]
    except codec.Unreadable as error:
        raise NoAnswer(f"not understood: {error}") from None


def _envelope(text: str) -> dict[str, Any] | None:
    """The reply that a ccxt exception carries in its text, if it carries one."""
    start = text.find("{")
    if start < 0:
        return None
    try:
        envelope = json.loads(text[start:])
    except ValueError:
        return None
    return envelope if isinstance(envelope, dict) and isinstance(envelope.get("retCode"), int) else None


def _short(text: str) -> str:
    return text if len(text) <= 200 else text[:200] + "…"
