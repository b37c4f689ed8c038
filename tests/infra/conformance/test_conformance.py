"""The conformance suite: all of it holds of the simulator, and it notices where an exchange does otherwise."""

import io
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import Any

import aiohttp
import pytest
from rich.console import Console

from backstop.vault import Credentials
from infra.cli.conformance import CASES, conformance
from infra.conformance.desk import Desk, Differs, NotHere, Way
from infra.conformance.suite import Case, Outcome, run
from infra.conformance.ways import KEY, SECRET, way_to
from simulator.server import Simulator, running_simulator
from streamer.bybit.hosts import Hosts

KEYS = Credentials("some-key-of-mine", "some-secret-of-mine")


@asynccontextmanager
async def a_desk(sim: Simulator, *, trade_socket: bool = True) -> AsyncIterator[Desk]:
    """At an exchange that stands still."""

    async def cross(_desk: Desk, _price: Decimal) -> None:
        raise NotHere("the market stands still")

    hosts = Hosts(sim.rest_url, sim.public_ws_url, sim.private_ws_url, sim.trade_ws_url if trade_socket else None)
    account = {"api_key": KEYS.api_key, "api_secret": KEYS.api_secret, "balance": "10000", "order_rate": 1000}
    await sim.control("POST", "accounts", account)
    async with aiohttp.ClientSession() as http:
        desk = Desk(Way(hosts, KEYS, "BTCUSDT", cross, within_s=0.5), http)
        await desk.open()
        yield desk


def named(part: str) -> Case:
    [case] = [case for case in CASES if part in case.name]
    return case


async def test_the_simulator_is_as_bybit_is_believed_to_be() -> None:
    async with way_to("simulator", "BTCUSDT", {}) as way, aiohttp.ClientSession() as http:
        desk = Desk(way, http)
        await desk.open()
        results = [result async for result in run(desk, CASES)]
    assert len(results) == len({case.name for case in CASES}) >= 60
    assert not [(result.case.name, result.said) for result in results if result.outcome is not Outcome.PASSED]


@pytest.mark.parametrize(
    ("fault", "part"),
    [
        ({"kind": "clock_skew", "ms": -4_000}, "older than its recv_window"),
        ({"kind": "no_fill", "times": 1}, "its fills add up"),
        ({"kind": "partial_fill", "fraction": "0.5", "times": 1}, "cut to the position"),
        ({"kind": "ret_code", "code": 110017, "path": "/v5/position/trading-stop"}, "without a position is 10001"),
        ({"kind": "drop_private", "topic": "wallet"}, "tell of a trade"),
        ({"kind": "alter_private", "topic": "order", "fields": {"cumExecQty": "7"}}, "tell of a trade"),
        ({"kind": "alter_private", "topic": "execution", "fields": {"seq": None}}, "tell of a trade"),
        ({"kind": "rate_limited", "path": "/v5/account/info", "reset_header": False}, "tells the endpoint's limit"),
    ],
    ids=lambda value: value if isinstance(value, str) else value["kind"],
)
async def test_an_exchange_that_does_otherwise_is_noticed(fault: dict[str, Any], part: str) -> None:
    async with running_simulator() as sim, a_desk(sim) as desk:
        await sim.control("POST", "faults", fault)
        [result] = [result async for result in run(desk, [named(part)])]
    assert result.outcome is Outcome.DIFFERS, result.said
    assert result.said


async def test_what_an_environment_lacks_is_skipped_with_its_reason() -> None:
    async with running_simulator() as sim, a_desk(sim, trade_socket=False) as desk:
        cases = [named("the trade socket creates"), named("the stop fires")]
        results = [result async for result in run(desk, cases)]
        assert Decimal((await desk.position())["size"]) == 0
    assert [result.outcome for result in results] == [Outcome.SKIPPED] * 2
    assert [result.said for result in results] == ["this environment has no trade socket", "the market stands still"]


async def test_the_key_is_shown_nowhere() -> None:
    async with running_simulator() as sim, a_desk(sim) as desk:
        wrong = Credentials(KEYS.api_key, "another")
        reply = await desk.call("GET", "/v5/account/info", keys=wrong)
    assert reply.code == 10004
    assert "origin_string[" in reply.message
    assert KEYS.api_key not in reply.message


async def test_an_account_that_holds_something_is_left_alone() -> None:
    async with running_simulator() as sim:
        account = {"api_key": KEYS.api_key, "api_secret": KEYS.api_secret, "balance": "10000"}
        await sim.control("POST", "accounts", account)
        trade = {"api_key": KEYS.api_key, "symbol": "BTCUSDT", "side": "Buy", "qty": "0.01"}
        await sim.control("POST", "manual", trade)
        with pytest.raises(Differs, match="close them first"):
            async with a_desk(sim):
                pass


def consoles() -> tuple[Console, Console, io.StringIO]:
    said = io.StringIO()
    return Console(file=said, width=200), Console(file=said, width=200), said


def test_the_command_prints_a_line_for_each_case() -> None:
    out, err, said = consoles()
    assert conformance(out, err, "simulator", "ETHUSDT", "110043", {}) == 0
    assert "1/1 ok" in said.getvalue()
    assert "1 passed" in said.getvalue()


@pytest.mark.parametrize(
    ("environment", "only", "reason"),
    [
        ("mainnet", "", "mainnet is refused"),
        ("testnet", "", f"set {KEY} and {SECRET}"),
        ("demo", "", f"set {KEY} and {SECRET}"),
        ("moon", "", "there is no environment"),
        ("simulator", "no case is named so", "no case has"),
    ],
)
def test_the_command_refuses_with_its_reason(environment: str, only: str, reason: str) -> None:
    out, err, said = consoles()
    variables = {KEY: KEYS.api_key, SECRET: KEYS.api_secret} if environment == "mainnet" else {KEY: KEYS.api_key}
    assert conformance(out, err, environment, "BTCUSDT", only, variables) == 2
    assert reason in said.getvalue()
    assert KEYS.api_key not in said.getvalue()
