"""One connection of public topics: tickers, merged from snapshot and deltas.

Source: Bybit V5, "Ticker" (linear and inverse: a snapshot, then deltas with only what changed); "Connect" (limits).
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import count

import msgspec

from backstop.domain.ids import Symbol
from backstop.telemetry import logger
from streamer.bybit.socket import Admit, Socket, at_once
from streamer.bybit.wire import Wire

log = logger("streamer")

SILENCE_S = 5.0
"""No ticker of any subscribed symbol for this long: the connection is mute."""

_ARGS_PER_REQUEST = 100


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

    heard_at: int = 0
    """When its topic last said something or was asked for, our clock, milliseconds."""


class PublicStream:
    """One connection's topics. Feeds `on_ticker` from the socket's own read, in order."""

    def __init__(
        self,
        name: str,
        url: str,
        on_ticker: Callable[[Ticker], None],
        clock: Callable[[], int],
        silence_s: float = SILENCE_S,
        admit: Admit = at_once,
    ) -> None:
        self._on_ticker = on_ticker
        self._clock = clock
        self._silence_limit_s = silence_s
        self._tickers: dict[Symbol, Ticker] = {}
        self._asked: dict[str, list[str]] = {}
        """Topics of requests for several, by their id, until they are answered."""
        self._numbers = count(1)
        self._decode = msgspec.json.Decoder(_Frame).decode
        self.socket = Socket(f"public {name}", url, self, silence_s=self._silence_s, clock=clock, admit=admit)

    @property
    def symbols(self) -> frozenset[Symbol]:
        return frozenset(self._tickers)

    @property
    def args_length(self) -> int:
        """Characters of all topics, which the exchange limits for each connection."""
        return sum(map(len, map(_topic, self._tickers)))

    def add(self, symbol: Symbol) -> None:
        """It is subscribed with the next connection; `subscribe` asks for it on this one."""
        self._tickers.setdefault(symbol, Ticker(symbol, heard_at=self._clock()))

    def subscribe(self, symbols: Iterable[Symbol]) -> None:
        for request in self._requests(map(_topic, symbols)):
            self.socket.send(request)

    def resubscribe(self, symbols: Iterable[Symbol]) -> None:
        """Ask anew for topics that say nothing; their snapshots come again."""
        topics = [_topic(symbol) for symbol in symbols]
        self.socket.send({"op": "unsubscribe", "args": topics})
        for symbol in symbols:
            self._tickers[symbol].heard_at = self._clock()
        self.subscribe(symbols)

    def silent(self, for_ms: int) -> list[Symbol]:
        """Symbols not heard of for so long."""
        before = self._clock() - for_ms
        return [symbol for symbol, ticker in self._tickers.items() if ticker.heard_at < before]

    def differs(self, other: Ticker) -> bool:
        """Whether the exchange says otherwise than what this stream last told of the symbol."""
        mine = self._tickers.get(other.symbol)
        return mine is not None and (not mine.whole or (mine.last, mine.mark) != (other.last, other.mark))

    async def open(self, connection: Wire) -> None:
        self._asked.clear()
        for ticker in self._tickers.values():
            ticker.heard_at = self._clock()
        for request in self._requests(map(_topic, sorted(self._tickers))):
            connection.send(msgspec.json.encode(request))

    def _requests(self, topics: Iterable[str]) -> Iterator[dict[str, object]]:
        every = list(topics)
        for start in range(0, len(every), _ARGS_PER_REQUEST):
            args = every[start : start + _ARGS_PER_REQUEST]
            number = str(next(self._numbers))
            if len(args) > 1:
                self._asked[number] = args
            yield {"op": "subscribe", "req_id": number, "args": args}

    def _refused(self, number: str, reason: str) -> None:
        """One topic of many is refused, and all of its request with it: then each asks alone. A symbol that was delisted
        must not make the others deaf."""
        log.warning("subscription refused", reason=reason)
        for topic in self._asked.pop(number, ()):
            self.socket.send({"op": "subscribe", "req_id": "", "args": [topic]})

    def receive(self, frame: str | bytes) -> bool:
        try:
            message = self._decode(frame)
        except (ValueError, RecursionError) as error:
            log.warning("public frame not understood", reason=str(error))
            return False
        if message.op == "subscribe":
            if message.success:
                self._asked.pop(message.req_id, None)
            else:
                self._refused(message.req_id, message.ret_msg)
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
        ticker.heard_at = self._clock()
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


def _topic(symbol: Symbol) -> str:
    return f"tickers.{symbol}"
