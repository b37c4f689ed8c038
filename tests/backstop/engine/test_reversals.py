"""A reversal closes, waits until flat is confirmed, opens: every step may fail, and each end is legal and told."""

from dataclasses import replace
from decimal import Decimal

import pytest

from backstop.domain.execution import ExitReason
from backstop.domain.order import OrderStatus, Purpose
from backstop.domain.position import PositionStatus
from backstop.domain.side import PositionSide, Side
from backstop.domain.signal import Signal
from backstop.engine.events import StrategiesChanged, Verdict
from backstop.engine.reversal import ReversalStep
from tests.backstop.engine.bench import SLOT, Bot, protection


def reversing(bot: Bot, action: str = "sell") -> Signal:
    bot.opens("buy")
    return bot.signal(action)


def step_of(bot: Bot, signal: Signal) -> ReversalStep:
    return bot.written.reversals[signal.id].step


@pytest.mark.parametrize("action", ["sell", "reverse"])
def test_reversal_closes_then_opens_the_other_side_with_its_stop(action: str) -> None:
    bot = Bot(protection=protection("1%"))
    signal = reversing(bot, action)
    close = bot.last_order
    assert (close.purpose, close.reduce_only, step_of(bot, signal)) == (Purpose.REVERSE, True, ReversalStep.CLOSING)
    bot.fills(at="100")
    entry = bot.last_order
    assert (entry.side, entry.is_entry, entry.stop_loss) == (Side.SELL, True, Decimal("101.5"))
    assert step_of(bot, signal) is ReversalStep.OPENING
    bot.fills(at="100")
    assert (step_of(bot, signal), bot.outcome(signal)) == (ReversalStep.REVERSED, ("executed", None))
    assert (bot.position.side, bot.position.qty) == (PositionSide.SHORT, Decimal(1))
    assert bot.trade.exit_reason is ExitReason.REVERSE


def test_nothing_opens_before_flat_is_confirmed_by_fills() -> None:
    bot = Bot()
    reversing(bot)
    bot.accepts()
    bot.reports(OrderStatus.FILLED, "1")
    assert len(bot.sent) == 2
    bot.fills(at="100", qty="0.6")
    assert len(bot.sent) == 2
    bot.fills(at="100", qty="0.4")
    assert len(bot.sent) == 3


@pytest.mark.fault(40)
def test_partly_filled_close_goes_on_and_nothing_opens_meanwhile() -> None:
    bot = Bot()
    signal = reversing(bot)
    bot.fills(at="100", qty="0.4")
    bot.cancels_rest()
    bot.wait(0)
    assert (bot.last_order.purpose, bot.last_order.qty, bot.last_order.signal_id) == (
        Purpose.REVERSE,
        Decimal("0.6"),
        signal.id,
    )
    bot.fills(at="100")
    assert bot.last_order.is_entry


@pytest.mark.fault(40)
def test_refused_close_is_tried_again_and_the_position_stays_closing() -> None:
    bot = Bot()
    signal = reversing(bot)
    for _ in range(3):
        bot.refuses(verdict=Verdict.FINAL)
        bot.wait(2_000)
    assert (bot.position.status, step_of(bot, signal)) == (PositionStatus.CLOSING, ReversalStep.CLOSING)
    assert bot.notices.count("close_refused") == 2, "the first and the second, then the fourth, the eighth …"
    bot.fills(at="100")
    assert bot.last_order.is_entry


@pytest.mark.fault(40)
def test_refused_entry_ends_flat_and_is_told() -> None:
    bot = Bot()
    signal = reversing(bot)
    bot.fills(at="100")
    bot.refuses()
    assert (bot.flat, step_of(bot, signal), bot.outcome(signal)) == (
        True,
        ReversalStep.FLAT_FAILED,
        ("failed", "exchange_refused"),
    )
    assert bot.notices == ["flat_failed"]
    bot.wait(60_000)
    assert len(bot.sent) == 3


def test_entry_that_cannot_be_sized_ends_flat() -> None:
    bot = Bot(sizing=("equity_pct", "50"))
    bot.opens("buy")
    signal = bot.signal("sell")
    bot.fills(at="100")
    assert (bot.flat, step_of(bot, signal), bot.outcome(signal)) == (
        True,
        ReversalStep.FLAT_FAILED,
        ("failed", "equity_unknown"),
    )


def test_close_that_took_too_long_ends_flat_and_expired() -> None:
    bot = Bot()
    signal = reversing(bot)
    bot.wait(30_001)
    bot.fills(bot.sent[1], at="100")
    assert (bot.flat, step_of(bot, signal), bot.outcome(signal)) == (
        True,
        ReversalStep.FLAT_EXPIRED,
        ("expired", "too_old"),
    )
    assert bot.notices == ["flat_expired"]


def test_entry_proven_absent_too_late_ends_flat_and_expired() -> None:
    bot = Bot()
    signal = reversing(bot)
    bot.fills(at="100")
    bot.loses_answer()
    bot.wait(30_001)
    bot.proves_absent()
    assert (bot.flat, step_of(bot, signal)) == (True, ReversalStep.FLAT_EXPIRED)


@pytest.mark.fault(40)
def test_flat_without_a_fresh_price_waits_then_expires() -> None:
    bot = Bot()
    signal = reversing(bot)
    bot.quoting = False
    bot.wait(4_000)
    bot.fills(bot.sent[1], at="100")
    assert (len(bot.sent), step_of(bot, signal)) == (2, ReversalStep.OPENING)
    bot.wait(30_000)
    assert (step_of(bot, signal), dict(bot.state.waiting), dict(bot.state.reversals)) == (
        ReversalStep.FLAT_EXPIRED,
        {},
        {},
    )


def test_stop_that_closes_first_lets_the_reversal_go_on() -> None:
    bot = Bot(protection=protection("1%"))
    signal = reversing(bot)
    close = bot.last_order
    bot.executes(bot.execution(Side.SELL, "1", "98.5", stop_order_type="StopLoss"))
    assert bot.last_order.is_entry
    bot.refuses(close, Verdict.NOTHING_TO_REDUCE, 110017)
    bot.fills(at="98.4")
    assert (bot.position.side, step_of(bot, signal)) == (PositionSide.SHORT, ReversalStep.REVERSED)
    assert bot.trade.exit_reason is ExitReason.STOP_LOSS
    assert dict(bot.state.orders) == {}


def test_crossed_stop_of_a_position_being_reversed_sends_no_second_close() -> None:
    bot = Bot(protection=protection("1%"))
    reversing(bot)
    bot.tick("98")
    assert len(bot.sent) == 2


def test_entry_closed_by_its_stop_before_it_was_whole_still_ends_the_reversal() -> None:
    bot = Bot(protection=protection("1%"))
    signal = reversing(bot)
    bot.fills(at="100")
    entry = bot.last_order
    bot.fills(entry, at="100", qty="0.5")
    bot.executes(bot.execution(Side.BUY, "0.5", "101.5", stop_order_type="StopLoss"))
    bot.cancels_rest(entry)
    assert (bot.flat, step_of(bot, signal), len(bot.written.trades)) == (True, ReversalStep.REVERSED, 2)


def test_symbol_flipped_by_hand_while_closing_is_not_opened_on() -> None:
    """The trader sold more than was held: what is held now is theirs, and is seen at once, not 5 s later."""
    bot = Bot()
    signal = reversing(bot)
    bot.trades_by_hand("sell", "1.5", "100")
    assert (len(bot.sent), step_of(bot, signal), bot.state.foreign[SLOT]) == (
        2,
        ReversalStep.FLAT_FAILED,
        Decimal("0.5"),
    )
    bot.snapshot(bot.held("0.5", "short"))
    assert bot.outcome(bot.signal("buy"))[0] == "accepted"  # behind the close, whose fate is not known yet
    bot.proves_absent(bot.sent[1])
    assert [settled.code for settled in bot.written.signals.values()].count("foreign_position") == 2


def test_signals_wait_for_the_whole_reversal() -> None:
    bot = Bot()
    reversing(bot)
    bot.wait(2_500)
    close = bot.signal("close")  # of a later bar
    bot.fills(at="100")
    assert bot.outcome(close) == ("accepted", None)
    bot.fills(at="100")
    assert (bot.outcome(close), bot.last_order.side) == (("executed", None), Side.BUY)


def test_reversal_by_command_takes_the_quantity_held() -> None:
    bot = Bot(sizing=("qty", "1"))
    bot.opens("buy", "2.5")
    command = bot.reverse()
    assert bot.outcome(command) == ("executing", None)
    bot.fills(at="100")
    assert (bot.last_order.side, bot.last_order.qty) == (Side.SELL, Decimal("2.5"))
    bot.fills(at="100")
    assert bot.outcome(command) == ("executed", None)


def test_reversal_by_command_that_ends_flat_fails_the_command() -> None:
    bot = Bot()
    bot.opens("buy")
    command = bot.reverse()
    bot.fills(at="100")
    bot.refuses()
    assert bot.outcome(command) == ("failed", "exchange_refused")
    assert bot.written.reversals[command].step is ReversalStep.FLAT_FAILED


def test_a_position_and_its_trade_keep_the_version_of_the_settings_they_were_decided_by() -> None:
    bot = Bot()
    signal = reversing(bot)
    bot.tell(StrategiesChanged({bot.strategy.id: replace(bot.strategy, version=7)}))
    bot.fills(at="100")
    assert (bot.trade.strategy_version, step_of(bot, signal)) == (1, ReversalStep.OPENING)
    bot.fills(at="100")
    assert bot.position.strategy_version == 1, "the reversal was decided before the change"
    bot.signal("buy")
    bot.fills(at="100")
    bot.fills(at="100")
    assert bot.position.strategy_version == 7
