"""When entries are allowed: times of the week on a clock somewhere.

A zone's clock comes as data, so that what is allowed at a moment depends on nothing but the arguments.
"""

from bisect import bisect_right
from dataclasses import dataclass

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_DAY_MS = 86_400_000
_MINUTE_MS = 60_000
_THURSDAY = 3
"""The weekday of 1970-01-01, Monday being 0."""


@dataclass(frozen=True, slots=True)
class Zone:
    """`offsets`: from each moment on (UTC milliseconds, rising), how far the zone's clock is ahead of UTC (milliseconds)."""

    name: str
    offsets: tuple[tuple[int, int], ...]

    def local(self, at: int) -> int:
        """What the zone's clock shows at `at` (UTC milliseconds), as milliseconds since its own 1970-01-01 00:00."""
        index = bisect_right(self.offsets, at, key=lambda change: change[0]) - 1
        return at + self.offsets[max(index, 0)][1]


@dataclass(frozen=True, slots=True)
class Window:
    """From `start` until `end` (minutes of the day) on `days` (Monday is 0). One that ends before it starts goes on into
    the next day; one that ends when it starts takes the whole day."""

    days: frozenset[int]
    start: int
    end: int
    zone: Zone

    def contains(self, at: int) -> bool:
        """Whether it is open at `at` (UTC milliseconds)."""
        local = self.zone.local(at)
        today = (local // _DAY_MS + _THURSDAY) % 7
        minute = local % _DAY_MS // _MINUTE_MS
        if self.start < self.end:
            return today in self.days and self.start <= minute < self.end
        return (today in self.days and minute >= self.start) or ((today - 1) % 7 in self.days and minute < self.end)
