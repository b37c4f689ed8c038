"""What became of an order is known by evidence: lost answers, refusals, duplicates."""

from decimal import Decimal

import pytest

from backstop.domain.order import OrderStatus
from backstop.domain.position import PositionStatus
from backstop.engine.effects import ResolveOrder, SendOrder
from backstop.engine.events import OrderLapsed, OrderSent, Verdict
from tests.backstop.engine.bench import Bot, protection


def test_lost_answer_of_an_entry_is_looked_up_and_not_sent_again() -> None:
    bot = Bot()
    bot.signal("buy")
    entry = bot.last_order
    bot.loses_answer(entry)
    assert list(bot.to_resolve) == [entry.link_id]
    bot.wait(20_000)
    assert bot.sent == [entry]
    assert bot.state.orders[entry.link_id].status is OrderStatus.UNKNOWN


def test_lost_answer_of_an_entry_that_was_filled_is_adopted() -> None:
    bot = Bot(protection=protection("1%"))
    signal = bot.signal("buy")
    bot.loses_answer()
    bot.fills(at="100")
    bot.reports(OrderStatus.FILLED, "1")
    assert (bot.position.status, bot.outcome(signal), dict(bot.state.orders)) == (
        PositionStatus.OPEN,
        ("executed", None),
        {},
    )


def test_entry_proven_absent_is_sent_again_under_its_id_while_fresh() -> None:
    bot = Bot()
    bot.signal("buy")
    first = bot.last_order
    bot.loses_answer()
    bot.wait(9_000)
    bot.proves_absent()
    assert [order.link_id for order in bot.sent] == [first.link_id] * 2


def test_entry_proven_absent_too_late_expires() -> None:
    bot = Bot()
    signal = bot.signal("buy")
    bot.loses_answer()
    bot.wait(30_001)
    bot.proves_absent()
    assert (len(bot.sent), bot.flat, bot.outcome(signal)) == (1, True, ("expired", "entry_expired"))


def test_entry_that_could_not_leave_in_time_expires() -> None:
    bot = Bot()
    signal = bot.signal("buy")
    bot.tell(OrderLapsed(bot.last_order.link_id))
    assert (bot.flat, bot.outcome(signal)[0]) == (True, "expired")


def test_proof_of_absence_counts_from_the_last_sending() -> None:
    """The order says when it was last sent: until then plus the receive window the request may still arrive."""
    bot = Bot()
    bot.signal("buy")
    order = bot.last_order
    bot.wait(9_000)
    bot.tell(OrderSent(order.link_id, bot.now))
    assert bot.state.orders[order.link_id].sent_at == bot.now


def test_accepted_entry_is_never_given_up_for_absence() -> None:
    """Seen: the histories lagged behind the acceptance, and the position was called failed while it filled."""
    bot = Bot()
    bot.signal("buy")
    bot.accepts()
    bot.wait(31_000)
    bot.proves_absent()
    assert bot.position.status is PositionStatus.OPENING
    bot.fills(at="100")
    assert bot.position.qty == 1


def test_lost_answer_of_a_close_is_looked_up_and_sent_again_under_its_id() -> None:
    bot = Bot()
    bot.opens("buy")
    bot.signal("close")
    close = bot.last_order
    bot.loses_answer()
    assert close.link_id in bot.to_resolve
    bot.wait(1_000)
    assert [order.link_id for order in bot.sent[1:]] == [close.link_id] * 2


@pytest.mark.fault(13)
def test_duplicate_id_on_a_resend_means_it_exists() -> None:
    """110072 reaches the engine as uncertain: it is looked up, found filled, and that is all."""
    bot = Bot()
    bot.opens("buy")
    bot.signal("close")
    close = bot.last_order
    bot.loses_answer()
    bot.wait(1_000)
    bot.loses_answer()
    bot.fills(close, at="100")
    bot.reports(OrderStatus.FILLED, "1", close)
    bot.wait(10_000)
    assert (bot.flat, len(bot.sent), dict(bot.state.orders)) == (True, 3, {})


def test_close_proven_absent_is_sent_again_however_old() -> None:
    bot = Bot()
    bot.opens("buy")
    bot.signal("close")
    close = bot.last_order
    bot.wait(60_000)
    bot.proves_absent()
    assert [order.link_id for order in bot.sent[1:]] == [close.link_id] * 2


def test_refusal_that_passes_is_retried_under_the_same_id() -> None:
    for action in ("buy", "close"):
        bot = Bot()
        if action == "close":
            bot.opens("buy")
        bot.signal(action)
        order = bot.last_order
        sent = len(bot.sent)
        bot.refuses(verdict=Verdict.RETRY, code=10006)
        bot.wait(200)
        assert [again.link_id for again in bot.sent[sent:]] == [order.link_id]


def test_retried_entry_expires_with_its_signal() -> None:
    bot = Bot(max_age_s=1)
    signal = bot.signal("buy")
    for _ in range(20):
        if bot.state.orders:
            bot.refuses(verdict=Verdict.RETRY, code=10006)
        bot.wait(200)
    assert (bot.flat, bot.outcome(signal)) == (True, ("expired", "entry_expired"))


def test_refused_entry_is_not_tried_again() -> None:
    bot = Bot()
    signal = bot.signal("buy")
    bot.refuses()
    bot.wait(60_000)
    assert (len(bot.sent), bot.outcome(signal)) == (1, ("failed", "exchange_refused"))


def test_refusal_of_a_second_sending_says_nothing_of_an_accepted_first() -> None:
    bot = Bot()
    bot.opens("buy")
    bot.signal("close")
    bot.accepts()
    bot.refuses(verdict=Verdict.NOTHING_TO_REDUCE, code=110017)
    assert bot.state.orders[bot.last_order.link_id].status is OrderStatus.OPEN
    bot.fills(at="100")
    assert (bot.flat, len(bot.sent)) == (True, 2)


def test_report_before_the_fills_waits_for_them() -> None:
    bot = Bot(protection=protection("1%"))
    signal = bot.signal("buy")
    bot.reports(OrderStatus.FILLED, "1")
    assert (bot.position.status, bot.outcome(signal)[0]) == (PositionStatus.OPENING, "executing")
    bot.wait(2_000)
    assert bot.last_order.link_id in bot.to_resolve, "after 2 s they are looked up"
    bot.fills(at="100")
    assert (bot.position.status, bot.outcome(signal)[0]) == (PositionStatus.OPEN, "executed")


def test_cancel_that_raced_a_fill_ends_filled() -> None:
    bot = Bot()
    bot.opens("buy")
    bot.signal("close")
    bot.reports(OrderStatus.CANCELED, "0.4")
    bot.reports(OrderStatus.FILLED, "1")
    bot.fills(at="100", qty="0.4")
    assert not bot.flat
    bot.fills(at="100", qty="0.6")
    assert bot.flat
    assert bot.written.orders[bot.last_order.link_id].status is OrderStatus.FILLED


@pytest.mark.parametrize("status", [OrderStatus.FILLED, OrderStatus.CANCELED, OrderStatus.REJECTED])
def test_older_news_changes_nothing(status: OrderStatus) -> None:
    bot = Bot()
    bot.signal("buy")
    order = bot.last_order
    bot.reports(status, "1" if status is OrderStatus.FILLED else "0")
    if status is OrderStatus.FILLED:
        bot.fills(order, at="100")
    before = bot.state
    bot.accepts(order)
    bot.loses_answer(order)
    bot.refuses(order)
    bot.proves_absent(order)
    bot.reports(OrderStatus.OPEN, "0", order)
    assert (bot.state, len(bot.sent)) == (before, 1)


def test_unfinished_order_is_looked_up_after_2_s() -> None:
    bot = Bot()
    bot.opens("buy")
    bot.signal("close")
    bot.wait(1_999)
    assert not bot.to_resolve
    bot.wait(1)
    assert list(bot.to_resolve) == [bot.last_order.link_id]


def test_close_whose_fills_never_come_is_closed_again() -> None:
    """They were booked by a process that ended: the order would wait for ever, and the position with it."""
    bot = Bot()
    bot.opens("buy")
    bot.signal("close")
    first = bot.last_order
    bot.reports(OrderStatus.CANCELED, "0.5")
    for _ in range(5):
        bot.wait(2_500)
        bot.reports(OrderStatus.CANCELED, "0.5", first)
    bot.wait(0)
    assert bot.last_order.link_id != first.link_id


def test_close_of_a_position_that_is_gone_is_dropped_once_proven_absent() -> None:
    bot = Bot()
    bot.opens("buy")
    bot.signal("close")
    close = bot.last_order
    bot.loses_answer()
    bot.trades_by_hand("sell", "1", "100")
    assert bot.flat
    bot.proves_absent(close)
    assert dict(bot.state.orders) == {}
    assert bot.written.orders[close.link_id].status is OrderStatus.EXPIRED
    assert len(bot.sent) == 2


def test_order_sent_is_followed_only_by_what_evidence_allows() -> None:
    """An unknown entry brings no new order of any kind, whatever reminders run."""
    bot = Bot()
    bot.signal("buy")
    bot.loses_answer()
    history = len(bot.history)
    bot.wait(60_000)
    effects = [effect for _, _, effects in bot.history[history:] for effect in effects]
    assert not [effect for effect in effects if isinstance(effect, SendOrder)]
    assert [effect for effect in effects if not isinstance(effect, ResolveOrder)] == []
    assert bot.position.qty == Decimal(0)


def test_retries_of_a_close_do_not_multiply() -> None:
    """Seen: each lost answer, each proof of absence and each refusal began a line of retries of its own."""
    bot = Bot()
    bot.opens("buy")
    bot.signal("close")
    close = bot.last_order
    for _ in range(5):
        bot.loses_answer(close)
        bot.proves_absent(close)
        bot.refuses(close, verdict=Verdict.RETRY, code=10006)
    sent = len(bot.sent)
    bot.wait(1_000)
    assert len(bot.sent) == sent + 1


@pytest.mark.fault(14)
def test_refused_for_its_rate_a_close_backs_off_and_goes_on() -> None:
    bot = Bot()
    bot.opens("buy")
    bot.signal("close")
    close, waits = bot.last_order, []
    for _ in range(7):
        asked, sent = bot.now, len(bot.sent)
        bot.refuses(close, verdict=Verdict.RETRY, code=10006)
        while len(bot.sent) == sent:
            bot.wait(100)
        waits.append(bot.now - asked)
    assert waits == [200, 400, 800, 1_500, 2_000, 2_000, 2_000]
    assert {order.link_id for order in bot.sent[1:]} == {close.link_id}


def test_entry_is_told_why_it_was_kept_back() -> None:
    bot = Bot()
    signal = bot.signal("buy")
    bot.tell(OrderLapsed(bot.last_order.link_id, "the price moved"))
    assert bot.written.signals[signal.id].reason == "the price moved"


def test_entry_remembers_the_price_it_was_decided_on() -> None:
    bot = Bot()
    bot.quotes("101.5")
    bot.signal("buy")
    assert bot.last_order.decided_price == Decimal("101.5")
