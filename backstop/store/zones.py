"""The clocks of the world's time zones, as the domain takes them: from the tz database, once for each zone."""

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from backstop.domain.windows import Zone

_FROM, _UNTIL = datetime(2024, 1, 1, tzinfo=UTC), datetime(2046, 1, 1, tzinfo=UTC)
_STEP = timedelta(days=1)
_FINE = timedelta(minutes=1)


@lru_cache(maxsize=256)
def zone_named(name: str) -> Zone:
    """The clock of an IANA zone. Raises `zoneinfo.ZoneInfoNotFoundError` when there is none of that name."""
    zone = ZoneInfo(name)
    changes = [(_FROM, _offset(zone, _FROM))]
    at = _FROM
    while at < _UNTIL:
        after = at + _STEP
        if _offset(zone, after) != changes[-1][1]:
            changes.append(_change_between(zone, at, after))
        at = after
    return Zone(name, tuple((_ms(moment), round(offset.total_seconds() * 1000)) for moment, offset in changes))


def _change_between(zone: ZoneInfo, before: datetime, after: datetime) -> tuple[datetime, timedelta]:
    """The minute from which the offset is another."""
    old = _offset(zone, before)
    while after - before > _FINE:
        middle = before + (after - before) // 2
        middle -= timedelta(seconds=middle.second, microseconds=middle.microsecond)
        if middle <= before:
            break
        before, after = (middle, after) if _offset(zone, middle) == old else (before, middle)
    return after, _offset(zone, after)


def _offset(zone: ZoneInfo, at: datetime) -> timedelta:
    return at.astimezone(zone).utcoffset() or timedelta(0)


def _ms(at: datetime) -> int:
    return round(at.timestamp() * 1000)
