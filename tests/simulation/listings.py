"""The symbols of the simulated exchange, and how it writes them."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from backstop.domain.ids import Symbol
from backstop.domain.instrument import Instrument
from streamer.bybit.codec import read_instrument


@dataclass(frozen=True, slots=True)
class Listing:
    symbol: Symbol
    first: Decimal
    tick: Decimal
    step: Decimal
    least: Decimal
    most: Decimal

    def row(self) -> dict[str, Any]:
        """As /v5/market/instruments-info has it."""
        return {
            "symbol": self.symbol,
            "contractType": "LinearPerpetual",
            "status": "Trading",
            "settleCoin": "USDT",
            "deliveryTime": "0",
            "priceFilter": {"tickSize": str(self.tick)},
            "lotSizeFilter": {
                "qtyStep": str(self.step),
                "minOrderQty": str(self.least),
                "maxMktOrderQty": str(self.most),
                "minNotionalValue": "5",
            },
            "leverageFilter": {"maxLeverage": "50"},
        }


def _listing(symbol: str, first: str, tick: str, step: str, most: str) -> Listing:
    return Listing(Symbol(symbol), Decimal(first), Decimal(tick), Decimal(step), Decimal(step), Decimal(most))


LISTINGS = (
    _listing("BTCUSDT", "64000", "0.1", "0.001", "120"),
    _listing("ETHUSDT", "3200", "0.01", "0.01", "1500"),
    _listing("SOLUSDT", "150", "0.01", "0.1", "20000"),
    _listing("XRPUSDT", "0.62", "0.0001", "0.1", "800000"),
    _listing("DOGEUSDT", "0.142", "0.00001", "1", "12000"),
)

INSTRUMENTS: dict[Symbol, Instrument] = {listing.symbol: read_instrument(listing.row()) for listing in LISTINGS}
