"""Requests keep to their budget, and what the exchange says of it is heard."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from backstop.domain.side import Side
from backstop.engine.events import OrderAccepted, OrderLapsed, OrderRefused, Verdict
from simulator.server import Simulator
from streamer.bybit.answers import NotSent, Refusal
from streamer.bybit.hosts import Hosts
from streamer.bybit.rest import BybitRest
from streamer.bybit.ret_codes import TOO_MANY
from streamer.bybit.transport import Address, monotonic_ms
from streamer.clock import now_ms
from tests.streamer.bybit.conftest import CREDENTIALS
from tests.streamer.bybit.test_rest import BTC, an_order, fault


@pytest.fixture
def address() -> Address:
    return Address()


@pytest.fixture
async def rest(hosts: Hosts, session: aiohttp.ClientSession, address: Address) -> AsyncIterator[BybitRest]:
    one = BybitRest(hosts, CREDENTIALS, session, now_ms, address)
    yield one
    await one.close()


async def of_ten(sim: Simulator) -> None:
    """Ten orders a second, as Bybit allows whoever is no VIP."""
    account = {"api_key": CREDENTIALS.api_key, "api_secret": CREDENTIALS.api_secret, "balance": "1"}
    await sim.control("POST", "accounts", account | {"order_rate": 10})


@pytest.mark.fault(14)
async def test_a_close_overtakes_opens_that_wait(sim: Simulator, rest: BybitRest) -> None:
    """Killed by: closes that share the opens' budget."""
    await of_ten(sim)
    assert isinstance(await rest.create(an_order("first-o-1")), OrderAccepted)
    opens = [asyncio.create_task(rest.create(an_order(f"a-o-{number}"))) for number in range(1, 21)]
    await asyncio.sleep(0)
    close = await rest.create(an_order("a-c-1", side=Side.SELL, reduce_only=True))
    assert isinstance(close, OrderAccepted)
    waiting = sum(not one.done() for one in opens)
    assert waiting >= 8, "the opens still wait for their turn"
    for one in opens:
        one.cancel()


@pytest.mark.fault(14)
async def test_no_request_beyond_the_budget_reaches_the_exchange(sim: Simulator, rest: BybitRest) -> None:
    await of_ten(sim)
    outcomes = await asyncio.gather(*(rest.create(an_order(f"a-o-{number}")) for number in range(25)))
    assert all(isinstance(outcome, OrderAccepted) for outcome in outcomes), outcomes


async def test_what_would_wait_too_long_is_not_sent(sim: Simulator, rest: BybitRest) -> None:
    await of_ten(sim)
    outcomes = await asyncio.gather(*(rest.create(an_order(f"a-o-{number}")) for number in range(60)))
    refused = [outcome for outcome in outcomes if isinstance(outcome, OrderRefused)]
    assert refused
    assert {(one.verdict, one.ret_code) for one in refused} == {(Verdict.RETRY, 0)}


async def test_what_waited_too_long_is_kept_back(sim: Simulator, rest: BybitRest) -> None:
    """An entry whose price or signal grew old in the queue does not go."""
    outcome = await rest.create(an_order("a-o-1"), lambda: False)
    assert isinstance(outcome, OrderLapsed)
    assert (await sim.control("GET", "orders"))["items"] == []


@pytest.mark.parametrize("reset_header", [True, False])
@pytest.mark.fault(14)
async def test_an_endpoint_rests_after_too_many_requests(sim: Simulator, rest: BybitRest, reset_header: bool) -> None:
    await fault(sim, "rate_limited", path="/v5/order/create", reset_header=reset_header, times=1)
    refused = await rest.create(an_order("a-o-1"))
    assert isinstance(refused, OrderRefused)
    assert (refused.verdict, refused.ret_code) == (Verdict.RETRY, TOO_MANY)
    began = monotonic_ms()
    again, reading = asyncio.create_task(rest.create(an_order("a-o-1"))), asyncio.create_task(rest.positions())
    first, _ = await asyncio.wait([again, reading], return_when=asyncio.FIRST_COMPLETED)
    assert first == {reading}, "another endpoint does not rest"
    assert isinstance(await again, OrderAccepted)
    assert monotonic_ms() - began > 700


async def test_a_query_too_many_is_asked_again(sim: Simulator, rest: BybitRest) -> None:
    await fault(sim, "rate_limited", path="/v5/position/list", times=2)
    assert await rest.positions() == ()


async def test_a_query_refused_for_good_is_told(sim: Simulator, rest: BybitRest) -> None:
    await fault(sim, "rate_limited", path="/v5/position/list")
    with pytest.raises(Refusal) as refused:
        await rest.positions()
    assert refused.value.code == TOO_MANY


@pytest.mark.fault(15)
async def test_a_ban_stops_all_but_closes(sim: Simulator, rest: BybitRest, address: Address) -> None:
    told: list[int] = []
    address.on_ban.add(lambda: told.append(1))
    assert isinstance(await rest.create(an_order("a-o-1")), OrderAccepted)
    await fault(sim, "ban", times=1)
    with pytest.raises(Refusal) as refused:
        await rest.positions()
    assert refused.value.code == TOO_MANY
    assert address.banned_for_ms > 500_000
    with pytest.raises(NotSent):
        await rest.positions()
    opening = await rest.create(an_order("a-o-2"))
    assert isinstance(opening, OrderRefused)
    assert opening.verdict is Verdict.RETRY
    closing = await rest.create(an_order("a-c-1", side=Side.SELL, reduce_only=True))
    assert isinstance(closing, OrderAccepted)
    assert told == [1]
    sent = [row["order_link_id"] for row in (await sim.control("GET", "orders"))["items"]]
    assert sent == ["a-o-1", "a-c-1"]


@pytest.mark.fault(15)
async def test_accounts_share_the_ban_of_their_address(
    sim: Simulator, rest: BybitRest, address: Address, hosts: Hosts, session: aiohttp.ClientSession
) -> None:
    other = BybitRest(hosts, None, session, now_ms, address)
    await fault(sim, "ban", times=1)
    with pytest.raises(Refusal):
        await rest.wallet()
    with pytest.raises(NotSent):
        await other.instruments()
    await other.close()


async def test_ccxt_is_whole_for_whoever_else_imports_it(sim: Simulator, rest: BybitRest) -> None:
    import ccxt.async_support as everything  # noqa: PLC0415

    async with _closing(everything.binance()) as exchange:
        assert exchange.id == "binance"
    assert (await rest.instruments())[BTC].tradable


class _closing:  # noqa: N801
    def __init__(self, exchange: Any) -> None:
        self._exchange = exchange

    async def __aenter__(self) -> Any:
        return self._exchange

    async def __aexit__(self, *_: object) -> None:
        await self._exchange.close()
