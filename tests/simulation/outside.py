"""Mutants where the simulation does not reach: planted into a test run of their own, in which the named test must fail.

As a pytest plugin (`-p tests.simulation.outside`) this swaps what $BACKSTOP_PLANTED numbers before any test is collected;
`planted_gap.config.mjs` spoils the dashboard's source as it is loaded. Nothing on disk changes.
"""

import importlib
import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

from tests.simulation.plants import Swap

ROOT = Path(__file__).parents[2]
ENVIRONMENT = "BACKSTOP_PLANTED"
_FAILED = 1
"""How both pytest and vitest end when tests ran and one of them failed."""


@dataclass(frozen=True, slots=True)
class Outside:
    """`test`: what must fail, as its runner names it. `swaps` None: it is planted by vitest's configuration."""

    what: str
    test: str
    swaps: Callable[[], tuple[Swap, ...]] | None


@dataclass(frozen=True, slots=True)
class Judgement:
    """`killed`: the test passes as things are, and fails with the fault planted."""

    number: int
    killed: bool
    text: str
    seconds: float


def _no_jitter() -> tuple[Swap, ...]:
    socket = importlib.import_module("streamer.bybit.socket")

    def wait_s(_backoff: object, failures: int) -> float:
        return float(min(socket._BACKOFF_MOST_S, socket._BACKOFF_FIRST_S * 2 ** min(failures, 10)))

    return (Swap(socket.Backoff, "wait_s", wait_s),)


def _closes_share_the_budget() -> tuple[Swap, ...]:
    window = importlib.import_module("streamer.bybit.budget").Window
    as_it_was = window.wait_ms

    def wait_ms(self: object, now: int, *, closes: bool) -> int:
        return int(as_it_was(self, now, closes=False))

    return (Swap(window, "wait_ms", wait_ms),)


def _duplicates_count() -> tuple[Swap, ...]:
    hooks = importlib.import_module("api.hooks")
    return (Swap(hooks, "_dedupe_key", lambda _alert, _body_hash: uuid4().hex),)


OUTSIDE = {
    19: Outside("backoff without jitter", "tests/streamer/bybit/test_socket.py", _no_jitter),
    20: Outside(
        "closes share the opens' rate budget",
        "tests/streamer/bybit/test_budget.py::test_a_close_never_waits_behind_opens_and_queries",
        _closes_share_the_budget,
    ),
    23: Outside("dashboard applies a delta across a gap", "src/live/sequence.test.ts", None),
    24: Outside(
        "duplicate webhook creates a second signal",
        "tests/api/test_hooks.py::test_of_two_that_look_before_either_is_stored_one_is_a_repeat",
        _duplicates_count,
    ),
}


def judge(number: int) -> Judgement:
    """Run its test without and with the fault."""
    outside, started = OUTSIDE[number], time.monotonic()
    clean, planted = (_run(number, outside, planted=planted) for planted in (False, True))
    if clean.returncode != 0:
        text = f"{outside.test} does not pass as things are: {clean.stdout[-300:]}{clean.stderr[-300:]}"
    elif planted.returncode != _FAILED:
        text = f"{outside.test} ends with {planted.returncode}: {planted.stdout[-300:]}{planted.stderr[-300:]}"
    else:
        text = outside.test
    killed = clean.returncode == 0 and planted.returncode == _FAILED
    return Judgement(number, killed, text, time.monotonic() - started)


def _run(number: int, outside: Outside, *, planted: bool) -> "subprocess.CompletedProcess[str]":
    environment = {**os.environ, ENVIRONMENT: str(number) if planted else ""}
    if outside.swaps is None:
        config = ROOT / "tests/simulation/planted_gap.config.mjs"
        vitest = ROOT / "frontend/node_modules/vitest/vitest.mjs"
        command = ["node", str(vitest), "run", "--root", ".", "--config", str(config), outside.test]
        where = ROOT / "frontend"
    else:
        command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "tests.simulation.outside", outside.test]
        where = ROOT
    try:
        return subprocess.run(
            command, cwd=where, env=environment, capture_output=True, text=True, timeout=300, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return subprocess.CompletedProcess(command, -1, "", str(error))


def pytest_configure() -> None:
    """Plant what the environment names."""
    number = os.environ.get(ENVIRONMENT)
    outside = OUTSIDE[int(number)] if number else None
    if outside is not None and outside.swaps is not None:
        for swap in outside.swaps():
            setattr(swap.target, swap.name, swap.value)
