"""A process may end between any two steps, or within one: what was written and what the exchange says is enough to go on."""

from decimal import Decimal

import pytest

from backstop.domain.order import OrderStatus, Purpose
from backstop.domain.position import PositionStatus
from backstop.engine.reversal import ReversalStep
from tests.backstop.engine.bench import Bot, protection


def test_open_position_is_watched_again() -> None:
    bot = Bot(protection=protection("1%", ("2%", "0.5")))
    bot.opens("buy")
    bot.restarts()
    bot.tick("99")
    bot.fills(at="99")
    assert (bot.flat, len(bot.sent)) == (True, 2)


def test_intended_entry_is_of_unknown_fate_and_sent_again_only_once_proven_absent() -> None:
    bot = Bot()
    bot.signal("buy")
    entry = bot.last_order
    bot.restarts()
    assert (list(bot.to_resolve), len(bot.sent)) == ([entry.link_id], 1)
    bot.proves_absent(entry)
    assert [order.link_id for order in bot.sent] == [entry.link_id] * 2


def test_entry_that_was_never_written_is_never_sent_and_asked_for_again() -> None:
    bot = Bot()
    bot.dies_before_commit = True
    signal = bot.signal("buy")
    assert (bot.sent, bot.flat) == ([], True)
    bot.claims_again()
    assert (len(bot.sent), bot.outcome(signal)[0]) == (1, "executing")


def test_signal_waiting_for_its_turn_is_asked_for_again() -> None:
    bot = Bot()
    bot.opens("buy")
    bot.signal("close")
    waiting = bot.signal("buy")
    bot.restarts()
    bot.claims_again()
    assert bot.outcome(waiting) == ("accepted", None)
    bot.fills(bot.sent[1], at="100")
    assert bot.outcome(waiting)[0] == "executing"


def test_signal_with_an_outcome_is_not_acted_on_again() -> None:
    bot = Bot()
    bot.opens("buy")
    bot.signal("close")
    bot.fills(at="100")
    sent = len(bot.sent)
    bot.restarts()
    bot.claims_again()
    bot.wait(10_000)
    assert (len(bot.sent), bot.flat) == (sent, True)


def test_stop_sent_but_not_written_is_sent_under_the_same_id() -> None:
    """The exchange takes an id once, so both sendings are one order."""
    bot = Bot(protection=protection("1%"))
    bot.opens("buy")
    bot.dies_before_commit = True
    bot.tick("99")
    ids = {order.link_id for order in bot.sent[1:]}
    assert (len(ids), len(bot.sent)) == (1, 3)
    assert bot.position.status is PositionStatus.CLOSING


def test_close_sent_but_not_written_and_filled_in_part_is_finished() -> None:
    """Seen: its fills were booked by id, the repeated close was refused as a duplicate, and it waited for ever for them."""
    bot = Bot(protection=protection("1%"))
    bot.opens("buy")
    bot.dies_before_commit = True
    signal = bot.signal("close")
    close = bot.last_order
    fill = bot.fills(close, at="100", qty="0.4")
    bot.claims_again()
    assert bot.last_order.link_id == close.link_id
    bot.loses_answer()  # 110072
    for _ in range(8):
        bot.executes(fill)
        bot.reports(OrderStatus.CANCELED, "0.4", close)
        bot.wait(2_000)
    assert (bot.last_order.qty, bot.last_order.link_id != close.link_id) == (Decimal("0.6"), True)
    bot.fills(at="100")
    assert (bot.flat, bot.outcome(signal)) == (True, ("executed", None))


def test_part_by_hand_sent_but_not_written_is_not_closed_twice() -> None:
    bot = Bot()
    bot.opens("buy")
    bot.dies_before_commit = True
    bot.close("0.4")
    close = bot.last_order
    fill = bot.fills(close, at="100", qty="0.4")
    bot.claims_again()
    bot.loses_answer()
    for _ in range(8):
        bot.executes(fill)
        bot.reports(OrderStatus.FILLED, "0.4", close)
        bot.wait(2_000)
    assert (bot.position.qty, bot.position.status, dict(bot.state.orders)) == (Decimal("0.6"), PositionStatus.OPEN, {})


@pytest.mark.fault(40)
def test_reversal_goes_on_where_it_was_closing() -> None:
    bot = Bot()
    bot.opens("buy")
    signal = bot.signal("sell")
    bot.restarts()
    bot.fills(bot.sent[1], at="100")
    assert bot.last_order.is_entry
    bot.fills(at="100")
    assert bot.written.reversals[signal.id].step is ReversalStep.REVERSED


@pytest.mark.fault(40)
def test_reversal_goes_on_where_it_waited_to_open() -> None:
    """Seen: flat and written as opening, but no order yet; after a restart the symbol stayed busy for ever."""
    bot = Bot()
    bot.opens("buy")
    signal = bot.signal("sell")
    bot.quoting = False
    bot.wait(3_500)
    bot.fills(bot.sent[1], at="100")
    assert bot.written.reversals[signal.id].step is ReversalStep.OPENING
    bot.restarts()
    bot.quotes("100")
    bot.snapshot()
    assert bot.last_order.is_entry
    bot.fills(at="100")
    assert bot.outcome(signal) == ("executed", None)


def test_reversal_found_too_late_ends_flat() -> None:
    bot = Bot()
    bot.opens("buy")
    signal = bot.signal("sell")
    bot.quoting = False
    bot.wait(3_500)
    bot.fills(bot.sent[1], at="100")
    bot.restarts()
    bot.now += 60_000
    bot.snapshot()
    assert bot.written.reversals[signal.id].step is ReversalStep.FLAT_EXPIRED
    assert bot.notices == ["flat_expired"]


def test_rest_of_a_rung_is_remembered() -> None:
    bot = Bot(protection=protection(None, ("1%", "0.5")))
    bot.opens("buy")
    bot.tick("101")
    bot.reports(OrderStatus.CANCELED, "0")
    bot.restarts()
    bot.wait(1_000)
    assert (bot.last_order.purpose, bot.last_order.link_id[-2:]) == (Purpose.TAKE_PROFIT, "-2")


def test_fills_that_waited_for_their_entry_are_read_again() -> None:
    """Held back in memory only: not written, so the next read of the executions tells them anew."""
    bot = Bot()
    bot.signal("buy")
    entry = bot.last_order
    out = bot.execution(entry.side.opposite, "1", "99", stop_order_type="StopLoss")
    bot.executes(out)
    bot.restarts()
    bot.fills(entry, at="100")
    bot.executes(out)
    assert (bot.flat, bot.trade.gross_pnl) == (True, Decimal(-1))
