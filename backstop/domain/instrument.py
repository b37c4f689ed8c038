"""The exchange's rules for one symbol."""

import re
from dataclasses import dataclass
from decimal import Decimal

from backstop.domain.ids import Symbol
from backstop.domain.money import Price, Qty, floor_to, plain
from backstop.domain.refusal import Refused

_SYMBOL = re.compile(r"^[A-Z0-9]{2,30}$")


@dataclass(frozen=True, slots=True)
class Instrument:
    """Filters of a linear USDT perpetual.

    Source: Bybit V5, "Get Instruments Info" (priceFilter, lotSizeFilter, leverageFilter).
    """

    symbol: Symbol
    tick_size: Decimal
    qty_step: Decimal
    min_qty: Qty
    max_market_qty: Qty
    min_notional: Decimal
    max_leverage: Decimal
    tradable: bool = True


def read_symbol(text: str) -> Symbol | None:
    """Bybit's name for a symbol written as TradingView, ccxt or Bybit write it, or None if it is none of these.

    `BYBIT:BTCUSDT.P`, `BTC/USDT:USDT`, `BTC-USDT`, `btcusdt` all mean `BTCUSDT`.
    """
    name = text.strip().upper()
    name = name.split(":", 1)[0].replace("/", "") if "/" in name else name.rsplit(":", 1)[-1]
    name = name.removesuffix(".P").replace("-", "")
    return Symbol(name) if _SYMBOL.match(name) else None


def largest_part(qty: Decimal, instrument: Instrument | None) -> Qty:
    """What of `qty` one market order may close: all of it where no limit is known. What it leaves is enough for another
    order, or nothing."""
    if instrument is None:
        return Qty(qty)
    most = floor_to(instrument.max_market_qty, instrument.qty_step)
    if qty <= most:
        return Qty(qty)
    return Qty(max(min(most, floor_to(qty - instrument.min_qty, instrument.qty_step)), instrument.min_qty))


def fit_quantity(qty: Decimal, price: Price, instrument: Instrument) -> Qty | Refused:
    """Round an opening quantity down to what the exchange takes, or say why none fits.

    Rounds down, so a position is never larger than asked for. What is above the maximum is refused, not split: an entry
    stands behind one signal and has one id. The market maximum holds for limits too, so that one order can close it.
    """
    fitted = floor_to(qty, instrument.qty_step)
    if fitted < instrument.min_qty:
        return Refused(
            "below_min_qty",
            f"{plain(qty)} {instrument.symbol} is below the smallest order of {plain(instrument.min_qty)}",
            {"got": plain(qty), "minimum": plain(instrument.min_qty)},
        )
    if fitted * price < instrument.min_notional:
        return Refused(
            "below_min_notional",
            f"{plain(fitted)} × {plain(price)} is below the order minimum of {plain(instrument.min_notional)} USDT",
            {"got": plain(fitted * price), "minimum": plain(instrument.min_notional)},
        )
    if fitted > instrument.max_market_qty:
        return Refused(
            "above_max_qty",
            f"{plain(fitted)} {instrument.symbol} is above the order maximum of {plain(instrument.max_market_qty)}",
            {"got": plain(fitted), "maximum": plain(instrument.max_market_qty)},
        )
    return Qty(fitted)
