"""Candles: a made-up but fixed past, and the prices seen since."""

from __future__ import annotations

from decimal import Decimal
from math import sin

from simulator.numbers import floor_to

MINUTE_MS = 60_000
_DAY_MIN = 1_440
MINUTES = {
    **{str(minutes): minutes for minutes in (1, 3, 5, 15, 30, 60, 120, 240, 360, 720)},
    "D": _DAY_MIN,
    "W": 7 * _DAY_MIN,
    "M": 30 * _DAY_MIN,
}
"""Bybit's intervals in minutes; a month is 30 days here."""


class Tape:
    """Minute candles of one symbol since start: minute -> [open, high, low, close]."""

    def __init__(self) -> None:
        self.minutes: dict[int, list[Decimal]] = {}

    def record(self, now_ms: int, price: Decimal) -> None:
        """Note a price."""
        minute = now_ms // MINUTE_MS
        bar = self.minutes.get(minute)
        if bar is None:
            self.minutes[minute] = [price, price, price, price]
            return
        bar[1], bar[2], bar[3] = max(bar[1], price), min(bar[2], price), price


def past_price(anchor: Decimal, minute: int, tick: Decimal) -> Decimal:
    """Price at a minute nobody recorded: slow waves of a few percent around the anchor, the same on every call."""
    wave = 0.02 * sin(minute / 700) + 0.01 * sin(minute / 97 + 1) + 0.004 * sin(minute / 13 + 2)
    return max(floor_to(anchor * (1 + Decimal(str(round(wave, 9)))), tick), tick)


def candle(tape: Tape, anchor: Decimal, start_ms: int, interval_min: int, tick: Decimal) -> list[Decimal]:
    """[open, high, low, close] of the interval that starts at ``start_ms``."""
    first = start_ms // MINUTE_MS
    seen = [tape.minutes[minute] for minute in range(first, first + interval_min) if minute in tape.minutes]
    if seen:
        return [seen[0][0], max(bar[1] for bar in seen), min(bar[2] for bar in seen), seen[-1][3]]
    samples = [past_price(anchor, first + interval_min * part // 8, tick) for part in range(9)]
    return [samples[0], max(samples), min(samples), samples[-1]]
