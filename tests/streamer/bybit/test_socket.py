"""How long a lost socket waits before it tries again, and how soon one that is half open is noticed."""

import asyncio
import random
import socket as sockets

import pytest

from simulator.server import Simulator
from streamer.bybit.socket import PULSE, Backoff, Pulse, Socket, short_lived
from streamer.bybit.wire import Wire
from streamer.clock import now_ms
from tests.streamer.bybit.conftest import until


@pytest.mark.parametrize(("failures", "bound"), [(0, 0.5), (1, 1.0), (3, 4.0), (6, 30.0), (10, 30.0), (10_000, 30.0)])
def test_backoff_stays_within_its_bounds(failures: int, bound: float) -> None:
    backoff = Backoff(random.Random(1))
    waits = [backoff.wait_s(failures) for _ in range(500)]
    assert bound / 4 <= min(waits) < max(waits) <= bound


class Nothing:
    """A stream that asks for nothing."""

    opened = 0
    lost = 0

    async def open(self, connection: Wire) -> None:
        self.opened += 1

    def receive(self, frame: str | bytes) -> bool:
        return False

    def closed(self) -> None:
        self.lost += 1


async def test_a_link_without_a_word_is_given_up_and_replaced(sim: Simulator) -> None:
    """Half open: what is sent goes nowhere, and nobody says so."""
    stream = Nothing()
    socket = Socket("x", sim.private_ws_url, stream, silence_s=lambda: None, clock=now_ms, pulse=Pulse(0.05, 0.3))
    running = asyncio.create_task(socket.run())
    await until(lambda: stream.opened == 1)
    quiet_until = asyncio.get_running_loop().time() + 0.6
    await until(lambda: asyncio.get_running_loop().time() > quiet_until)
    assert stream.lost == 0, "pongs keep it"
    await sim.control("POST", "faults", {"kind": "no_pong", "scope": "private"})
    await until(lambda: stream.lost == 1)
    await sim.control("DELETE", "faults")
    await until(lambda: stream.opened == 2)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


async def test_the_kernel_gives_up_a_dead_link_within_seconds(sim: Simulator) -> None:
    socket = Socket("x", sim.private_ws_url, Nothing(), silence_s=lambda: None, clock=now_ms)
    running = asyncio.create_task(socket.run())
    await until(lambda: socket.connection is not None)
    assert socket.connection is not None
    raw = socket.connection.socket
    assert raw.getsockopt(sockets.SOL_SOCKET, sockets.SO_KEEPALIVE) == 1
    assert raw.getsockopt(sockets.IPPROTO_TCP, sockets.TCP_USER_TIMEOUT) == PULSE.dead_after_s * 1000
    idle, every, times = (
        raw.getsockopt(sockets.IPPROTO_TCP, option)
        for option in (sockets.TCP_KEEPIDLE, sockets.TCP_KEEPINTVL, sockets.TCP_KEEPCNT)
    )
    assert idle + every * times <= 12
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


@pytest.mark.fault(24)
def test_a_dead_link_is_noticed_within_ten_seconds() -> None:
    assert PULSE.dead_after_s <= 10
    assert PULSE.ping_every_s * 2 < PULSE.dead_after_s, "one lost pong ends nothing"


@pytest.mark.parametrize(
    ("url", "short"),
    [
        ("wss://a/v5/private", "wss://a/v5/private?max_active_time=30s"),
        ("ws://a?b=1", "ws://a?b=1&max_active_time=30s"),
    ],
)
def test_the_exchange_ends_what_is_left_behind(url: str, short: str) -> None:
    assert short_lived(url) == short
