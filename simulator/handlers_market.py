"""Public REST answers: time, instruments, tickers, candles, order book.

Source: Bybit V5, "Market".
"""

from __future__ import annotations

from typing import Any

from simulator.candles import MINUTE_MS, MINUTES, candle
from simulator.handling import Call, Result, is_linear
from simulator.instruments import INSTRUMENTS, instrument_row
from simulator.market import orderbook, price_band, rest_ticker
from simulator.model import Refusal
from simulator.numbers import fixed, parse, text
from simulator.order_checks import MalformedError, read_symbol


def time(call: Call) -> Result:
    """market/time."""
    return {"timeSecond": str(call.now_ms // 1000), "timeNano": str(call.now_ms * 1_000_000)}


def instruments_info(call: Call) -> Result:
    """market/instruments-info; empty for other categories."""
    category = _category(call)
    wanted, status, base = (call.text(name) for name in ("symbol", "status", "baseCoin"))
    rows = []
    for symbol, instrument in INSTRUMENTS.items():
        current = call.exchange.quote(symbol).status
        shown = current == (status or "Trading") or (wanted == symbol and not status)
        if category == "linear" and shown and wanted in {"", symbol} and base in {"", symbol.removesuffix("USDT")}:
            rows.append(instrument_row(instrument, current))
    return {"category": category, "list": rows, "nextPageCursor": ""}


def tickers(call: Call) -> Result:
    """market/tickers."""
    category, wanted = _category(call), call.text("symbol")
    if category == "linear" and wanted and wanted not in INSTRUMENTS:
        return Refusal(10001, f"Not supported symbols {wanted}")
    rows = [
        rest_ticker(call.exchange.quote(symbol), instrument, call.now_ms)
        for symbol, instrument in INSTRUMENTS.items()
        if category == "linear" and wanted in {"", symbol}
    ]
    return {"category": category, "list": rows}


def kline(call: Call) -> Result:
    """market/kline, newest first; the first row may be unclosed. Before the start of the exchange it is made up."""
    symbol = read_symbol({"category": "linear", **call.params})
    minutes = MINUTES.get(call.text("interval"))
    if minutes is None:
        return Refusal(10001, "params error: interval invalid")
    limit = call.whole("limit", 200, 1, 1000)
    step_ms = minutes * MINUTE_MS
    end = min(call.whole("end", call.now_ms), call.now_ms)
    begin = call.whole("start", end - step_ms * limit)
    instrument, anchor = INSTRUMENTS[symbol], INSTRUMENTS[symbol].start_price
    rows: list[list[str]] = []
    start = end // step_ms * step_ms
    while start >= begin and len(rows) < limit and start >= 0:
        prices = candle(call.exchange.tape(symbol), anchor, start, minutes, instrument.tick_size)
        volume = 100 * minutes
        shown = [fixed(price, instrument.tick_size) for price in prices]
        rows.append([str(start), *shown, str(volume), text(volume * prices[3])])
        start -= step_ms
    return {"symbol": symbol, "category": "linear", "list": rows}


def order_book(call: Call) -> Result:
    """market/orderbook."""
    symbol = read_symbol(call.params)
    book = orderbook(call.exchange.quote(symbol), INSTRUMENTS[symbol], call.whole("limit", 25, 1, 500))
    number = call.exchange.state.number + 1
    return {**book, "ts": call.now_ms, "u": number, "seq": number, "cts": call.now_ms}


def price_limit(call: Call) -> Result:
    """market/price-limit: the highest price a buy and the lowest a sell may ask for."""
    symbol = read_symbol(call.params)
    instrument = INSTRUMENTS[symbol]
    lowest, highest = price_band(call.exchange.quote(symbol), instrument)
    tick = instrument.tick_size
    return {"symbol": symbol, "buyLmt": fixed(highest, tick), "sellLmt": fixed(lowest, tick), "ts": str(call.now_ms)}


def recent_trade(call: Call) -> Result:
    """market/recent-trade: none is kept, the list is empty."""
    return {"category": _category(call), "list": []}


def risk_limit(call: Call) -> Result:
    """market/risk-limit: one tier a symbol."""
    wanted = call.text("symbol")
    rows: list[dict[str, Any]] = [
        {
            "id": 1,
            "symbol": symbol,
            "riskLimitValue": "2000000",
            "maintenanceMargin": "0.005",
            "initialMargin": text(1 / instrument.max_leverage),
            "isLowestRisk": 1,
            "maxLeverage": f"{instrument.max_leverage:.2f}",
            "mmDeduction": "",
        }
        for symbol, instrument in INSTRUMENTS.items()
        if wanted in {"", symbol}
    ]
    return {"category": _category(call), "list": rows, "nextPageCursor": ""}


def coin_info(call: Call) -> Result:
    """asset/coin/query-info: USDT alone."""
    coin = {"name": "USDT", "coin": "USDT", "remainAmount": "0", "chains": []}
    return {"rows": [coin] if call.text("coin") in {"", "USDT"} else []}


def _category(call: Call) -> str:
    is_linear(call)
    number = parse(call.params.get("limit") or 1)
    if number is None or not 1 <= number <= 1000:
        raise MalformedError("params error: limit invalid")
    return call.text("category")
