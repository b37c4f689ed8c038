"""What is asked of one account, and orders sent for it.

Every method tells what it knows: an answer, a refusal, or that there was none.
"""

import asyncio
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any, TypeVar

import aiohttp

from backstop.domain.execution import Execution
from backstop.domain.ids import OrderLinkId, Symbol
from backstop.domain.instrument import Instrument
from backstop.domain.modes import AccountMode
from backstop.domain.money import Price, plain
from backstop.domain.order import Order
from backstop.domain.protection import PriceSource
from backstop.domain.slot import Slot
from backstop.engine.events import (
    CancelAnswered,
    ExchangePosition,
    OrderAccepted,
    OrderLapsed,
    OrderRefused,
    OrderReported,
    OrderUncertain,
    Verdict,
    WalletReported,
)
from backstop.telemetry import logger
from backstop.vault import Credentials
from streamer.bybit import codec
from streamer.bybit.answers import KeptBack, NoAnswer, NotSent, Refusal
from streamer.bybit.hosts import Hosts
from streamer.bybit.listings import list_of, read, read_all, read_ticker
from streamer.bybit.public import Ticker
from streamer.bybit.ret_codes import (
    CLOCK_OFF,
    DUPLICATE_LINK_ID,
    KEY_TROUBLE,
    NOT_THIS_SOCKET,
    is_wrong_mode,
    meaning_of,
    verdict_of,
)
from streamer.bybit.trade import TradeSocket, UnderWay
from streamer.bybit.transport import Address, Transport, Turns, Verb, always
from streamer.crash_points import passing

log = logger("streamer")

_T = TypeVar("_T")
_CREATE = "/v5/order/create"
_TICKERS_ONE_BY_ONE = 5
"""Above this many, all tickers there are come in one reply."""


class BybitRest:
    """One account's (or nobody's) requests. Close it when done.

    Orders go over the trade socket while there is one and it is open, else by REST: under the same id, so that nothing
    trades twice.
    """

    trade: TradeSocket | None = None

    def __init__(
        self,
        hosts: Hosts,
        credentials: Credentials | None,
        session: aiohttp.ClientSession,
        clock: Callable[[], int],
        address: Address | None = None,
    ) -> None:
        """`address`: what this shares with all others of the process; None for one that is alone."""
        self._clock = clock
        self.on_unreadable: Callable[[str, str, str], None] | None = None
        """Told of rows of listings that are not understood: topic, reason, the row."""
        self._aside: set[str] = set()
        self.leverage: dict[Slot, Decimal] = {}
        """What is set at the exchange, as last heard."""
        self._transport = Transport(hosts, credentials, session, clock, address or Address())

    async def close(self) -> None:
        await self._transport.close()

    @property
    def turns(self) -> Turns:
        """Whose turn it is at each endpoint; the trade socket's orders count too."""
        return self._transport.turns

    @property
    def clock_offset(self) -> int:
        """How far our clock is ahead of the exchange's, milliseconds, as its replies tell."""
        return self._transport.offset.ms

    async def synchronise_clock(self) -> int:
        """Have the exchange say what time it is, and sign with it; returns the offset in milliseconds."""
        await self._transport.ask("GET", "/v5/market/time", {})
        return self.clock_offset

    async def instruments(self) -> dict[Symbol, Instrument]:
        rows = await self._pages("/v5/market/instruments-info", {"category": "linear", "limit": "1000"})
        found = {}
        for row in rows:
            if not isinstance(row, Mapping):
                continue
            if row.get("settleCoin") == "USDT" and row.get("contractType") == "LinearPerpetual":
                try:
                    instrument = codec.read_instrument(row)
                except codec.Unreadable as error:
                    log.warning("instrument not understood", symbol=str(row.get("symbol")), reason=repr(error))
                    continue
                found[instrument.symbol] = instrument
        return found

    async def tickers(self, symbols: Sequence[Symbol]) -> list[Ticker]:
        """The newest prices of these linear contracts, as far as the exchange tells them."""
        if len(symbols) > _TICKERS_ONE_BY_ONE:
            replies = [await self._call("GET", "/v5/market/tickers", {"category": "linear"})]
        else:
            ask = (self._call("GET", "/v5/market/tickers", {"category": "linear", "symbol": one}) for one in symbols)
            replies = await asyncio.gather(*ask)
        wanted = frozenset(symbols)
        found = (read_ticker(row, reply.get("time")) for reply in replies for row in list_of(reply["result"]))
        return [ticker for ticker in found if ticker is not None and ticker.symbol in wanted]

    async def positions(self, *, with_triggers: bool = False) -> tuple[ExchangePosition, ...]:
        """Everything held, USDT-settled; `with_triggers` also which price each stop is compared with, which listings of
        positions do not tell."""
        at = self._clock()
        rows = await self._pages("/v5/position/list", {"category": "linear", "settleCoin": "USDT", "limit": "200"})
        positions = read_all(lambda row: codec.read_position(row, at), rows)
        for position in positions:
            self.hear(position)
        if not with_triggers:
            return tuple(positions)
        rows = await self._pages(
            "/v5/order/realtime",
            {"category": "linear", "settleCoin": "USDT", "orderFilter": "StopOrder", "limit": "50"},
        )
        triggers = {(slot, price): source for slot, price, source in filter(None, read_all(codec.read_stop, rows))}
        return tuple(
            replace(position, stop_trigger_by=triggers.get((position.slot, position.stop_loss)))
            if position.stop_loss is not None
            else position
            for position in positions
        )

    async def symbol(self, symbol: Symbol) -> tuple[ExchangePosition, ...]:
        """All rows of one symbol, flat ones too: they tell its position mode and leverage."""
        at = self._clock()
        rows = await self._pages("/v5/position/list", {"category": "linear", "symbol": symbol})
        found = tuple(read_all(lambda row: codec.read_position(row, at), rows))
        for row in found:
            self.hear(row)
        return found

    def hear(self, row: ExchangePosition) -> None:
        """What the exchange says of a position is how its leverage is set."""
        if row.leverage is not None:
            self.leverage[row.slot] = row.leverage

    async def account_mode(self) -> AccountMode:
        return read_all(codec.read_account_mode, [await self.account_info()])[0]

    async def executions(self, since: int) -> list[Execution]:
        """Fills and funding from `since` (UTC milliseconds) to now, oldest first, across 7-day windows."""
        week = 7 * 86_400_000 - 1
        rows: list[codec.Fields] = []
        start, now = since, self._clock()
        while start <= now:
            rows += await self._pages(
                "/v5/execution/list",
                {"category": "linear", "limit": "100", "startTime": str(start), "endTime": str(start + week)},
            )
            start += week + 1
        return sorted(self._readable(rows), key=lambda execution: execution.at)

    def _readable(self, rows: Iterable[codec.Fields]) -> Iterator[Execution]:
        """What is understood. The rest is set aside, each row once: it must not hold back all others for ever, and what
        it did to a position shows in the position itself."""
        for row in rows:
            try:
                yield read(codec.read_execution, row)
            except codec.Unreadable as error:
                self._set_aside("execution", error, row)

    def _set_aside(self, topic: str, error: codec.Unreadable, row: codec.Fields) -> None:
        text = json.dumps(row)
        if text not in self._aside and self.on_unreadable is not None:
            self._aside.add(text)
            self.on_unreadable(topic, str(error), text)

    async def executions_of(self, link_id: OrderLinkId) -> list[Execution]:
        rows = await self._pages("/v5/execution/list", {"category": "linear", "orderLinkId": link_id, "limit": "100"})
        return sorted(read_all(codec.read_execution, rows), key=lambda execution: execution.at)

    async def open_order(self, link_id: OrderLinkId) -> OrderReported | None:
        return await self._find_order("/v5/order/realtime", link_id)

    async def past_order(self, link_id: OrderLinkId) -> OrderReported | None:
        return await self._find_order("/v5/order/history", link_id)

    async def key_info(self) -> codec.Fields:
        """What the key may do, and until when: Bybit's own row."""
        result: codec.Fields = (await self._call("GET", "/v5/user/query-api", {}))["result"]
        return result

    async def account_info(self) -> codec.Fields:
        """How the account is set up: Bybit's own row."""
        result: codec.Fields = (await self._call("GET", "/v5/account/info", {}))["result"]
        return result

    async def is_hedged(self, symbol: Symbol) -> bool:
        """Whether the symbol is in hedge mode: both its sides are listed then, held or not."""
        reply = await self._call("GET", "/v5/position/list", {"category": "linear", "symbol": symbol})
        return any(read_all(lambda row: row.get("positionIdx") in (1, 2), list_of(reply["result"])))

    async def wallet(self) -> WalletReported | None:
        reply = await self._call("GET", "/v5/account/wallet-balance", {"accountType": "UNIFIED"})
        return codec.read_wallet(list_of(reply["result"]))

    def submit_close(self, order: Order, sending: Callable[[], bool] = always) -> UnderWay | None:
        """Have a close leave over the trade socket before this returns, if it may go at once. `create` is given what this
        returns, and tells what comes of it."""
        trade = self.trade
        if trade is None or not trade.is_open or not order.reduce_only or not self.turns.take_close(_CREATE):
            return None
        stamp = trade.stamp()
        if not _leaving(sending):
            return None
        try:
            return trade.submit("order.create", codec.create_body(order), stamp)
        except NotSent:
            return None

    async def create(
        self, order: Order, sending: Callable[[], bool] = always, under_way: UnderWay | None = None
    ) -> OrderAccepted | OrderRefused | OrderUncertain | OrderLapsed:
        """Send one order. Never raises for the network: a lost answer is an outcome. `sending`: called right
        before it leaves, each time; False keeps it back. `under_way`: it has left already (`submit_close`).

        Safe to repeat: the exchange takes an orderLinkId once.
        """
        try:
            if not order.reduce_only and order.leverage is not None:
                await self._set_leverage(order.slot, order.leverage)
        except NoAnswer as error:
            return OrderRefused(order.link_id, Verdict.RETRY, 0, f"leverage not set: {error}")
        except Refusal as refusal:
            final = verdict_of(meaning_of(refusal.code)) or Verdict.RETRY
            return OrderRefused(order.link_id, final, refusal.code, f"leverage not set: {refusal.message}")
        try:
            reply = await self._place(order, sending, under_way)
        except KeptBack:
            return OrderLapsed(order.link_id)
        except NotSent as error:
            return OrderRefused(order.link_id, Verdict.RETRY, 0, str(error))
        except NoAnswer as error:
            return OrderUncertain(order.link_id, str(error))
        except Refusal as refusal:
            verdict = verdict_of(meaning_of(refusal.code))
            if is_wrong_mode(refusal.code, refusal.message):
                verdict = Verdict.WRONG_MODE
            elif refusal.code in KEY_TROUBLE and order.reduce_only:
                verdict = Verdict.RETRY  # under the same id, however long it takes to mend the key
            if verdict is None or refusal.code == DUPLICATE_LINK_ID:
                return OrderUncertain(order.link_id, str(refusal))
            return OrderRefused(order.link_id, verdict, refusal.code, refusal.message)
        return OrderAccepted(order.link_id, str(reply.get("orderId", "")))

    async def _place(self, order: Order, sending: Callable[[], bool], under_way: UnderWay | None) -> Mapping[str, Any]:
        """What the exchange says to one order/create."""
        data = await self._command(
            "create",
            codec.create_body(order),
            closes=order.reduce_only,
            sending=lambda: _leaving(sending),
            under_way=under_way,
        )
        passing("create:after")
        return data

    async def cancel(self, order: Order) -> CancelAnswered:
        """Ask for an order to be taken back. Never raises: whatever comes of it shows in the order."""
        body = {"category": "linear", "symbol": order.symbol, "orderLinkId": order.link_id}
        try:
            await self._command("cancel", body, closes=True, sending=always)
        except (NoAnswer, Refusal) as error:
            log.info("cancel not taken", order=order.link_id, reason=str(error))
            return CancelAnswered(order.link_id, taken=False)
        return CancelAnswered(order.link_id, taken=True)

    async def _command(
        self,
        what: str,
        body: Mapping[str, Any],
        *,
        closes: bool,
        sending: Callable[[], bool],
        under_way: UnderWay | None = None,
    ) -> Mapping[str, Any]:
        """An order command over whichever way is open; `sending` is called each time before it leaves."""
        path = f"/v5/order/{what}"
        if self.trade is not None and (under_way is not None or self.trade.is_open):
            stamp = ""
            if under_way is None:
                await self.turns.take(path, closes=closes, over_rest=False)
                stamp = self.trade.stamp()
                if not sending():
                    raise KeptBack
            try:
                return await self.trade.answer(under_way or self.trade.submit(f"order.{what}", body, stamp))
            except NotSent:
                log.warning("trade socket lost before sending; going by REST", command=what)
            except Refusal as refusal:
                if refusal.code == CLOCK_OFF:
                    log.warning("clocks compared anew", offset_ms=await self.synchronise_clock())
                elif refusal.code in NOT_THIS_SOCKET:
                    log.warning("trade socket takes no order; going by REST", code=refusal.code)
                    self.trade.socket.drop()
                else:
                    raise
        reply = await self._call("POST", path, body, closes=closes, sending=sending)
        result: Mapping[str, Any] = reply["result"]
        return result

    async def set_resident_stop(self, slot: Slot, price: Price, trigger_by: PriceSource = PriceSource.LAST) -> None:
        """Move the exchange's own stop of the whole position. Raises `Refusal` or `NoAnswer`."""
        passing("resident_stop:before")
        await self._call(
            "POST",
            "/v5/position/trading-stop",
            {
                "category": "linear",
                "symbol": slot.symbol,
                "tpslMode": "Full",
                "positionIdx": slot.idx,
                "stopLoss": plain(price),
                "slTriggerBy": codec.TRIGGER_NAMES[trigger_by],
            },
            closes=True,
        )
        passing("resident_stop:after")

    async def _set_leverage(self, slot: Slot, leverage: Decimal) -> None:
        """On both sides of the symbol, which cross margin asks for."""
        symbol = slot.symbol
        known = {side: set_to for side, set_to in self.leverage.items() if side.symbol == symbol}
        if known and set(known.values()) == {leverage}:
            return
        text = plain(leverage)
        await self._call(
            "POST",
            "/v5/position/set-leverage",
            {"category": "linear", "symbol": symbol, "buyLeverage": text, "sellLeverage": text},
        )
        self.leverage |= dict.fromkeys((*known, slot), leverage)

    async def _find_order(self, path: str, link_id: OrderLinkId) -> OrderReported | None:
        reply = await self._call("GET", path, {"category": "linear", "orderLinkId": link_id})
        for row in list_of(reply["result"]):
            try:
                return read(codec.read_order, row)
            except codec.Unreadable as error:
                self._set_aside("order", error, row)
                raise NoAnswer(f"not understood: {error}") from None
        return None

    async def _pages(self, path: str, parameters: Mapping[str, str]) -> list[codec.Fields]:
        """All rows of all pages, however many; a cursor that comes twice is no answer."""
        rows: list[codec.Fields] = []
        cursor, met = "", set[str]()
        while cursor not in met:
            met.add(cursor)
            page = {**parameters, **({"cursor": cursor} if cursor else {})}
            result = (await self._call("GET", path, page))["result"]
            rows += (listed := list_of(result))
            cursor = result.get("nextPageCursor") or ""
            if not isinstance(cursor, str):
                raise NoAnswer(f"a page of {path} says {cursor!r} for where the next begins")
            if not cursor or not listed:
                return rows
        raise NoAnswer(f"the pages of {path} go round in circles")

    async def _call(
        self,
        verb: Verb,
        path: str,
        parameters: Mapping[str, Any],
        *,
        closes: bool = False,
        sending: Callable[[], bool] = always,
    ) -> dict[str, Any]:
        """The reply with retCode 0 (or one that means the same). Raises `Refusal` or `NoAnswer`.

        Refused for its time, a request was not taken: the clocks are compared anew and it is sent once more.
        """
        try:
            return await self._transport.ask(verb, path, parameters, closes=closes, sending=sending)
        except Refusal as refusal:
            if refusal.code != CLOCK_OFF:
                raise
        log.warning("clocks compared anew", offset_ms=await self.synchronise_clock())
        return await self._transport.ask(verb, path, parameters, closes=closes, sending=sending)


def _leaving(sending: Callable[[], bool]) -> bool:
    if not sending():
        return False
    passing("create:before")
    return True
