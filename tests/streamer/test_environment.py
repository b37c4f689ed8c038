"""Instruments as they change."""

from dataclasses import replace
from decimal import Decimal

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


def test_a_contract_no_longer_listed_stays_known_and_takes_no_entries() -> None:
    other = replace(RULES, symbol=ETH)
    gone = changes({BTC: RULES, ETH: other}, {ETH: other})
    assert gone == {BTC: replace(RULES, tradable=False)}
    assert changes({BTC: replace(RULES, tradable=False), ETH: other}, {ETH: other}) == {}


def test_an_empty_listing_delists_nothing() -> None:
    assert changes({BTC: RULES}, {}) == {}


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
