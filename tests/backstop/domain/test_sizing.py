"""An order is never larger than the mode, the equity or the exchange allow."""

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backstop.domain.instrument import Instrument, fit_quantity, largest_part, read_symbol
from backstop.domain.money import Price, Qty
from backstop.domain.refusal import Refused
from backstop.domain.sizing import size_entry
from backstop.domain.strategy import Sizing, SizingMode
from tests.backstop.domain.values import PROFILE, instruments, positive

PRICES = st.integers(1, 10_000_000).map(lambda ticks: Price(Decimal(ticks) / 100))
EQUITIES = st.integers(1, 10_000_000).map(Decimal)
LEVERAGES = st.integers(1, 100).map(Decimal)


@PROFILE
@given(qty=positive(20), price=PRICES, instrument=instruments())
@pytest.mark.fault(17)
def test_fitted_quantity_is_legal_and_not_more_than_asked(qty: Decimal, price: Price, instrument: Instrument) -> None:
    fitted = fit_quantity(qty, price, instrument)
    if isinstance(fitted, Refused):
        assert fitted.code in {"below_min_qty", "below_min_notional", "above_max_qty"}
        return
    assert fitted <= qty < fitted + instrument.qty_step
    assert fitted % instrument.qty_step == 0
    assert instrument.min_qty <= fitted <= instrument.max_market_qty
    assert fitted * price >= instrument.min_notional


@PROFILE
@given(
    percent=st.integers(1, 500).map(lambda units: Decimal(units) / 100),
    price=PRICES,
    away=st.integers(1, 4_000).map(lambda units: Decimal(units) / 10_000),
    equity=EQUITIES,
    leverage=LEVERAGES,
    instrument=instruments(),
)
def test_loss_at_the_stop_never_exceeds_the_share_risked(
    percent: Decimal, price: Price, away: Decimal, equity: Decimal, leverage: Decimal, instrument: Instrument
) -> None:
    stop = Price(price * (1 - away))
    qty = size_entry(
        Sizing(SizingMode.RISK_PCT, percent),
        price=price,
        stop=stop,
        equity=equity,
        leverage=leverage,
        instrument=instrument,
    )
    if not isinstance(qty, Refused):
        assert qty * (price - stop) <= equity * percent / 100
        assert qty * price <= equity * leverage


@PROFILE
@given(
    mode=st.sampled_from(SizingMode),
    value=positive(8),
    price=PRICES,
    stop=PRICES,
    equity=EQUITIES,
    leverage=LEVERAGES,
    instrument=instruments(),
)
def test_notional_never_exceeds_equity_times_leverage(
    mode: SizingMode,
    value: Decimal,
    price: Price,
    stop: Price,
    equity: Decimal,
    leverage: Decimal,
    instrument: Instrument,
) -> None:
    qty = size_entry(
        Sizing(mode, value), price=price, stop=stop, equity=equity, leverage=leverage, instrument=instrument
    )
    if not isinstance(qty, Refused):
        assert qty * price <= equity * leverage


@PROFILE
@given(steps=st.integers(0, 5_000), instrument=instruments(), smallest=st.integers(1, 50))
def test_parts_of_a_close_are_legal_and_add_up(steps: int, instrument: Instrument, smallest: int) -> None:
    step = instrument.qty_step
    most = Qty(step * max(100, smallest * 2))
    instrument = replace(instrument, min_qty=Qty(step * smallest), max_market_qty=most)
    left = step * (smallest + steps)
    for _ in range(100):
        part = largest_part(left, instrument)
        assert instrument.min_qty <= part <= min(left, most)
        assert part % step == 0
        left -= part
        if left == 0:
            return
    raise AssertionError(left)


def test_refusal_says_what_was_asked_and_what_is_allowed(instrument: Instrument) -> None:
    refused = fit_quantity(Decimal("0.0009"), Price(Decimal(100)), instrument)
    assert isinstance(refused, Refused)
    assert refused.numbers == {"got": "0.0009", "minimum": "0.001"}
    assert "0.0009 BTCUSDT" in refused.message


@pytest.mark.parametrize(
    "text", ["BYBIT:BTCUSDT.P", "BTC/USDT:USDT", "BTCUSDT", "btcusdt", " BTC-USDT ", "BTCUSDT.P", "BTC/USDT"]
)
def test_symbols_as_others_write_them(text: str) -> None:
    assert read_symbol(text) == "BTCUSDT"


@pytest.mark.parametrize("text", ["", "B", "BTC USDT", "ＢＴＣ", "BTC_USDT", "A" * 31, "'; drop", "BTCUSDT\n2"])
def test_what_is_no_symbol(text: str) -> None:
    assert read_symbol(text) is None


@PROFILE
@given(text=st.text(max_size=40))
def test_any_text_is_a_clean_symbol_or_none(text: str) -> None:
    symbol = read_symbol(text)
    assert symbol is None or (symbol.isascii() and symbol.isalnum() and symbol == symbol.upper())
