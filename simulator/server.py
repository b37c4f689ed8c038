"""The simulator as a server, for ``python -m simulator`` and for tests.

In a test::

    async with running_simulator() as sim:
        await sim.control("POST", "accounts", {"api_key": "k", "api_secret": "s", "balance": "10000"})
        await sim.control("POST", "price", {"symbol": "BTCUSDT", "last": "60000"})
        exchange = ccxt.pro.bybit({"apiKey": "k", "secret": "s", **sim.ccxt_options()})

Each ``running_simulator`` is an exchange of its own, on a free port of 127.0.0.1, in the event loop of the caller.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
from aiohttp import web

from simulator.control import Control
from simulator.exchange import Exchange
from simulator.model import OrderStatus
from simulator.orders import work
from simulator.persistence import Saver, load
from simulator.rest import Rest
from simulator.sockets_private import PrivateStream
from simulator.sockets_public import PublicStream
from simulator.sockets_trade import TradeSocket
from simulator.venue import Venue, wall_clock_ms

HOST = "127.0.0.1"
DEFAULT_PORT = 8100
PUBLIC_PATH, PRIVATE_PATH, TRADE_PATH = "/v5/public/linear", "/v5/private", "/v5/trade"
_KEEP_ALIVE_S = 120.0
_SHUTDOWN_S = 0.2


@dataclass(frozen=True, slots=True)
class Simulator:
    """A running simulator: where it listens, and its inside for tests that look."""

    port: int
    venue: Venue

    @property
    def rest_url(self) -> str:
        """Base of the REST paths, e.g. http://127.0.0.1:8100."""
        return f"http://{HOST}:{self.port}"

    @property
    def public_ws_url(self) -> str:
        """The public linear stream."""
        return f"ws://{HOST}:{self.port}{PUBLIC_PATH}"

    @property
    def private_ws_url(self) -> str:
        """The private stream."""
        return f"ws://{HOST}:{self.port}{PRIVATE_PATH}"

    @property
    def trade_ws_url(self) -> str:
        """The trade socket."""
        return f"ws://{HOST}:{self.port}{TRADE_PATH}"

    async def control(self, method: str, name: str, body: dict[str, Any] | None = None, **query: str) -> dict[str, Any]:
        """Call /sim/<name>.

        Raises:
            RuntimeError: the call was refused; carries the answer.
        """
        async with (
            aiohttp.ClientSession() as session,
            session.request(method, f"{self.rest_url}/sim/{name}", json=body, params=query) as response,
        ):
            answer: dict[str, Any] = await response.json()
            if response.status >= 400:
                raise RuntimeError(f"{method} /sim/{name}: {response.status} {answer}")
            return answer

    def ccxt_options(self) -> dict[str, Any]:
        """Constructor options that point an unmodified ccxt bybit here, with two calls on load_markets."""
        return {
            "enableRateLimit": False,
            "urls": {
                "api": {
                    "public": self.rest_url,
                    "private": self.rest_url,
                    "ws": {
                        "public": {"linear": self.public_ws_url},
                        "private": {"contract": self.private_ws_url, "trade": self.trade_ws_url},
                    },
                }
            },
            "options": {
                "fetchMarkets": {"types": ["linear"]},
                "enableUnifiedMargin": False,
                "enableUnifiedAccount": True,
                "unifiedMarginStatus": 6,
            },
        }


@contextlib.asynccontextmanager
async def running_simulator(
    *, port: int = 0, seed: int = 1, state_path: Path | None = None, clock: Callable[[], int] = wall_clock_ms
) -> AsyncIterator[Simulator]:
    """Run a simulator for the duration of the block.

    Args:
        port: 0 takes a free one.
        seed: ids and walks derive from it.
        state_path: file the state is loaded from and saved to; None keeps it in memory.
        clock: UTC milliseconds; a test may pass its own.

    Raises:
        OSError: the port is in use.
    """
    exchange = Exchange(seed, load(state_path) if state_path is not None else None)
    venue = Venue(exchange, clock)
    _resume(venue)
    public, private, trade = PublicStream(venue), PrivateStream(venue), TradeSocket(venue)
    control = Control(venue, public)
    app = web.Application()
    app.add_routes(Rest(venue).routes())
    app.add_routes(control.routes())
    app.add_routes(
        [
            web.get(PUBLIC_PATH, public.serve),
            web.get(PRIVATE_PATH, private.serve),
            web.get(TRADE_PATH, trade.serve),
        ]
    )
    runner = web.AppRunner(
        app,
        access_log=None,
        handler_cancellation=True,
        keepalive_timeout=_KEEP_ALIVE_S,
        shutdown_timeout=_SHUTDOWN_S,
    )
    await runner.setup()
    jobs: list[asyncio.Task[None]] = []
    try:
        site = web.TCPSite(runner, HOST, port)
        await site.start()
        jobs = [asyncio.create_task(public.keep_alive()), asyncio.create_task(control.keep_walking())]
        if state_path is not None:
            jobs.append(asyncio.create_task(Saver(exchange, state_path).run()))
        yield Simulator(runner.addresses[0][1], venue)
    finally:
        for connection in (*venue.public, *venue.private, *venue.trade):
            connection.abort()
        await runner.cleanup()
        await control.replay.end()
        for job in jobs:
            job.cancel()
        await asyncio.gather(*jobs, return_exceptions=True)


def _resume(venue: Venue) -> None:
    """Match the orders that were accepted but not yet worked when the last run ended."""
    for account in venue.exchange.state.accounts.values():
        for order in list(account.open_orders.values()):
            if order.status is OrderStatus.NEW and not order.rests:
                work(venue.exchange, account, order, venue.now_ms())
    venue.exchange.drain()
