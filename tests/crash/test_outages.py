"""The database goes away in the middle of a trade: stops close all the same, and afterwards the books are right.

One moment for each way here; every moment, and a long outage of each, by `make outages`.
"""

from collections.abc import Iterator

import pytest

from infra.stack import Stack
from tests.crash.outage import play_outage


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    with Stack.temporary(restart=False) as running:
        yield running


@pytest.mark.parametrize(
    ("way", "moment"),
    [
        ("killed", "mid-reversal"),
        ("suspended", "mid-stop"),
        ("read-only", "mid-close"),
        ("disconnected", "mid-entry"),
        ("disk full", "mid-stop"),
    ],
)
@pytest.mark.fault(44, 45)
def test_nothing_is_lost_doubled_or_late(stack: Stack, way: str, moment: str) -> None:
    play_outage(stack, way, moment, hold_s=4.0)
