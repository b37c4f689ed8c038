"""Rounding never gives more than was asked; text is what the wire wants."""

from decimal import Decimal

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from backstop.domain.money import decimal_or_none, floor_to, plain, tick_down, tick_up
from tests.backstop.domain.values import PROFILE, STEPS, positive


@PROFILE
@given(number=positive(28), step=STEPS)
def test_floor_is_the_largest_multiple_not_above(number: Decimal, step: Decimal) -> None:
    assume(number / step < Decimal(10) ** 18)
    floored = floor_to(number, step)
    assert floored <= number < floored + step
    assert floored % step == 0


def test_floor_does_not_round_up_where_a_division_would() -> None:
    """28 nines by 5 is 1.9999…98, which no longer fits and rounds to 2."""
    assert floor_to(Decimal("9.999999999999999999999999999"), Decimal(5)) == 5


@PROFILE
@given(price=positive(12), tick=STEPS)
def test_ticks_lie_at_or_on_either_side_of_the_price(price: Decimal, tick: Decimal) -> None:
    below, above = tick_down(price, tick), tick_up(price, tick)
    assert below <= price <= above
    assert above - below == (0 if price % tick == 0 else tick)


def test_ticks_below_zero_keep_their_direction() -> None:
    assert (tick_down(Decimal("-0.25"), Decimal("0.1")), tick_up(Decimal("-0.25"), Decimal("0.1"))) == (
        Decimal("-0.3"),
        Decimal("-0.2"),
    )


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("1.50", Decimal("1.50")),
        ("-3", Decimal(-3)),
        ("1e3", Decimal(1000)),
        ("", None),
        (None, None),
        ("UNKNOWN", None),
        ("NaN", None),
        ("sNaN", None),
        ("Infinity", None),
        ("-Infinity", None),
        ("1,5", None),
        ("0x10", None),
    ],
)
def test_decimals_as_exchanges_write_them(text: str | None, number: Decimal | None) -> None:
    assert decimal_or_none(text) == number


@pytest.mark.parametrize(
    ("number", "text"),
    [
        ("1.500", "1.5"),
        ("100", "100"),
        ("1E+3", "1000"),
        ("1E-8", "0.00000001"),
        ("0.000", "0"),
        ("-0", "0"),
        ("-0.0", "0"),
        ("-2.50", "-2.5"),
    ],
)
def test_plain_text(number: str, text: str) -> None:
    assert plain(Decimal(number)) == text


@PROFILE
@given(number=st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**12), max_value=10**12))
def test_plain_text_reads_back_as_the_same_number(number: Decimal) -> None:
    text = plain(number)
    assert decimal_or_none(text) == number
    assert "E" not in text and not (("." in text) and text.endswith("0"))
