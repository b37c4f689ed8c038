"""The private stream on a real socket: login, rows, reconnects."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backstop.engine.events import Event, Executed, OrderReported, PositionReported
from backstop.vault import Credentials
from simulator.server import Simulator
from streamer.bybit.novelties import Novelties
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


@pytest.mark.fault(27)
async def test_login_refused_is_tried_again(sim: Simulator) -> None:
    await sim.control("POST", "faults", {"kind": "auth_rejected", "times": 2})
    async with listening(sim) as one:
        await until(lambda: one.opened == 1)


@pytest.mark.fault(27)
async def test_subscription_refused_is_tried_again(sim: Simulator) -> None:
    await sim.control("POST", "faults", {"kind": "subscribe_rejected", "topic": "order", "times": 1})
    async with listening(sim) as one:
        await until(lambda: one.opened == 1)


async def test_exec_type_nobody_knows_is_passed_on(listener: Listener) -> None:
    await listener.fault("unknown_exec_type")
    await listener.buys()
    await until(lambda: bool(listener.executed()))
    assert listener.executed()[0].execution.exec_type == "NewKindOfFill"


async def test_what_is_new_in_a_row_is_set_aside_once_and_the_row_counts(listener: Listener) -> None:
    def told(topic: str, **row: Any) -> None:
        frame = {"topic": topic, "id": "", "creationTime": 1, "data": [row]}
        listener.stream.receive(json.dumps(frame))

    whole = {"category": "linear", "symbol": "BTCUSDT", "orderId": "o", "orderLinkId": "a-o-1", "cumExecQty": "0"}
    told("order", **whole, orderStatus="New", orderType="Market", starSign="Leo", stopOrderType="Moonshot")
    told("order", **whole, orderStatus="New", orderType="Market", starSign="Leo", stopOrderType="Moonshot")
    told("order", **whole, orderStatus="New", orderType="Iceberg")
    assert len([event for event in listener.events if isinstance(event, OrderReported)]) == 3
    assert [reason for _, reason, _ in listener.unreadable] == [
        "not known here: field starSign, stopOrderType Moonshot",
        "not known here: orderType Iceberg",
    ]
    assert "Leo" in listener.unreadable[0][2]


async def test_a_status_nobody_knows_decides_nothing(listener: Listener) -> None:
    row = {"category": "linear", "symbol": "BTCUSDT", "orderId": "o", "orderLinkId": "a-o-1", "orderStatus": "Dreaming"}
    listener.stream.receive(json.dumps({"topic": "order", "data": [row]}))
    assert listener.events == []
    ((topic, reason, _),) = listener.unreadable
    assert (topic, "Dreaming" in reason) == ("order", True)


@given(
    st.sampled_from(["order", "execution", "position", "wallet", "greeks", ""]),
    st.dictionaries(st.text(max_size=12), st.none() | st.text(max_size=9) | st.integers() | st.lists(st.none())),
)
def test_no_row_is_too_new_to_be_looked_at(topic: str, row: dict[str, Any]) -> None:
    novelties = Novelties()
    first = novelties.in_row(topic, row)
    assert novelties.in_row(topic, row) is None
    assert topic in ("order", "execution", "position") or first is None


@pytest.mark.fault(31)
def test_an_exchange_that_makes_things_up_fills_nothing() -> None:
    novelties = Novelties()
    told = [novelties.in_row("order", {f"field{number}": 1}) for number in range(1_000)]
    assert sum(reason is not None for reason in told) == 200
