"""Prices of the past, read from a file: CSV with a header, or JSON lines.

Fields: ``time`` (milliseconds) or ``timestamp`` (seconds, as in Bybit's trade archives) · ``symbol`` · ``last`` or
``price`` · ``mark`` and ``index`` (the last price where they are not given). Others are ignored.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

from simulator.instruments import INSTRUMENTS
from simulator.numbers import parse


class TickError(ValueError):
    """A line that is no tick; says which and why."""


@dataclass(frozen=True, slots=True)
class Tick:
    """One price of one symbol. ``time_ms`` counts from wherever the recording does."""

    time_ms: int
    symbol: str
    last: Decimal
    mark: Decimal
    index: Decimal


def read_ticks(path: Path) -> list[Tick]:
    """All ticks of a file, in the order of its lines.

    Raises:
        OSError: it can't be read.
        TickError: a line that is no tick, or one that is earlier than the line before.
    """
    content = path.read_text(encoding="utf-8")
    rows = _json_lines(content) if content.lstrip().startswith("{") else csv.DictReader(io.StringIO(content))
    return take_ticks(rows)


def take_ticks(rows: Iterable[Any]) -> list[Tick]:
    """Ticks of rows, as of ``read_ticks``."""
    ticks: list[Tick] = []
    for number, row in enumerate(rows, start=1):
        if not isinstance(row, Mapping):
            raise TickError(f"tick {number} is no object")
        try:
            tick = _tick(row)
        except (KeyError, ValueError) as error:
            raise TickError(f"tick {number}: {error}") from None
        if ticks and tick.time_ms < ticks[-1].time_ms:
            raise TickError(f"tick {number} is earlier than the one before")
        ticks.append(tick)
    if not ticks:
        raise TickError("no ticks")
    return ticks


def _tick(row: Mapping[str, Any]) -> Tick:
    symbol = row.get("symbol")
    if symbol not in INSTRUMENTS:
        raise ValueError(f"symbol {symbol!r} is not one of {', '.join(INSTRUMENTS)}")
    last = _price(row, symbol, "last", row.get("price"))
    return Tick(
        time_ms=_time(row),
        symbol=symbol,
        last=last,
        mark=_price(row, symbol, "mark", last),
        index=_price(row, symbol, "index", last),
    )


def _time(row: Mapping[str, Any]) -> int:
    milliseconds, seconds = parse(row.get("time")), parse(row.get("timestamp"))
    if milliseconds is None and seconds is not None:
        milliseconds = seconds * 1000
    if milliseconds is None or not 0 <= milliseconds < 10**15:
        raise ValueError("needs a time (milliseconds) or a timestamp (seconds)")
    return int(milliseconds)


def _price(row: Mapping[str, Any], symbol: str, name: str, default: object) -> Decimal:
    instrument, value = INSTRUMENTS[symbol], row.get(name)
    price = parse(default if value in {None, ""} else value)
    if price is None or not instrument.min_price <= price <= instrument.max_price:
        raise ValueError(f"{name} {value!r} is not a price of {symbol}")
    return price


def _json_lines(content: str) -> Iterator[Any]:
    for line in content.splitlines():
        if line.strip():
            try:
                yield json.loads(line, parse_float=Decimal)
            except ValueError as error:
                raise TickError(f"not JSON: {error}") from None
