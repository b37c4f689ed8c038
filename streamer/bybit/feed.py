"""All tickers of one environment: spread over connections, each topic watched, and read by REST while its topic is silent.

A connection that is open and answers pings may still be mute, as a whole or for one symbol among many that talk. What is
not heard for some seconds is read; where the exchange then says otherwise than the stream did, the topic is asked for
anew.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from backstop.domain.ids import Symbol
from backstop.telemetry import logger
from streamer.bybit.answers import NoAnswer, Refusal
from streamer.bybit.public import SILENCE_S, PublicStream, Ticker
from streamer.bybit.socket import Admit, Socket, SocketState, at_once

log = logger("streamer")

TOPICS_PER_CONNECTION = 200
ARGS_LENGTH_MOST = 20_000
"""Characters of topics on one connection; Bybit allows 21,000."""

LOOK_EVERY_S = 1.0
READ_AFTER_MS = 1_500
"""A price may be acted on for three seconds; one not heard of for half of that is read with the next look."""

Reader = Callable[[Sequence[Symbol]], Awaitable[list[Ticker]]]


class PublicFeed:
    def __init__(
        self,
        environment: str,
        url: str,
        on_ticker: Callable[[Ticker], None],
        clock: Callable[[], int],
        *,
        admit: Admit = at_once,
        silence_s: float = SILENCE_S,
        topics_each: int = TOPICS_PER_CONNECTION,
    ) -> None:
        self.read: Reader | None = None
        """Reads tickers by REST; None: what is silent stays so."""
        self.mute: frozenset[Symbol] = frozenset()
        """Whose topics were found to say nothing while the price moved."""
        self._environment = environment
        self._url = url
        self._on_ticker = on_ticker
        self._clock = clock
        self._admit = admit
        self._silence_s = silence_s
        self._topics_each = topics_each
        self._read_ts: dict[Symbol, int] = {}
        self._fresh: set[Symbol] = set()
        self._running: asyncio.TaskGroup | None = None
        self.shards: list[PublicStream] = []
        self._another()

    @property
    def symbols(self) -> frozenset[Symbol]:
        return frozenset().union(*(shard.symbols for shard in self.shards))

    @property
    def sockets(self) -> list[Socket]:
        """Those that have something to carry."""
        return [shard.socket for shard in self.shards if shard.symbols]

    @property
    def connected(self) -> bool:
        return all(shard.socket.state is SocketState.CONNECTED for shard in self.shards)

    def watch(self, symbol: Symbol) -> None:
        """Subscribe, together with all others that are asked for in the same turn of the loop."""
        if any(symbol in shard.symbols for shard in self.shards):
            return
        shard = self.shards[-1]
        if len(shard.symbols) >= self._topics_each or shard.args_length > ARGS_LENGTH_MOST:
            shard = self._another()
        shard.add(symbol)
        if not self._fresh:
            asyncio.get_running_loop().call_soon(self._subscribe_fresh)
        self._fresh.add(symbol)

    async def run(self) -> None:
        """Until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            self._running = tasks
            for shard in self.shards:
                tasks.create_task(shard.socket.run())
            tasks.create_task(self._look_after_topics())

    def _another(self) -> PublicStream:
        name = f"{self._environment} {len(self.shards) + 1}" if self.shards else self._environment
        shard = PublicStream(name, self._url, self._take, self._clock, self._silence_s, self._admit)
        self.shards.append(shard)
        if self._running is not None:
            self._running.create_task(shard.socket.run())
        return shard

    def _subscribe_fresh(self) -> None:
        fresh, self._fresh = self._fresh, set()
        for shard in self.shards:
            if wanted := sorted(fresh & shard.symbols):
                shard.subscribe(wanted)

    def _take(self, ticker: Ticker) -> None:
        if ticker.ts >= self._read_ts.get(ticker.symbol, 0):
            self._on_ticker(ticker)

    # ---- what is silent

    async def _look_after_topics(self) -> None:
        while True:
            await asyncio.sleep(LOOK_EVERY_S)
            await self.look()

    async def look(self) -> None:
        """Read what is silent; ask anew for topics that are found mute."""
        silent = {symbol: shard for shard in self.shards for symbol in shard.silent(READ_AFTER_MS)}
        if not silent or self.read is None:
            self.mute = frozenset()
            return
        try:
            found = await self.read(sorted(silent))
        except (NoAnswer, Refusal) as error:
            log.warning("silent tickers not read", symbols=len(silent), reason=str(error))
            return
        mute: dict[PublicStream, list[Symbol]] = {}
        for ticker in found:
            shard = silent.get(ticker.symbol)
            if shard is None or ticker.symbol not in shard.silent(READ_AFTER_MS):
                continue  # it has spoken meanwhile
            if shard.differs(ticker) and shard.socket.state is SocketState.CONNECTED:
                mute.setdefault(shard, []).append(ticker.symbol)
            self._read_ts[ticker.symbol] = ticker.ts
            self._on_ticker(ticker)
        self.mute = frozenset(symbol for symbols in mute.values() for symbol in symbols)
        for shard, symbols in mute.items():
            log.warning("mute topics asked for anew", socket=shard.socket.name, symbols=",".join(symbols))
            shard.resubscribe(symbols)
