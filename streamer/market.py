"""One environment's market: its public stream, the armed levels of all accounts on it, and the newest prices."""

import asyncio
from collections.abc import Callable
from decimal import Decimal

from backstop.domain.ids import AccountId, OrderLinkId, Symbol
from backstop.domain.instrument import Instrument
from backstop.domain.money import Price
from backstop.domain.protection import Level, PriceSource
from backstop.engine.events import LevelCrossed, Quote
from backstop.engine.prices import PriceGuard, fresh
from backstop.engine.triggers import TriggerBook
from backstop.telemetry import logger
from streamer.bybit.feed import PublicFeed
from streamer.bybit.hosts import Hosts
from streamer.bybit.public import Ticker
from streamer.bybit.socket import Admit, at_once

log = logger("streamer")

_AHEAD_MOST_MS = 60_000
"""A ticker from farther in the future is not believed: nothing would ever make it old."""

CrossingHandler = Callable[[LevelCrossed], None]


class Market:
    """From a ticker to the closes it causes without leaving the read callback."""

    def __init__(self, environment: str, hosts: Hosts, clock: Callable[[], int], *, admit: Admit = at_once) -> None:
        self.environment = environment
        self.hosts = hosts
        self.instruments: dict[Symbol, Instrument] = {}
        self.unknown = asyncio.Event()
        """Set when a symbol was wanted that is not among them."""
        self.clock_offset = 0
        """How far our clock is ahead of the exchange's, milliseconds; a ticker's age is judged by it."""
        self._clock = clock
        self._book = TriggerBook()
        self._guards: dict[PriceSource, dict[Symbol, PriceGuard]] = {source: {} for source in PriceSource}
        self._believed: dict[PriceSource, dict[Symbol, tuple[str, int]]] = {source: {} for source in PriceSource}
        """The newest price that may be acted on, with when the exchange said so."""
        self._handlers: dict[AccountId, CrossingHandler] = {}
        self.feed = PublicFeed(environment, hosts.public_ws, self._on_ticker, clock, admit=admit)

    def join(self, account_id: AccountId, handler: CrossingHandler) -> None:
        """Crossings of this account's levels go to `handler`."""
        self._handlers[account_id] = handler

    def leave(self, account_id: AccountId) -> None:
        self._book.disarm_account(account_id)
        self._handlers.pop(account_id, None)

    def watch(self, symbol: Symbol) -> None:
        """What nobody lists is not watched, but looked for."""
        if symbol in self.instruments:
            self.feed.watch(symbol)
        else:
            self.unknown.set()

    def arm(self, account_id: AccountId, levels: tuple[Level, ...]) -> None:
        """Watch these levels; one that the newest price has passed already is crossed at once."""
        for level in levels:
            self.watch(level.symbol)
            self._book.arm(account_id, level)
        for symbol, source in dict.fromkeys((level.symbol, level.trigger_by) for level in levels):
            believed = self._believed[source].get(symbol)
            if believed is not None and fresh(believed[1], self._clock()):
                self._cross(symbol, believed[0], source)

    def disarm(self, close_ids: tuple[OrderLinkId, ...]) -> None:
        for close_id in close_ids:
            self._book.disarm(close_id)

    def quote(self, symbol: Symbol) -> Quote | None:
        """The newest believed prices, however old; their age is the reader's to judge."""
        last, mark, index = (self._believed[source].get(symbol) for source in PriceSource)
        if last is None:
            return None
        return Quote(
            Price(Decimal(last[0])),
            Price(Decimal(mark[0] if mark is not None else last[0])),
            last[1],
            mark_at=mark[1] if mark is not None else None,
            index=Price(Decimal(index[0])) if index is not None else None,
            index_at=index[1] if index is not None else None,
        )

    def quotes(self) -> dict[Symbol, Quote]:
        return {
            symbol: quote for symbol in self._believed[PriceSource.LAST] if (quote := self.quote(symbol)) is not None
        }

    def _on_ticker(self, ticker: Ticker) -> None:
        now, made_at = self._clock(), ticker.ts + self.clock_offset
        if not fresh(made_at, now) or made_at > now + _AHEAD_MOST_MS:
            return
        symbol = ticker.symbol
        if self._believe(PriceSource.LAST, symbol, ticker.last, ticker.mark, made_at, named=ticker.names_last):
            self._cross(symbol, ticker.last, PriceSource.LAST)
        witness = ticker.index or ticker.last
        if self._believe(PriceSource.MARK, symbol, ticker.mark, witness, made_at, named=ticker.names_mark):
            self._cross(symbol, ticker.mark, PriceSource.MARK)
        witness = ticker.mark or ticker.last
        if self._believe(PriceSource.INDEX, symbol, ticker.index, witness, made_at, named=ticker.names_index):
            self._cross(symbol, ticker.index, PriceSource.INDEX)

    def _believe(
        self, source: PriceSource, symbol: Symbol, price: str, witness: str, made_at: int, *, named: bool
    ) -> bool:
        """Whether a price may be acted on. One that a message does not name stands as it was (Bybit's deltas carry only
        what changed) and is as new as the message, if it was believed."""
        believed = self._believed[source]
        if not named and (before := believed.get(symbol)) is not None and before[0] == price:
            believed[symbol] = (price, made_at)
            return True
        try:
            number, other = float(price), float(witness or 0)
        except ValueError:
            return False
        guard = self._guards[source].get(symbol)
        if guard is None:
            guard = self._guards[source][symbol] = PriceGuard()
        if not guard.admits(number, other, self._clock(), said_anew=named):
            return False
        believed[symbol] = (price, made_at)
        return True

    def _cross(self, symbol: Symbol, price: str, source: PriceSource) -> None:
        for watched in self._book.cross(symbol, float(price), source):
            handler = self._handlers.get(watched.account_id)
            if handler is None:
                continue
            try:
                handler(LevelCrossed(symbol, watched.level.close_id, Price(Decimal(price))))
            except Exception as error:  # noqa: BLE001 - one account's trouble must not cost another its close
                log.error(
                    "crossing not handled",
                    account=str(watched.account_id),
                    close=watched.level.close_id,
                    reason=f"{type(error).__name__}: {error}",
                )
