"""Prices from a file, and what they set off."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from simulator.server import Simulator, running_simulator
from simulator.ticks import TickError, read_ticks
from tests.simulator.conftest import KEY, Rest, Socket, until

CSV = """time,symbol,last,mark
0,BTCUSDT,60000,60001
100,BTCUSDT,59950,
250,ETHUSDT,3000,3001
400,BTCUSDT,58990,58991
"""
JSON_LINES = """
{"time": 0, "symbol": "BTCUSDT", "last": "60000", "index": 60002.5}
{"time": 5, "symbol": "BTCUSDT", "last": 59950.5}

"""
ARCHIVE = "timestamp,symbol,side,size,price\n1585526400.5,BTCUSDT,Buy,0.1,6100.5\n1585526401,BTCUSDT,Sell,1,6101\n"


def written(folder: Path, content: str) -> Path:
    path = folder / "ticks"
    path.write_text(content, encoding="utf-8")
    return path


def test_csv_json_lines_and_bybits_archives_are_read(tmp_path: Path) -> None:
    ticks = read_ticks(written(tmp_path, CSV))
    assert [(tick.time_ms, tick.symbol, tick.last, tick.mark) for tick in ticks[1:3]] == [
        (100, "BTCUSDT", Decimal(59950), Decimal(59950)),
        (250, "ETHUSDT", Decimal(3000), Decimal(3001)),
    ]
    first, second = read_ticks(written(tmp_path, JSON_LINES))
    assert (first.index, second.last, second.index) == (Decimal("60002.5"), Decimal("59950.5"), Decimal("59950.5"))
    first, second = read_ticks(written(tmp_path, ARCHIVE))
    assert (first.time_ms, first.last, second.time_ms) == (1585526400500, Decimal("6100.5"), 1585526401000)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("", "no ticks"),
        ("time,symbol,last\n", "no ticks"),
        ("time,symbol,last\n0,NOCOIN,1\n", "NOCOIN"),
        ("time,symbol,last\n0,BTCUSDT,0\n", "last"),
        ("time,symbol,last\n0,BTCUSDT,abc\n", "last"),
        ("time,symbol,last,mark\n0,BTCUSDT,60000,-1\n", "mark"),
        ("symbol,last\nBTCUSDT,60000\n", "time"),
        ("time,symbol,last\n5,BTCUSDT,60000\n4,BTCUSDT,60000\n", "tick 2 is earlier"),
        ('{"time": 1}\n', "symbol"),
    ],
)
def test_what_is_no_tick_is_named(tmp_path: Path, content: str, says: str) -> None:
    with pytest.raises(TickError, match=says):
        read_ticks(written(tmp_path, content))


async def played(sim: Simulator) -> None:
    while (await sim.control("GET", "replay"))["running"]:  # noqa: ASYNC110 - it announces itself to no one
        await asyncio.sleep(0.005)


async def test_a_file_is_played_in_its_order_and_sets_off_stops(
    sim: Simulator, rest: Rest, public: Socket, tmp_path: Path
) -> None:
    await rest.order(stopLoss="59000")
    await public.send(op="subscribe", args=["tickers.BTCUSDT"])
    await sim.control("POST", "replay", {"path": str(written(tmp_path, CSV)), "speed": 10})
    heard: list[str] = []
    while "58990.00" not in heard:
        message = await public.next(topic="tickers.BTCUSDT")
        if "lastPrice" in message["data"]:
            heard.append(message["data"]["lastPrice"])
    assert heard[-2:] == ["59950.00", "58990.00"]
    assert (await rest.position())["size"] == "0"
    await played(sim)
    assert await sim.control("GET", "replay") == {"running": False, "played": 4, "ticks": 4}
    assert sim.venue.exchange.quote("ETHUSDT").mark == 3001


async def test_it_keeps_its_pace(sim: Simulator) -> None:
    loop = asyncio.get_running_loop()
    ticks = [{"time": time, "symbol": "BTCUSDT", "last": 60000} for time in (0, 400, 800)]
    began = loop.time()
    await sim.control("POST", "replay", {"ticks": ticks, "speed": 4})
    await played(sim)
    assert loop.time() - began >= 0.2


async def test_a_loop_runs_until_it_is_stopped(sim: Simulator) -> None:
    ticks = [{"time": 0, "symbol": "BTCUSDT", "last": 60000 + number} for number in range(3)]
    await sim.control("POST", "replay", {"ticks": ticks, "speed": 0, "loop": True})
    venue = sim.venue
    await until(lambda: venue.exchange.quote("BTCUSDT").last == 60002)
    while (await sim.control("GET", "replay"))["played"] < 10:  # noqa: ASYNC110
        await asyncio.sleep(0.005)
    assert (await sim.control("DELETE", "replay"))["running"] is False


@pytest.mark.parametrize(
    ("field", "body"),
    [
        ("path", {}),
        ("path", {"path": "/nowhere/at/all.csv"}),
        ("path", {"path": "x", "ticks": []}),
        ("ticks", {"ticks": "x"}),
        ("ticks", {"ticks": [1]}),
        ("speed", {"ticks": [{"time": 0, "symbol": "BTCUSDT", "last": 1}], "speed": -1}),
        ("loop", {"ticks": [{"time": 0, "symbol": "BTCUSDT", "last": 1}], "loop": "yes"}),
    ],
)
async def test_a_replay_that_makes_no_sense_is_refused(sim: Simulator, field: str, body: dict[str, Any]) -> None:
    with pytest.raises(RuntimeError, match=f"'field': '{field}'"):
        await sim.control("POST", "replay", body)


def now() -> int:
    return 1_700_000_000_000


async def story(seed: int) -> list[Any]:
    """A walk of prices played to two accounts with stops, and all that came of it."""
    async with running_simulator(seed=seed, clock=now) as sim:
        for key, side, stop in (("k", "Buy", "59400"), ("l", "Sell", "60600")):
            await sim.control("POST", "accounts", {"api_key": key, "api_secret": "s", "order_rate": 1000})
            async with aiohttp.ClientSession() as session:
                await Rest(sim.rest_url, session, key, "s", now).order(side, "0.02", stopLoss=stop)
            body = {"api_key": key, "symbol": "ETHUSDT", "side": side, "qty": "0.5"}
            await sim.control("POST", "manual", body)
        ticks = [
            {"time": number, "symbol": "BTCUSDT", "last": str(60000 + (number * 7919) % 1500 - 750)}
            for number in range(200)
        ]
        await sim.control("POST", "replay", {"ticks": ticks, "speed": 0})
        await played(sim)
        await sim.control("POST", "funding", {"symbol": "BTCUSDT", "rate": "0.001"})
        views = [(name, key) for name in ("executions", "positions") for key in ("k", "l")]
        return [await sim.control("GET", name, api_key=key) for name, key in views]


async def test_a_seed_and_a_replay_tell_the_same_story_each_time() -> None:
    first = await story(5)
    assert await story(5) == first
    assert len(first[0]["items"]) >= 3, "its stop was reached"
    assert await story(6) != first, "ids come from the seed"


async def test_a_reset_ends_a_replay(sim: Simulator) -> None:
    ticks = [{"time": time, "symbol": "BTCUSDT", "last": 55000} for time in (0, 100_000)]
    await sim.control("POST", "replay", {"ticks": ticks})
    await sim.control("POST", "reset", {})
    assert (await sim.control("GET", "replay"))["running"] is False
    assert KEY not in sim.venue.exchange.state.accounts
