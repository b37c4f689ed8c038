"""What the market did, for charts."""

from typing import Literal

from pydantic import Field

from backstop.contracts.base import Moment, Number, Outgoing

Interval = Literal["1m", "5m", "15m", "1h", "4h", "1d"]


class Candle(Outgoing):
    start: Moment
    open: Number
    high: Number
    low: Number
    close: Number
    volume: Number = Field(description="In coins.")


class Candles(Outgoing):
    """Oldest first; the last may not be over yet."""

    symbol: str
    interval: Interval
    tick_size: Number | None
    candles: list[Candle]
