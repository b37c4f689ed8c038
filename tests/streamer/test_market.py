"""From a ticker on a real socket to the crossings it causes."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from backstop.domain.ids import AccountId, OrderLinkId, PositionId, Symbol
from backstop.domain.instrument import Instrument
from backstop.domain.money import Price, Qty
from backstop.domain.protection import Level, LevelKind, PriceSource
from backstop.domain.side import PositionSide
from backstop.engine.events import LevelCrossed
from simulator.server import Simulator, running_simulator
from streamer.bybit.hosts import Hosts
from streamer.bybit.public import Ticker
from streamer.clock import now_ms
from streamer.market import Market
from tests.streamer.bybit.conftest import until

BTC = Symbol("BTCUSDT")
ALICE, BOB = AccountId(UUID(int=1)), AccountId(UUID(int=2))
RULES = Instrument(
    BTC, Decimal("0.1"), Decimal("0.001"), Qty(Decimal("0.001")), Qty(Decimal(500)), Decimal(5), Decimal(100)
)


def stop_at(price: str, close_id: str = "a-s1-1") -> Level:
    position = PositionId(UUID(int=9))
    return Level(
        position,
        BTC,
        PositionSide.LONG,
        LevelKind.STOP_LOSS,
        0,
        Price(Decimal(price)),
        Decimal(1),
        OrderLinkId(close_id),
    )


@dataclass
class Floor:
    sim: Simulator
    market: Market
    crossed: list[LevelCrossed] = field(default_factory=list)

    async def price(self, last: str, mark: str | None = None) -> None:
        await self.sim.control("POST", "price", {"symbol": BTC, "last": last, "mark": mark or last})

    async def prices(self, last: str, mark: str, index: str) -> None:
        await self.sim.control("POST", "price", {"symbol": BTC, "last": last, "mark": mark, "index": index})

    async def raw(self, **fields: Any) -> None:
        await self.sim.control("POST", "faults", {"kind": "bad_ticker", "symbol": BTC, "fields": fields})

    async def believes(self, last: str) -> None:
        def heard() -> bool:
            quote = self.market.quote(BTC)
            return quote is not None and quote.last == Decimal(last)

        await until(heard)


@pytest.fixture
async def floor() -> AsyncIterator[Floor]:
    async with running_simulator() as sim:
        market = Market(
            "simulator", Hosts(sim.rest_url, sim.public_ws_url, sim.private_ws_url, sim.trade_ws_url), now_ms
        )
        market.instruments[BTC] = RULES
        one = Floor(sim, market)
        market.join(ALICE, one.crossed.append)
        running = asyncio.create_task(market.feed.run())
        await until(lambda: market.feed.connected)
        yield one
        running.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await running


async def test_crossing_fires_once_and_its_symbol_gets_subscribed(floor: Floor) -> None:
    floor.market.arm(ALICE, (stop_at("59500"),))
    await floor.believes("60000")
    await floor.price("59500")
    await until(lambda: bool(floor.crossed))
    await floor.price("59400")
    await floor.believes("59400")
    assert floor.crossed == [LevelCrossed(BTC, OrderLinkId("a-s1-1"), Price(Decimal(59500)))]


async def test_level_armed_where_the_price_has_passed_fires_at_once(floor: Floor) -> None:
    floor.market.watch(BTC)
    await floor.believes("60000")
    floor.market.arm(ALICE, (stop_at("60500"),))
    assert [crossing.price for crossing in floor.crossed] == [Decimal(60000)]


@pytest.mark.parametrize("last", ["0", "-1", "NaN", "Infinity", "-Infinity", "x"])
@pytest.mark.fault(30)
async def test_absurd_price_fires_nothing(floor: Floor, last: str) -> None:
    floor.market.arm(ALICE, (stop_at("59500"),))
    await floor.believes("60000")
    await floor.raw(lastPrice=last)
    await floor.price("60001")
    await floor.believes("60001")
    assert floor.crossed == []


async def test_stale_price_fires_nothing(floor: Floor) -> None:
    floor.market.arm(ALICE, (stop_at("59500"),))
    await floor.believes("60000")
    floor.sim.venue.clock = lambda: now_ms() - 4_000
    await floor.price("59000")
    floor.sim.venue.clock = now_ms
    await floor.price("60001")
    await floor.believes("60001")
    assert floor.crossed == []


@pytest.mark.fault(30)
async def test_spike_without_a_witness_fires_nothing(floor: Floor) -> None:
    floor.market.arm(ALICE, (stop_at("59500"),))
    await floor.believes("60000")
    await floor.raw(lastPrice="30000")
    await floor.price("60001")
    await floor.believes("60001")
    assert floor.crossed == []


@pytest.mark.fault(30)
async def test_crash_with_the_mark_price_beside_it_fires(floor: Floor) -> None:
    floor.market.arm(ALICE, (stop_at("59500"),))
    await floor.believes("60000")
    await floor.price("40000")
    await until(lambda: bool(floor.crossed))
    assert floor.crossed[0].price == Decimal(40000)


async def test_each_account_gets_its_own_and_whoever_left_gets_nothing(floor: Floor) -> None:
    bobs: list[LevelCrossed] = []
    floor.market.join(BOB, bobs.append)
    floor.market.arm(ALICE, (stop_at("59500"), stop_at("59000", "a-s2-1")))
    floor.market.arm(BOB, (stop_at("59400", "b-s1-1"),))
    await floor.believes("60000")
    await floor.price("59450")
    await floor.believes("59450")
    assert [crossing.close_id for crossing in floor.crossed] == ["a-s1-1"]
    assert bobs == []
    floor.market.leave(ALICE)
    await floor.price("58000")
    await until(lambda: bool(bobs))
    assert [crossing.close_id for crossing in bobs] == ["b-s1-1"]
    assert len(floor.crossed) == 1


@pytest.mark.fault(51)
async def test_account_in_trouble_costs_no_other_its_close(floor: Floor) -> None:
    def broken(_: LevelCrossed) -> None:
        raise RuntimeError("no books")

    floor.market.join(BOB, broken)
    floor.market.arm(BOB, (stop_at("59600", "b-s1-1"),))
    floor.market.arm(ALICE, (stop_at("59500"),))
    await floor.believes("60000")
    await floor.price("59000")
    await until(lambda: bool(floor.crossed))
    assert floor.market.feed.connected


def by(source: PriceSource, price: str = "59500", close_id: str = "m-s1-1") -> Level:
    return replace(stop_at(price, close_id), trigger_by=source)


async def test_each_level_hears_its_own_price_only(floor: Floor) -> None:
    floor.market.arm(ALICE, (stop_at("59500"), by(PriceSource.MARK), by(PriceSource.INDEX, close_id="i-s1-1")))
    await floor.believes("60000")
    await floor.prices("59400", "60000", "60000")
    await until(lambda: len(floor.crossed) == 1)
    await floor.prices("59400", "59300", "60000")
    await until(lambda: len(floor.crossed) == 2)
    await floor.prices("59400", "59300", "59200")
    await until(lambda: len(floor.crossed) == 3)
    assert [(one.close_id, one.price) for one in floor.crossed] == [
        ("a-s1-1", Decimal(59400)),
        ("m-s1-1", Decimal(59300)),
        ("i-s1-1", Decimal(59200)),
    ]


async def test_mark_passed_already_fires_when_its_level_is_armed(floor: Floor) -> None:
    floor.market.watch(BTC)
    await floor.prices("60000", "59000", "60000")
    await until(lambda: (quote := floor.market.quote(BTC)) is not None and quote.mark == Decimal(59000))
    floor.market.arm(ALICE, (stop_at("59500"), by(PriceSource.MARK)))
    assert [one.close_id for one in floor.crossed] == ["m-s1-1"]


@pytest.mark.parametrize("mark", ["0", "-1", "NaN", "Infinity", "x", "30000"])
async def test_absurd_mark_fires_nothing_and_is_no_quote(floor: Floor, mark: str) -> None:
    floor.market.arm(ALICE, (by(PriceSource.MARK),))
    await floor.believes("60000")
    await floor.raw(markPrice=mark)
    await floor.price("60001")
    await floor.believes("60001")
    assert floor.crossed == []
    quote = floor.market.quote(BTC)
    assert quote is not None
    assert quote.mark >= 60_000


async def test_stale_mark_fires_nothing(floor: Floor) -> None:
    floor.market.arm(ALICE, (by(PriceSource.MARK),))
    await floor.believes("60000")
    floor.sim.venue.clock = lambda: now_ms() - 4_000
    await floor.prices("60000", "59000", "60000")
    floor.sim.venue.clock = now_ms
    await floor.prices("60001", "60001", "60001")
    await floor.believes("60001")
    assert floor.crossed == []


def ticker(at: int, **fields: str) -> Ticker:
    names = {f"names_{name}": name in fields for name in ("last", "mark", "index")}
    return Ticker(BTC, **{"last": "60000", **fields}, ts=at, **names, whole=True)  # type: ignore[arg-type]


def test_price_not_named_is_as_new_as_the_message_and_an_absent_one_is_unknown() -> None:
    clock = [1_000_000]
    market = Market("simulator", Hosts("", "", ""), lambda: clock[0])
    market._on_ticker(ticker(clock[0], last="60000", mark="60010"))
    clock[0] += 60_000
    quote = market.quote(BTC)
    assert quote is not None
    assert (quote.of(PriceSource.MARK), quote.of(PriceSource.INDEX)) == ((Decimal(60010), 1_000_000), None)
    market._on_ticker(replace(ticker(clock[0], last="60001"), mark="60010"))
    quote = market.quote(BTC)
    assert quote is not None
    assert quote.of(PriceSource.MARK) == (Decimal(60010), clock[0])


def test_suspicious_mark_does_not_become_true_by_standing_still() -> None:
    clock = [1_000_000]
    market = Market("simulator", Hosts("", "", ""), lambda: clock[0])
    market._on_ticker(ticker(clock[0], last="60000", mark="60000"))
    clock[0] += 2_000
    market._on_ticker(ticker(clock[0], mark="30000"))
    for _ in range(3):
        clock[0] += 1_500
        market._on_ticker(replace(ticker(clock[0], last="60000"), mark="30000"))
    quote = market.quote(BTC)
    assert quote is not None
    assert quote.of(PriceSource.MARK) == (Decimal(60000), 1_000_000)
