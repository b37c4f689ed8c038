"""How a position is opened: at market, or by a limit order that waits for a while."""

from dataclasses import dataclass
from decimal import Decimal

from backstop.domain.instrument import Instrument
from backstop.domain.money import Price, tick_down, tick_up
from backstop.domain.protection import PriceMark
from backstop.domain.side import PositionSide

LIMIT_EXPIRES_MS = 60_000
"""How long a limit order waits when nobody says."""


@dataclass(frozen=True, slots=True)
class MarketEntry:
    """At once, at whatever price there is."""


@dataclass(frozen=True, slots=True)
class LimitEntry:
    """Not worse than `at`: a price, or a share of the last price better than that. What is not filled within
    `expires_ms` is canceled. `post_only`: refused by the exchange where it would fill at once."""

    at: PriceMark
    expires_ms: int = LIMIT_EXPIRES_MS
    post_only: bool = False


Entry = MarketEntry | LimitEntry

AT_MARKET = MarketEntry()


def limit_price(entry: LimitEntry, side: PositionSide, last: Price, instrument: Instrument) -> Price:
    """The order's price while the market is at `last`, rounded to the tick that is not worse."""
    share = entry.at.share if entry.at.share is not None else Decimal(0)
    raw = entry.at.price if entry.at.price is not None else last * (1 - side.sign * share)
    return tick_down(raw, instrument.tick_size) if side is PositionSide.LONG else tick_up(raw, instrument.tick_size)
