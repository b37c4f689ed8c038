"""The exchange look-alike, and one account at it."""

import asyncio
from collections.abc import AsyncIterator, Callable

import aiohttp
import pytest

from backstop.vault import Credentials
from simulator.server import Simulator, running_simulator
from streamer.bybit.hosts import Hosts
from streamer.bybit.rest import BybitRest
from streamer.clock import now_ms

CREDENTIALS = Credentials("alice", "alice-secret-of-hers")


@pytest.fixture
async def sim() -> AsyncIterator[Simulator]:
    async with running_simulator() as simulator:
        account = {"api_key": CREDENTIALS.api_key, "api_secret": CREDENTIALS.api_secret, "balance": "10000"}
        await simulator.control("POST", "accounts", account | {"order_rate": 1000})
        yield simulator


@pytest.fixture
def hosts(sim: Simulator) -> Hosts:
    return Hosts(sim.rest_url, sim.public_ws_url, sim.private_ws_url, sim.trade_ws_url)


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as one:
        yield one


@pytest.fixture
async def rest(hosts: Hosts, session: aiohttp.ClientSession) -> AsyncIterator[BybitRest]:
    one = BybitRest(hosts, CREDENTIALS, session, now_ms)
    yield one
    await one.close()


async def until(condition: Callable[[], bool], within_s: float = 15) -> None:
    async with asyncio.timeout(within_s):
        while not condition():  # noqa: ASYNC110 - what is waited for announces itself to no one
            await asyncio.sleep(0.005)
