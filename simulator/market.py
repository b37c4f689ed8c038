"""Prices: one quote a symbol, the ticker made of it, deltas between tickers, a seeded random walk.

Bid and ask stand at the last price, so a market order fills at exactly the price that was set.
Source: Bybit V5, "Get Tickers" and the tickers topic.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from random import Random
from typing import Any

from simulator.instruments import PRICE_LIMIT_X, PRICE_LIMIT_Y, Instrument
from simulator.model import PriceSource
from simulator.numbers import fixed, floor_to, text

FUNDING_RATE = Decimal("0.0001")
_SHOWN_SIZE = Decimal("2.5")
_OPEN_INTEREST = Decimal(50_000)
_REST_ONLY = {
    "predictedDeliveryPrice": "",
    "basisRate": "",
    "basis": "",
    "deliveryFeeRate": "",
    "deliveryTime": "0",
    "basisRateYear": "",
}


@dataclass(slots=True)
class Walk:
    """A random walk that is switched on: step ``n`` depends on the seed and ``n`` alone."""

    volatility: Decimal
    """Standard deviation of one step, as a fraction of the price."""
    seed: int
    steps: int = 0


@dataclass(slots=True)
class Quote:
    """What one symbol costs now. Prices in USDT."""

    symbol: str
    last: Decimal
    mark: Decimal
    index: Decimal
    prev_24h: Decimal
    high: Decimal
    low: Decimal
    volume: Decimal = Decimal(0)
    turnover: Decimal = Decimal(0)
    funding_rate: Decimal = FUNDING_RATE
    tick_direction: str = "ZeroPlusTick"
    depth: Decimal | None = None
    """Coins each taker order finds at the touch; None without limit."""
    refreshes: int = 0
    status: str = "Trading"
    walk: Walk | None = None

    def price(self, source: PriceSource) -> Decimal:
        """The price a trigger watches."""
        match source:
            case PriceSource.LAST:
                return self.last
            case PriceSource.MARK:
                return self.mark
            case PriceSource.INDEX:
                return self.index

    def move(self, last: Decimal, mark: Decimal, index: Decimal) -> None:
        """Take new prices and keep high, low and the tick direction in step."""
        if last != self.last:
            self.tick_direction = "PlusTick" if last > self.last else "MinusTick"
        elif not self.tick_direction.startswith("Zero"):
            self.tick_direction = f"Zero{self.tick_direction}"
        self.last, self.mark, self.index = last, mark, index
        self.high = max(self.high, last)
        self.low = min(self.low, last)


def opening_quote(instrument: Instrument) -> Quote:
    """The quote a new exchange starts with."""
    price = instrument.start_price
    return Quote(instrument.symbol, price, price, price, prev_24h=price, high=price, low=price)


def ticker(quote: Quote, instrument: Instrument, now_ms: int) -> dict[str, str]:
    """All fields of a tickers snapshot."""
    tick = instrument.tick_size
    shown = _SHOWN_SIZE if quote.depth is None else quote.depth
    # A quiet market still moves in size: clients tell alive from mute by it.
    bid_size = shown + instrument.qty_step * (quote.refreshes % 7) if quote.depth is None else shown
    interval_ms = instrument.funding_interval_min * 60_000
    open_value = text(_OPEN_INTEREST * quote.mark)
    return {
        "symbol": quote.symbol,
        "tickDirection": quote.tick_direction,
        "price24hPcnt": text((quote.last / quote.prev_24h - 1).quantize(Decimal("1e-6"))),
        "lastPrice": fixed(quote.last, tick),
        "prevPrice24h": fixed(quote.prev_24h, tick),
        "highPrice24h": fixed(quote.high, tick),
        "lowPrice24h": fixed(quote.low, tick),
        "prevPrice1h": fixed(quote.prev_24h, tick),
        "markPrice": fixed(quote.mark, tick),
        "indexPrice": fixed(quote.index, tick),
        "openInterest": text(_OPEN_INTEREST),
        "openInterestValue": open_value,
        "singleOpenInterest": text(_OPEN_INTEREST),
        "singleOpenInterestValue": open_value,
        "turnover24h": text(quote.turnover),
        "volume24h": text(quote.volume),
        "fundingIntervalHour": str(instrument.funding_interval_min // 60),
        "fundingCap": "0.00375",
        "nextFundingTime": str((now_ms // interval_ms + 1) * interval_ms),
        "fundingRate": text(quote.funding_rate),
        "bid1Price": fixed(quote.last, tick),
        "bid1Size": text(bid_size),
        "ask1Price": fixed(quote.last, tick),
        "ask1Size": text(shown),
        "preOpenPrice": "",
        "preQty": "",
        "curPreListingPhase": "",
    }


def rest_ticker(quote: Quote, instrument: Instrument, now_ms: int) -> dict[str, str]:
    """One row of market/tickers."""
    row = ticker(quote, instrument, now_ms)
    del row["tickDirection"]
    return row | _REST_ONLY


def ticker_delta(before: dict[str, str], after: dict[str, str]) -> dict[str, str]:
    """The symbol and only what changed; empty when nothing did."""
    changed = {name: value for name, value in after.items() if before.get(name) != value}
    return {"symbol": after["symbol"], **changed} if changed else {}


def price_band(quote: Quote, instrument: Instrument) -> tuple[Decimal, Decimal]:
    """The lowest price a sell and the highest a buy may ask for; the book's average distance from mark is taken as 0.

    Source: Bybit, "Price limit" (since 2026-05): highest = min(mark (1 + Y), max(index, mark (1 + X))), lowest mirrored.
    """
    mark, index, tick = quote.mark, quote.index, instrument.tick_size
    highest = min(mark * (1 + PRICE_LIMIT_Y), max(index, mark * (1 + PRICE_LIMIT_X)))
    lowest = max(mark * (1 - PRICE_LIMIT_Y), min(index, mark * (1 - PRICE_LIMIT_X)))
    below = floor_to(lowest, tick)
    return below if below == lowest else below + tick, floor_to(highest, tick)


def next_walk_price(quote: Quote, walk: Walk, instrument: Instrument) -> Decimal:
    """Price one step further on the walk, on the tick, never below one tick."""
    draw = Random(f"{walk.seed}:{quote.symbol}:{walk.steps}").gauss(0, 1)  # noqa: S311  # nosec B311 # not a secret
    step = Decimal(str(round(draw, 9))) * walk.volatility
    price = floor_to(quote.last * (1 + step), instrument.tick_size)
    return min(max(price, instrument.min_price), instrument.max_price)


def orderbook(quote: Quote, instrument: Instrument, depth: int) -> dict[str, Any]:
    """Bids and asks around the last price, best first: ``[[price, size], …]``."""
    tick = instrument.tick_size
    size = text(_SHOWN_SIZE if quote.depth is None else quote.depth)
    levels = range(depth)
    bids = [[fixed(quote.last - tick * level, tick), size] for level in levels if quote.last > tick * level]
    asks = [[fixed(quote.last + tick * level, tick), size] for level in levels]
    return {"s": quote.symbol, "b": bids, "a": asks}
