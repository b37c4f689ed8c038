"""3. What a tick costs with few and with very many levels armed, what arming one costs, and how much memory it takes.

A tick is a frame given to the public stream: decoded, judged, compared. All sizes of one kind are built first and then
measured in turns.
"""

import gc
import resource
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any
from uuid import UUID

import msgspec

from backstop.domain.ids import AccountId, OrderLinkId, PositionId, Symbol
from backstop.domain.instrument import Instrument
from backstop.domain.money import Price, Qty
from backstop.domain.protection import Level, LevelKind
from backstop.domain.side import PositionSide
from backstop.engine.events import LevelCrossed
from benchmarks.report import Section
from streamer.bybit.hosts import Hosts
from streamer.bybit.public import PublicStream
from streamer.market import Market

SIZES = (10, 1_000, 100_000, 1_000_000)
SYMBOLS = (1, 500)
ACCOUNT = AccountId(UUID(int=1))
ROUNDS = 15
TICKS = 2_000
CROSSINGS = 500
PRICE = 60_000


def nothing_heard(_event: LevelCrossed) -> None:
    return


def level_of(number: int, symbol: Symbol, kind: LevelKind, price: str) -> Level:
    """Stops and the like below the price, ratchets above it."""
    leg = "x1" if kind is LevelKind.RATCHET else "s1"
    link_id = OrderLinkId(f"{number:026d}-{leg}-1")
    return Level(
        PositionId(UUID(int=number)), symbol, PositionSide.LONG, kind, 0, Price(Decimal(price)), Decimal(1), link_id
    )


@dataclass
class Armed:
    """A market with so many levels."""

    market: Market
    stream: PublicStream
    symbols: list[Symbol]
    levels: int
    trailing: bool
    arm_us: float
    memory: float

    @classmethod
    def with_levels(cls, levels: int, symbols: int, *, trailing: bool) -> "Armed":
        names = [Symbol(f"C{number}USDT") for number in range(symbols)]
        market = Market("simulator", Hosts("", "", ""), now_ms)
        market.join(ACCOUNT, nothing_heard)
        stream = PublicStream("bench", "", market._on_ticker, now_ms)
        for name in names:
            market.instruments[name] = rules(name)
            stream.add(name)
        gc.collect()
        before, began = resident(), time.thread_time()
        for number in range(levels):
            name = names[number % symbols]
            below = f"{59_000 - number % 5_000_000 * 0.01:.2f}"
            kind = (LevelKind.RATCHET if number % 2 else LevelKind.TRAILING) if trailing else LevelKind.STOP_LOSS
            above = f"{61_000 + number % 5_000_000 * 0.01:.2f}"
            market._book.arm(ACCOUNT, level_of(number, name, kind, above if kind is LevelKind.RATCHET else below))
        took = time.thread_time() - began
        gc.freeze()
        one = cls(market, stream, names, levels, trailing, took / levels * 1e6, (resident() - before) / levels)
        for name in names:
            stream.receive(frame(name, PRICE, "snapshot"))
        return one

    def quiet_tick(self) -> float:
        """Microseconds, of one tick among many that cross nothing, over all symbols in turn."""
        frames = [frame(self.symbols[n % len(self.symbols)], PRICE + n % 7) for n in range(TICKS)]
        return each(self.stream.receive, frames)

    def crossing(self) -> float:
        """Microseconds of a tick that crosses one level, which is then armed anew; of a trailing stop's ratchet, both."""
        symbol = self.symbols[0]
        ratchet = LevelKind.RATCHET if self.trailing else LevelKind.STOP_LOSS
        at = PRICE + 500 if self.trailing else PRICE - 500
        first = level_of(-1 % 10**20, symbol, ratchet, str(at))
        stop = level_of(-2 % 10**20, symbol, LevelKind.TRAILING, str(PRICE - 900))
        there, back = frame(symbol, at), frame(symbol, PRICE)
        took = []
        for _ in range(CROSSINGS):
            self.market._book.arm(ACCOUNT, first)
            before = len(self.market._book)
            began = time.perf_counter_ns()
            self.stream.receive(there)
            if self.trailing:
                self.market._book.arm(ACCOUNT, stop)
            took.append((time.perf_counter_ns() - began) / 1e3)
            assert len(self.market._book) <= before, "it was not crossed"
            self.stream.receive(back)
        self.market.disarm((first.close_id, stop.close_id))
        return statistics.median(took)

    def change(self) -> float:
        """Microseconds to move a level that is armed."""
        one = level_of(0, self.symbols[0], LevelKind.TRAILING if self.trailing else LevelKind.STOP_LOSS, "59000.00")
        moved = [replace(one, price=Price(Decimal(30_000 + number))) for number in range(CROSSINGS)]
        took = each(lambda level: self.market._book.arm(ACCOUNT, level), moved)
        self.market._book.arm(ACCOUNT, one)
        return took


def each(act: Callable[[Any], object], over: list[Any]) -> float:
    """Microseconds of processor time one takes: what else the machine does is not counted."""
    began = time.thread_time()
    for one in over:
        act(one)
    return (time.thread_time() - began) / len(over) * 1e6


def now_ms() -> int:
    return time.time_ns() // 1_000_000


def frame(symbol: Symbol, price: int, kind: str = "delta") -> bytes:
    data = {"symbol": symbol, "lastPrice": str(price), "markPrice": str(price), "indexPrice": str(price)}
    return msgspec.json.encode({"topic": f"tickers.{symbol}", "type": kind, "data": data, "ts": now_ms() + 30_000})


def rules(symbol: Symbol) -> Instrument:
    step = Decimal("0.001")
    return Instrument(symbol, Decimal("0.1"), step, Qty(step), Qty(Decimal(100)), Decimal(5), Decimal(100))


def resident() -> int:
    """Bytes this process holds."""
    with open("/proc/self/statm") as file:  # noqa: PTH123
        return int(file.read().split()[1]) * resource.getpagesize()


def sections(sizes: tuple[int, ...] = SIZES) -> list[Section]:
    found = []
    for trailing in (False, True):
        for symbols in SYMBOLS:
            armed = [Armed.with_levels(max(size, symbols), symbols, trailing=trailing) for size in sizes]
            found.append(section(armed, symbols, trailing=trailing))
            del armed
            gc.unfreeze()
    return found


def section(armed: list[Armed], symbols: int, *, trailing: bool) -> Section:
    measures = ("quiet_tick", "crossing", "change")
    took: dict[tuple[str, int], list[float]] = {}
    for _ in range(ROUNDS):
        for name in measures:
            for one in armed:
                took.setdefault((name, one.levels), []).append(getattr(one, name)())
    middle = {key: statistics.median(values) for key, values in took.items()}
    rows, first = [], armed[0].levels
    for one in armed:
        cells = [f"{one.levels:,}"]
        for name in measures:
            us = middle[name, one.levels]
            cells += [f"{us:.2f}", f"{us / middle[name, first]:.2f}"]
        rows.append([*cells, f"{one.arm_us:.1f}", f"{one.memory:.0f}" if one.levels >= 100_000 else "–"])
    kind = "trailing stops (every other level is a ratchet)" if trailing else "fixed stops"
    return Section(
        key="levels",
        title=f"3. Armed levels: {kind} over {symbols} symbol{'s' if symbols > 1 else ''}",
        columns=["levels", "tick µs", "×", "crossing µs", "×", "change µs", "×", "arm µs", "bytes each"],
        rows=rows,
        reach="a tick at 1,000,000 levels costs within 20 % of one at 10",
        bars=[(f"{one.levels:,}", middle["quiet_tick", one.levels] / middle["quiet_tick", first]) for one in armed],
    )
