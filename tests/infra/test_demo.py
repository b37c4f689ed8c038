"""The demo is made once, piece by piece, through the public API."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import web

from infra.demo import Demo, DemoError, demo_file, ensure_demo, read_demo, signal_command, start_walks
from infra.environment import Place
from infra.processes import free_port
from tests.infra.fake_parts import Fakes


@pytest.fixture
def fakes() -> Fakes:
    return Fakes()


@pytest.fixture
async def place(fakes: Fakes, tmp_path: Path) -> AsyncIterator[Place]:
    port = free_port()
    runner = web.AppRunner(fakes.application())
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    yield Place(tmp_path, port, port)
    await runner.cleanup()


async def made(place: Place) -> Demo:
    return await asyncio.to_thread(ensure_demo, place)


async def test_a_first_run_makes_user_account_and_strategy(fakes: Fakes, place: Place) -> None:
    demo = await made(place)
    assert fakes.asked == [
        "/sim/accounts",
        "/api/auth/signup",  # refused: .local is reserved
        "/api/auth/signup",
        "/api/accounts",
        "/api/strategies",
    ]
    assert demo.email == "demo@example.com"
    assert (demo.account_id, demo.strategy_id, demo.webhook_secret) == ("account-1", "strategy-1", "s")
    assert demo_file(place.home).stat().st_mode & 0o777 == 0o600
    assert read_demo(place.home) == demo


async def test_a_second_run_makes_nothing_anew(fakes: Fakes, place: Place) -> None:
    first = await made(place)
    fakes.asked.clear()
    assert await made(place) == first
    assert fakes.asked == ["/sim/accounts", "/api/auth/login"]


async def test_a_run_cut_short_is_completed(fakes: Fakes, place: Place) -> None:
    await made(place)
    kept = json.loads(demo_file(place.home).read_text())
    demo_file(place.home).write_text(json.dumps({**kept, "strategy_id": "", "webhook_url": "", "webhook_secret": ""}))
    fakes.asked.clear()
    assert (await made(place)).webhook_secret == "s"
    assert fakes.asked == ["/sim/accounts", "/api/auth/login", "/api/strategies"]


async def test_a_new_database_gets_the_demo_again(fakes: Fakes, place: Place) -> None:
    await made(place)
    fakes.users.clear()
    fakes.asked.clear()
    await made(place)
    assert fakes.asked[-2:] == ["/api/accounts", "/api/strategies"]


async def test_a_demo_user_of_unknown_password_is_told(fakes: Fakes, place: Place) -> None:
    fakes.users["demo@example.com"] = "another"
    with pytest.raises(DemoError, match="does not know its password"):
        await made(place)


async def test_each_demo_symbol_walks(fakes: Fakes, place: Place) -> None:
    await asyncio.to_thread(start_walks, place)
    assert [body["symbol"] for body in fakes.bodies] == ["BTCUSDT", "ETHUSDT", "SOLUSDT"]
    assert fakes.asked == ["/sim/walk"] * 3


async def test_the_ready_command_is_one_line_and_is_taken(fakes: Fakes, place: Place) -> None:
    command = signal_command(await made(place))
    assert "\n" not in command
    process = await asyncio.create_subprocess_shell(command, stdout=asyncio.subprocess.PIPE)
    said, _ = await process.communicate()
    assert json.loads(said)["status"] == "accepted"
