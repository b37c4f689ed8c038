"""From a ticker on a real socket to the crossings it causes."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from backstop.domain.ids import AccountId, OrderLinkId, PositionId, Symbol
from backstop.domain.instrument import Instrument
from backstop.domain.money import Price, Qty
from backstop.domain.protection import Level, LevelKind
from backstop.domain.side import PositionSide
from backstop.engine.events import LevelCrossed
from simulator.server import Simulator, running_simulator
from streamer.bybit.hosts import Hosts
from streamer.bybit.socket import SocketState
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
        market = Market("simulator", Hosts(sim.rest_url, sim.public_ws_url, sim.private_ws_url), now_ms)
        market.instruments[BTC] = RULES
        one = Floor(sim, market)
        market.join(ALICE, one.crossed.append)
        running = asyncio.create_task(market.stream.socket.run())
        await until(lambda: market.stream.socket.state is SocketState.CONNECTED)
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


async def test_spike_without_a_witness_fires_nothing(floor: Floor) -> None:
    floor.market.arm(ALICE, (stop_at("59500"),))
    await floor.believes("60000")
    await floor.raw(lastPrice="30000")
    await floor.price("60001")
    await floor.believes("60001")
    assert floor.crossed == []


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


async def test_account_in_trouble_costs_no_other_its_close(floor: Floor) -> None:
    def broken(_: LevelCrossed) -> None:
        raise RuntimeError("no books")

    floor.market.join(BOB, broken)
    floor.market.arm(BOB, (stop_at("59600", "b-s1-1"),))
    floor.market.arm(ALICE, (stop_at("59500"),))
    await floor.believes("60000")
    await floor.price("59000")
    await until(lambda: bool(floor.crossed))
    assert floor.market.stream.socket.state is SocketState.CONNECTED
