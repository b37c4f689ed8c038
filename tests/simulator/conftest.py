"""A running simulator, and clients that speak to it: an unmodified ccxt, raw signed REST, raw sockets."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import pytest
import websockets

from simulator.auth import sign
from simulator.server import Simulator, running_simulator
from simulator.venue import wall_clock_ms
from tests.simulator.ccxt_client import ccxt_client

KEY, SECRET = "alice", "alice-secret"
BTC = "BTC/USDT:USDT"


@pytest.fixture
async def sim() -> AsyncIterator[Simulator]:
    """An exchange with BTCUSDT at 60000 and one account of 10000 USDT, whose order rate is out of the way."""
    async with running_simulator() as simulator:
        account = {"api_key": KEY, "api_secret": SECRET, "balance": "10000", "order_rate": 1000}
        await simulator.control("POST", "accounts", account)
        yield simulator


@pytest.fixture
async def bybit(sim: Simulator) -> AsyncIterator[Any]:
    async with ccxt_client(sim, KEY, SECRET) as client:
        yield client


def stop_clock(simulator: Simulator) -> int:
    """Let the exchange's clock stand still; the time it shows."""
    now = simulator.venue.now_ms()
    simulator.venue.clock = lambda: now
    return now


async def until(condition: Callable[[], bool]) -> None:
    """Wait for something inside the simulator; the test's own timeout is the limit."""
    while not condition():  # noqa: ASYNC110 - what is waited for announces itself to no one
        await asyncio.sleep(0.005)


@dataclass
class Rest:
    """Raw REST, signed by hand."""

    url: str
    session: aiohttp.ClientSession
    key: str = KEY
    secret: str = SECRET
    now: Callable[[], int] = wall_clock_ms
    last_headers: dict[str, str] = field(default_factory=dict)

    async def call(self, method: str, path: str, *, skew_ms: int = 0, window: str = "5000", **params: Any) -> Any:
        """The envelope of one call; POST bodies have spaces on purpose."""
        timestamp = str(self.now() + skew_ms)
        query = "&".join(f"{name}={value}" for name, value in params.items()) if method == "GET" else ""
        body = json.dumps(params) if method == "POST" else ""
        headers = {
            "X-BAPI-API-KEY": self.key,
            "X-BAPI-TIMESTAMP": timestamp,
            "X-BAPI-RECV-WINDOW": window,
            "X-BAPI-SIGN": sign(self.secret, f"{timestamp}{self.key}{window}{query or body}"),
        }
        url = f"{self.url}{path}" + (f"?{query}" if query else "")
        async with self.session.request(method, url, data=body or None, headers=headers) as response:
            self.last_headers = dict(response.headers)
            if response.status != 200:
                return {"status": response.status}
            return await response.json()

    async def order(self, side: str = "Buy", qty: str = "0.01", **params: Any) -> Any:
        """A BTCUSDT market order, or what the parameters make of it."""
        body = {"category": "linear", "symbol": "BTCUSDT", "side": side, "orderType": "Market", "qty": qty} | params
        return await self.call("POST", "/v5/order/create", **body)

    async def rows(self, path: str, **params: Any) -> list[dict[str, Any]]:
        """result.list of a linear query."""
        answer = await self.call("GET", path, category="linear", **params)
        assert answer["retCode"] == 0, answer
        found: list[dict[str, Any]] = answer["result"]["list"]
        return found

    async def position(self, symbol: str = "BTCUSDT") -> dict[str, Any]:
        """The one-way position."""
        return (await self.rows("/v5/position/list", symbol=symbol))[0]


@pytest.fixture
async def rest(sim: Simulator) -> AsyncIterator[Rest]:
    """Raw REST as the account of ``sim``."""
    async with aiohttp.ClientSession() as session:
        yield Rest(sim.rest_url, session)


@dataclass
class Socket:
    """A raw WebSocket that speaks JSON."""

    wire: websockets.ClientConnection
    pending: list[dict[str, Any]] = field(default_factory=list)

    async def send(self, **message: Any) -> None:
        """Send one message."""
        await self.wire.send(json.dumps(message))

    async def next(self, **expected: Any) -> dict[str, Any]:
        """The next message whose fields are as expected; earlier others are skipped."""
        while True:
            message: dict[str, Any] = json.loads(await self.wire.recv())
            if all(message.get(name) == value for name, value in expected.items()):
                return message

    async def ask(self, **message: Any) -> dict[str, Any]:
        """Send, and take the next message."""
        await self.send(**message)
        return await self.next()

    async def login(self, key: str = KEY, secret: str = SECRET) -> dict[str, Any]:
        """Authenticate."""
        expires = time.time_ns() // 1_000_000 + 10_000
        return await self.ask(op="auth", args=[key, str(expires), sign(secret, f"GET/realtime{expires}")])


@pytest.fixture
async def public(sim: Simulator) -> AsyncIterator[Socket]:
    """A connection to the public stream."""
    async with websockets.connect(sim.public_ws_url) as wire:
        yield Socket(wire)


@pytest.fixture
async def private(sim: Simulator) -> AsyncIterator[Socket]:
    """A connection to the private stream, logged in, subscribed to everything that matters."""
    async with websockets.connect(sim.private_ws_url) as wire:
        socket = Socket(wire)
        assert (await socket.login())["success"]
        topics = ["order", "execution", "position", "wallet"]
        assert (await socket.ask(op="subscribe", args=topics))["success"]
        yield socket


@pytest.fixture
async def trade(sim: Simulator) -> AsyncIterator[Socket]:
    """A connection to the trade socket, logged in."""
    async with websockets.connect(sim.trade_ws_url) as wire:
        socket = Socket(wire)
        assert (await socket.login())["retCode"] == 0
        yield socket


def ws_order(number: str, **params: Any) -> dict[str, Any]:
    """An order.create for the trade socket."""
    order = {"category": "linear", "symbol": "BTCUSDT", "side": "Buy", "orderType": "Market", "qty": "0.01"} | params
    header = {"X-BAPI-TIMESTAMP": str(time.time_ns() // 1_000_000), "X-BAPI-RECV-WINDOW": "5000"}
    return {"reqId": number, "header": header, "op": "order.create", "args": [order]}
