"""Everything put together from one seed: run with faults, then without, then asked whether all is well."""

import logging
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from random import Random

from backstop.domain.ids import Symbol
from streamer.bybit.codec import read_instrument
from streamer.journal import Fenced
from tests.simulation.chaos import Chaos
from tests.simulation.checks import Checks, Violation
from tests.simulation.clock import START, Heap
from tests.simulation.exchange import Exchange
from tests.simulation.faults import Dice, FaultPlan, Kind, draw_plan
from tests.simulation.feed import Feed
from tests.simulation.listings import LISTINGS
from tests.simulation.network import PrivateFanOut, StoreLink, StoreWeather, StreamLink, Wire
from tests.simulation.process import Process
from tests.simulation.quiet import check_quiet, probe
from tests.simulation.shell import Streamer
from tests.simulation.source import Source
from tests.simulation.store import Store
from tests.simulation.trace import Trace
from tests.simulation.venue import Venue
from tests.simulation.watch import Watch

_QUIET_MS = 60_000
_BRISK_MS = 30_000


@dataclass(frozen=True, slots=True)
class Setup:
    """What is run. `plan` None: the seed's own mix of faults."""

    seed: int
    hours: float
    plan: FaultPlan | None = None
    keep_trace: bool = False


@dataclass
class Outcome:
    """What came of it."""

    seed: int
    digest: int
    hours: float
    heap_events: int = 0
    ticks: int = 0
    steps: int = 0
    injected: Counter[Kind] = field(default_factory=Counter)
    checked: Counter[str] = field(default_factory=Counter)
    counts: Counter[str] = field(default_factory=Counter)
    violations: list[Violation] = field(default_factory=list)
    lines: list[tuple[int, str, str]] = field(default_factory=list)


def plan_of(seed: int) -> FaultPlan:
    """The mix of faults a seed draws."""
    return draw_plan(seed)


class World:
    def __init__(self, setup: Setup) -> None:
        seed = setup.seed
        root = Random(seed)
        self.setup = setup
        self.heap = Heap()
        self.trace = Trace(lambda: self.heap.now, keep=setup.keep_trace)
        self.dice = Dice(seed, setup.plan if setup.plan is not None else plan_of(seed))
        balance = Decimal(root.choice((500, 10_000, 100_000)))
        hedged = [listing.symbol for listing in LISTINGS if self.dice.hits(Kind.HEDGED)]
        self.exchange = Exchange(
            self.heap,
            Random(root.getrandbits(64)),
            self.dice,
            LISTINGS,
            balance,
            hedged,
            tells_leverage=not self.dice.plan.strength.keys().isdisjoint((Kind.HEDGED, Kind.LEVERAGE_SET)),
        )
        self.venue = Venue(self.exchange)
        self.store = Store(lambda: self.heap.now)
        self.weather = StoreWeather()
        self.wire = Wire(self.heap, Random(root.getrandbits(64)), self.dice, self.venue)
        self.wire.stall = self._stall
        self.fan_out = PrivateFanOut(Random(root.getrandbits(64)), self.dice)
        self.exchange.publish = self.fan_out.publish
        self.feed = Feed(
            self.heap,
            Random(root.getrandbits(64)),
            self.dice,
            self.exchange,
            self.trace,
            [it.symbol for it in LISTINGS],
        )
        self.source = Source(self.heap, Random(root.getrandbits(64)), self.dice, self.store, self.exchange, hedged)
        self.source.database_away = lambda: self.weather.down or self.weather.silent
        self.source.wake = self._notify
        self.checks = Checks(self)
        self._watching = Watch(self, self.checks)
        self.exchange.watcher = self.checks
        self.store.watcher = self.checks
        self.wire.on_order_signed = self.checks.order_signed
        self.wire.on_order_sent = self.checks.order_sent
        self._random = Random(root.getrandbits(64))
        self._incarnations = 0
        self._steps = 0
        self.streamers: dict[str, Streamer | None] = {"A": None, "B": None}
        for name in self.streamers:
            self._start(name)
        self.chaos = Chaos(self)

    # ---- processes

    def leader(self) -> Streamer | None:
        """Who trades: alive, continued, with the newest epoch."""
        lease = self.store.lease
        for streamer in self.streamers.values():
            if (
                streamer is not None
                and lease is not None
                and streamer.process.alive
                and not streamer.process.paused
                and streamer.journal is not None
                and streamer.journal.epoch == lease.epoch
            ):
                return streamer
        return None

    def _start(self, name: str) -> None:
        if self.streamers[name] is not None:
            return
        self._incarnations += 1
        holder = f"{name}{self._incarnations}"
        skew = self._random.randint(-400, 400)
        process = Process(self.heap, holder, skew, lambda error: self._failed(name, holder, error))
        process.on_killed = lambda: self._ended(name, holder, "killed between two effects")
        self.trace.note(holder, "starts")
        self.streamers[name] = Streamer(
            process,
            self.heap,
            Random(self._random.getrandbits(64)),
            holder=holder,
            wire=self.wire,
            store=StoreLink(self.heap, Random(self._random.getrandbits(64)), self.dice, self.store, self.weather),
            reachable=lambda: self.heap.now >= self.venue.maintenance_until,
            key_works=lambda: self.venue.key_code is None,
            instruments={name: read_instrument(market.row()) for name, market in self.exchange.markets.items()},
            on_watch=self._watch,
            on_listen=self._listen,
            on_exit=lambda streamer: self._ended(name, holder, "ended when asked to"),
            trace=self.trace,
            spy=self.checks,
        )

    def _watch(self, streamer: Streamer, symbol: Symbol) -> None:
        self.feed.subscribe(streamer.public, symbol)

    def _listen(self, link: StreamLink) -> None:
        self.fan_out.links = [other for other in self.fan_out.links if other.process.alive]
        self.fan_out.links.append(link)

    def kill(self, name: str) -> bool:
        streamer = self.streamers[name]
        if streamer is None:
            return False
        self._ended(name, streamer.holder, "killed")
        return True

    def pause(self, process: Process, length: int) -> None:
        process.pause()
        self.heap.after(length, self._resume, process)

    def _resume(self, process: Process) -> None:
        if process.alive and process.paused:
            process.resume()

    def _stall(self, process: Process) -> None:
        self.dice.injected[Kind.STALL] += 1
        self.trace.note(process.name, "stopped between signing and sending")
        self.pause(process, self.dice.of(Kind.STALL).choice((1_000, 4_000, 12_000, 30_000)))

    def _failed(self, name: str, holder: str, error: Exception) -> None:
        if not isinstance(error, Fenced):
            self.checks.broke(holder, error)
        self._ended(name, holder, f"ends itself: {type(error).__name__}: {error}")

    def _ended(self, name: str, holder: str, how: str) -> None:
        streamer = self.streamers[name]
        if streamer is None or streamer.holder != holder:
            return
        self.trace.note(holder, how)
        streamer.process.die()
        streamer.public.open = False
        if streamer.private is not None:
            streamer.private.open = False
        if streamer.actor is not None:
            self._steps += streamer.actor.steps
        self.streamers[name] = None
        wait = self._random.choice((500, 2_000, 8_000)) if self.dice.on else 500
        self.heap.after(wait, self._start, name)

    def _notify(self) -> None:
        """NOTIFY reaches whoever is connected."""
        if self.weather.down:
            return
        for streamer in self.streamers.values():
            if streamer is not None:
                streamer.process.after(3, streamer.wake)

    # ---- the run

    def run(self) -> Outcome:
        end = START + round(self.setup.hours * 3_600_000)
        self.heap.after(1_000, self._every_second)
        self.heap.run_until(end)
        self.dice.on = False
        self.source.on = False
        self.chaos.stop()
        self.trace.note("world", "faults stop")
        self.heap.run_until(end + _BRISK_MS)
        self.feed.frozen = True
        self.heap.run_until(end + _QUIET_MS)
        check_quiet(self)
        probe(self)
        outcome = self._outcome()
        for streamer in self.streamers.values():
            if streamer is not None:
                streamer.process.die()
        return outcome

    def _every_second(self) -> None:
        self.heap.after(1_000, self._every_second)
        self._watching.second()

    def _outcome(self) -> Outcome:
        steps = self._steps + sum(
            s.actor.steps for s in self.streamers.values() if s is not None and s.actor is not None
        )
        self.trace.seal(repr(sorted((str(k), str(v.qty), str(v.status)) for k, v in self.store.positions.items())))
        self.trace.seal(f"{self.exchange.wallet} {len(self.exchange.log)} {len(self.store.orders)}")
        requests = self.venue.requests
        counts = Counter(
            {
                "alerts": self.source.alerts,
                "alerts repeated": self.source.repeated,
                "commands": len(self.store.commands),
                "orders at the exchange": sum(1 for order in self.exchange.orders.values() if order.link),
                "order requests": requests["private_post_v5_order_create"],
                "requests": sum(requests.values()),
                "executions": len(self.exchange.executions),
                "positions": len(self.store.positions),
                "trades": len(self.store.trades),
                "reversals": len(self.store.reversals),
                "commits": self.store.commits,
                "takeovers": self.store.lease.epoch if self.store.lease is not None else 0,
                "processes started": self._incarnations,
            }
        )
        return Outcome(
            seed=self.setup.seed,
            digest=self.trace.digest,
            hours=(self.heap.now - START) / 3_600_000,
            heap_events=self.heap.events,
            ticks=self.feed.ticks,
            steps=steps,
            injected=self.dice.injected,
            checked=self.checks.done,
            counts=counts,
            violations=self.checks.violations,
            lines=self.trace.lines,
        )


def run(setup: Setup) -> Outcome:
    with _quietly():
        return World(setup).run()


@contextmanager
def _quietly() -> Iterator[None]:
    """The streamer's log would tell of every fault."""
    log = logging.getLogger("streamer")
    before = log.level
    log.setLevel(logging.CRITICAL + 1)
    try:
        yield
    finally:
        log.setLevel(before)


Runner = Callable[[Setup], Outcome]
