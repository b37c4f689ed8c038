"""A simulator for clients that are not ours, with one funded account."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from simulator.server import Simulator, running_simulator
from tests.clients.doorway import doorway
from tests.clients.trade import KEY, SECRET

ACCOUNT = {"api_key": KEY, "api_secret": SECRET, "balance": "10000"}


@pytest.fixture
async def sim() -> AsyncIterator[Simulator]:
    """In the event loop of the test, for clients that share it."""
    async with running_simulator() as simulator:
        await simulator.control("POST", "accounts", ACCOUNT)
        yield simulator


@dataclass(frozen=True, slots=True)
class Served:
    """A simulator for clients that block: it runs in a thread of its own, behind Bybit's host names."""

    simulator: Simulator
    loop: asyncio.AbstractEventLoop

    def control(self, method: str, name: str, body: dict[str, Any] | None = None, **query: str) -> dict[str, Any]:
        """Call /sim/<name>."""
        call = self.simulator.control(method, name, body, **query)
        return asyncio.run_coroutine_threadsafe(call, self.loop).result(20)


@pytest.fixture
def served(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Served]:
    """It stands at `*.bybit.com` for whoever reads the environment's proxy."""
    ready: Future[tuple[Served, dict[str, str]]] = Future()
    stop = asyncio.Event()

    async def serve() -> None:
        async with running_simulator() as simulator, doorway(simulator.port, tmp_path) as variables:
            await simulator.control("POST", "accounts", ACCOUNT)
            ready.set_result((Served(simulator, asyncio.get_running_loop()), variables))
            await stop.wait()

    thread = Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    one, variables = ready.result(20)
    try:
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        yield one
    finally:
        one.loop.call_soon_threadsafe(stop.set)
        thread.join(20)


async def until(condition: Callable[[], bool], within_s: float = 20) -> None:
    """Wait for what announces itself to no one."""
    async with asyncio.timeout(within_s):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.005)
