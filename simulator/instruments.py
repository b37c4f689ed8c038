"""The contracts that trade here: linear USDT perpetuals with the filters Bybit publishes for them.

Source: Bybit V5, "Get Instruments Info". Numbers are typical of the venue, not live.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from simulator.numbers import text

TAKER_FEE = Decimal("0.00055")
MAKER_FEE = Decimal("0.0002")
MAINTENANCE_RATE = Decimal("0.005")
"""Of the lowest risk tier; higher tiers are not modelled."""

_LAUNCHED_MS = 1_585_526_400_000


@dataclass(frozen=True, slots=True)
class Instrument:
    """One contract: price grid, lot grid, limits. Prices in USDT, quantities in coins."""

    symbol: str
    symbol_id: int
    tick_size: Decimal
    qty_step: Decimal
    min_qty: Decimal
    max_qty: Decimal
    max_market_qty: Decimal
    max_leverage: Decimal
    start_price: Decimal
    funding_interval_min: int = 480
    min_notional: Decimal = Decimal(5)

    @property
    def min_price(self) -> Decimal:
        """Lowest price an order may name."""
        return self.tick_size

    @property
    def max_price(self) -> Decimal:
        """Highest price an order may name."""
        return self.tick_size * 19_999_998

    @property
    def price_scale(self) -> int:
        """Decimals of a price."""
        exponent = self.tick_size.as_tuple().exponent
        assert isinstance(exponent, int)
        return -exponent


def _contract(number: int, row: str) -> Instrument:
    symbol, tick, step, maximum, market, leverage, start = row.split()
    return Instrument(
        symbol=symbol,
        symbol_id=number,
        tick_size=Decimal(tick),
        qty_step=Decimal(step),
        min_qty=Decimal(step),
        max_qty=Decimal(maximum),
        max_market_qty=Decimal(market),
        max_leverage=Decimal(leverage),
        start_price=Decimal(start),
    )


PRICE_LIMIT_X, PRICE_LIMIT_Y = Decimal("0.01"), Decimal("0.02")
"""How far a limit price may lie from the mark price, see ``simulator.market.price_band``."""

_ROWS = """
BTCUSDT       0.10      0.001 1190       500     100 60000
ETHUSDT       0.01      0.01  7240       3620    100 2500
SOLUSDT       0.010     0.1   79770      16000   100 150
XRPUSDT       0.0001    0.1   3600000    700000  75  0.6
DOGEUSDT      0.00001   1     26000000   6000000 75  0.12
ADAUSDT       0.0001    1     7700000    2300000 75  0.45
LINKUSDT      0.001     0.1   265000     50000   50  14
AVAXUSDT      0.001     0.1   150000     30000   50  30
LTCUSDT       0.01      0.1   24000      6000    50  80
BNBUSDT       0.10      0.01  7000       1500    50  580
SUIUSDT       0.00010   10    2400000    500000  75  1.8
1000PEPEUSDT  0.0000001 100   1100000000 200000000 50 0.0095
"""

INSTRUMENTS: dict[str, Instrument] = {
    instrument.symbol: instrument
    for instrument in (_contract(number, row) for number, row in enumerate(_ROWS.strip().splitlines(), start=1))
}


def instrument_row(instrument: Instrument, status: str) -> dict[str, Any]:
    """One row of market/instruments-info."""
    scale = instrument.price_scale
    return {
        "symbol": instrument.symbol,
        "symbolId": instrument.symbol_id,
        "contractType": "LinearPerpetual",
        "status": status,
        "baseCoin": instrument.symbol.removesuffix("USDT"),
        "quoteCoin": "USDT",
        "settleCoin": "USDT",
        "launchTime": str(_LAUNCHED_MS),
        "deliveryTime": "0",
        "deliveryFeeRate": "",
        "priceScale": str(scale),
        "leverageFilter": {
            "minLeverage": "1",
            "maxLeverage": f"{instrument.max_leverage:.2f}",
            "leverageStep": "0.01",
        },
        "priceFilter": {
            "minPrice": format(instrument.min_price, "f"),
            "maxPrice": format(instrument.max_price, "f"),
            "tickSize": format(instrument.tick_size, "f"),
        },
        "lotSizeFilter": {
            "minOrderQty": text(instrument.min_qty),
            "qtyStep": text(instrument.qty_step),
            "maxOrderQty": f"{instrument.max_qty:.3f}",
            "maxMktOrderQty": f"{instrument.max_market_qty:.3f}",
            "postOnlyMaxOrderQty": f"{instrument.max_qty:.3f}",
            "minNotionalValue": text(instrument.min_notional),
        },
        "unifiedMarginTrade": True,
        "fundingInterval": instrument.funding_interval_min,
        "copyTrading": "both",
        "upperFundingRate": "0.00375",
        "lowerFundingRate": "-0.00375",
        "displayName": "",
        "forbidUplWithdrawal": False,
        "isPreListing": False,
        "preListingInfo": None,
        "symbolType": "",
        "riskParameters": {"priceLimitRatioX": text(PRICE_LIMIT_X), "priceLimitRatioY": text(PRICE_LIMIT_Y)},
    }
