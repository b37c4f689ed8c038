"""A trade from alert to ledger, with each connection of the streamer spoilt in each way while it opens and while it closes.

One way for each link here; `make faults` takes all of them.
"""

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from urllib.parse import urlsplit

import aiohttp
import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from simulator.server import running_simulator
from streamer.bybit.hosts import Hosts
from tests.conftest import Database
from tests.faults.proxy import Proxy, Weather, proxy_to
from tests.store.books import Books
from tests.streamer.desk import Desk, Exchange
from tests.streamer.pool import open_pool

LINKS = ("rest", "public_ws", "private_ws", "trade_ws", "database")
SPOILT: dict[str, Callable[[], Weather]] = {
    "late": lambda: Weather(latency_s=0.15),
    "in slices": lambda: Weather(slices=7),
    "cut after 2 kB": lambda: Weather(reset_after=2_000),
    "reset": Weather,
    "swallowed": lambda: Weather(black_hole=True),
}
PAIRS = [(link, how) for link in LINKS for how in SPOILT]
FEW = list(zip(LINKS, SPOILT, strict=True))
SPOILT_S = 1.5


class Spoilt(Exchange):
    """The exchange, reached through proxies."""

    proxies: dict[str, Proxy]

    @property
    def hosts(self) -> Hosts:
        direct = super().hosts
        return replace(direct, **{name: self._through(name, getattr(direct, name)) for name in LINKS[:4]})

    def _through(self, name: str, url: str) -> str:
        return urlsplit(url)._replace(netloc=f"127.0.0.1:{self.proxies[name].listening_on}").geturl()


@dataclass
class Scene:
    desk: Desk
    proxies: dict[str, Proxy]


@pytest.fixture
async def scene(database: Database) -> AsyncIterator[Scene]:
    async with AsyncExitStack() as stack:
        sim = await stack.enter_async_context(running_simulator())
        exchange = Spoilt(sim)
        exchange.proxies = {}
        direct = Exchange(sim).hosts
        for name in LINKS[:4]:
            url = urlsplit(getattr(direct, name))
            assert url.hostname is not None and url.port is not None
            exchange.proxies[name] = await stack.enter_async_context(proxy_to(url.hostname, url.port))
        url = database.url_as("backstop_streamer")
        parts = conninfo_to_dict(url)
        to_database = await stack.enter_async_context(proxy_to(str(parts["host"]), int(str(parts["port"]))))
        through_proxy = make_conninfo(url, host="127.0.0.1", port=to_database.listening_on)
        pool = await stack.enter_async_context(open_pool(through_proxy))
        session = await stack.enter_async_context(aiohttp.ClientSession())
        await exchange.opens_account()
        await exchange.price("60000")
        desk = Desk(exchange, pool, session, Books(database.url))
        yield Scene(desk, {**exchange.proxies, "database": to_database})
        await desk.close()


@pytest.mark.fault(9, 12, 24, 43)
@pytest.mark.parametrize(("link", "how"), PAIRS if os.environ.get("BACKSTOP_ALL_LINKS") else FEW)
async def test_a_trade_is_made_once_and_whole(scene: Scene, link: str, how: str) -> None:
    desk, proxy = scene.desk, scene.proxies[link]
    desk.trades_by(max_age_s=300)
    await desk.own()

    async with spoilt(proxy, how):
        signal = await asyncio.to_thread(desk.signals, "buy")
    await desk.opens()
    async with spoilt(proxy, how):
        await desk.exchange.price("59000")
    await desk.has_traded(1)

    assert proxy.resets if how == "reset" else proxy.spoilt
    assert (await desk.settled(signal))["status"] == "executed"
    assert desk.exchange.held == 0
    links = [request.order_link_id for request in desk.exchange.requests]
    assert sorted(set(links)) == sorted(row["link_id"] for row in desk.orders())
    await desk.agrees_with_the_exchange()


@asynccontextmanager
async def spoilt(proxy: Proxy, how: str) -> AsyncIterator[None]:
    """Spoil a link before something happens, and for a while after it."""
    proxy.weather = SPOILT[how]()
    if how == "reset":
        proxy.reset()
    try:
        yield
        await asyncio.sleep(SPOILT_S)
    finally:
        proxy.mend()


@pytest.mark.fault(43)
@pytest.mark.parametrize("forwarding", [True, False], ids=["the server commits", "the server never hears of it"])
async def test_a_connection_lost_during_commit_books_all_once(scene: Scene, forwarding: bool) -> None:
    desk, proxy = scene.desk, scene.proxies["database"]
    await desk.own()
    commits = 0

    def fourth_commit(data: bytes) -> bool:
        nonlocal commits
        commits += data.count(b"COMMIT")
        return commits % 4 == 0 and b"COMMIT" in data

    proxy.weather = Weather(reset_when=fourth_commit, forwarding=forwarding)
    signal = await asyncio.to_thread(desk.signals, "buy")
    await desk.opens()
    await desk.exchange.price("59000")
    await desk.has_traded(1)
    proxy.mend()
    assert proxy.resets > 0
    assert (await desk.settled(signal))["status"] == "executed"
    await desk.agrees_with_the_exchange()
