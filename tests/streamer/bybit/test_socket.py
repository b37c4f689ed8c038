"""How long a lost socket waits before it tries again."""

import random

import pytest

from streamer.bybit.socket import Backoff


@pytest.mark.parametrize(("failures", "bound"), [(0, 0.5), (1, 1.0), (3, 4.0), (6, 30.0), (10, 30.0), (10_000, 30.0)])
def test_backoff_stays_within_its_bounds(failures: int, bound: float) -> None:
    backoff = Backoff(random.Random(1))
    waits = [backoff.wait_s(failures) for _ in range(500)]
    assert bound / 4 <= min(waits) < max(waits) <= bound
