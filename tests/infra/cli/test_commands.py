"""The commands: one clear line and the right exit status."""

import asyncio
import fcntl
import os
import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import web
from typer.testing import CliRunner, Result

from infra.cli.doctor import examine
from infra.cli.main import app
from infra.demo import ensure_demo
from infra.environment import Place
from infra.keys import ensure_keys
from infra.processes import free_port
from tests.infra.fake_parts import Fakes


@pytest.fixture
async def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Place]:
    """Fake parts that answer, and the environment that leads to them."""
    port = free_port()
    runner = web.AppRunner(Fakes().application())
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    monkeypatch.setenv("BACKSTOP_HOME", str(tmp_path))
    monkeypatch.setenv("BACKSTOP_PORT", str(port))
    for name in ("BACKSTOP_PUBLIC_URL", "DATABASE_URL"):
        monkeypatch.delenv(name, raising=False)
    yield Place(tmp_path, port, port)
    await runner.cleanup()


async def run(*arguments: str) -> Result:
    return await asyncio.to_thread(CliRunner().invoke, app, arguments)


def started_up(home: Path, **environment: str) -> "subprocess.CompletedProcess[str]":
    """`backstop up` where something is in its way, so that it ends by itself."""
    return subprocess.run(
        [sys.executable, "-m", "infra.cli.main", "up"],
        env={**os.environ, "BACKSTOP_HOME": str(home), **environment},
        capture_output=True,
        text=True,
        check=False,
    )


async def test_status_shows_each_part(place: Place) -> None:
    shown = await run("status")
    assert shown.exit_code == 0
    assert "alive" in shown.stdout


async def test_status_says_when_nothing_answers() -> None:
    shown = await run("status", "--url", f"http://127.0.0.1:{free_port()}")
    assert shown.exit_code == 2
    assert "start it with `backstop up`" in " ".join(shown.stderr.split())


async def test_send_uses_the_demo_hook(place: Place) -> None:
    await asyncio.to_thread(ensure_demo, place)
    sent = await run("send", "buy", "BTCUSDT", "--qty", "0.01", "--stop-loss", "1.5%")
    assert (sent.exit_code, sent.stdout) == (0, "accepted: signal 1\n")


async def test_send_says_why_it_was_refused(place: Place) -> None:
    sent = await run("send", "buy", "BTCUSDT", "--url", f"{place.url}/api/hooks/h", "--secret", "wrong")
    assert sent.exit_code == 1
    assert "refused with 401: Unauthorized" in sent.stderr


async def test_send_without_a_hook_says_what_to_give(place: Place) -> None:
    sent = await run("send", "buy", "BTCUSDT")
    assert sent.exit_code == 2
    assert "give --url and --secret" in sent.stderr


async def test_migrate_wants_a_database(place: Place) -> None:
    assert (await run("migrate")).exit_code == 2


async def test_doctor_knows_a_running_backstop(place: Place) -> None:
    found = {it.what: it for it in await asyncio.to_thread(lambda: list(examine(place, {})))}
    assert found["port"].said == f"{place.port}, Backstop is running"
    assert found["database"].said.startswith("embedded PostgreSQL")


def test_doctor_names_a_taken_port(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        found = {it.what: it for it in examine(Place(tmp_path, port, free_port()), {})}
    assert not found["port"].fine
    assert f"{port} is taken" in found["port"].said


def test_up_names_a_taken_port(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = str(other.getsockname()[1])
        ended = started_up(tmp_path, BACKSTOP_PORT=port, BACKSTOP_SIM_PORT=str(free_port()))
    assert ended.returncode == 2
    assert ended.stderr == f"backstop: port {port} is taken; stop what listens there or set BACKSTOP_PORT to another\n"


def test_up_names_a_home_it_cannot_use(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    ended = started_up(tmp_path / "file" / "home")
    assert ended.returncode == 2
    assert ended.stderr.startswith(f"backstop: cannot write to {tmp_path / 'file' / 'home'} (")
    assert ended.stderr.count("\n") == 1


def test_up_wants_a_port_that_is_one(tmp_path: Path) -> None:
    ended = started_up(tmp_path, BACKSTOP_PORT="http")
    assert (ended.returncode, ended.stderr.count("\n")) == (2, 1)


def test_up_runs_once_in_a_home(tmp_path: Path) -> None:
    with (tmp_path / "up.lock").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        ended = started_up(tmp_path)
    assert ended.returncode == 2
    assert "another `backstop up` runs" in ended.stderr


async def test_signing_keys_are_rotated(place: Place) -> None:
    without = await run("rotate-keys")
    assert (without.exit_code, "cannot use" in without.output) == (1, True)
    ensure_keys(place.keys)
    done = await run("rotate-keys")
    assert (done.exit_code, "signing with " in done.output) == (0, True)
