"""Numbers that mean something. Money and quantity are `Decimal`, never float."""

from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_EVEN, Context, Decimal, InvalidOperation
from typing import NewType

Price = NewType("Price", Decimal)
"""Quote coin (USDT) per base coin."""

Qty = NewType("Qty", Decimal)
"""Base coins; never negative."""

Usdt = NewType("Usdt", Decimal)
"""An amount of the settlement coin, signed."""

ARITHMETIC = Context(prec=28, rounding=ROUND_HALF_EVEN)
"""How decisions are computed, whatever the process is set to: libraries change its rounding and leave it so (ccxt does)."""

ZERO = Decimal(0)
NO_QTY = Qty(ZERO)
NO_USDT = Usdt(ZERO)


def decimal_or_none(text: str | None) -> Decimal | None:
    """Read a decimal as exchanges write it: `""`, `None`, `"UNKNOWN"`, `"NaN"` and `"Infinity"` are no number."""
    if not text:
        return None
    try:
        number = Decimal(text)
    except InvalidOperation:
        return None
    return number if number.is_finite() else None


def floor_to(number: Decimal, step: Decimal) -> Decimal:
    """Largest multiple of `step` that is not above `number`, toward zero for positives."""
    return number // step * step


def tick_down(price: Decimal, tick: Decimal) -> Price:
    """The tick at or below `price`."""
    return Price((price / tick).to_integral_value(ROUND_FLOOR) * tick)


def tick_up(price: Decimal, tick: Decimal) -> Price:
    """The tick at or above `price`."""
    return Price((price / tick).to_integral_value(ROUND_CEILING) * tick)


def plain(number: Decimal) -> str:
    """Decimal text without exponent or trailing zeros, as the wire and the exchange want it."""
    text = format(number, "f")
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return text if text not in ("", "-0") else "0"
