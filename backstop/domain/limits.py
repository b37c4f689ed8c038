"""Rails around an account: what stops new positions, and what ends those that are open."""

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from backstop.domain.ids import Symbol
from backstop.domain.windows import Window


class HaltLevel(StrEnum):
    """`no_entries`: nothing new from flat · `reduce_only`: nothing that adds either · `flatten`: close everything, then
    as `reduce_only`. Exits go through on every level."""

    NO_ENTRIES = "no_entries"
    REDUCE_ONLY = "reduce_only"
    FLATTEN = "flatten"


@dataclass(frozen=True, slots=True)
class Halt:
    """In force until it is resumed by hand, across restarts. `at`: UTC milliseconds."""

    level: HaltLevel
    reason: str
    at: int


@dataclass(frozen=True, slots=True)
class Limits:
    """What an account may do; None is no limit. Exits are exempt from all of them.

    `daily_loss_pct`: percent of the equity at 00:00 UTC that may be lost in a day, open losses counted; then entries halt.
    `max_notional`: USDT over all open positions at entry price, `max_position_notional` of one; what waits to be filled
    counts. `cooldown_ms`: after a position of the symbol has closed. `symbols`: those that may be traded.
    `windows`: when entries may be decided on.
    """

    daily_loss_pct: Decimal | None = None
    max_open_positions: int | None = None
    max_notional: Decimal | None = None
    max_orders_per_minute: int | None = None
    max_orders_per_day: int | None = None
    cooldown_ms: int | None = None
    max_position_notional: Decimal | None = None
    max_leverage: Decimal | None = None
    symbols: frozenset[Symbol] | None = None
    windows: tuple[Window, ...] | None = None


NO_LIMITS = Limits()

MINUTE_MS = 60_000
DAY_MS = 86_400_000


@dataclass(frozen=True, slots=True)
class Day:
    """The equity (USDT) a UTC day began with. `start`: its first millisecond."""

    start: int
    equity: Decimal


def day_start(at: int) -> int:
    """00:00 UTC of the day of `at` (UTC milliseconds)."""
    return at - at % DAY_MS


def lost_share(day: Day, equity: Decimal) -> Decimal:
    """The share of the day's first equity that is lost, 0 when none is."""
    return max(Decimal(0), (day.equity - equity) / day.equity) if day.equity > 0 else Decimal(0)
