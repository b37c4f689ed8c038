"""Instruments as they change."""

import asyncio
from dataclasses import replace
from decimal import Decimal

import pytest

from backstop.domain.ids import Symbol
from backstop.domain.instrument import Instrument
from backstop.domain.money import Qty
from simulator.server import Simulator
from streamer.bybit.rest import BybitRest
from streamer.clock import now_ms
from streamer.database import Pool
from streamer.environment import Environment, changes
from streamer.market import Market
from tests.store.books import Books
from tests.streamer.waiting import eventually
from tests.streamer.yard import Yard

BTC, ETH = Symbol("BTCUSDT"), Symbol("ETHUSDT")
RULES = Instrument(
    BTC, Decimal("0.1"), Decimal("0.001"), Qty(Decimal("0.001")), Qty(Decimal(500)), Decimal(5), Decimal(100)
)


def test_only_what_is_new_or_different_is_written() -> None:
    other = replace(RULES, symbol=ETH)
    smaller = replace(RULES, max_market_qty=Qty(Decimal(100)))
    assert changes({}, {BTC: RULES}) == {BTC: RULES}
    assert changes({BTC: RULES}, {BTC: RULES}) == {}
    assert changes({BTC: RULES, ETH: other}, {BTC: smaller, ETH: other}) == {BTC: smaller}


@pytest.mark.fault(55)
def test_a_contract_no_longer_listed_stays_known_and_takes_no_entries() -> None:
    other = replace(RULES, symbol=ETH)
    gone = changes({BTC: RULES, ETH: other}, {ETH: other})
    assert gone == {BTC: replace(RULES, tradable=False)}
    assert changes({BTC: replace(RULES, tradable=False), ETH: other}, {ETH: other}) == {}


def test_an_empty_listing_delists_nothing() -> None:
    assert changes({BTC: RULES}, {}) == {}


@pytest.mark.fault(55)
async def test_a_contract_that_stops_trading_is_refreshed_here_and_in_the_database(
    yard: Yard, books: Books, pool: Pool
) -> None:
    sim: Simulator = yard.exchange.sim
    reader = BybitRest(yard.exchange.hosts, None, yard.session, now_ms)
    environment = Environment(Market("simulator", yard.exchange.hosts, now_ms), reader, pool)
    await environment.load()
    held = environment.market.instruments
    assert held[BTC].tradable
    await sim.control("POST", "faults", {"kind": "instrument_status", "symbol": BTC, "status": "Closed"})
    await environment.load()
    assert not held[BTC].tradable
    assert held[ETH].tradable
    (row,) = books.rows("select tradable from instruments where environment = 'simulator' and symbol = 'BTCUSDT'")
    assert row == {"tradable": False}
    await environment.close()


async def test_a_contract_that_trades_no_more_is_known_after_a_restart(yard: Yard, pool: Pool) -> None:
    for status, tradable in (("Trading", True), ("Delivering", False)):
        await yard.exchange.sim.control(
            "POST", "faults", {"kind": "instrument_status", "symbol": BTC, "status": status}
        )
        reader = BybitRest(yard.exchange.hosts, None, yard.session, now_ms)
        environment = Environment(Market("simulator", yard.exchange.hosts, now_ms), reader, pool)
        await environment.load()
        assert environment.market.instruments[BTC].tradable is tradable
        assert environment.market.instruments[BTC].tick_size == Decimal("0.1")
        await environment.close()


async def test_instruments_are_read_anew_when_one_is_wanted_that_is_not_known(yard: Yard, pool: Pool) -> None:
    reader = BybitRest(yard.exchange.hosts, None, yard.session, now_ms)
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)
        if len(slept) != 1:
            await asyncio.Event().wait()

    environment = Environment(Market("simulator", yard.exchange.hosts, now_ms), reader, pool, sleep)
    refreshing = asyncio.create_task(environment.run())
    await eventually(lambda: len(slept) == 2, "it waits for the hour, or for who asks")
    assert slept == [60.0, 3_540.0]
    environment.market.watch(ETH)
    await eventually(lambda: ETH in environment.market.instruments, "read anew")
    refreshing.cancel()
    await asyncio.gather(refreshing, return_exceptions=True)
    await environment.close()
