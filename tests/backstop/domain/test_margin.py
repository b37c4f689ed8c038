"""Margin and liquidation, as the exchange's help describes them."""

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backstop.domain.margin import Funds, cross_liquidation, isolated_liquidation, maintenance_rate, margin_share
from backstop.domain.side import PositionSide
from tests.backstop.engine.bench import INSTRUMENT

LONG, SHORT = PositionSide.LONG, PositionSide.SHORT
prices = st.decimals(min_value="0.01", max_value="100000", places=2)
leverages = st.integers(min_value=1, max_value=100).map(Decimal)


def test_isolated_long_of_the_helps_example() -> None:
    """20,000 USDT at 50× with 0.5 %: 19,698.5 by mark-based maintenance margin."""
    price = isolated_liquidation(LONG, Decimal(20_000), Decimal(50), Decimal("0.005"))
    assert price.quantize(Decimal("0.1")) == Decimal("19698.5")


def test_isolated_short_mirrors_it() -> None:
    assert isolated_liquidation(SHORT, Decimal(100), Decimal(10), Decimal("0.1")) == Decimal(100)


def test_cross_liquidation_is_where_equity_meets_maintenance() -> None:
    # 2 coins at 100 on 50 USDT of equity, 0.5 %: (200 - 50) / (2 × 0.995)
    price = cross_liquidation(LONG, Decimal(100), Decimal(2), Decimal(50), Decimal(0), Decimal("0.005"))
    assert price.quantize(Decimal("0.001")) == Decimal("75.377")
    short = cross_liquidation(SHORT, Decimal(100), Decimal(2), Decimal(50), Decimal(10), Decimal("0.005"))
    assert short.quantize(Decimal("0.001")) == Decimal("119.403")


def test_position_smaller_than_the_account_has_no_long_liquidation() -> None:
    assert cross_liquidation(LONG, Decimal(100), Decimal(1), Decimal(200), Decimal(0), Decimal("0.005")) < 0


@given(price=prices, qty=prices, equity=prices, others=prices)
def test_more_maintenance_elsewhere_brings_liquidation_nearer(
    price: Decimal, qty: Decimal, equity: Decimal, others: Decimal
) -> None:
    for side in PositionSide:
        alone = cross_liquidation(side, price, qty, equity, Decimal(0), Decimal("0.01"))
        together = cross_liquidation(side, price, qty, equity, others, Decimal("0.01"))
        assert (together - alone) * side.sign > 0


@given(leverage=leverages, most=leverages)
def test_maintenance_is_never_below_the_lowest_tiers_nor_above_half_the_initial_margin(
    leverage: Decimal, most: Decimal
) -> None:
    if leverage > most:
        return
    rate = maintenance_rate(leverage, replace(INSTRUMENT, max_leverage=most))
    assert 1 / (2 * most) <= rate <= 1 / (2 * leverage)


@given(entry=prices, leverage=leverages)
def test_isolated_liquidation_lies_between_entry_and_bankruptcy(entry: Decimal, leverage: Decimal) -> None:
    rate = maintenance_rate(leverage, INSTRUMENT)
    for side in PositionSide:
        liquidation = isolated_liquidation(side, entry, leverage, rate)
        bankrupt = entry * (1 - side.sign / leverage)
        assert (liquidation - bankrupt) * side.sign >= 0
        assert (entry - liquidation) * side.sign > 0


@pytest.mark.parametrize(("leverage", "share"), [("1", "1.0011"), ("10", "0.1011"), ("100", "0.0111")])
def test_margin_share_counts_the_fees_of_both_legs(leverage: str, share: str) -> None:
    assert margin_share(Decimal(leverage)) == Decimal(share)


def test_funds_unknown_stay_unknown() -> None:
    assert Funds(None, Decimal(5)).less(Decimal(2)) == Funds(None, Decimal(3))
