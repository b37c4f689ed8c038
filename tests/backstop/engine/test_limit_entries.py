"""An entry by limit order: it waits for its price, protects what is filled at once, and ends visibly."""

from dataclasses import replace
from decimal import Decimal

import pytest

from backstop.domain.limits import HaltLevel
from backstop.domain.order import CancelReason, OrderStatus
from backstop.domain.position import PositionStatus
from backstop.domain.side import PositionSide
from backstop.domain.signal import Signal
from backstop.domain.strategy import OnOpposite
from backstop.engine.effects import CancelOrder, Commit, SaveOrder
from backstop.engine.events import CancelAnswered, OrderLapsed, StrategiesChanged
from backstop.engine.reconcile import SETTLED_AFTER_MS
from tests.backstop.engine.bench import Bot, limit, protection


def waiting(bot: Bot, action: str = "buy", at: str = "1%", *, expires_s: int = 60, post_only: bool = False) -> Signal:
    """A limit order that the exchange has taken and that nothing has filled yet."""
    signal = bot.signal(action, entry=limit(at, expires_s=expires_s, post_only=post_only))
    bot.accepts()
    return signal


def canceled(bot: Bot) -> None:
    """The exchange does what it was asked for."""
    entry = next(order for order in bot.sent[::-1] if order.is_entry)
    bot.tell(CancelAnswered(entry.link_id, taken=True))
    bot.cancels_rest(entry)


# ---- placing


@pytest.mark.parametrize(
    ("action", "at", "price", "stop"),
    [("buy", "0.25%", "99.7", "97.3"), ("sell", "0.25%", "100.3", "102.9"), ("buy", "98", "98", "95.6")],
)
def test_limit_order_is_placed_at_its_price_with_its_stop_behind_that(
    action: str, at: str, price: str, stop: str
) -> None:
    bot = Bot(protection=protection("2%"))
    signal = waiting(bot, action, at)
    order = bot.last_order
    assert (order.limit_price, order.stop_loss) == (Decimal(price), Decimal(stop))
    assert (order.expires_at, order.post_only, order.reduce_only) == (bot.now + 60_000, False, False)
    assert (bot.outcome(signal)[0], bot.position.status) == ("executing", PositionStatus.OPENING)
    assert len(bot.state.entries_at) == 1


def test_strategy_says_how_to_enter_and_a_signal_overrides_it() -> None:
    bot = Bot(entry=limit("1%", expires_s=300, post_only=True))
    bot.signal("buy")
    assert (bot.last_order.limit_price, bot.last_order.post_only) == (Decimal(99), True)


def test_limit_far_from_the_market_is_taken_for_a_mistake() -> None:
    bot = Bot()
    signal = bot.signal("buy", entry=limit("1.5"))
    assert bot.outcome(signal) == ("refused", "limit_too_far")


def test_limit_that_fills_at_once_is_protected_around_the_market() -> None:
    bot = Bot(protection=protection("2%"))
    signal = bot.signal("buy", entry=limit("105"), stop="102")
    assert bot.outcome(signal) == ("refused", "stop_wrong_side")


def test_risk_is_sized_from_the_limit_price() -> None:
    bot = Bot(protection=protection("2%"), sizing=("risk_pct", "1"), equity="1000")
    bot.signal("buy", entry=limit("50.1"), stop="40.1")
    assert bot.last_order.qty == Decimal(1)  # 10 USDT at risk, 10 a coin


# ---- filling


def test_each_part_that_fills_is_protected_at_once() -> None:
    bot = Bot(protection=protection("2%", ("5%", "0.5")))
    waiting(bot)
    order = bot.last_order
    bot.fills(order, at="99", qty="0.3")
    assert (bot.position.qty, bot.position.status) == (Decimal("0.3"), PositionStatus.OPEN)
    assert {level.price for level in bot.armed.values()} == {Decimal("97.1"), Decimal("103.9")}
    bot.fills(order, at="98", qty="0.7")
    assert bot.position.stop_loss == Decimal("96.4")  # 98.3 less 2 %, rounded to protect more
    assert {level.price for level in bot.armed.values()} == {Decimal("96.4"), Decimal("103.2")}


def test_signal_ends_executed_when_all_is_filled() -> None:
    bot = Bot()
    signal = waiting(bot)
    bot.fills(at="99")
    assert (bot.outcome(signal), bot.state.orders) == (("executed", None), {})


def test_time_exit_counts_from_the_fill() -> None:
    bot = Bot(protection=replace(protection("2%"), time_exit_ms=30_000))
    waiting(bot)
    bot.wait(40_000)
    bot.fills(at="99")
    bot.wait(20_000)
    assert bot.position.status is PositionStatus.OPEN
    bot.wait(15_000)
    bot.tell(OrderLapsed(bot.last_order.link_id))  # any event
    assert bot.last_order.reduce_only


# ---- its time is over


def test_what_is_not_filled_in_time_is_canceled_and_the_signal_expires() -> None:
    bot = Bot()
    signal = waiting(bot)
    bot.wait(59_999)
    assert bot.cancels == []
    bot.wait(1)
    order = bot.last_order
    assert bot.cancels == [order.link_id]
    assert bot.written.orders[order.link_id].cancel_reason is CancelReason.EXPIRED
    canceled(bot)
    assert (bot.outcome(signal), bot.flat) == (("expired", "entry_expired"), True)
    assert (bot.state.orders, bot.written.trades) == ({}, [])


def test_cancel_is_written_before_it_is_asked_for() -> None:
    bot = Bot()
    waiting(bot)
    bot.wait(60_000)
    effects = next(effects for _, _, effects in bot.history[::-1] if any(isinstance(e, CancelOrder) for e in effects))
    commit = next(effect for effect in effects if isinstance(effect, Commit))
    assert any(isinstance(change, SaveOrder) and change.order.cancel_reason for change in commit.changes)
    assert effects.index(commit) < next(i for i, effect in enumerate(effects) if isinstance(effect, CancelOrder))


def test_part_that_filled_in_time_stays_and_is_told() -> None:
    bot = Bot(protection=protection("2%"))
    signal = waiting(bot)
    bot.fills(at="99", qty="0.4")
    bot.wait(60_000)
    canceled(bot)
    assert bot.outcome(signal) == ("executed", "partly_filled")
    reason = bot.written.signals[signal.id].reason
    assert reason is not None and reason.startswith("0.4 of 1 BTCUSDT at 99 was filled")
    assert (bot.position.qty, len(bot.position.armed)) == (Decimal("0.4"), 1)


def test_fill_that_races_the_cancel_is_ours() -> None:
    bot = Bot(protection=protection("2%"))
    signal = waiting(bot)
    bot.wait(60_000)
    order = bot.last_order
    bot.reports(OrderStatus.CANCELED, "0.25", order)
    assert bot.outcome(signal)[0] == "executing"
    bot.fills(order, at="99", qty="0.25")
    assert (bot.outcome(signal), bot.position.qty) == (("executed", "partly_filled"), Decimal("0.25"))
    assert bot.position.stop_loss == Decimal("97.1")


def test_order_filled_whole_before_the_cancel_arrives_is_executed() -> None:
    bot = Bot()
    signal = waiting(bot)
    bot.wait(60_000)
    bot.tell(CancelAnswered(bot.last_order.link_id, taken=False))
    assert bot.last_order.link_id in bot.to_resolve
    bot.fills(at="99")
    bot.reports(OrderStatus.FILLED, "1")
    assert (bot.outcome(signal), bot.position.qty) == (("executed", None), Decimal(1))


def test_cancel_nobody_answers_is_asked_for_again_until_the_order_is_over() -> None:
    bot = Bot()
    waiting(bot)
    bot.wait(60_000)
    bot.wait(9_000)
    assert len(bot.cancels) == 4
    canceled(bot)
    bot.wait(30_000)
    assert len(bot.cancels) == 4


# ---- crashes


def test_order_that_waits_survives_a_restart_and_still_expires() -> None:
    bot = Bot()
    signal = waiting(bot)
    bot.wait(20_000)
    bot.restarts()
    bot.wait(39_000)
    assert bot.cancels == []
    bot.wait(1_000)
    assert bot.cancels == [bot.last_order.link_id]
    canceled(bot)
    assert bot.outcome(signal) == ("expired", "entry_expired")


def test_order_whose_time_was_over_while_nobody_ran_is_canceled_at_the_start() -> None:
    bot = Bot()
    waiting(bot)
    bot.now += 3_600_000
    bot.restarts()
    assert bot.cancels == [bot.last_order.link_id]


def test_cancel_under_way_is_taken_up_after_a_restart() -> None:
    bot = Bot()
    waiting(bot)
    bot.wait(60_000)
    bot.restarts()
    bot.wait(3_000)
    assert len(bot.cancels) == 2
    assert bot.state.orders[bot.last_order.link_id].cancel_reason is CancelReason.EXPIRED


def test_order_unknown_when_taken_back_is_not_sent_again() -> None:
    bot = Bot()
    signal = bot.signal("buy", entry=limit("1%"))
    bot.loses_answer()
    close = bot.signal("close")
    bot.proves_absent()
    assert (len(bot.sent), bot.flat, bot.state.orders) == (1, True, {})
    assert bot.outcome(signal) == ("superseded", "entry_overtaken")
    assert bot.outcome(close) == ("executed", "entry_canceled")


def test_order_found_after_it_was_taken_back_is_canceled_then() -> None:
    bot = Bot()
    bot.signal("buy", entry=limit("1%"))
    bot.loses_answer()
    bot.signal("close")
    bot.wait(100)
    asked = len(bot.cancels)
    bot.reports(OrderStatus.OPEN, "0")
    assert len(bot.cancels) == asked + 1


def test_order_is_not_sent_again_beyond_the_signals_age_though_it_could_wait_longer() -> None:
    bot = Bot(max_age_s=5)
    signal = bot.signal("buy", entry=limit("1%", expires_s=3_600))
    bot.loses_answer()
    bot.wait(8_000)
    bot.proves_absent()
    assert (bot.outcome(signal)[0], len(bot.sent)) == ("expired", 1)


def test_post_only_order_that_would_fill_says_so() -> None:
    bot = Bot()
    signal = waiting(bot, post_only=True)
    order = bot.state.orders[bot.last_order.link_id]
    bot.tell_end(order, OrderStatus.CANCELED, "EC_PostOnlyWillTakeLiquidity")
    assert bot.outcome(signal) == ("failed", "post_only")


# ---- what comes meanwhile


def test_close_takes_the_order_back_and_is_done() -> None:
    bot = Bot()
    signal = waiting(bot)
    close = bot.signal("close")
    assert (bot.cancels, bot.outcome(close)[0]) == ([bot.last_order.link_id], "accepted")
    canceled(bot)
    assert bot.outcome(signal) == ("superseded", "entry_overtaken")
    assert (bot.outcome(close), len(bot.sent), bot.flat) == (("executed", "entry_canceled"), 1, True)


def test_close_button_takes_the_order_back_too() -> None:
    bot = Bot()
    waiting(bot)
    part = bot.close("0.5")
    assert (bot.outcome(part), bot.cancels) == (("refused", "nothing_filled"), [])
    whole = bot.close()
    canceled(bot)
    assert (bot.outcome(whole), bot.flat) == (("executed", "entry_canceled"), True)


def test_close_of_what_was_filled_meanwhile_closes_that() -> None:
    bot = Bot()
    signal = waiting(bot)
    close = bot.signal("close")
    bot.fills(at="99", qty="0.5")
    canceled(bot)
    assert bot.outcome(signal) == ("executed", "partly_filled")
    assert (bot.outcome(close), bot.last_order.reduce_only) == (("executed", None), True)
    assert bot.last_order.qty == Decimal("0.5")
    bot.fills(at="99")
    assert bot.flat


def test_close_of_a_part_filled_position_does_not_wait_for_the_cancel() -> None:
    bot = Bot()
    waiting(bot)
    entry = bot.last_order
    bot.fills(entry, at="99", qty="0.5")
    bot.signal("close")
    close = bot.last_order
    assert (close.reduce_only, close.qty, bot.cancels) == (True, Decimal("0.5"), [entry.link_id])
    bot.fills(close, at="99")
    assert not bot.flat  # the entry may still fill
    bot.fills(entry, at="98.9", qty="0.2")
    bot.wait(10)
    assert (bot.last_order.reduce_only, bot.last_order.qty) == (True, Decimal("0.2"))
    bot.fills(at="98.9")
    canceled_entry = bot.state.orders[entry.link_id]
    bot.reports(OrderStatus.CANCELED, canceled_entry.filled_qty, entry)
    assert bot.flat and bot.trade.qty == Decimal("0.7")


def test_crossed_stop_closes_first_and_takes_the_rest_back() -> None:
    bot = Bot(protection=protection("2%"))
    waiting(bot)
    entry = bot.last_order
    bot.fills(entry, at="99", qty="0.5")
    bot.tick("97")
    kinds = [type(effect).__name__ for effect in bot.history[-2][2]]
    assert kinds.index("SendOrder") < kinds.index("CancelOrder") < kinds.index("Commit")
    bot.fills(at="97")
    bot.reports(OrderStatus.CANCELED, "0.5", entry)
    assert bot.flat


def test_exchanges_stop_takes_the_rest_back() -> None:
    bot = Bot(protection=protection("2%"))
    waiting(bot)
    entry = bot.last_order
    bot.fills(entry, at="99", qty="0.5")
    bot.executes(bot.execution(entry.side.opposite, "0.5", "96.5", stop_order_type="StopLoss"))
    assert bot.cancels == [entry.link_id]
    bot.reports(OrderStatus.CANCELED, "0.5", entry)
    assert bot.flat and bot.trade.qty == Decimal("0.5")


@pytest.mark.parametrize("filled", ["0", "0.5"])
def test_opposite_signal_takes_the_order_back_and_opens_the_other_side(filled: str) -> None:
    bot = Bot()
    waiting(bot)
    entry = bot.last_order
    if filled != "0":
        bot.fills(entry, at="99", qty=filled)
    opposite = bot.signal("sell")
    assert bot.cancels == [entry.link_id]
    if filled != "0":
        bot.fills(at="99")
    bot.reports(OrderStatus.CANCELED, filled, entry)
    bot.fills(at="99")
    assert (bot.position.side, bot.outcome(opposite)) == (PositionSide.SHORT, ("executed", None))


@pytest.mark.parametrize(
    ("on_opposite", "outcome", "asked"),
    [(OnOpposite.CLOSE, ("executed", "entry_canceled"), 1), (OnOpposite.IGNORE, ("refused", "opposite_ignored"), 0)],
)
def test_opposite_signal_does_to_what_waits_as_to_what_is_open(
    on_opposite: OnOpposite, outcome: tuple[str, str], asked: int
) -> None:
    bot = Bot(on_opposite=on_opposite)
    waiting(bot)
    opposite = bot.signal("sell")
    assert len(bot.cancels) == asked
    if asked:
        canceled(bot)
    assert (bot.outcome(opposite), bot.flat) == (outcome, bool(asked))


def test_same_side_signal_is_answered_and_does_not_wait() -> None:
    bot = Bot()
    waiting(bot)
    assert bot.outcome(bot.signal("buy")) == ("refused", "entry_waiting")
    assert bot.outcome(bot.signal("target", target="long")) == ("executed", "already_there")
    assert bot.outcome(bot.signal("target", target="long", qty="1")) == ("executed", "already_there")
    assert (bot.cancels, len(bot.sent)) == ([], 1)


def test_other_target_replaces_what_waits() -> None:
    bot = Bot()
    waiting(bot)
    entry = bot.last_order
    bot.fills(entry, at="99", qty="0.4")
    target = bot.signal("target", target="long", qty="0.75")
    assert (bot.cancels, len(bot.sent)) == ([entry.link_id], 1)
    bot.reports(OrderStatus.CANCELED, "0.4", entry)
    assert (bot.last_order.qty, bot.outcome(target)[0]) == (Decimal("0.35"), "executing")


@pytest.mark.parametrize("level", list(HaltLevel))
def test_halt_takes_the_order_back(level: HaltLevel) -> None:
    bot = Bot()
    signal = waiting(bot)
    bot.halts(level)
    assert bot.cancels == [bot.last_order.link_id]
    canceled(bot)
    assert (bot.outcome(signal), bot.flat) == (("refused", "halted"), True)


def test_strategy_switched_off_takes_its_order_back() -> None:
    bot = Bot()
    signal = waiting(bot)
    bot.tell(StrategiesChanged({bot.strategy.id: replace(bot.strategy, enabled=False)}))
    bot.snapshot()
    canceled(bot)
    assert bot.outcome(signal) == ("refused", "strategy_disabled")


def test_reversal_by_limit_ends_flat_when_its_order_expires() -> None:
    bot = Bot(entry=limit("1%"))
    bot.signal("buy")
    bot.fills(at="99")
    reversing = bot.signal("sell")
    bot.fills(at="99")
    assert bot.last_order.limit_price == Decimal(101)
    bot.accepts()
    bot.wait(60_000)
    canceled(bot)
    assert (bot.outcome(reversing), bot.flat) == (("expired", "entry_expired"), True)
    assert [reversal.step.value for reversal in bot.written.reversals.values()] == ["flat_expired"]


def test_rest_that_waits_holds_up_no_reconciliation() -> None:
    bot = Bot(protection=protection("2%"))
    waiting(bot, expires_s=3_600)
    bot.fills(at="99", qty="0.4")
    for _ in range(4):
        bot.wait(SETTLED_AFTER_MS)
        bot.snapshot(bot.held("0.1"))
    assert bot.position.qty == Decimal("0.1")
