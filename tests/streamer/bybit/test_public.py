"""The public stream on a real socket: subscribe, merge, fall silent, come back."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from backstop.domain.ids import Symbol
from simulator.server import Simulator
from streamer.bybit.public import PublicStream, Ticker
from streamer.bybit.socket import SocketState
from streamer.clock import now_ms
from tests.streamer.bybit.conftest import until

BTC, ETH = Symbol("BTCUSDT"), Symbol("ETHUSDT")


@dataclass
class Listener:
    sim: Simulator
    heard: list[tuple[str, str, str]] = field(default_factory=list)
    opened: int = 0

    def __post_init__(self) -> None:
        self.stream = PublicStream("simulator", self.sim.public_ws_url, self.take, now_ms, silence_s=1.5)

    def take(self, ticker: Ticker) -> None:
        assert ticker.whole
        self.heard.append((ticker.symbol, ticker.last, ticker.mark))

    async def fault(self, kind: str, **parameters: Any) -> None:
        await self.sim.control("POST", "faults", {"kind": kind, **parameters})

    async def hears(self, symbol: Symbol) -> None:
        count = len(self.heard)
        await until(lambda: any(one[0] == symbol for one in self.heard[count:]))


@pytest.fixture
async def listener(sim: Simulator) -> AsyncIterator[Listener]:
    one = Listener(sim)
    running = asyncio.create_task(one.stream.socket.run())
    await until(lambda: one.stream.socket.state is SocketState.CONNECTED)
    yield one
    running.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await running


async def test_delta_changes_only_what_it_names(listener: Listener) -> None:
    await listener.stream.subscribe(BTC)
    await listener.hears(BTC)
    mark = listener.heard[-1][2]
    await listener.fault("bad_ticker", symbol=BTC, fields={"lastPrice": "60123"})
    await until(lambda: (BTC, "60123", mark) in listener.heard)


async def test_disconnect_is_followed_by_the_same_subscriptions(listener: Listener) -> None:
    await listener.stream.subscribe(BTC)
    await listener.stream.subscribe(ETH)
    await listener.hears(ETH)
    await listener.fault("disconnect_public", abort=True)
    await until(lambda: listener.stream.socket.state is SocketState.DISCONNECTED)
    await until(lambda: listener.stream.socket.state is SocketState.CONNECTED)
    await listener.hears(BTC)
    await listener.hears(ETH)


async def test_mute_socket_is_torn_down_and_comes_back(listener: Listener) -> None:
    await listener.stream.subscribe(BTC)
    await listener.hears(BTC)
    await listener.fault("mute_public")
    await until(lambda: listener.stream.socket.state is not SocketState.CONNECTED)
    await listener.sim.control("DELETE", "faults")
    await listener.hears(BTC)


async def test_first_subscription_after_a_quiet_time_keeps_the_connection(listener: Listener) -> None:
    """Seen: the time without any subscription was counted as silence."""
    (before,) = listener.sim.venue.public
    quiet_until = asyncio.get_running_loop().time() + 1.6
    await until(lambda: asyncio.get_running_loop().time() > quiet_until)
    await listener.stream.subscribe(BTC)
    await listener.hears(BTC)
    assert list(listener.sim.venue.public) == [before]


async def test_refused_topic_does_not_make_the_others_deaf(listener: Listener) -> None:
    await listener.stream.subscribe(BTC)
    await listener.stream.subscribe(ETH)
    await listener.hears(ETH)
    await listener.fault("subscribe_rejected", topic=f"tickers.{ETH}")
    await listener.fault("disconnect_public")
    await until(lambda: listener.stream.socket.state is SocketState.DISCONNECTED)
    await listener.hears(BTC)


@pytest.mark.parametrize(
    "frame", ["", "[" * 100_000, "{", "null", b"\xff\xfe", b'"\xff"', '{"topic":1}', '{"topic":"tickers.X","data":[]}']
)
def test_garbage_carries_no_data(frame: str | bytes) -> None:
    stream = PublicStream("simulator", "ws://127.0.0.1:1", lambda _: None, now_ms)
    assert not stream.receive(frame)


async def test_nothing_is_decided_on_a_delta_before_its_snapshot() -> None:
    heard: list[tuple[str, str, int]] = []
    stream = PublicStream(
        "simulator", "ws://127.0.0.1:1", lambda one: heard.append((one.last, one.mark, one.ts)), now_ms
    )
    await stream.subscribe(BTC)

    def says(kind: str, ts: int, **data: str) -> None:
        stream.receive(
            json.dumps({"topic": "tickers.BTCUSDT", "type": kind, "ts": ts, "data": {"symbol": BTC, **data}})
        )

    says("delta", 1, lastPrice="1")
    assert heard == []
    says("snapshot", 2, lastPrice="60000", markPrice="60001")
    says("delta", 3, markPrice="60002")
    stream.closed()
    says("delta", 4, lastPrice="1")
    assert heard == [("60000", "60001", 2), ("60000", "60002", 3)]
