"""State that outlives a run, and the program around it."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
from pathlib import Path

import aiohttp
import msgspec
import pytest

from simulator.persistence import load, write
from simulator.server import running_simulator
from tests.simulator.bench import Bench
from tests.simulator.conftest import KEY, SECRET, Rest, until


async def test_a_second_run_finds_the_exchange_as_it_was_left(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "exchange.json"
    async with running_simulator(state_path=path) as sim, aiohttp.ClientSession() as session:
        await sim.control("POST", "accounts", {"api_key": KEY, "api_secret": SECRET})
        await sim.control("POST", "price", {"symbol": "BTCUSDT", "last": "61000"})
        rest = Rest(sim.rest_url, session)
        await rest.order(orderLinkId="a-1", stopLoss="60000")
        await rest.order(orderLinkId="a-2", orderType="Limit", price="50000")
        before = [await rest.position(), await rest.rows("/v5/order/realtime", symbol="BTCUSDT")]
        requests = await sim.control("GET", "orders")
    async with running_simulator(state_path=path) as sim, aiohttp.ClientSession() as session:
        rest = Rest(sim.rest_url, session)
        assert [await rest.position(), await rest.rows("/v5/order/realtime", symbol="BTCUSDT")] == before
        assert await sim.control("GET", "orders") == requests
        assert (await rest.order(orderLinkId="a-1"))["retCode"] == 110072
        await sim.control("POST", "price", {"symbol": "BTCUSDT", "last": "60000"})
        assert (await rest.position())["size"] == "0"


async def test_changes_reach_the_file_while_it_runs(tmp_path: Path) -> None:
    path = tmp_path / "exchange.json"
    async with running_simulator(state_path=path) as sim:
        await sim.control("POST", "accounts", {"api_key": KEY, "api_secret": SECRET})
        await until(lambda: (state := load(path)) is not None and KEY in state.accounts)
        assert path.stat().st_mode & 0o777 == 0o600
    assert names(tmp_path) == [path.name]


def test_the_whole_state_survives_the_file(tmp_path: Path) -> None:
    bench = Bench()
    bench.placed("Buy", "0.02", stopLoss="59000", takeProfit="62000")
    bench.placed("Buy", "0.01", triggerPrice="61000", triggerDirection=1)
    bench.price(62_000)
    write(tmp_path / "state", msgspec.json.encode(bench.exchange.state))
    assert load(tmp_path / "state") == bench.exchange.state


def test_an_unreadable_file_is_set_aside(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "state"
    path.write_bytes(b"{not json")
    assert load(path) is None
    assert (tmp_path / "state.unreadable").read_bytes() == b"{not json"
    assert "could not be read" in capsys.readouterr().err


def names(folder: Path) -> list[str]:
    """What lies in a folder."""
    return [entry.name for entry in folder.iterdir()]


def free_port() -> int:
    """A port nobody holds now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


async def start(port: str) -> asyncio.subprocess.Process:
    """``python -m simulator`` on a port."""
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "simulator",
        env=os.environ | {"BACKSTOP_SIM_PORT": port},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )


@pytest.mark.parametrize("stop", [signal.SIGTERM, signal.SIGINT])
async def test_the_program_listens_and_ends_when_told(stop: signal.Signals) -> None:
    port = free_port()
    process = await start(str(port))
    assert process.stdout is not None
    assert await process.stdout.readline() == f"simulator: listening on http://127.0.0.1:{port}\n".encode()
    async with (
        aiohttp.ClientSession() as session,
        session.ws_connect(f"http://127.0.0.1:{port}/v5/public/linear") as public,
    ):
        process.send_signal(stop)
        assert await process.wait() == 0
        assert (await public.receive()).type in {aiohttp.WSMsgType.CLOSED, aiohttp.WSMsgType.CLOSE}


async def test_a_port_in_use_is_one_clear_line() -> None:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        process = await start(str(holder.getsockname()[1]))
        out, err = await process.communicate()
    assert (process.returncode, out, err.count(b"\n")) == (2, b"", 1)
    assert b"is in use" in err


@pytest.mark.parametrize("port", ["http", "65536"])
async def test_a_port_that_is_none_is_refused(port: str) -> None:
    process = await start(port)
    _, err = await process.communicate()
    expected = f"simulator: BACKSTOP_SIM_PORT='{port}' is not a whole number from 0 to 65535\n"
    assert (process.returncode, err.decode()) == (2, expected)
