"""`backstop up` as a process, with stand-ins for the parts: what it says, and how it ends."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from infra.demo import read_demo
from infra.postgres import temporary_postgres
from infra.processes import free_port

_REPOSITORY = Path(__file__).parents[3]

# The command with fakes for the parts.
_UP = """
import sys
from rich.console import Console
from infra.cli.up import up
fakes = dict.fromkeys(("simulator", "gateway", "streamer"), "tests.infra.fake_parts")
sys.exit(up(Console(), Console(stderr=True), demo=True, walk=True, modules=fakes))
"""

_READY = "Ctrl-C stops everything."


class Up:
    """A running `up`."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self.process = process
        self.said: list[str] = []

    def says(self, words: str) -> None:
        """Wait for a line with `words`."""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.said.append(line.rstrip("\n"))
            if words in line:
                return
        raise AssertionError(f"it ended without saying {words!r}: {self.said}")

    def ends(self) -> int:
        """Wait for its end; the exit status."""
        assert self.process.stdout is not None
        self.said += self.process.stdout.read().splitlines()
        return self.process.wait()


@contextmanager
def started_up(home: Path, **environment: str) -> Iterator[Up]:
    base = {name: value for name, value in os.environ.items() if name != "DATABASE_URL"}
    ports = {"BACKSTOP_PORT": str(free_port()), "BACKSTOP_SIM_PORT": str(free_port())}
    process = subprocess.Popen(
        [sys.executable, "-c", _UP],
        env={**base, "PYTHONPATH": str(_REPOSITORY), "BACKSTOP_HOME": str(home), **ports, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        yield Up(process)
    finally:
        process.kill()
        process.wait()
        assert process.stdout is not None
        process.stdout.close()


def living_parts(home: Path) -> list[str]:
    """Processes that were given this home."""
    mark = f"BACKSTOP_HOME={home}\0".encode()
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if mark in (process / "environ").read_bytes() + b"\0":
                found.append((process / "cmdline").read_bytes().replace(b"\0", b" ").decode())
        except OSError:
            continue
    return found


def test_a_first_run_lists_its_steps_and_how_to_get_in(tmp_path: Path) -> None:
    with started_up(tmp_path) as up:
        up.says(_READY)
        demo = read_demo(tmp_path)
        assert demo is not None
        text = "\n".join(up.said)
        steps = ["PostgreSQL", "Schema", "Keys", "Simulator", "Gateway and API", "Streamer", "Demo user", "Walking"]
        assert [step for step in steps if f"✓ {step}" in text] == steps
        assert demo.email in text
        assert demo.password in text
        assert any(line.startswith(f"curl -sS {demo.webhook_url} ") for line in up.said)
        for secret in (demo.api_secret, (tmp_path / "postgres" / "password").read_text()):
            assert secret not in text


def test_sigterm_stops_everything_and_is_no_failure(tmp_path: Path) -> None:
    with started_up(tmp_path) as up:
        up.says(_READY)
        assert living_parts(tmp_path)
        up.process.send_signal(signal.SIGTERM)
        assert up.ends() == 0
    assert living_parts(tmp_path) == []


def test_ctrl_c_while_starting_stops_what_was_started(tmp_path: Path) -> None:
    with started_up(tmp_path) as up:
        up.says("✓ PostgreSQL")
        up.process.send_signal(signal.SIGINT)
        assert up.ends() == 0
    assert living_parts(tmp_path) == []


def test_a_second_ctrl_c_kills(tmp_path: Path) -> None:
    with started_up(tmp_path, FAKE_DEAF="streamer") as up:
        up.says(_READY)
        up.process.send_signal(signal.SIGINT)
        up.says("Ctrl-C again kills at once")
        up.process.send_signal(signal.SIGINT)
        assert up.ends() == 1


def test_it_starts_again_after_being_killed(tmp_path: Path) -> None:
    with started_up(tmp_path) as up:
        up.says(_READY)
        up.process.kill()
        up.ends()
    with started_up(tmp_path) as up:
        up.says(_READY)


def test_a_given_database_is_used_and_none_is_started(tmp_path: Path) -> None:
    with temporary_postgres() as server, started_up(tmp_path, DATABASE_URL=server.database_url) as up:
        up.says(_READY)
        assert not (tmp_path / "postgres").exists()
        assert server.database_url not in "\n".join(up.said)


def test_a_database_that_does_not_answer_is_one_line(tmp_path: Path) -> None:
    url = f"postgresql://nobody:hidden@127.0.0.1:{free_port()}/none"
    with started_up(tmp_path, DATABASE_URL=url) as up:
        up.says("backstop: ")
        assert "hidden" not in up.said[-1]
        assert up.ends() == 1
