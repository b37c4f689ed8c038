"""From a price being set to the close arriving at the exchange, by each way an order can go.

`python -m benchmarks.close_path [--rounds 300]`: the exchange look-alike in a process of its own, the streamer's market,
trigger book and order ways in this one; no database stands between a crossing and its close.
"""

import argparse
import asyncio
import os
import statistics
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import Any
from uuid import uuid4

import aiohttp
import uvloop

from backstop.domain.ids import AccountId, OrderLinkId, PositionId, Symbol
from backstop.domain.money import Price, Qty
from backstop.domain.order import Order, Purpose
from backstop.domain.protection import Level, LevelKind
from backstop.domain.side import PositionSide, Side
from backstop.engine.events import LevelCrossed, OrderAccepted
from backstop.vault import Credentials
from streamer.bybit.hosts import Hosts
from streamer.bybit.rest import BybitRest
from streamer.bybit.trade import TradeSocket
from streamer.clock import now_ms
from streamer.market import Market

KEYS = Credentials("bench", "bench-secret-of-its-own")
BTC = Symbol("BTCUSDT")
ACCOUNT = AccountId(uuid4())


@asynccontextmanager
async def simulator() -> AsyncIterator[tuple[str, int]]:
    """Its address and process id; a process of its own on a free port."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "simulator", env={**os.environ, "BACKSTOP_SIM_PORT": "0"}, stdout=asyncio.subprocess.PIPE
    )
    try:
        assert process.stdout is not None
        line = (await process.stdout.readline()).decode()
        yield line.rsplit(" ", 1)[1].strip(), process.pid
    finally:
        process.terminate()
        await process.wait()


class Course:
    """Sets a price beyond an armed level, and looks when the close arrived."""

    def __init__(self, url: str, session: aiohttp.ClientSession) -> None:
        self._url = url
        self._session = session
        ws = url.replace("http", "ws", 1)
        self.hosts = Hosts(url, f"{ws}/v5/public/linear", f"{ws}/v5/private", f"{ws}/v5/trade")
        self.market = Market("simulator", self.hosts, now_ms)
        self.rest = BybitRest(self.hosts, KEYS, session, now_ms)
        self.rest.turns.learn("/v5/order/create", 0, {"x-bapi-limit": "100000", "x-bapi-limit-status": "1"}, now_ms())
        self._tasks: set[asyncio.Task[Any]] = set()
        self._closed = asyncio.Event()

    async def control(self, method: str, name: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        async with self._session.request(method, f"{self._url}/sim/{name}", json=body) as response:
            answer: dict[str, Any] = await response.json()
            assert response.status == 200, answer
            return answer

    async def price(self, last: str) -> None:
        await self.control("POST", "price", {"symbol": BTC, "last": last, "mark": last})

    def crossed(self, event: LevelCrossed) -> None:
        close = Order(event.close_id, BTC, Side.SELL, Purpose.STOP_LOSS, Qty(Decimal("0.001")), now_ms())
        task = asyncio.get_running_loop().create_task(self._send(close))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _send(self, close: Order) -> None:
        outcome = await self.rest.create(close)
        assert isinstance(outcome, OrderAccepted), outcome
        self._closed.set()

    async def once(self, close_id: str) -> int:
        """Nanoseconds from the moment the price is asked for until the close is received."""
        await self.price("60000")
        await asyncio.sleep(0.02)
        level = Level(
            PositionId(uuid4()),
            BTC,
            PositionSide.LONG,
            LevelKind.STOP_LOSS,
            1,
            Price(Decimal(59000)),
            Decimal(1),
            OrderLinkId(close_id),
        )
        self.market.arm(ACCOUNT, (level,))
        self._closed.clear()
        before = time.time_ns()
        await self.price("58990")
        async with asyncio.timeout(5):
            await self._closed.wait()
        return before

    async def run(self, way: str, rounds: int) -> list[float]:
        """Milliseconds of each round."""
        started = {}
        for number in range(rounds):
            close_id = f"{way}-c-{number}"
            started[close_id] = await self.once(close_id)
        rows = (await self.control("GET", "orders"))["items"]
        arrived = {row["order_link_id"]: row["received_ns"] for row in rows}
        return [(arrived[close_id] - before) / 1e6 for close_id, before in started.items()]


async def measure(rounds: int) -> None:
    async with (
        simulator() as (url, _),
        aiohttp.ClientSession(connector=aiohttp.TCPConnector(keepalive_timeout=120)) as session,
    ):
        course = Course(url, session)
        account = {"api_key": KEYS.api_key, "api_secret": KEYS.api_secret, "balance": "1000000", "order_rate": 100000}
        await course.control("POST", "accounts", account)
        await course.price("60000")
        hand = {"api_key": KEYS.api_key, "symbol": BTC, "side": "Buy", "qty": str(Decimal(rounds) * 3 / 1000)}
        await course.control("POST", "manual", hand)
        course.market.instruments.update(await course.rest.instruments())
        course.market.join(ACCOUNT, course.crossed)
        course.market.watch(BTC)
        trade = TradeSocket(
            "bench", str(course.hosts.trade_ws), KEYS, turns=course.rest.turns, clock=now_ms, exchange_clock=now_ms
        )
        sockets = [asyncio.create_task(course.market.feed.run()), asyncio.create_task(trade.socket.run())]
        async with asyncio.timeout(10):
            while not (trade.is_open and course.market.quotes()):  # noqa: ASYNC110 - it announces itself to no one
                await asyncio.sleep(0.01)
        await course.run("warm", 20)
        for way, socket in (("rest", None), ("trade", trade)):
            course.rest.trade = socket
            took = sorted(await course.run(way, rounds))
            line = f"{way:6} median {statistics.median(took):6.2f} ms   p90 {took[int(len(took) * 0.9)]:6.2f} ms"
            sys.stdout.write(f"{line}   p99 {took[int(len(took) * 0.99)]:6.2f} ms   n={len(took)}\n")
        for task in sockets:
            task.cancel()
        await asyncio.gather(*sockets, return_exceptions=True)
        await course.rest.close()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=300)
    uvloop.run(measure(parser.parse_args().rounds))
