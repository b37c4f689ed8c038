"""The exchange's word on quantity is adopted, but never in haste, and a read that failed says nothing."""

from dataclasses import replace
from decimal import Decimal
from typing import get_args

import pytest

from backstop.domain.execution import ExitReason
from backstop.domain.order import Order
from backstop.domain.position import PositionStatus
from backstop.domain.side import Side
from backstop.engine import events
from backstop.engine.events import OrderAccepted, PositionReported, SnapshotTaken
from backstop.engine.reconcile import SETTLED_AFTER_MS
from tests.backstop.engine.bench import Bot, protection


def later_snapshots(bot: Bot, qty: str | None, side: str | None = None, *, times: int = 2) -> None:
    """The exchange says the same, each time after as long as a read may lag."""
    for _ in range(times):
        bot.wait(SETTLED_AFTER_MS)
        held = (bot.held(qty, side, stop="98.5"),) if qty is not None else ()
        bot.snapshot(*held)


def test_books_that_agree_are_left_alone() -> None:
    bot = Bot(protection=protection("1%"))
    bot.opens("buy")
    later_snapshots(bot, "1", times=3)
    assert (bot.position.qty, bot.notices, dict(bot.state.doubts)) == (Decimal(1), [], {})


def test_position_gone_at_the_exchange_is_closed_in_the_books() -> None:
    bot = Bot(protection=protection("1%"))
    bot.opens("buy")
    bot.quotes("97")
    later_snapshots(bot, None, times=1)
    assert not bot.flat
    later_snapshots(bot, None, times=1)
    assert (bot.flat, bot.trade.exit_reason, bot.trade.exit_price) == (True, ExitReason.EXTERNAL, Decimal(97))
    assert (bot.armed, len(bot.sent), bot.notices) == ({}, 1, ["adopted"])


@pytest.mark.fault(57)
def test_one_snapshot_is_no_verdict_however_late() -> None:
    bot = Bot()
    bot.opens("buy")
    bot.wait(60_000)
    bot.snapshot()
    assert not bot.flat
    bot.wait(SETTLED_AFTER_MS - 1)
    bot.snapshot()
    assert not bot.flat
    bot.wait(1)
    bot.snapshot()
    assert bot.flat


def test_verdict_waits_after_the_last_fill() -> None:
    """The exchange has said flat for long, but something was filled lately: the read may be older than that."""
    bot = Bot()
    bot.opens("buy")
    bot.wait(SETTLED_AFTER_MS)
    bot.snapshot()
    bot.wait(SETTLED_AFTER_MS - 1_000)
    bot.trades_by_hand("buy", "1", "100")
    bot.wait(1_000)
    bot.snapshot()
    assert not bot.flat
    bot.wait(SETTLED_AFTER_MS - 1_000)
    bot.snapshot()
    assert bot.flat


def test_list_that_lags_ten_seconds_is_not_believed() -> None:
    """Seen: what had been closed by hand was taken for held still, and the other way round."""
    bot = Bot(protection=protection("1%"))
    bot.opens("buy")
    bot.wait(60_000)
    bot.trades_by_hand("sell", "0.4", "100")
    for _ in range(2):
        bot.wait(5_000)
        bot.snapshot(bot.held("1", stop="98.5"))
    bot.wait(5_000)
    bot.snapshot(bot.held("0.6", stop="98.5"))
    assert (bot.position.qty, bot.notices, dict(bot.state.doubts)) == (Decimal("0.6"), [], {})


def test_reading_that_does_not_count_the_newest_fill_is_no_verdict_however_long_it_is_told() -> None:
    bot = Bot(protection=protection("1%"))
    bot.opens("buy")
    bot.executes(replace(bot.execution(Side.SELL, "0.4", "100"), seq=7))
    for _ in range(4):
        bot.wait(SETTLED_AFTER_MS)
        bot.snapshot(replace(bot.held("1", stop="98.5"), seq=6))
    assert (bot.position.qty, bot.notices) == (Decimal("0.6"), [])
    for _ in range(2):
        bot.wait(SETTLED_AFTER_MS)
        bot.snapshot(replace(bot.held("1", stop="98.5"), seq=8))
    assert (bot.position.qty, bot.notices) == (Decimal(1), ["adopted"])


def test_doubt_that_goes_away_or_changes_starts_anew() -> None:
    bot = Bot(protection=protection("1%"))
    bot.opens("buy")
    later_snapshots(bot, None, times=1)
    later_snapshots(bot, "1", times=1)
    later_snapshots(bot, None, times=1)
    later_snapshots(bot, "0.5", times=1)
    assert (bot.position.qty, bot.notices) == (Decimal(1), [])


def test_smaller_position_is_adopted_and_stays_watched() -> None:
    bot = Bot(protection=protection("1%"))
    bot.opens("buy")
    later_snapshots(bot, "0.4")
    assert (bot.position.qty, bot.position.status, len(bot.armed)) == (Decimal("0.4"), PositionStatus.OPEN, 1)


def test_larger_position_is_adopted_and_protected_whole() -> None:
    bot = Bot(protection=protection("1%"))
    bot.opens("buy")
    later_snapshots(bot, "1.5")
    bot.tick("99")
    assert bot.last_order.qty == Decimal("1.5")


def test_other_side_at_the_exchange_closes_ours_and_is_foreign() -> None:
    bot = Bot()
    bot.opens("buy")
    later_snapshots(bot, "2", "short")
    assert (bot.flat, bot.trade.exit_reason) == (True, ExitReason.EXTERNAL)
    later_snapshots(bot, "2", "short", times=1)
    assert bot.outcome(bot.signal("buy")) == ("refused", "foreign_position")


def test_same_difference_is_adopted_as_often_as_it_comes() -> None:
    """Seen: the second adoption had the id of the first, and was taken for told twice."""
    bot = Bot(protection=protection("1%"))
    bot.opens("buy")
    for _ in range(3):
        later_snapshots(bot, "0.5")
        assert bot.position.qty == Decimal("0.5")
        bot.trades_by_hand("buy", "0.5", "100")
        assert bot.position.qty == Decimal(1)


def test_order_under_way_comes_first() -> None:
    bot = Bot()
    bot.opens("buy")
    bot.close("0.5")
    bot.accepts()
    later_snapshots(bot, "0.5", times=4)
    assert bot.position.qty == Decimal(1)
    bot.fills(at="100")
    assert (bot.position.qty, bot.notices) == (Decimal("0.5"), [])


def test_entry_under_way_is_not_judged() -> None:
    bot = Bot()
    bot.signal("buy")
    bot.tell(OrderAccepted(bot.last_order.link_id, "x"))
    later_snapshots(bot, "1", "long", times=4)
    assert (bot.position.status, bot.notices) == (PositionStatus.OPENING, [])


def test_snapshot_has_unfinished_orders_looked_up_and_closes_go_on() -> None:
    bot = Bot()
    bot.opens("buy")
    bot.signal("close")
    close = bot.last_order
    bot.accepts()
    bot.wait(2_001)
    bot.to_resolve.clear()
    bot.snapshot(bot.held("1", "long"))
    assert list(bot.to_resolve) == [close.link_id]


def test_closing_position_without_an_order_is_closed_by_the_next_snapshot() -> None:
    bot = Bot()
    bot.opens("buy")
    bot.signal("close")
    bot.refuses()
    bot.restarts()
    bot.snapshot(bot.held("1", "long"))
    bot.wait(0)
    assert bot.last_order.link_id.endswith("-2")
    assert len(bot.sent) == 3


def test_just_closed_symbol_is_not_called_foreign_by_a_read_from_before() -> None:
    bot = Bot()
    bot.opens("buy")
    held = bot.held("1", "long")
    bot.signal("close")
    bot.fills(at="100")
    bot.snapshot(held)
    assert bot.notices == []
    assert bot.outcome(bot.signal("buy"))[0] == "executing"


def test_what_a_reading_counts_tells_at_once_whether_it_is_foreign() -> None:
    """Seen: what somebody had added was left over by our close, and for seconds we opened on top of it."""
    bot = Bot()
    bot.opens("buy")
    bot.signal("close")
    bot.executes(replace(bot.execution(Side.SELL, "1", "100", order=bot.last_order), seq=9))
    assert bot.flat
    bot.snapshot(replace(bot.held("1", "long"), seq=8))
    assert bot.notices == []
    bot.snapshot(replace(bot.held("0.4", "long"), seq=9))
    assert bot.notices == ["foreign_position"]
    assert bot.outcome(bot.signal("buy")) == ("refused", "foreign_position")


def test_what_somebody_opens_is_foreign_as_soon_as_the_stream_tells() -> None:
    """Seen: a signal came before the next reading, and our order met theirs."""
    bot = Bot()
    bot.tell(PositionReported(bot.held("3", "short")))
    assert bot.notices == ["foreign_position"]
    assert bot.outcome(bot.signal("buy")) == ("refused", "foreign_position")
    bot.tell(PositionReported(bot.held("0")))
    assert bot.snapshots_wanted == 1
    bot.snapshot()
    assert bot.outcome(bot.signal("buy"))[0] == "executing"


def test_foreign_position_is_told_once() -> None:
    bot = Bot()
    for _ in range(3):
        bot.wait(SETTLED_AFTER_MS)
        bot.snapshot(bot.held("3", "short"))
    assert bot.notices == ["foreign_position"]


def test_there_is_no_event_for_a_read_that_failed() -> None:
    """So it can never be taken for flat: silence changes nothing."""
    assert SnapshotTaken in get_args(events.Event)
    assert not [kind for kind in get_args(events.Event) if "fail" in kind.__name__.lower()]
    bot = Bot(protection=protection("1%"))
    before = bot.opens("buy")
    bot.wait(600_000)
    assert bot.position == before


def late(bot: Bot, side: Side, qty: str, price: str, *, order: Order | None = None, ago_ms: int = 30_000) -> None:
    """An execution of some time ago is told only now."""
    told = bot.execution(side, qty, price, order=order, fee="0.05")
    bot.executes(replace(told, at=bot.now - ago_ms))


def ledger_of(bot: Bot) -> tuple[Decimal, Decimal, Decimal]:
    """Profit, fees and quantity sold, as booked line by line."""
    lines = bot.written.ledger
    sold = sum((line.execution.qty for line in lines if line.execution.side is Side.SELL), Decimal(0))
    return (
        sum((line.realised for line in lines), Decimal(0)),
        sum((line.execution.fee for line in lines), Decimal(0)),
        sold,
    )


def test_execution_told_after_its_difference_was_adopted_takes_its_place() -> None:
    bot = Bot(protection=protection("1%"))
    bot.opens("buy")
    later_snapshots(bot, "0.6")
    assert bot.position.gross_pnl == 0  # adopted at the mark price, 100

    late(bot, Side.SELL, "0.4", "99")

    assert (bot.position.qty, bot.position.gross_pnl) == (Decimal("0.6"), Decimal("-0.4"))
    assert ledger_of(bot) == (Decimal("-0.4"), Decimal("0.105"), Decimal("0.4"))
    assert bot.notices == ["adopted", "corrected"]
    later_snapshots(bot, "0.6")
    assert (bot.position.qty, bot.notices) == (Decimal("0.6"), ["adopted", "corrected"])


def test_executions_of_one_difference_take_its_place_part_by_part() -> None:
    bot = Bot()
    bot.opens("buy")
    later_snapshots(bot, "0.6")
    late(bot, Side.SELL, "0.3", "99")
    late(bot, Side.SELL, "0.1", "98")
    assert (bot.position.qty, bot.position.gross_pnl) == (Decimal("0.6"), Decimal("-0.5"))
    assert ledger_of(bot)[2] == Decimal("0.4")
    assert bot.state.guesses == ()


def test_trade_of_a_position_that_was_closed_by_guess_is_written_again() -> None:
    bot = Bot(protection=protection("1%"))
    bot.opens("buy")
    bot.quotes("97")
    later_snapshots(bot, None)
    assert bot.written.trades[-1].exit_price == 97
    bot.opens("sell", at="97")
    other = bot.position

    told = bot.execution(Side.SELL, "1", "99", fee="0.05", stop_order_type="StopLoss")
    bot.executes(replace(told, at=bot.now - 30_000))

    trade = bot.written.trades[-1]
    assert trade.id != other.id
    assert (trade.exit_price, trade.gross_pnl, trade.exit_reason) == (Decimal(99), Decimal(-1), ExitReason.STOP_LOSS)
    assert trade.fees == Decimal("0.105")
    assert trade.net_pnl == trade.gross_pnl - trade.fees
    assert (bot.position.id, bot.position.qty) == (other.id, Decimal(1))
    lines = [line for line in bot.written.ledger if line.position_id == trade.id]
    assert sum(line.realised for line in lines) == trade.gross_pnl


def test_trade_made_after_the_difference_was_seen_is_another() -> None:
    bot = Bot()
    bot.opens("buy")
    later_snapshots(bot, "0.6")
    bot.trades_by_hand("sell", "0.4", "100")
    assert bot.position.qty == Decimal("0.2")
    assert [guess.qty for guess in bot.state.guesses] == [Decimal("0.4")]


def test_late_entry_gives_the_held_quantity_its_true_cost() -> None:
    bot = Bot(protection=protection("1%"))
    bot.opens("buy")
    later_snapshots(bot, "1.5")
    late(bot, Side.BUY, "0.5", "103")
    assert (bot.position.qty, bot.position.entry_price) == (Decimal("1.5"), Decimal(101))
    assert bot.position.stop_loss == Decimal(100)  # 99.99, on the tick that protects more


def test_what_is_said_for_a_minute_is_adopted_though_closes_go_on() -> None:
    """Seen: the exchange's stop had closed a position while its key was refused; our closes found nothing to reduce, one
    after the other, and each was a reason to wait with the verdict."""
    bot = Bot(protection=protection("1%"))
    bot.opens("buy")
    bot.tick("98")
    assert bot.position.status is PositionStatus.CLOSING
    later_snapshots(bot, None, times=5)
    assert not bot.flat
    later_snapshots(bot, None, times=2)
    assert (bot.flat, bot.trade.qty) == (True, Decimal(1))
