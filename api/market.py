"""Candles as the exchange keeps them: read there, stored nowhere.

Source: Bybit V5, "Get Kline" (public, no key; newest first, at most 1000).
"""

import json
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from api import config
from api.database import transaction
from api.errors import HttpError, not_found
from api.queries import CandlesQuery
from api.sessions import Caller
from backstop.contracts.accounts import Environment
from backstop.contracts.market import Candle, Candles, Interval
from backstop.store.market import market_of_position
from backstop.store.query import fetch_one

TIMEOUT_S = 4.0
_INTERVALS: Mapping[Interval, str] = {"1m": "1", "5m": "5", "15m": "15", "1h": "60", "4h": "240", "1d": "D"}
# No proxy stands between the parts of one machine.
_OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def candles_of(caller: Caller, position_id: UUID, query: CandlesQuery) -> Candles:
    """Candles of a position's symbol where it is traded.

    Raises:
        HttpError: 404; 503 `market_unreachable` when the exchange does not answer, or not with candles.
    """
    with transaction(caller.id) as connection:
        market = fetch_one(connection, market_of_position(position_id))
    if market is None:
        raise not_found()
    parameters = {
        "category": "linear",
        "symbol": market.symbol,
        "interval": _INTERVALS[query.interval],
        "limit": str(query.limit),
    }
    if query.until is not None:
        parameters["end"] = str(int(query.until.timestamp() * 1000) - 1)
    rows = _read(Environment(market.environment), "/v5/market/kline", parameters)
    try:
        candles = [_candle(row) for row in reversed(rows)]
    except (ValueError, TypeError, IndexError, OverflowError) as odd:
        raise _unreachable() from odd
    return Candles(symbol=market.symbol, interval=query.interval, tick_size=market.tick_size, candles=candles)


def _candle(row: list[str]) -> Candle:
    start, opened, high, low, close, volume = row[:6]
    return Candle.model_validate(
        {
            "start": datetime.fromtimestamp(int(start) / 1000, UTC),
            "open": opened,
            "high": high,
            "low": low,
            "close": close,
            "volume": volume,
        }
    )


def _read(environment: Environment, path: str, parameters: Mapping[str, str]) -> list[list[str]]:
    url = f"{config.market_url(environment)}{path}?{urllib.parse.urlencode(parameters)}"
    try:
        with _OPENER.open(url, timeout=TIMEOUT_S) as response:
            answer: dict[str, Any] = json.loads(response.read())
        if answer.get("retCode") != 0:
            raise _unreachable()
        rows: list[list[str]] = answer["result"]["list"]
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise _unreachable() from error
    return rows


def _unreachable() -> HttpError:
    return HttpError(503, "market_unreachable", "the exchange's price history cannot be read right now; try again")
