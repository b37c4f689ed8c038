"""The market: prices walk, jump and crash, and are told to whoever subscribed, now and then wrongly."""

from collections import deque
from collections.abc import Iterable
from decimal import Decimal
from random import Random

from backstop.domain.ids import Symbol
from backstop.domain.protection import PriceSource
from tests.simulation.clock import Heap
from tests.simulation.exchange import Exchange
from tests.simulation.faults import Dice, Kind
from tests.simulation.network import StreamLink
from tests.simulation.trace import Trace

_REMEMBERED_MS = 12_000
_WITNESS_MS = 10_000


class Feed:
    """Every symbol ticks about every `period` milliseconds."""

    def __init__(
        self, heap: Heap, random: Random, dice: Dice, exchange: Exchange, trace: Trace, symbols: Iterable[Symbol]
    ) -> None:
        self.period = random.choice((1_000, 1_500, 2_000))
        self.frozen = False
        self.ticks = 0
        self.links: list[StreamLink] = []
        self.true: dict[tuple[str, PriceSource], deque[tuple[int, Decimal]]] = {}
        """What prices really were lately, with when they became so."""
        self._premium: dict[str, int] = {}
        """How many ticks the mark price lies above the index price; the last price wanders about between them."""
        self._heap = heap
        self._random = random
        self._dice = dice
        self._exchange = exchange
        self._trace = trace
        self._wildness = random.uniform(0.0004, 0.002)
        self._told: dict[str, str] = {}
        self._lied_at: dict[str, int] = {}
        self._subscribed: dict[str, list[StreamLink]] = {}
        for symbol in symbols:
            for source in PriceSource:
                self.true[symbol, source] = deque([(heap.now, exchange.markets[symbol].last)])
            heap.after(random.randint(1, self.period), self._tick, symbol)

    def subscribe(self, link: StreamLink, symbol: Symbol) -> None:
        links = self._subscribed.setdefault(symbol, [])
        links[:] = [other for other in links if other.process.alive]
        if link not in links:
            links.append(link)
        if link.open:
            now = self._exchange.markets[symbol]
            fields = f'"symbol":"{symbol}","lastPrice":"{now.last}","markPrice":"{now.mark}","indexPrice":"{now.index}"'
            self._push(link, symbol, "snapshot", fields, self._random.randint(5, 300))

    def _tick(self, symbol: str) -> None:
        random = self._random
        self._heap.after(int(self.period * random.uniform(0.6, 1.4)), self._tick, symbol)
        market = self._exchange.markets[symbol]
        last = market.last
        moved = not self.frozen and not self._dice.hits(Kind.QUIET)
        if moved:
            ticks = round(random.gauss(0, self._wildness) * float(last / market.listing.tick))
            last = max(last + ticks * market.listing.tick, market.listing.tick * 1_000)
        self.move(symbol, last)

    def move(self, symbol: str, last: Decimal) -> None:
        """The price is now this; told as a delta of what changed. Of a symbol that is gone nothing is told."""
        if not self._exchange.markets[symbol].is_listed:
            return
        market = self._exchange.markets[symbol]
        mark, index = self._others(symbol, last)
        for source, price in ((PriceSource.LAST, last), (PriceSource.MARK, mark), (PriceSource.INDEX, index)):
            self._note(symbol, source, price)
        self.ticks += 1
        self._trace.number(int(last / market.listing.tick))
        fields = f'"symbol":"{symbol}","markPrice":"{mark}","indexPrice":"{index}"'
        told = str(last)
        if told != self._told.get(symbol):
            self._told[symbol] = told
            fields += f',"lastPrice":"{told}"'
        self._exchange.price_moved(symbol, last, mark, index)
        self._tell(symbol, fields)

    def _others(self, symbol: str, last: Decimal) -> tuple[Decimal, Decimal]:
        """Mark and index price, each near the last price and seldom the same."""
        if self.frozen:
            return last, last
        tick = self._exchange.markets[symbol].listing.tick
        most = int(last * Decimal("0.002") / tick)
        step = max(most // 10, 1)
        premium = self._premium.get(symbol, 0) + self._random.randint(-step, step)
        self._premium[symbol] = premium = max(-most, min(most, premium))
        return last + (premium // 2) * tick, last - (premium - premium // 2) * tick

    def _note(self, symbol: str, source: PriceSource, price: Decimal) -> None:
        true = self.true[symbol, source]
        true.append((self._heap.now, price))
        while len(true) > 1 and true[1][0] < self._heap.now - _REMEMBERED_MS:
            true.popleft()

    def tell_nonsense(self, symbol: str) -> bool:
        """One absurd ticker; the next says the truth again. Not while a second could be taken for its witness."""
        if self._heap.now - self._lied_at.get(symbol, 0) < _WITNESS_MS:
            return False
        self._lied_at[symbol] = self._heap.now
        market = self._exchange.markets[symbol]
        dice = self._dice.of(Kind.BAD_TICK)
        last = dice.choice(
            (
                "0",
                "-1",
                "NaN",
                "Infinity",
                "1e999",
                "",
                str(market.last * 10),
                str(market.last / 10),
                str(market.last / 2),
            )
        )
        self._told.pop(symbol, None)
        mark = dice.choice((f',"markPrice":"{market.mark}"', "", ',"markPrice":"0"'))
        index = dice.choice((f',"indexPrice":"{market.index}"', "", ',"indexPrice":"0"', ',"indexPrice":"-5"'))
        self._tell(symbol, f'"symbol":"{symbol}","lastPrice":"{last}"{mark}{index}')
        return True

    def tell_the_end(self, symbol: str, last: str) -> None:
        """The last ticker of a symbol that was delisted."""
        self._told.pop(symbol, None)
        self._tell(symbol, f'"symbol":"{symbol}","lastPrice":"{last}","markPrice":"{last}","indexPrice":"{last}"')

    def crash(self, symbol: str) -> None:
        """A real fall or rise by a tenth or two, in one tick."""
        dice = self._dice.of(Kind.CRASH)
        market = self._exchange.markets[symbol]
        share = Decimal(dice.choice((-1, 1)) * dice.randint(8, 20)) / 100
        last = market.last * (1 + share)
        self.move(symbol, (last / market.listing.tick).to_integral_value() * market.listing.tick)

    def _tell(self, symbol: str, fields: str) -> None:
        for link in self._subscribed.get(symbol, ()):
            if link.open:
                delay = 5 + int(self._random.random() * 40)
                if self._dice.hits(Kind.TICK_LATE):
                    delay += self._dice.of(Kind.TICK_LATE).randint(500, 6_000)
                self._push(link, symbol, "delta", fields, delay)

    def _push(self, link: StreamLink, symbol: str, kind: str, fields: str, delay: int) -> None:
        frame = f'{{"topic":"tickers.{symbol}","type":"{kind}","ts":{self._heap.now},"data":{{{fields}}}}}'
        link.push(frame.encode(), delay)
