"""Which ticks may trigger: only sane and fresh ones. Stale is worse than an error."""

from dataclasses import dataclass
from decimal import Decimal

TICK_MAX_AGE_MS = 3_000
JUMP_SHARE = 0.10
"""A last price this far from the one before is believed only with a second witness."""

WITNESS_SHARE = 0.05
_WITNESS_WITHIN_MS = 1_000

DRIFT_SHARE = Decimal("0.005")
"""How far the price may have moved between deciding an entry and sending it."""


@dataclass(slots=True)
class PriceGuard:
    """Remembers one symbol's last believed price and an unconfirmed jump, if there is one."""

    believed: float | None = None
    suspect: float | None = None
    suspect_at: int = 0

    def admits(self, last: float, mark: float, now: int, *, said_anew: bool = True) -> bool:
        """Whether `last` may be acted on. A jump needs the mark price beside it, or a second tick within 1 s there that
        says so itself: the same price still standing while something else changed (`said_anew` False) is no witness."""
        if not 0 < last < float("inf"):
            return False
        if self.believed is None or abs(last - self.believed) <= self.believed * JUMP_SHARE:
            self._believe(last)
            return True
        if 0 < mark < float("inf") and abs(last - mark) <= mark * WITNESS_SHARE:
            self._believe(last)
            return True
        if not said_anew:
            return False
        confirmed = (
            self.suspect is not None
            and now - self.suspect_at <= _WITNESS_WITHIN_MS
            and abs(last - self.suspect) <= self.suspect * WITNESS_SHARE
        )
        if confirmed:
            self._believe(last)
            return True
        self.suspect, self.suspect_at = last, now
        return False

    def _believe(self, last: float) -> None:
        self.believed, self.suspect = last, None


def fresh(made_at: int, now: int) -> bool:
    """Whether a tick made at `made_at` may be acted on at `now` (UTC milliseconds)."""
    return now - made_at <= TICK_MAX_AGE_MS


def still_there(decided_price: Decimal, now: Decimal) -> bool:
    """Whether an entry sized and protected at one price may be sent at the other."""
    return abs(now - decided_price) <= decided_price * DRIFT_SHARE
