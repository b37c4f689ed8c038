"""Numbers on the wire: text, finite, of usual size."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from backstop.contracts.base import Number, PositiveNumber
from backstop.contracts.strategies import PriceMarkText, ProtectionSettings, TakeProfitRung

number: TypeAdapter[Decimal] = TypeAdapter(Number)
positive: TypeAdapter[Decimal] = TypeAdapter(PositiveNumber)
mark: TypeAdapter[str] = TypeAdapter(PriceMarkText)


@given(value=st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**12), max_value=10**12))
def test_a_number_travels_as_text_without_loss(value: Decimal) -> None:
    text = number.dump_python(value, mode="json")
    assert isinstance(text, str)
    assert "E" not in text
    assert number.validate_python(text) == value


@pytest.mark.parametrize("text", ["NaN", "Infinity", "-Infinity", "1e999", "1e-999", "0", "-1", "", "x"])
def test_what_is_no_amount_is_refused(text: str) -> None:
    with pytest.raises(ValidationError):
        positive.validate_python(text)


@pytest.mark.parametrize("text", ["1e999", "1e-999", "0", "-1", "0%", "-1%", "1000%", "%", "1,5%", "nan"])
def test_what_is_no_price_mark_is_refused(text: str) -> None:
    with pytest.raises(ValidationError):
        mark.validate_python(text)


def test_a_ladder_adds_up_to_the_whole_at_most() -> None:
    half, rest = TakeProfitRung(at="1%", portion="50%"), TakeProfitRung(at="2%", portion="50%")
    assert ProtectionSettings(take_profit=[half, rest]).take_profit == [half, rest]
    with pytest.raises(ValidationError, match="more than 100%"):
        ProtectionSettings(take_profit=[half, rest, half])


@given(text=st.text(max_size=50))
def test_an_error_never_repeats_what_was_sent(text: str) -> None:
    try:
        mark.validate_python(f"hush{text}")
    except ValidationError as error:
        said = error.errors(include_url=False, include_context=False, include_input=False)
        assert "hush" not in str(said)
