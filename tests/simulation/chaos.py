"""Faults that come at their own time: to processes, streams, the exchange and the database."""

from collections.abc import Callable
from decimal import Decimal
from random import Random
from typing import TYPE_CHECKING

from tests.simulation.faults import PER_HOUR, Kind
from tests.simulation.hands import Hands
from tests.simulation.rules import Rules
from tests.simulation.venue import ENDPOINTS

if TYPE_CHECKING:
    from tests.simulation.world import World


class Chaos:
    """Draws when each kind strikes next, and strikes. A strike that finds nothing to hit does not count."""

    def __init__(self, world: "World") -> None:
        self._world = world
        self._rules = Rules(world)
        self._strikes: dict[Kind, Callable[[Random], bool]] = {
            Kind.PRIVATE_DROP: lambda random: self._drop(private=True),
            Kind.PUBLIC_DROP: lambda random: self._drop(private=False),
            Kind.HALF_OPEN: self._half_open,
            Kind.PRIVATE_MUTE: lambda random: self._mute(random, private=True),
            Kind.PUBLIC_MUTE: lambda random: self._mute(random, private=False),
            Kind.BAD_TICK: self._bad_tick,
            Kind.CRASH: self._crash,
            Kind.MAINTENANCE: self._maintenance,
            Kind.ENDPOINT_DOWN: self._endpoint_down,
            Kind.VIEW_LAG: self._view_lag,
            Kind.WIPE: self._wipe,
            Kind.PRESSURE: self._pressure,
            Kind.FUNDING: self._funding,
            Kind.KILL: self._kill,
            Kind.KILL_AT_POINT: self._kill_at_point,
            Kind.PAUSE: self._pause,
            Kind.STALL: self._stall,
            Kind.DEPLOY: self._deploy,
            Kind.CLOCK_JUMP: self._clock_jump,
            Kind.DB_CUT: self._db_cut,
            Kind.DB_HANG: self._db_hang,
            Kind.DB_SLOW: self._db_slow,
            Kind.STRATEGY_EDIT: self._strategy_edit,
            **Hands(world).strikes(),
            **self._rules.strikes(),
        }
        for kind in PER_HOUR:
            if kind in world.dice.plan.strength:
                self._again(kind)

    def _again(self, kind: Kind) -> None:
        random = self._world.dice.of(kind)
        wait = random.expovariate(self._world.dice.plan.strength[kind] / 3_600_000)
        self._world.heap.after(round(wait) + 1, self._strike, kind)

    def _strike(self, kind: Kind) -> None:
        world = self._world
        if not world.dice.on:
            return
        if self._strikes[kind](world.dice.of(kind)):
            world.dice.injected[kind] += 1
            world.trace.note("world", f"⚡ {kind.value}")
            self._again(kind)
        else:
            # It waits for something to hit.
            world.heap.after(5_000, self._strike, kind)

    def stop(self) -> None:
        """Everything is mended."""
        world = self._world
        world.venue.maintenance_until = world.venue.pressure_until = 0
        world.venue.down.clear()
        world.venue.lag.clear()
        self._rules.mend()
        world.weather.down, world.weather.slow_by = False, 0
        world.weather.let_go()
        for streamer in world.streamers.values():
            if streamer is not None:
                streamer.process.kill_in = streamer.process.stall_in = 0
                if streamer.process.paused:
                    streamer.process.resume()
                for link in (streamer.public, streamer.private):
                    if link is not None:
                        link.mute_until = 0
                        if link.dead:
                            link.lose()

    # ---- streams

    def _drop(self, *, private: bool) -> bool:
        leader = self._world.leader()
        link = None if leader is None else leader.private if private else leader.public
        if link is None or not link.open:
            return False
        link.lose()
        return True

    def _half_open(self, random: Random) -> bool:
        leader = self._world.leader()
        link = None if leader is None else random.choice((leader.private, leader.public))
        if link is None or not link.open:
            return False
        link.go_dead()
        return True

    def _mute(self, random: Random, *, private: bool) -> bool:
        leader = self._world.leader()
        link = None if leader is None else leader.private if private else leader.public
        if link is None or not link.open:
            return False
        # A public stream that went mute stays so until it is connected anew: its deltas would not add up otherwise.
        link.mute_until = self._world.heap.now + (random.randint(3_000, 120_000) if private else 86_400_000)
        return True

    # ---- the exchange

    def _bad_tick(self, random: Random) -> bool:
        return self._world.feed.tell_nonsense(self._busy_symbol(random))

    def _crash(self, random: Random) -> bool:
        self._world.feed.crash(self._busy_symbol(random))
        return True

    def _busy_symbol(self, random: Random) -> str:
        exchange = self._world.exchange
        held = [slot.symbol for slot, book in exchange.books.items() if book.size != 0]
        return random.choice(held or list(exchange.markets))

    def _maintenance(self, random: Random) -> bool:
        world = self._world
        world.venue.maintenance_until = world.heap.now + random.choice((5_000, 20_000, 120_000))
        for link in [*world.fan_out.links, *(s.public for s in world.streamers.values() if s is not None)]:
            link.lose()
        return True

    def _endpoint_down(self, random: Random) -> bool:
        venue = self._world.venue
        venue.down[random.choice(ENDPOINTS)] = self._world.heap.now + random.randint(5_000, 60_000)
        return True

    def _view_lag(self, random: Random) -> bool:
        venue = self._world.venue
        endpoints = random.sample(ENDPOINTS[:4], random.randint(1, 4))
        lag = random.choice((300, 2_000, 4_500, 10_000))
        for endpoint in endpoints:
            venue.lag[endpoint] = lag

        def catch_up() -> None:
            for endpoint in endpoints:
                venue.lag.pop(endpoint, None)

        self._world.heap.after(random.randint(5_000, 90_000), catch_up)
        return True

    def _wipe(self, random: Random) -> bool:
        self._world.exchange.wiped_at = self._world.heap.now
        return True

    def _pressure(self, random: Random) -> bool:
        self._world.venue.pressure_until = self._world.heap.now + random.randint(5_000, 60_000)
        return True

    def _funding(self, random: Random) -> bool:
        if all(book.size == 0 for book in self._world.exchange.books.values()):
            return False
        self._world.exchange.fund(Decimal(random.randint(-30, 30)) / 100_000)
        return True

    # ---- processes

    def _kill(self, random: Random) -> bool:
        return self._world.kill(random.choice(list(self._world.streamers)))

    def _kill_at_point(self, random: Random) -> bool:
        leader = self._world.leader()
        if leader is None:
            return False
        leader.process.kill_in = random.randint(1, 40)
        return True

    def _pause(self, random: Random) -> bool:
        leader = self._world.leader()
        if leader is None:
            return False
        self._world.pause(leader.process, random.choice((1_500, 8_000, 15_000, 60_000)))
        return True

    def _stall(self, random: Random) -> bool:
        leader = self._world.leader()
        if leader is None:
            return False
        leader.process.stall_in = random.randint(1, 60)
        return True

    def _deploy(self, random: Random) -> bool:
        leader = self._world.leader()
        if leader is None:
            return False
        leader.terminate()
        return True

    def _clock_jump(self, random: Random) -> bool:
        leader = self._world.leader()
        if leader is None:
            return False
        leader.process.set_clock(random.choice((-6_000, -1_200, 1_200, 6_000)))
        return True

    # ---- the database

    def _db_cut(self, random: Random) -> bool:
        weather = self._world.weather
        if weather.down or weather.silent:
            return False
        weather.cut()

        def mend() -> None:
            weather.down = False

        self._world.heap.after(random.choice((300, 3_000, 20_000, 90_000)), mend)
        return True

    def _db_hang(self, random: Random) -> bool:
        weather = self._world.weather
        if weather.down or weather.silent:
            return False
        weather.silent = True
        self._world.heap.after(random.choice((1_000, 5_000, 30_000)), weather.let_go)
        return True

    def _db_slow(self, random: Random) -> bool:
        weather = self._world.weather
        weather.slow_by = random.randint(50, 1_500)

        def mend() -> None:
            weather.slow_by = 0

        self._world.heap.after(random.randint(5_000, 60_000), mend)
        return True

    def _strategy_edit(self, random: Random) -> bool:
        self._world.source.edit_a_strategy()
        return True
