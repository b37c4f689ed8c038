"""The exchange's own stop stands behind every position: proven, mended, or the position is closed."""

from dataclasses import replace
from decimal import Decimal

import pytest

from backstop.domain.execution import ExitReason
from backstop.domain.order import Purpose
from backstop.domain.position import PositionStatus
from backstop.domain.protection import PriceSource
from backstop.engine.effects import Commit, SavePosition
from backstop.engine.events import PositionReported
from tests.backstop.engine.bench import Bot, protection


def test_right_stop_is_left_alone() -> None:
    bot = Bot(protection=protection("1%"))
    bot.opens("buy")
    for _ in range(5):
        bot.wait(5_000)
        bot.reports_position("98.5")
    assert (bot.resident_asked, len(bot.sent)) == ([], 1)
    assert bot.position.resident.verified_at == bot.now


def test_position_without_protection_needs_no_stop() -> None:
    bot = Bot()
    bot.opens("buy")
    bot.reports_position(None)
    assert bot.resident_asked == []


def test_stop_missing_in_the_very_first_report_is_asked_for() -> None:
    bot = Bot(protection=protection("1%"))
    bot.opens("buy", resident=False)
    assert bot.resident_asked == []
    bot.reports_position(None)
    assert bot.resident_asked == [Decimal("98.5")]


def test_stop_missing_in_a_report_before_the_first_fill_is_asked_for() -> None:
    bot = Bot(protection=protection("1%"))
    bot.signal("buy")
    bot.reports_position(None, qty="1")
    bot.fills(at="100")
    assert bot.resident_asked == [Decimal("98.5")]


@pytest.mark.parametrize(
    ("action", "stop", "right"),
    [
        ("buy", "98.5", True),
        ("buy", "99", True),  # on the watched one
        ("buy", "98.1", True),  # 1.5 gaps and 2 ticks behind: 99 - 0.75 - 0.2 = 98.05
        ("buy", "98", False),
        ("buy", "99.1", False),  # before the watched one: the exchange would always be first
        ("buy", None, False),
        ("sell", "101.5", True),
        ("sell", "100.9", False),
        ("sell", "102.8", False),
    ],
)
def test_which_stop_is_right(action: str, stop: str | None, right: bool) -> None:
    bot = Bot(protection=protection("1%"))
    bot.opens(action)
    bot.reports_position(stop)
    assert (bot.resident_asked == []) is right


@pytest.mark.fault(39)
def test_missing_stop_is_asked_for_three_times_then_the_position_is_closed() -> None:
    bot = Bot(protection=protection("1%"))
    bot.opens("buy")
    for _ in range(3):
        bot.reports_position(None)
        assert bot.position.status is PositionStatus.OPEN
        bot.wait(1_500)
    bot.reports_position(None)
    assert bot.resident_asked == [Decimal("98.5")] * 3
    assert (bot.last_order.purpose, bot.last_order.qty) == (Purpose.PROTECTION, Decimal(1))
    assert bot.notices == ["unprotected"]
    bot.fills(at="100")
    assert bot.trade.exit_reason is ExitReason.STOP_LOSS


def test_stop_is_not_asked_for_again_before_the_exchange_had_time() -> None:
    bot = Bot(protection=protection("1%"))
    bot.opens("buy")
    for _ in range(20):
        bot.wait(50)
        bot.reports_position(None)
    assert bot.resident_asked == [Decimal("98.5")]


def test_mended_stop_starts_the_count_anew() -> None:
    bot = Bot(protection=protection("1%"))
    bot.opens("buy")
    for _ in range(5):
        bot.wait(1_500)
        bot.reports_position(None)
        bot.wait(1_500)
        bot.reports_position("98.5")
    assert (bot.position.status, bot.position.resident_tries) == (PositionStatus.OPEN, 0)


def test_older_report_proves_nothing() -> None:
    bot = Bot(protection=protection("1%"))
    bot.opens("buy")
    bot.reports_position(None, at=bot.now - 1)
    assert (bot.resident_asked, bot.position.resident.price) == ([], Decimal("98.5"))


def test_stop_that_the_price_has_passed_closes_at_once() -> None:
    bot = Bot(protection=protection("1%"))
    bot.opens("buy")
    bot.reports_position(None)
    bot.refuses_stop(passed=True)
    assert bot.last_order.purpose is Purpose.PROTECTION


def test_one_refusal_is_not_yet_a_reason_to_close() -> None:
    bot = Bot(protection=protection("1%"))
    bot.opens("buy")
    bot.reports_position(None)
    bot.refuses_stop(passed=False)
    assert bot.position.status is PositionStatus.OPEN


def test_stop_nobody_answered_for_is_looked_at_soon_and_asked_for_again_where_it_is_missing() -> None:
    bot = Bot(protection=protection("1%"))
    bot.opens("buy")
    bot.protect("2%")
    bot.loses_stop()
    assert bot.snapshots_wanted == 1
    bot.snapshot(bot.held(stop="98.5"))  # read before it could be set
    assert len(bot.resident_asked) == 1

    bot.wait(1_500)
    assert bot.snapshots_wanted == 2
    bot.snapshot(bot.held(stop="98.5"))
    assert bot.resident_asked == [Decimal("97.5")] * 2
    bot.loses_stop()
    bot.snapshot(bot.held(stop="97.5"))
    wanted = bot.snapshots_wanted
    bot.wait(10_000)
    assert (bot.snapshots_wanted, len(bot.resident_asked)) == (wanted, 2)


def test_lost_answers_alone_close_nothing() -> None:
    """No answer is no refusal."""
    bot = Bot(protection=protection("1%"))
    bot.opens("buy")
    for _ in range(3):
        bot.reports_position(None)
        bot.loses_stop()
        bot.wait(1_500)
    assert (bot.position.status, bot.notices) == (PositionStatus.OPEN, [])
    bot.reports_position("98.5")
    assert (bot.position.status, bot.position.resident_tries) == (PositionStatus.OPEN, 0)


def test_stop_refused_for_another_reason_is_looked_at_soon() -> None:
    bot = Bot(protection=protection("1%"))
    bot.opens("buy")
    bot.reports_position(None)
    bot.refuses_stop(passed=False)
    wanted = bot.snapshots_wanted
    bot.wait(1_500)
    assert bot.snapshots_wanted == wanted + 1


def test_closing_position_is_not_given_stops() -> None:
    bot = Bot(protection=protection("1%"))
    bot.opens("buy")
    bot.tick("99")
    bot.reports_position(None)
    bot.refuses_stop(passed=True)
    assert (bot.resident_asked, len(bot.sent)) == ([], 2)


def test_entry_filled_away_from_its_quote_has_the_stop_moved_along() -> None:
    bot = Bot(protection=protection("1%"))
    bot.signal("buy")
    bot.fills(at="97")
    bot.reports_position("98.5")
    assert bot.resident_asked == [Decimal("95.6")]  # 97 - 1 % = 96.1 (up), - 0.5 % of 97 = 95.6 (down)


def test_news_of_a_position_is_not_hidden_behind_the_proof_of_its_stop() -> None:
    """Seen: the fill and a quiet note on the stop fell into one step, and dashboards were not told of the fill."""
    bot = Bot(protection=protection("1%"))
    bot.signal("buy")
    bot.reports_position(None, qty="1")
    bot.fills(at="100")
    commit = next(e for _, _, effects in reversed(bot.history) for e in effects if isinstance(e, Commit))
    assert [change.quiet for change in commit.changes if isinstance(change, SavePosition)] == [False]


def test_proof_alone_is_quiet() -> None:
    bot = Bot(protection=protection("1%"))
    bot.opens("buy")
    bot.reports_position("98.5")
    (commit,) = bot.history[-1][2]
    assert isinstance(commit, Commit)
    assert [change.quiet for change in commit.changes if isinstance(change, SavePosition)] == [True]


def test_stop_is_placed_and_asked_for_by_the_price_the_strategy_names() -> None:
    bot = Bot(protection=replace(protection("1%"), trigger_by=PriceSource.MARK))
    bot.opens("buy", resident=False)
    assert bot.last_order.stop_trigger_by is PriceSource.MARK
    bot.reports_position(None)
    assert (bot.resident_asked, bot.resident_triggers) == ([Decimal("98.5")], [PriceSource.MARK])


def test_stop_compared_with_another_price_is_set_anew() -> None:
    bot = Bot(protection=replace(protection("1%"), trigger_by=PriceSource.MARK))
    bot.opens("buy")
    bot.tell(PositionReported(replace(bot.held(stop="98.5"), stop_trigger_by=PriceSource.MARK)))
    bot.reports_position("98.5")
    assert bot.resident_asked == []
    bot.tell(PositionReported(replace(bot.held(stop="98.5"), stop_trigger_by=PriceSource.LAST)))
    assert (bot.resident_asked, bot.resident_triggers) == ([Decimal("98.5")], [PriceSource.MARK])


def test_stop_that_moved_by_hand_is_judged_anew() -> None:
    bot = Bot(protection=replace(protection("1%"), trigger_by=PriceSource.INDEX))
    bot.opens("buy")
    bot.tell(PositionReported(replace(bot.held(stop="98.5"), stop_trigger_by=PriceSource.INDEX)))
    bot.reports_position("98.4")
    assert bot.position.resident.trigger_by is None


def test_stop_whose_setting_went_long_without_an_answer_is_set_again_while_it_is_looked_for() -> None:
    """The reading may get no answer either; meanwhile nothing would stand at the exchange."""
    bot = Bot(protection=protection("1%"))
    bot.opens("buy", at="100")
    bot.now += 2_000
    bot.reports_position(None)
    asked = len(bot.resident_asked)
    bot.loses_stop()
    assert len(bot.resident_asked) == asked  # at once: it is only looked for
    bot.now += 5_000
    bot.loses_stop()
    assert bot.resident_asked[asked:] == bot.resident_asked[asked - 1 : asked]
