"""The product's market on a simulated public stream: its ticker merge, price guard and trigger book are the product's."""

from collections.abc import Callable, Mapping
from dataclasses import replace

from backstop.domain.ids import OrderLinkId, Symbol
from backstop.domain.instrument import Instrument
from backstop.domain.money import Qty
from streamer.bybit.hosts import Hosts
from streamer.bybit.public import PublicStream
from streamer.market import Market
from tests.simulation.process import Process

_LIMITED = Symbol("DOGEUSDT")
_CHANGES_MS = 1_800_000
"""The most one order takes changes over time: a process started in every other half hour closes this symbol in parts."""

LIMITED_TO = 16
"""What it takes then is so many times less."""

_NOWHERE = Hosts("", "", "")


class SimMarket(Market):
    def __init__(
        self, process: Process, instruments: Mapping[str, Instrument], on_watch: Callable[[Symbol], None]
    ) -> None:
        super().__init__("simulation", _NOWHERE, process.clock)
        self.instruments.update({it.symbol: it for it in instruments.values()})
        if process.clock() // _CHANGES_MS % 2:
            usual = self.instruments[_LIMITED]
            self.instruments[_LIMITED] = replace(usual, max_market_qty=Qty(usual.max_market_qty // LIMITED_TO))
        self._on_watch = on_watch

    @property
    def stream(self) -> PublicStream:
        """The one connection it has here."""
        return self.feed.shards[0]

    def watch(self, symbol: Symbol) -> None:
        if symbol not in self.stream.symbols and symbol in self.instruments:
            self.stream.add(symbol)
            self._on_watch(symbol)

    def watches(self, close_id: OrderLinkId) -> bool:
        return close_id in self._book._watched
