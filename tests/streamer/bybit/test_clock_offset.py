"""How far apart the clocks are, from replies."""

from hypothesis import given
from hypothesis import strategies as st

from streamer.bybit.clock_offset import ClockOffset


def test_unknown_is_zero() -> None:
    assert ClockOffset().ms == 0


@given(
    st.integers(-3_600_000, 3_600_000),
    st.lists(st.tuples(st.integers(0, 2_000), st.integers(0, 2_000)), min_size=1, max_size=40),
)
def test_it_is_never_farther_off_than_half_the_quickest_round_trip(offset: int, trips: list[tuple[int, int]]) -> None:
    clock, true = ClockOffset(), 1_000_000_000
    for number, (up, down) in enumerate(trips):
        sent = true + number * 5_000
        clock.observe(sent + offset, sent + up + down + offset, sent + up, at=number * 5_000)
    quickest = min(up + down for up, down in trips)
    assert abs(clock.ms - offset) <= quickest / 2 + len(trips) * 2 + 1


def test_a_clock_that_was_set_is_believed_at_once() -> None:
    clock = ClockOffset()
    for number in range(100):
        clock.observe(number * 1_000, number * 1_000 + 4, number * 1_000 + 2, at=number * 1_000)
    assert abs(clock.ms) <= 2
    clock.observe(3_700_000, 3_700_004, 100_002, at=100_000)
    assert abs(clock.ms - 3_600_000) <= 2


def test_one_slow_reply_moves_nothing() -> None:
    clock = ClockOffset()
    clock.observe(1_000, 1_002, 1_001, at=1_000)
    clock.observe(2_000, 6_000, 5_900, at=6_000)
    assert abs(clock.ms) <= 2


def test_a_clock_set_back_under_way_tells_nothing() -> None:
    clock = ClockOffset()
    clock.observe(10_000, 5_000, 10_001, at=10)
    assert clock.at is None
