"""One environment's market: its public stream, the armed levels of all accounts on it, and the newest prices."""

import asyncio
from collections.abc import Callable
from decimal import Decimal

from backstop.domain.ids import AccountId, OrderLinkId, Symbol
from backstop.domain.instrument import Instrument
from backstop.domain.money import Price, decimal_or_none
from backstop.domain.protection import Level
from backstop.engine.events import LevelCrossed, Quote
from backstop.engine.prices import PriceGuard, fresh
from backstop.engine.triggers import TriggerBook
from backstop.telemetry import logger
from streamer.bybit.hosts import Hosts
from streamer.bybit.public import PublicStream, Ticker

log = logger("streamer")

_AHEAD_MOST_MS = 60_000
"""A ticker from farther in the future is not believed: nothing would ever make it old."""

CrossingHandler = Callable[[LevelCrossed], None]


class Market:
    """From a ticker to the closes it causes without leaving the read callback."""

    def __init__(self, environment: str, hosts: Hosts, clock: Callable[[], int]) -> None:
        self.environment = environment
        self.hosts = hosts
        self.instruments: dict[Symbol, Instrument] = {}
        self.clock_offset = 0
        """How far our clock is ahead of the exchange's, milliseconds; a ticker's age is judged by it."""
        self._clock = clock
        self._book = TriggerBook()
        self._guards: dict[Symbol, PriceGuard] = {}
        self._believed: dict[Symbol, tuple[str, str, int]] = {}
        self._handlers: dict[AccountId, CrossingHandler] = {}
        self._background: set[asyncio.Task[None]] = set()
        self.stream = PublicStream(environment, hosts.public_ws, self._on_ticker, clock)

    def join(self, account_id: AccountId, handler: CrossingHandler) -> None:
        """Crossings of this account's levels go to `handler`."""
        self._handlers[account_id] = handler

    def leave(self, account_id: AccountId) -> None:
        self._book.disarm_account(account_id)
        self._handlers.pop(account_id, None)

    def watch(self, symbol: Symbol) -> None:
        if symbol not in self.stream.symbols and symbol in self.instruments:
            task = asyncio.get_running_loop().create_task(self.stream.subscribe(symbol))
            self._background.add(task)
            task.add_done_callback(self._background.discard)

    def arm(self, account_id: AccountId, levels: tuple[Level, ...]) -> None:
        """Watch these levels; one that the newest price has passed already is crossed at once."""
        for level in levels:
            self.watch(level.symbol)
            self._book.arm(account_id, level)
        for symbol in {level.symbol for level in levels}:
            believed = self._believed.get(symbol)
            if believed is not None and fresh(believed[2], self._clock()):
                self._cross(symbol, believed[0])

    def disarm(self, close_ids: tuple[OrderLinkId, ...]) -> None:
        for close_id in close_ids:
            self._book.disarm(close_id)

    def quote(self, symbol: Symbol) -> Quote | None:
        """The newest believed price, however old; its age is the reader's to judge."""
        believed = self._believed.get(symbol)
        if believed is None:
            return None
        last, mark, ts = believed
        return Quote(Price(Decimal(last)), Price(decimal_or_none(mark) or Decimal(last)), ts)

    def quotes(self) -> dict[Symbol, Quote]:
        return {symbol: quote for symbol in self._believed if (quote := self.quote(symbol)) is not None}

    def _on_ticker(self, ticker: Ticker) -> None:
        now, made_at = self._clock(), ticker.ts + self.clock_offset
        if not fresh(made_at, now) or made_at > now + _AHEAD_MOST_MS:
            return
        try:
            last = float(ticker.last)
            mark = float(ticker.mark or 0)
        except ValueError:
            return
        guard = self._guards.get(ticker.symbol)
        if guard is None:
            guard = self._guards[ticker.symbol] = PriceGuard()
        if not guard.admits(last, mark, now, said_anew=ticker.names_last):
            return
        self._believed[ticker.symbol] = (ticker.last, ticker.mark, made_at)
        self._cross(ticker.symbol, ticker.last)

    def _cross(self, symbol: Symbol, last: str) -> None:
        for watched in self._book.cross(symbol, float(last)):
            handler = self._handlers.get(watched.account_id)
            if handler is None:
                continue
            try:
                handler(LevelCrossed(symbol, watched.level.close_id, Price(Decimal(last))))
            except Exception as error:  # noqa: BLE001 - one account's trouble must not cost another its close
                log.error(
                    "crossing not handled",
                    account=str(watched.account_id),
                    close=watched.level.close_id,
                    reason=f"{type(error).__name__}: {error}",
                )
