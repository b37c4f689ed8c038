"""A guess replaced by what truly happened leaves the books as the true executions alone would have."""

from dataclasses import replace
from decimal import Decimal
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from backstop.domain.execution import Execution
from backstop.domain.guess import Guess, correct
from backstop.domain.ids import PositionId, Symbol
from backstop.domain.money import Price, Qty, Usdt
from backstop.domain.position import Position, apply_fill
from backstop.domain.protection import NO_PROTECTION
from backstop.domain.side import PositionSide, Side
from tests.backstop.domain.values import PROFILE

BTC = Symbol("BTCUSDT")
amounts = st.integers(1, 10_000).map(lambda steps: Decimal(steps) / 1000)
prices = st.integers(1, 1_000_000).map(lambda ticks: Decimal(ticks) / 10)
parts = st.lists(st.tuples(amounts, prices, amounts), min_size=1, max_size=4)


def execution(side: Side, qty: Decimal, price: Decimal, fee: Decimal = Decimal(0), name: str = "x") -> Execution:
    return Execution(name, BTC, side, "Trade", Price(price), Qty(qty), Usdt(fee), 0)


def opened(side: PositionSide, qty: Decimal, price: Decimal) -> Position:
    position = Position(PositionId(UUID(int=1)), BTC, side, NO_PROTECTION, 0)
    return apply_fill(position, execution(side.entry, qty, price)).position


def guess_of(position: Position, booked: Execution, realised: Usdt) -> Guess:
    return Guess(booked.exec_id, position.id, position.slot, booked.side, booked.qty, booked.price, realised, 0)


@PROFILE
@given(side=st.sampled_from(PositionSide), rest=st.integers(0, 5), entry=prices, told=parts, guessed=prices)
def test_an_exit_that_was_guessed_ends_at_the_true_profit_to_the_last_digit(
    side: PositionSide, rest: int, entry: Decimal, told: list[tuple[Decimal, Decimal, Decimal]], guessed: Decimal
) -> None:
    qty = sum((part for part, _, _ in told), Decimal(0))
    before = opened(side, qty + rest, entry)
    true = before
    for part, price, fee in told:
        true = apply_fill(true, execution(side.exit, part, price, fee)).position

    booked = execution(side.exit, qty, guessed)
    filled = apply_fill(before, booked)
    position, guess = filled.position, guess_of(before, booked, filled.realised)
    ledger, sold = [filled.realised], [booked.qty]
    for number, (part, price, fee) in enumerate(told):
        late = execution(side.exit, part, price, fee, f"e{number}")
        corrected = correct(position, guess, late)
        position, guess = corrected.filled.position, corrected.guess
        ledger += [corrected.back, corrected.filled.realised]
        sold += [corrected.taken_back.qty, late.qty]

    assert (guess.qty, guess.realised) == (Decimal(0), Decimal(0))
    assert (position.qty, position.exit_qty, position.exit_value) == (true.qty, true.exit_qty, true.exit_value)
    assert (position.fees, sum(sold)) == (true.fees, true.exit_qty)
    # What is still held may carry the rounding of its cost.
    assert position.gross_pnl - position.cost * side.sign == true.gross_pnl - true.cost * side.sign
    assert sum(ledger) == position.gross_pnl


@PROFILE
@given(side=st.sampled_from(PositionSide), first=prices, more=amounts, guessed=prices, price=prices, leave=prices)
def test_an_entry_that_was_guessed_ends_at_the_true_profit_whether_it_is_told_before_the_exit_or_after(
    side: PositionSide, first: Decimal, more: Decimal, guessed: Decimal, price: Decimal, leave: Decimal
) -> None:
    before = opened(side, Decimal(1), first)
    late = execution(side.entry, more, price, Decimal("0.1"), "e")
    left = execution(side.exit, 1 + more, leave)
    true = apply_fill(apply_fill(before, late).position, left).position

    booked = execution(side.entry, more, guessed)
    position = apply_fill(before, booked).position
    guess = guess_of(before, booked, Usdt(Decimal(0)))
    in_time = apply_fill(correct(position, guess, late).filled.position, left).position
    too_late = correct(apply_fill(position, left).position, guess, late).filled.position
    for ended in (in_time, too_late):
        assert (ended.gross_pnl, ended.fees, ended.entry_value) == (true.gross_pnl, true.fees, true.entry_value)
        assert (ended.qty, ended.cost) == (Decimal(0), Decimal(0))


def test_what_is_more_than_was_guessed_is_booked_as_it_comes() -> None:
    before = opened(PositionSide.LONG, Decimal(3), Decimal(100))
    booked = execution(Side.SELL, Decimal(1), Decimal(90))
    filled = apply_fill(before, booked)
    late = execution(Side.SELL, Decimal(2), Decimal(110), Decimal("0.2"), "e")
    corrected = correct(filled.position, guess_of(before, booked, filled.realised), late)
    assert (corrected.filled.position.qty, corrected.filled.position.gross_pnl) == (Decimal(1), Decimal(20))
    assert filled.realised + corrected.back + corrected.filled.realised == 20


def test_only_what_had_happened_by_then_was_part_of_the_difference() -> None:
    before = opened(PositionSide.LONG, Decimal(3), Decimal(100))
    guess = guess_of(before, execution(Side.SELL, Decimal(1), Decimal(90)), Usdt(Decimal(-10)))
    late = execution(Side.SELL, Decimal(2), Decimal(110))
    assert guess.stands_for(late)
    assert not guess.stands_for(replace(late, at=5_000))
    assert not guess.stands_for(replace(late, side=Side.BUY))
    assert not replace(guess, closed=before).stands_for(late)
