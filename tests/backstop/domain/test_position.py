"""A fill changes a position as a list of lots would, and what leaves adds up to what came."""

from dataclasses import dataclass, replace
from decimal import Decimal
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backstop.domain.execution import Execution, ExitReason
from backstop.domain.ids import PositionId
from backstop.domain.money import Price, Qty, Usdt
from backstop.domain.position import Position, apply_fill, trade_of
from backstop.domain.protection import NO_PROTECTION
from backstop.domain.side import PositionSide, Side
from tests.backstop.domain.values import BTC, PROFILE

SIDES = st.sampled_from(PositionSide)
FILLS = st.lists(
    st.tuples(st.booleans(), st.integers(1, 5_000), st.integers(1, 1_000_000), st.integers(-100, 100)), max_size=25
)


def opened(side: PositionSide = PositionSide.LONG) -> Position:
    return Position(id=PositionId(UUID(int=1)), symbol=BTC, side=side, protection=NO_PROTECTION, opened_at=0)


def fill(side: Side, qty: str | int | Decimal, price: str | Decimal, fee: str | Decimal = "0") -> Execution:
    return Execution("e", BTC, side, "Trade", Price(Decimal(price)), Qty(Decimal(qty)), Usdt(Decimal(fee)), at=1)


@dataclass(slots=True)
class Ledger:
    """The brute-force model: sums of everything ever bought and sold."""

    entered: Decimal = Decimal(0)
    entered_value: Decimal = Decimal(0)
    left: Decimal = Decimal(0)
    left_value: Decimal = Decimal(0)
    fees: Decimal = Decimal(0)
    excess: Decimal = Decimal(0)


@PROFILE
@given(side=SIDES, fills=FILLS)
def test_fills_add_up_as_in_a_ledger(side: PositionSide, fills: list[tuple[bool, int, int, int]]) -> None:
    position, model, realised = opened(side), Ledger(), Decimal(0)
    for enters, lots, ticks, fee_units in fills:
        qty, price, fee = Decimal(lots) / 1000, Decimal(ticks) / 100, Decimal(fee_units) / 1000
        filled = apply_fill(position, fill(side.entry if enters else side.exit, qty, price, fee))
        position, realised = filled.position, realised + filled.realised
        if enters:
            model.entered += qty
            model.entered_value += qty * price
            assert filled.realised == 0
            assert filled.excess == 0
        else:
            closed = min(qty, model.entered - model.left)
            model.left += closed
            model.left_value += closed * price
            assert filled.excess == qty - closed
        model.fees += fee
        assert position.qty == model.entered - model.left
        assert (position.entry_qty, position.entry_value) == (model.entered, model.entered_value)
        assert (position.exit_qty, position.exit_value) == (model.left, model.left_value)
        assert (position.fees, position.gross_pnl) == (model.fees, realised)
        # What has been realised and what is still held account for every coin, to the last digit.
        assert position.gross_pnl == side.sign * (model.left_value - (model.entered_value - position.cost))
        if position.qty == 0:
            assert position.cost == 0


def test_entry_price_is_the_average_of_what_was_bought_and_reductions_leave_it() -> None:
    position = opened()
    for execution in (fill(Side.BUY, 1, "100"), fill(Side.BUY, 3, "104"), fill(Side.SELL, 2, "150")):
        position = apply_fill(position, execution).position
    assert position.entry_price == Decimal(103)  # (1 × 100 + 3 × 104) / 4


def test_profit_of_each_reduction() -> None:
    """Bybit: closed size × (exit − average entry), turned round for a short."""
    long = apply_fill(opened(), fill(Side.BUY, 2, "100")).position
    assert apply_fill(long, fill(Side.SELL, 1, "107")).realised == Decimal(7)
    short = apply_fill(opened(PositionSide.SHORT), fill(Side.SELL, 2, "100")).position
    assert apply_fill(short, fill(Side.BUY, 1, "107")).realised == Decimal(-7)


def test_thirds_leave_no_remainder_behind() -> None:
    position = apply_fill(opened(), fill(Side.BUY, 3, "33.33")).position
    realised = []
    for _ in range(3):
        filled = apply_fill(position, fill(Side.SELL, 1, "40"))
        position = filled.position
        realised.append(filled.realised)
    assert sum(realised) == position.gross_pnl == Decimal("20.01")  # 120 - 99.99
    assert position.cost == 0


def test_more_than_is_held_is_excess_and_books_only_what_was_held() -> None:
    filled = apply_fill(apply_fill(opened(), fill(Side.BUY, 1, "100")).position, fill(Side.SELL, "1.5", "110"))
    assert (filled.position.qty, filled.realised, filled.excess) == (Decimal(0), Decimal(10), Decimal("0.5"))


def test_trade_says_net_and_averages() -> None:
    position = opened()
    for execution in (
        fill(Side.BUY, 2, "100", "0.1"),
        fill(Side.SELL, 1, "110", "0.2"),
        fill(Side.SELL, 1, "120", "0.3"),
    ):
        position = apply_fill(position, execution).position
    trade = trade_of(_closed(position, funding="-0.5"))
    assert (trade.entry_price, trade.exit_price, trade.gross_pnl) == (Decimal(100), Decimal(115), Decimal(30))
    assert (trade.fees, trade.funding, trade.net_pnl) == (Decimal("0.6"), Decimal("-0.5"), Decimal("28.9"))
    assert trade.exit_reason is ExitReason.EXTERNAL


def test_position_still_held_is_no_trade() -> None:
    with pytest.raises(AssertionError):
        trade_of(apply_fill(opened(), fill(Side.BUY, 1, "100")).position)


def _closed(position: Position, funding: str) -> Position:
    return replace(position, funding=Usdt(Decimal(funding)), closed_at=5)
