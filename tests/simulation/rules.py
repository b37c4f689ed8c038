"""What the exchange does not allow for a while: large positions, far prices, a symbol, the key, the whole address."""

from collections.abc import Callable
from decimal import Decimal
from random import Random
from typing import TYPE_CHECKING

from tests.simulation.books import Market
from tests.simulation.faults import Kind

if TYPE_CHECKING:
    from tests.simulation.world import World


class Rules:
    def __init__(self, world: "World") -> None:
        self._world = world

    def strikes(self) -> dict[Kind, Callable[[Random], bool]]:
        """Each returns whether it found something to do."""
        return {
            Kind.RISK_CUT: self._cut_risk,
            Kind.PRICE_BAND: self._draw_band,
            Kind.DELISTED: self._delist,
            Kind.KEY_REFUSED: self._refuse_key,
            Kind.BANNED: self._ban,
        }

    def mend(self) -> None:
        """All is allowed again, and every process lets itself send."""
        self._world.venue.allow_key()
        self._world.venue.banned_until = 0
        for streamer in self._world.streamers.values():
            if streamer is not None:
                streamer.rest.address.banned_until = 0
        for market in self._world.exchange.markets.values():
            market.value_cap = market.band = market.delivers_at = None
            market.status = "Trading"

    def _some_market(self, random: Random) -> Market:
        return random.choice(list(self._world.exchange.markets.values()))

    def _cut_risk(self, random: Random) -> bool:
        market = self._some_market(random)
        market.value_cap = Decimal(random.choice((100, 1_000)))

        def lift() -> None:
            market.value_cap = None

        self._world.heap.after(random.randint(60_000, 900_000), lift)
        return True

    def _draw_band(self, random: Random) -> bool:
        market = self._some_market(random)
        market.band = Decimal(random.randint(5, 30)) / 10_000

        def lift() -> None:
            market.band = None

        self._world.heap.after(random.randint(60_000, 900_000), lift)
        return True

    def _delist(self, random: Random) -> bool:
        """First nothing may be opened, then what is held is settled and the symbol is gone. Later it is listed anew."""
        world, market = self._world, self._some_market(random)
        if not market.is_listed or market.delivers_at is not None:
            return False
        market.delivers_at = world.heap.now + random.randint(30_000, 900_000)
        gone_for = random.randint(30_000, 900_000)
        last_words = random.choice(("0", ""))

        def list_anew() -> None:
            market.status, market.delivers_at = "Trading", None

        def deliver() -> None:
            if market.delivers_at is None:
                return
            world.trace.note("exchange", f"{market.listing.symbol} is delivered")
            world.exchange.deliver(market.listing.symbol)
            world.feed.tell_the_end(market.listing.symbol, last_words)
            world.heap.after(gone_for, list_anew)

        world.heap.at(market.delivers_at, deliver)
        return True

    def _refuse_key(self, random: Random) -> bool:
        """Expired, wrong, or without the right; its streams may be cut off with it."""
        world = self._world
        if world.venue.key_code is not None:
            return False
        world.venue.key_code, world.venue.key_refused_at = random.choice((33004, 10003, 10005)), world.heap.now
        if random.random() < 0.7:
            for link in world.fan_out.links:
                link.lose()
        world.heap.after(random.randint(20_000, 400_000), world.venue.allow_key)
        return True

    def _ban(self, random: Random) -> bool:
        world = self._world
        if world.heap.now < world.venue.banned_until:
            return False
        world.venue.banned_until = world.heap.now + random.randint(20_000, 600_000)
        return True
