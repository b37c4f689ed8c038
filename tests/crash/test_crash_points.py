"""Killed before or after a commit or a request, the next process finds the truth and the books are right.

Some points here; all of them by `make crash`.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.stack import Stack
from tests.crash.pause import retire_accounts
from tests.crash.scene import Streamer, play


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    with Stack.temporary(restart=False) as running:
        running.stop("streamer")
        yield running


@pytest.mark.timeout(240)
@pytest.mark.parametrize(
    "point", ["create:before:2", "create:after:1", "create:after:2", "commit:after:2", "resident_stop:before:1"]
)
@pytest.mark.fault(46)
def test_a_crash_there_loses_and_doubles_nothing(stack: Stack, tmp_path: Path, point: str) -> None:
    streamer = Streamer(stack, {"BACKSTOP_CRASH_AT": point}, tmp_path / "streamer.log")
    try:
        play(stack, streamer)
        assert streamer.crashed
    finally:
        streamer.stop()
        retire_accounts(stack)
