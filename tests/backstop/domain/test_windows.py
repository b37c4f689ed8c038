"""Times of the week at which entries are allowed, on clocks anywhere."""

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backstop.domain.windows import WEEKDAYS, Window, Zone
from backstop.store.zones import zone_named

UTC_ZONE = zone_named("UTC")
BERLIN = zone_named("Europe/Berlin")
NEW_YORK = zone_named("America/New_York")
WORKDAYS = frozenset(range(5))
EVERY_DAY = frozenset(range(7))


def ms(text: str) -> int:
    return round(datetime.fromisoformat(text).timestamp() * 1000)


def minutes(text: str) -> int:
    return int(text[:2]) * 60 + int(text[3:])


def window(start: str, end: str, zone: Zone = UTC_ZONE, days: frozenset[int] = WORKDAYS) -> Window:
    return Window(days, minutes(start), minutes(end), zone)


@pytest.mark.parametrize(
    ("at", "is_open"),
    [
        ("2026-11-24T08:59:59+00:00", False),
        ("2026-11-24T09:00:00+00:00", True),
        ("2026-11-24T16:59:59+00:00", True),
        ("2026-11-24T17:00:00+00:00", False),
        ("2026-11-28T12:00:00+00:00", False),  # a Saturday
    ],
)
def test_window_is_open_from_its_start_until_before_its_end(at: str, is_open: bool) -> None:
    assert window("09:00", "17:00").contains(ms(at)) is is_open


@pytest.mark.parametrize(
    ("at", "is_open"),
    [
        ("2026-11-27T23:00:00+00:00", True),  # Friday night
        ("2026-11-28T01:59:00+00:00", True),  # still Friday's
        ("2026-11-28T02:00:00+00:00", False),
        ("2026-11-28T23:00:00+00:00", False),
        ("2026-11-30T01:00:00+00:00", False),  # Monday morning is Sunday's night
    ],
)
def test_window_over_midnight_belongs_to_the_day_it_starts_on(at: str, is_open: bool) -> None:
    assert window("22:00", "02:00").contains(ms(at)) is is_open


def test_window_that_ends_when_it_starts_takes_the_whole_day() -> None:
    whole = window("00:00", "00:00", days=frozenset({WEEKDAYS.index("tue")}))
    assert whole.contains(ms("2026-11-24T00:00:00+00:00"))
    assert whole.contains(ms("2026-11-24T23:59:59+00:00"))
    assert not whole.contains(ms("2026-11-25T00:00:00+00:00"))


@pytest.mark.parametrize(
    ("zone", "opens_at"),
    [
        (BERLIN, "2026-03-27T08:00:00+00:00"),  # the Friday before the clocks go forward
        (BERLIN, "2026-03-30T07:00:00+00:00"),  # the Monday after
        (NEW_YORK, "2026-10-30T13:00:00+00:00"),
        (NEW_YORK, "2026-11-02T14:00:00+00:00"),
    ],
)
def test_window_follows_the_zones_clock_through_summer_time(zone: Zone, opens_at: str) -> None:
    nine = window("09:00", "17:00", zone)
    assert nine.contains(ms(opens_at))
    assert not nine.contains(ms(opens_at) - 1)


@given(
    at=st.integers(min_value=1_704_100_000_000, max_value=2_390_000_000_000),
    name=st.sampled_from(["UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe"]),
)
def test_zones_clock_is_that_of_the_tz_database(at: int, name: str) -> None:
    ahead = datetime.fromtimestamp(at / 1000, ZoneInfo(name)).utcoffset()
    assert ahead is not None
    assert zone_named(name).local(at) - at == ahead.total_seconds() * 1000


@given(at=st.integers(min_value=1_704_100_000_000, max_value=2_000_000_000_000), start=st.integers(0, 1439))
def test_window_and_its_complement_share_no_moment_and_miss_none(at: int, start: int) -> None:
    end = (start + 600) % 1440
    open_now = Window(EVERY_DAY, start, end, BERLIN).contains(at)
    assert open_now is not Window(EVERY_DAY, end, start, BERLIN).contains(at)
