"""The private stream on a real socket: login, rows, reconnects."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import pytest

from backstop.engine.events import Event, Executed, OrderReported, PositionReported
from backstop.vault import Credentials
from simulator.server import Simulator
from streamer.bybit.private import TOPICS, PrivateStream
from streamer.bybit.socket import SocketState
from streamer.clock import now_ms
from tests.streamer.bybit.conftest import CREDENTIALS, until


@dataclass
class Listener:
    sim: Simulator
    events: list[Event] = field(default_factory=list)
    unreadable: list[tuple[str, str, str]] = field(default_factory=list)
    opened: int = 0

    def __post_init__(self) -> None:
        self.stream = PrivateStream(
            "alice",
            self.sim.private_ws_url,
            Credentials(CREDENTIALS.api_key, CREDENTIALS.api_secret),
            on_event=self.events.append,
            on_open=self.open,
            on_unreadable=lambda *what: self.unreadable.append(what),
            clock=now_ms,
        )

    def open(self) -> None:
        (connection,) = self.sim.venue.private
        assert connection.topics == set(TOPICS)
        self.opened += 1

    async def fault(self, kind: str, **parameters: Any) -> None:
        await self.sim.control("POST", "faults", {"kind": kind, **parameters})

    async def buys(self) -> None:
        trade = {"api_key": CREDENTIALS.api_key, "symbol": "BTCUSDT", "side": "Buy", "qty": "0.01"}
        await self.sim.control("POST", "manual", trade)

    def executed(self) -> list[Executed]:
        return [event for event in self.events if isinstance(event, Executed)]


@contextlib.asynccontextmanager
async def listening(sim: Simulator) -> AsyncIterator[Listener]:
    one = Listener(sim)
    running = asyncio.create_task(one.stream.socket.run())
    try:
        yield one
    finally:
        running.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await running


@pytest.fixture
async def listener(sim: Simulator) -> AsyncIterator[Listener]:
    async with listening(sim) as one:
        await until(lambda: one.stream.socket.state is SocketState.CONNECTED)
        yield one


async def test_fill_is_heard_on_every_topic(listener: Listener) -> None:
    await listener.buys()
    await until(lambda: len(listener.events) >= 3)
    assert [event.execution.qty for event in listener.executed()] == [Decimal("0.01")]
    assert any(isinstance(event, PositionReported) for event in listener.events)
    assert not any(isinstance(event, OrderReported) for event in listener.events), "it carries no id of ours"
    assert listener.opened == 1
    assert listener.unreadable == []


async def test_account_is_read_anew_after_every_reconnect(listener: Listener) -> None:
    for times in (2, 3):
        await listener.fault("disconnect_private", abort=times == 2)
        await until(lambda times=times: listener.opened == times)  # type: ignore[misc]
    await listener.buys()
    await until(lambda: bool(listener.executed()))


async def test_login_refused_is_tried_again(sim: Simulator) -> None:
    await sim.control("POST", "faults", {"kind": "auth_rejected", "times": 2})
    async with listening(sim) as one:
        await until(lambda: one.opened == 1)


async def test_subscription_refused_is_tried_again(sim: Simulator) -> None:
    await sim.control("POST", "faults", {"kind": "subscribe_rejected", "topic": "order", "times": 1})
    async with listening(sim) as one:
        await until(lambda: one.opened == 1)


async def test_exec_type_nobody_knows_is_passed_on(listener: Listener) -> None:
    await listener.fault("unknown_exec_type")
    await listener.buys()
    await until(lambda: bool(listener.executed()))
    assert listener.executed()[0].execution.exec_type == "NewKindOfFill"
