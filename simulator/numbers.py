"""Decimals as Bybit writes and reads them."""

from __future__ import annotations

from decimal import ROUND_DOWN, ROUND_HALF_UP, Decimal, InvalidOperation

_MONEY = Decimal("1e-10")
_TOO_LARGE = Decimal("1e18")
"""Beyond it, decimals of 28 digits no longer reach the grid of a small step."""


def text(value: Decimal) -> str:
    """Plain digits, without exponent and trailing zeros: ``60000``, ``0.001``, ``0``."""
    if not value:
        return "0"
    digits = format(value, "f")
    return digits.rstrip("0").rstrip(".") if "." in digits else digits


def optional_text(value: Decimal | None) -> str:
    """As ``text``; "" for no value."""
    return "" if value is None else text(value)


def fixed(value: Decimal, step: Decimal) -> str:
    """With as many decimals as the step has, ``60000.10`` for a tick of 0.10; in full when it is off the grid."""
    return format(value.quantize(step), "f") if is_multiple(value, step) else text(value)


def to_money(value: Decimal) -> Decimal:
    """Rounded to 1e-10 USDT, so that sums stay exact."""
    return value.quantize(_MONEY, ROUND_HALF_UP)


def floor_to(value: Decimal, step: Decimal) -> Decimal:
    """Down to a multiple of the step."""
    return (value / step).to_integral_value(ROUND_DOWN) * step


def is_multiple(value: Decimal, step: Decimal) -> bool:
    """Whether the value lies on the grid of the step."""
    return value % step == 0


def parse(value: object) -> Decimal | None:
    """A decimal below 1e18 from a string or a number; None if it is neither."""
    if isinstance(value, bool) or not isinstance(value, str | int | float | Decimal):
        return None
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        return None
    return number if number.is_finite() and abs(number) < _TOO_LARGE else None
