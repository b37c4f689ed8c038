"""A wrong price triggers nothing; a crash that is real does, within a second and a half."""

import math
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backstop.engine.prices import JUMP_SHARE, TICK_MAX_AGE_MS, WITNESS_SHARE, PriceGuard, fresh, still_there

PROFILE = settings(max_examples=300, deadline=None, derandomize=True, database=None)
ANY = st.floats(allow_nan=True, allow_infinity=True)
NO_MARK = 0.0


def guard_at(price: float) -> PriceGuard:
    guard = PriceGuard()
    assert guard.admits(price, price, 0)
    return guard


@pytest.mark.parametrize("price", [0.0, -1.0, math.nan, math.inf, -math.inf])
def test_absurd_price_is_never_admitted(price: float) -> None:
    assert not PriceGuard().admits(price, price, 0)
    assert not guard_at(100).admits(price, price, 0)


def test_one_wild_tick_is_not_believed() -> None:
    guard = guard_at(100)
    assert not guard.admits(1_000, 100, 10)
    assert guard.admits(100.1, 100, 20)
    assert guard.believed == 100.1


def test_crash_is_believed_with_the_mark_price_beside_it() -> None:
    assert guard_at(100).admits(60, 61, 10)


@pytest.mark.parametrize(("second_after", "believed"), [(1_000, True), (1_001, False)])
def test_crash_is_believed_at_the_second_tick_within_a_second(second_after: int, believed: bool) -> None:
    guard = guard_at(100)
    assert not guard.admits(60, NO_MARK, 10)
    assert guard.admits(61, NO_MARK, 10 + second_after) is believed


def test_two_wild_ticks_that_disagree_are_not_believed() -> None:
    guard = guard_at(100)
    assert not guard.admits(60, NO_MARK, 10)
    assert not guard.admits(150, NO_MARK, 20)


@pytest.mark.parametrize("mark", [math.inf, math.nan, -60.0, 0.0])
def test_absurd_mark_is_no_witness(mark: float) -> None:
    """Seen: an infinite mark price was beside everything."""
    assert not guard_at(100).admits(60, mark, 10)


@PROFILE
@given(ticks=st.lists(st.tuples(ANY, ANY, st.integers(0, 5_000)), max_size=30))
def test_guard_admits_only_what_is_sane_and_vouched_for(ticks: list[tuple[float, float, int]]) -> None:
    guard, now = PriceGuard(), 0
    believed: float | None = None
    suspect: tuple[float, int] | None = None
    for last, mark, wait in ticks:
        now += wait
        admitted = guard.admits(last, mark, now)
        sane = math.isfinite(last) and last > 0
        near = believed is None or (sane and abs(last - believed) <= believed * JUMP_SHARE)
        marked = sane and math.isfinite(mark) and mark > 0 and abs(last - mark) <= mark * WITNESS_SHARE
        second = (
            sane
            and suspect is not None
            and now - suspect[1] <= 1_000
            and abs(last - suspect[0]) <= suspect[0] * WITNESS_SHARE
        )
        assert admitted is (sane and (near or marked or second))
        if admitted:
            believed, suspect = last, None
        elif sane:
            suspect = (last, now)


@PROFILE
@given(price=st.floats(0.0001, 1e6), move=st.floats(-0.0999, 0.0999))
def test_ordinary_moves_pass_at_once(price: float, move: float) -> None:
    assert guard_at(price).admits(price * (1 + move), NO_MARK, 0)


def test_tick_older_than_3_s_is_stale() -> None:
    assert fresh(0, TICK_MAX_AGE_MS)
    assert not fresh(0, TICK_MAX_AGE_MS + 1)
    assert TICK_MAX_AGE_MS == 3_000


def test_a_wild_price_that_only_stands_still_is_no_witness_for_itself() -> None:
    guard = PriceGuard()
    assert guard.admits(100.0, 100.0, 0)
    assert not guard.admits(50.0, 100.0, 100)
    assert not guard.admits(50.0, 100.0, 200, said_anew=False)
    assert guard.admits(50.0, 50.0, 300, said_anew=False)


@pytest.mark.parametrize(
    ("now", "there"), [("100", True), ("100.5", True), ("99.5", True), ("100.51", False), ("99", False)]
)
def test_entry_is_sent_only_near_the_price_it_was_decided_on(now: str, there: bool) -> None:
    assert still_there(Decimal(100), Decimal(now)) is there
