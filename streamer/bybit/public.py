"""The public stream of one environment: tickers, merged from snapshot and deltas.

Source: Bybit V5, "Ticker" (linear: a snapshot, then deltas with only what changed).
"""

from collections.abc import Callable
from dataclasses import dataclass

import msgspec
from websockets.asyncio.client import ClientConnection

from backstop.domain.ids import Symbol
from backstop.telemetry import logger
from streamer.bybit.socket import Admit, Socket, at_once

log = logger("streamer")

SILENCE_S = 5.0
"""No ticker of any subscribed symbol for this long: the connection is mute."""

_ARGS_PER_REQUEST = 100
_TOGETHER = "together"


class SubscriptionRefused(Exception):
    """One topic of many was refused, and all of its request with it."""


class _TickerData(msgspec.Struct):
    symbol: str = ""
    lastPrice: str = ""  # noqa: N815 - Bybit's names
    markPrice: str = ""  # noqa: N815
    indexPrice: str = ""  # noqa: N815


class _Frame(msgspec.Struct):
    topic: str = ""
    type: str = ""
    ts: int = 0
    data: _TickerData | msgspec.UnsetType = msgspec.UNSET
    op: str = ""
    success: bool = True
    req_id: str = ""
    ret_msg: str = ""


@dataclass(slots=True)
class Ticker:
    """The merged ticker of a symbol. `ts`: when the exchange made its newest message, UTC milliseconds."""

    symbol: Symbol
    last: str = ""
    mark: str = ""
    index: str = ""
    ts: int = 0
    names_last: bool = True
    """Whether the newest message said the last price itself."""

    names_mark: bool = True
    names_index: bool = True

    whole: bool = False
    """Whether a snapshot came since the last (re)connect; until then nothing is decided on it."""


class PublicStream:
    """Feeds `on_ticker` from the socket's own read, in order."""

    def __init__(
        self,
        environment: str,
        url: str,
        on_ticker: Callable[[Ticker], None],
        clock: Callable[[], int],
        silence_s: float = SILENCE_S,
        admit: Admit = at_once,
    ) -> None:
        self._on_ticker = on_ticker
        self._silence_limit_s = silence_s
        self._args_per_request = _ARGS_PER_REQUEST
        self._tickers: dict[Symbol, Ticker] = {}
        self._decode = msgspec.json.Decoder(_Frame).decode
        self.socket = Socket(f"public {environment}", url, self, silence_s=self._silence_s, clock=clock, admit=admit)

    @property
    def symbols(self) -> frozenset[Symbol]:
        return frozenset(self._tickers)

    async def subscribe(self, symbol: Symbol) -> None:
        if symbol in self._tickers:
            return
        self._tickers[symbol] = Ticker(symbol)
        await self.socket.send({"op": "subscribe", "args": [f"tickers.{symbol}"]})

    async def open(self, connection: ClientConnection) -> None:
        topics = [f"tickers.{symbol}" for symbol in sorted(self._tickers)]
        for start in range(0, len(topics), self._args_per_request):
            args = topics[start : start + self._args_per_request]
            request = {"op": "subscribe", "req_id": _TOGETHER if len(args) > 1 else "", "args": args}
            await connection.send(msgspec.json.encode(request).decode())

    def receive(self, frame: str | bytes) -> bool:
        try:
            message = self._decode(frame)
        except (ValueError, RecursionError) as error:
            log.warning("public frame not understood", reason=str(error))
            return False
        if message.op == "subscribe" and not message.success:
            if message.req_id == _TOGETHER:
                # A symbol that was delisted must not make the others deaf: on the next connection each asks alone.
                self._args_per_request = 1
                raise SubscriptionRefused(message.ret_msg)
            log.warning("subscription refused", reason=message.ret_msg)
            return False
        data = message.data
        if not message.topic.startswith("tickers.") or isinstance(data, msgspec.UnsetType):
            return False
        ticker = self._tickers.get(Symbol(message.topic[8:]))
        if ticker is None:
            return True
        if message.type == "snapshot":
            ticker.last, ticker.mark, ticker.index, ticker.whole = data.lastPrice, data.markPrice, data.indexPrice, True
        elif ticker.whole:
            ticker.last = data.lastPrice or ticker.last
            ticker.mark = data.markPrice or ticker.mark
            ticker.index = data.indexPrice or ticker.index
        ticker.ts = message.ts
        ticker.names_last, ticker.names_mark, ticker.names_index = (
            bool(data.lastPrice),
            bool(data.markPrice),
            bool(data.indexPrice),
        )
        if ticker.whole:
            self._on_ticker(ticker)
        return True

    def closed(self) -> None:
        for ticker in self._tickers.values():
            ticker.whole = False

    def _silence_s(self) -> float | None:
        return self._silence_limit_s if self._tickers else None
