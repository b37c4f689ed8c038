"""Two streamers at once: the first was away for longer than its leases, wherever it just was, and comes back.

Short pauses at some points here; 60 s at all of them by `make crash`.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.stack import Stack
from tests.crash.pause import LEASE_S, Pair, retire_accounts
from tests.crash.scene import play, play_a_late_entry, play_a_stop_crossed

PAUSE_S = LEASE_S + 2


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    with Stack.temporary(restart=False) as running:
        running.stop("streamer")
        yield running


@pytest.mark.timeout(240)
@pytest.mark.parametrize("point", ["create:before:1", "commit:within:2"])
@pytest.mark.fault(47)
def test_who_comes_back_doubles_nothing_writes_nothing_and_ends(stack: Stack, tmp_path: Path, point: str) -> None:
    pair = Pair(stack, tmp_path, PAUSE_S, point)
    try:
        play(stack, pair)
        pair.settle()
    finally:
        pair.end()
        retire_accounts(stack)


@pytest.mark.timeout(240)
def test_an_entry_that_became_too_old_in_the_pause_is_not_sent(stack: Stack, tmp_path: Path) -> None:
    pair = Pair(stack, tmp_path, PAUSE_S, "create:before:1")
    try:
        play_a_late_entry(stack, pair)
    finally:
        pair.end()
        retire_accounts(stack)


@pytest.mark.timeout(240)
@pytest.mark.fault(47)
def test_a_stop_crossed_in_the_pause_closes_once(stack: Stack, tmp_path: Path) -> None:
    pair = Pair(stack, tmp_path, PAUSE_S)
    try:
        play_a_stop_crossed(stack, pair)
    finally:
        pair.end()
        retire_accounts(stack)
