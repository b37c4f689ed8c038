"""How far our clock is ahead of the exchange's, from the times its replies carry. Pure.

A reply says when it was made: between the sending of its request and its arrival. So each bounds the offset from both
sides, and the quicker it came the closer. Bounds grow apart with time, since clocks drift; a reply outside them means
that a clock was set, and is believed at once.
"""

from dataclasses import dataclass

DRIFT = 0.0001
"""A hundred parts in a million: more than clocks of machines drift."""


@dataclass(slots=True)
class ClockOffset:
    """Milliseconds. Unknown until something was observed, and 0 until then."""

    low: float = 0.0
    high: float = 0.0
    at: int | None = None
    """When it was last observed, by the monotonic clock."""

    @property
    def ms(self) -> int:
        return round((self.low + self.high) / 2)

    def observe(self, sent: int, received: int, theirs: int, at: int) -> None:
        """A request sent and answered at these times of our clock; the reply was made at `theirs` of the exchange's."""
        low, high = float(sent - theirs), float(received - theirs)
        if high < low:
            return  # our clock was set back meanwhile
        if self.at is not None:
            slack = (at - self.at) * DRIFT + 1  # theirs is cut to whole milliseconds
            known_low, known_high = self.low - slack, self.high + slack
            if low <= known_high and known_low <= high:
                low, high = max(low, known_low), min(high, known_high)
        self.low, self.high, self.at = low, high, at
