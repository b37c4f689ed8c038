"""A crossed level, a signal or a command closes; the close repeats until nothing is held."""

from decimal import Decimal
from itertools import pairwise

import pytest

from backstop.domain.execution import ExitReason
from backstop.domain.money import Price
from backstop.domain.order import OrderStatus, Purpose
from backstop.domain.position import PositionStatus
from backstop.domain.protection import LevelKind
from backstop.domain.side import PositionSide, Side
from backstop.engine.effects import Commit, SendOrder
from backstop.engine.events import LevelCrossed, Verdict
from backstop.engine.reconcile import SETTLED_AFTER_MS
from tests.backstop.engine.bench import BTC, Bot, ladder, protection


@pytest.mark.parametrize(
    ("action", "stop_at", "target_at"), [("buy", "99", "102"), ("sell", "101", "98")], ids=["long", "short"]
)
def test_crossed_levels_close_all(action: str, stop_at: str, target_at: str) -> None:
    for price, reason in ((stop_at, ExitReason.STOP_LOSS), (target_at, ExitReason.TAKE_PROFIT)):
        bot = Bot(protection=protection("1%", ("2%", "1")))
        position = bot.opens(action)
        bot.tick(price)
        order = bot.last_order
        assert (order.side, order.qty, order.reduce_only) == (position.side.exit, Decimal(1), True)
        assert bot.position.status is PositionStatus.CLOSING
        bot.fills(at=price)
        assert (bot.flat, bot.trade.exit_reason) == (True, reason)


def test_close_stands_before_the_write_and_uses_the_id_of_its_level() -> None:
    bot = Bot(protection=protection("1%"))
    (level,) = bot.opens("buy").armed
    bot.tick("99")
    effects = next(effects for event, _, effects in bot.history if isinstance(event, LevelCrossed))
    kinds = [type(effect) for effect in effects]
    assert kinds.index(SendOrder) < kinds.index(Commit)
    assert bot.last_order.link_id == level.close_id


def test_level_crossed_twice_closes_once() -> None:
    bot = Bot(protection=protection("1%"))
    (level,) = bot.opens("buy").armed
    for _ in range(3):
        bot.tell(LevelCrossed(BTC, level.close_id, level.price))
    assert len(bot.sent) == 2  # the entry and one close


@pytest.mark.fault(35)
def test_stop_and_target_crossed_in_one_tick_close_once() -> None:
    bot = Bot(protection=protection("1%", ("2%", "1")))
    stop, target = bot.opens("buy").armed
    bot.tell(LevelCrossed(BTC, target.close_id, target.price))
    bot.tell(LevelCrossed(BTC, stop.close_id, stop.price))
    assert [order.purpose for order in bot.sent] == [Purpose.ENTRY, Purpose.TAKE_PROFIT]


def test_price_between_the_levels_does_nothing() -> None:
    bot = Bot(protection=protection("1%", ("2%", "1")))
    bot.opens("buy")
    for price in ("99.1", "101.9", "100"):
        bot.tick(price)
    assert len(bot.sent) == 1


# ---- the close loop


@pytest.mark.fault(33)
def test_close_goes_on_until_nothing_is_held() -> None:
    """Partly filled, not filled at all, then filled: three orders under three ids for one stop."""
    bot = Bot(protection=protection("1%"))
    bot.opens("buy")
    bot.tick("99")
    bot.fills(at="98.9", qty="0.4")
    bot.cancels_rest()
    bot.wait(0)
    second = bot.last_order
    assert second.qty == Decimal("0.6")
    bot.reports(OrderStatus.CANCELED, "0", second)
    bot.wait(400)
    third = bot.last_order
    assert (third.qty, third.purpose) == (Decimal("0.6"), Purpose.STOP_LOSS)
    bot.fills(third, at="98.5")
    assert bot.flat
    ids = [order.link_id.rpartition("-")[2] for order in bot.sent[1:]]
    assert (ids, len({order.link_id for order in bot.sent})) == (["1", "2", "3"], 4)
    assert bot.trade.exit_reason is ExitReason.STOP_LOSS
    assert bot.trade.exit_price == Decimal("98.66")  # 0.4 × 98.9 + 0.6 × 98.5


def test_later_attempts_keep_why_it_was_closed() -> None:
    """Seen: the second close of a signal was booked as one by hand."""
    bot = Bot()
    bot.opens("buy")
    signal = bot.signal("close")
    bot.reports(OrderStatus.CANCELED, "0")
    bot.wait(200)
    assert (bot.last_order.purpose, bot.last_order.signal_id) == (Purpose.SIGNAL, signal.id)
    bot.fills(at="100")
    assert (bot.flat, bot.trade.exit_reason, dict(bot.state.orders)) == (True, ExitReason.SIGNAL, {})


def holds(bot: Bot, qty: str) -> None:
    """More was bought than one order takes, as by several entries."""
    bot.opens("buy", "50")
    bot.trades_by_hand("buy", str(Decimal(qty) - 50), "100")


def test_what_is_more_than_one_order_takes_is_closed_in_parts() -> None:
    bot = Bot(protection=protection("1%"))
    holds(bot, "250")
    bot.tick("99")
    first = bot.last_order
    assert (first.qty, first.rest) == (Decimal(100), Decimal(0))
    bot.fills(at="99")
    bot.wait(0)
    second = bot.last_order
    bot.fills(at="98.9", qty="40")
    assert bot.last_order == second
    bot.fills(second, at="98.8", qty="60")
    bot.wait(0)
    bot.fills(at="98.7")

    closes = [order for order in bot.sent if not order.is_entry]
    assert [order.qty for order in closes] == [100, 100, 50]
    assert len({order.link_id for order in closes}) == 3
    assert all(order.purpose is Purpose.STOP_LOSS for order in closes)
    assert (bot.flat, bot.trade.exit_reason, bot.trade.qty) == (True, ExitReason.STOP_LOSS, Decimal(250))


def test_a_target_that_is_more_than_one_order_takes_closes_its_part_and_no_more() -> None:
    bot = Bot(protection=protection("5%", ("1%", "0.5")))
    holds(bot, "500")
    bot.tick("101")
    assert (bot.last_order.qty, bot.last_order.rest) == (Decimal(100), Decimal(150))
    assert bot.written.orders[bot.last_order.link_id].rest == 150
    for _ in range(3):
        bot.fills(at="101")
        bot.wait(0)
    assert [order.qty for order in bot.sent if not order.is_entry] == [100, 100, 50]
    assert (bot.position.qty, bot.position.status) == (Decimal(250), PositionStatus.OPEN)
    assert not bot.state.orders


def test_the_parts_go_on_after_the_process_ended() -> None:
    bot = Bot(protection=protection("5%", ("1%", "0.5")))
    holds(bot, "500")
    bot.tick("101")
    bot.restarts()
    (first,) = [order for order in bot.sent if not order.is_entry]
    for order in (first, None, None):
        bot.fills(order, at="101")
        bot.wait(0)
    assert [order.qty for order in bot.sent if not order.is_entry] == [100, 100, 50]
    assert bot.position.qty == 250


def test_a_part_by_hand_counts_what_is_still_to_be_closed() -> None:
    bot = Bot()
    holds(bot, "500")
    bot.close("0.5")
    bot.close("0.5")
    assert [(order.qty, order.rest) for order in bot.sent[1:]] == [
        (Decimal(100), Decimal(150)),
        (Decimal(100), Decimal(25)),
    ]


def test_a_stop_reached_between_the_parts_closes_all_that_is_left() -> None:
    bot = Bot(protection=protection("5%", ("1%", "0.5")))
    holds(bot, "500")
    bot.tick("101")
    target = bot.last_order
    bot.tick("95")
    stop = bot.last_order
    bot.fills(target, at="101")
    for _ in range(4):
        bot.fills(at="95")
        bot.wait(0)
    assert stop.link_id != target.link_id
    assert (bot.flat, len([order for order in bot.sent if not order.is_entry])) == (True, 5)


def test_refused_close_is_tried_again_and_the_trader_told() -> None:
    bot = Bot()
    bot.opens("buy")
    bot.signal("close")
    first = bot.last_order
    bot.refuses(first, Verdict.FINAL, code=10001)
    assert bot.notices == ["close_refused"]
    bot.wait(200)
    assert (bot.last_order.link_id != first.link_id, bot.last_order.qty) == (True, Decimal(1))


def test_close_that_is_refused_for_hours_is_told_less_and_less() -> None:
    bot = Bot()
    bot.opens("buy")
    bot.signal("close")
    for _ in range(100):
        bot.refuses(verdict=Verdict.FINAL, code=110074)
        bot.wait(2_000)
    assert bot.notices == ["close_refused"] * 7
    assert bot.last_order.link_id.endswith("-101")


@pytest.mark.fault(33)
def test_closes_are_spaced_further_and_further_but_never_by_more_than_2_s() -> None:
    bot = Bot()
    bot.opens("buy")
    bot.signal("close")
    moments = [bot.now]
    for _ in range(7):
        count = len(bot.sent)
        bot.refuses(verdict=Verdict.FINAL)
        while len(bot.sent) == count:
            bot.wait(50)
        moments.append(bot.now)
    gaps = [later - earlier for earlier, later in pairwise(moments)]
    assert gaps == [200, 400, 800, 1_500, 2_000, 2_000, 2_000]


@pytest.mark.fault(35)
def test_resident_stop_and_our_close_at_once_make_one_trade() -> None:
    """The exchange was first: ours gets "nothing to reduce" (110017), which is success once its fill is known."""
    bot = Bot(protection=protection("1%"))
    bot.opens("buy")
    bot.tick("98")
    bot.refuses(verdict=Verdict.NOTHING_TO_REDUCE, code=110017)
    assert bot.snapshots_wanted == 1
    bot.executes(bot.execution(Side.SELL, "1", "98.5", stop_order_type="StopLoss"))
    assert (bot.flat, bot.trade.exit_reason, bot.trade.exit_price) == (True, ExitReason.STOP_LOSS, Decimal("98.5"))
    bot.wait(10_000)
    assert len(bot.sent) == 2
    assert bot.notices == []


def test_resident_stop_filled_in_part_leaves_the_rest_to_our_close() -> None:
    bot = Bot(protection=protection("1%"))
    bot.opens("buy")
    bot.executes(bot.execution(Side.SELL, "0.7", "98.5", stop_order_type="StopLoss"))
    assert (bot.position.status, bot.position.qty) == (PositionStatus.OPEN, Decimal("0.3"))
    bot.tick("98")
    assert bot.last_order.qty == Decimal("0.3")


def test_part_closed_by_someone_else_while_closing_is_not_closed_again() -> None:
    bot = Bot()
    bot.opens("buy")
    bot.signal("close")
    bot.trades_by_hand("sell", "0.5", "100")
    bot.fills(at="100", qty="0.5")
    assert bot.flat
    bot.cancels_rest(bot.sent[1])
    bot.wait(5_000)
    assert (len(bot.sent), dict(bot.state.orders)) == (2, {})


# ---- while the entry still fills


def test_entry_fill_behind_the_close_is_closed_too() -> None:
    bot = Bot(protection=protection("1%"))
    bot.signal("buy")
    entry = bot.last_order
    bot.fills(entry, at="100", qty="0.4")
    bot.tick("99")
    bot.fills(at="99", qty="0.4")
    assert not bot.flat, "more of the entry may come"
    bot.fills(entry, at="99", qty="0.6")
    bot.wait(0)
    assert (bot.last_order.qty, bot.last_order.side) == (Decimal("0.6"), Side.SELL)
    bot.fills(at="98.9")
    assert (bot.flat, bot.trade.qty) == (True, Decimal(1))


def test_entry_that_ends_after_its_part_was_closed_becomes_a_trade() -> None:
    """Seen: KeyError when the entry's report came after the position had read zero."""
    bot = Bot(protection=protection("1%"))
    signal = bot.signal("buy")
    entry = bot.last_order
    bot.fills(entry, at="100", qty="0.4")
    bot.executes(bot.execution(Side.SELL, "0.4", "98.5", stop_order_type="StopLoss"))
    bot.cancels_rest(entry)
    assert (bot.flat, bot.trade.qty, bot.outcome(signal)) == (True, Decimal("0.4"), ("executed", None))
    assert bot.armed == {}


# ---- the ladder


def test_ladder_closes_its_portions_and_the_last_rung_the_rest() -> None:
    bot = Bot(protection=protection("1%", ("1%", "0.3"), ("2%", "0.3"), ("3%", "0.4")))
    bot.opens("buy")
    for price, qty in (("101", "0.3"), ("102", "0.3"), ("103", "0.4")):
        bot.tick(price)
        assert (bot.last_order.qty, bot.last_order.purpose) == (Decimal(qty), Purpose.TAKE_PROFIT)
        bot.fills(at=price)
    assert (bot.flat, bot.trade.gross_pnl) == (True, Decimal("2.1"))  # 0.3 × 1 + 0.3 × 2 + 0.4 × 3


def test_stop_after_a_rung_closes_what_is_left() -> None:
    bot = Bot(protection=protection("1%", ("1%", "0.5"), ("2%", "0.5")))
    bot.opens("buy")
    bot.tick("101")
    bot.fills(at="101")
    bot.tick("99")
    assert (bot.last_order.qty, bot.last_order.purpose) == (Decimal("0.5"), Purpose.STOP_LOSS)


def test_price_that_jumps_over_the_whole_ladder_closes_all_of_it_and_no_more() -> None:
    bot = Bot(protection=protection(None, ("1%", "0.5"), ("2%", "0.5")))
    bot.opens("buy")
    bot.tick("103")
    first, second = bot.sent[1:]
    bot.fills(first, at="103")
    bot.fills(second, at="103", qty="0.5")
    assert (bot.flat, bot.trade.qty) == (True, Decimal(1))


def test_ladder_of_100_percent_leaves_nothing_when_portions_do_not_divide() -> None:
    """Half of 0.003 is one lot; the last rung takes the two that are left. Seen: one lot stayed without a target."""
    bot = Bot(protection=protection("1%", ("1%", "0.5"), ("2%", "0.5")))
    bot.opens("buy", "0.003", at="10000")
    bot.tick("10100")
    bot.fills(at="10100")
    bot.tick("10200")
    assert bot.last_order.qty == Decimal("0.002")


def test_ladder_of_less_than_100_percent_leaves_the_rest_to_the_stop() -> None:
    bot = Bot(protection=protection("1%", ("1%", "0.25"), ("2%", "0.25")))
    bot.opens("buy")
    for price in ("101", "102"):
        bot.tick(price)
        bot.fills(at=price)
    assert (bot.position.status, bot.position.qty) == (PositionStatus.OPEN, Decimal("0.5"))
    assert len(bot.armed) == 1


@pytest.mark.fault(34)
def test_rung_that_would_leave_dust_closes_all() -> None:
    bot = Bot(protection=protection(None, ("1%", "0.6")))
    bot.opens("buy", "0.001", at="10000")
    bot.tick("10100")
    assert (bot.last_order.qty, bot.position.status) == (Decimal("0.001"), PositionStatus.CLOSING)


@pytest.mark.fault(34)
def test_dust_left_by_somebody_else_is_closed_as_a_whole() -> None:
    """A quantity below the smallest order would be refused for ever; all that is held can still be closed."""
    bot = Bot(protection=protection("1%"))
    bot.opens("buy", "0.001", at="10000")
    bot.trades_by_hand("sell", "0.0004", "10000")
    bot.tick("9900")
    assert (bot.last_order.qty, bot.last_order.whole) == (Decimal("0.0006"), True)
    bot.fills(at="9900")
    assert bot.flat


def test_rung_filled_in_part_is_filled_up_by_the_next_order() -> None:
    bot = Bot(protection=protection("1%", ("1%", "0.5")))
    bot.opens("buy")
    bot.tick("101")
    first = bot.last_order
    bot.fills(first, at="101", qty="0.2")
    bot.cancels_rest(first)
    bot.wait(200)
    assert (bot.last_order.qty, bot.last_order.link_id != first.link_id) == (Decimal("0.3"), True)
    bot.fills(at="101")
    assert (bot.position.qty, bot.position.status) == (Decimal("0.5"), PositionStatus.OPEN)


def test_rest_of_a_rung_is_dropped_when_the_stop_closes_all() -> None:
    bot = Bot(protection=protection("1%", ("1%", "0.5")))
    bot.opens("buy")
    bot.tick("101")
    bot.reports(OrderStatus.CANCELED, "0")
    bot.tick("99")
    bot.fills(at="99")
    assert bot.flat
    bot.wait(5_000)
    assert (len(bot.sent), dict(bot.state.orders)) == (3, {})


@pytest.mark.fault(34)
def test_rung_with_nothing_to_reduce_is_not_tried_for_ever() -> None:
    """Seen: the order waiting to be sent again kept the exchange's word, flat, from being adopted."""
    bot = Bot(protection=protection(None, ("1%", "0.5")))
    bot.opens("buy")
    bot.tick("101")
    bot.refuses(verdict=Verdict.NOTHING_TO_REDUCE, code=110017)
    for _ in range(3):
        bot.wait(SETTLED_AFTER_MS)
        bot.snapshot()
    assert (len(bot.sent), bot.flat, bot.trade.exit_reason) == (2, True, ExitReason.EXTERNAL)


# ---- editing the protection


def test_edited_levels_get_new_ids_and_the_exchanges_stop_moves_along() -> None:
    bot = Bot(protection=protection("1%", ("2%", "1")))
    before = {level.close_id for level in bot.opens("buy").armed}
    command = bot.protect("2%")
    assert bot.outcome(command) == ("executed", None)
    assert [level.price for level in bot.position.armed] == [Decimal(98), Decimal(102)]
    assert set(bot.armed).isdisjoint(before)
    assert bot.resident_asked == [Decimal("97.5")]
    bot.tick("99")
    assert len(bot.sent) == 1
    bot.tick("98")
    assert bot.last_order.purpose is Purpose.STOP_LOSS


def test_edit_that_says_nothing_of_targets_keeps_them() -> None:
    bot = Bot(protection=protection("1%", ("2%", "1")))
    bot.opens("buy")
    bot.protect(take_profit=ladder(("3%", "0.5"), ("4%", "0.5")))
    assert [level.price for level in bot.position.armed] == [Decimal(99), Decimal(103), Decimal(104)]
    bot.protect("0.5%")
    assert [level.price for level in bot.position.armed] == [Decimal("99.5"), Decimal(103), Decimal(104)]


def test_rung_that_has_fired_stays_fired_when_the_stop_is_edited() -> None:
    """Seen: raising the stop after the first target armed that target again, and the next tick closed a second part."""
    bot = Bot(protection=protection("1%", ("1%", "0.5"), ("2%", "0.5")))
    bot.opens("buy")
    bot.tick("101")
    bot.fills(at="101")
    for stop in ("100.5", "100.6"):
        bot.protect(stop)
        bot.tick("101.2")
    assert len(bot.sent) == 2
    assert [level.price for level in bot.position.armed] == [Decimal("100.6"), Decimal(102)]


def test_new_ladder_starts_anew() -> None:
    bot = Bot(protection=protection("1%", ("1%", "0.5")))
    bot.opens("buy")
    bot.tick("101")
    bot.fills(at="101")
    bot.protect(take_profit=ladder(("3%", "0.5")))
    assert [level.price for level in bot.position.armed] == [Decimal(99), Decimal(103)]


def test_stop_moved_to_where_the_price_has_been_closes_at_once() -> None:
    bot = Bot(protection=protection("5%"))
    bot.opens("buy")
    bot.tick("97")
    bot.protect("2%")
    bot.refuses_stop(passed=True)
    assert (bot.last_order.purpose, bot.position.status) == (Purpose.PROTECTION, PositionStatus.CLOSING)


@pytest.mark.parametrize(
    ("stop", "code"), [("101", "stop_wrong_side"), ("40", "stop_too_far"), ("60%", "stop_too_far")]
)
def test_misplaced_stop_changes_nothing(stop: str, code: str) -> None:
    bot = Bot(protection=protection("1%"))
    before = bot.opens("buy")
    assert bot.outcome(bot.protect(stop)) == ("refused", code)
    assert bot.position.armed == before.armed
    assert set(bot.armed) == {level.close_id for level in before.armed}


def test_late_entry_fill_moves_the_levels_under_their_ids() -> None:
    bot = Bot(protection=protection("1%"))
    bot.signal("buy")
    bot.fills(at="100", qty="0.5")
    (before,) = bot.armed.values()
    bot.fills(at="104", qty="0.5")
    (after,) = bot.armed.values()
    assert (after.close_id, before.price, after.price) == (before.close_id, Decimal(99), Decimal("101"))  # 102 - 1 %


def test_short_is_the_mirror_of_long() -> None:
    bot = Bot(protection=protection("1%", ("2%", "0.5")))
    position = bot.opens("sell")
    assert position.side is PositionSide.SHORT
    assert [level.price for level in position.armed] == [Decimal(101), Decimal(98)]
    assert bot.sent[0].stop_loss == Decimal("101.5")


def test_level_that_was_moved_does_not_fire_where_it_was() -> None:
    """Seen: an addition moved the target with the average, and a tick came before it was watched there."""
    bot = Bot(protection=protection("1%", ("2%", "1")))
    bot.opens("buy")
    (target,) = (level for level in bot.position.armed if level.kind is LevelKind.TAKE_PROFIT)
    bot.tell(LevelCrossed(BTC, target.close_id, Price(Decimal("101.9"))))
    assert (len(bot.sent), bot.armed[target.close_id].price) == (1, Decimal(102))
