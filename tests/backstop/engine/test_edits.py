"""Trailing, break-even and time exit of an open position are changed; what was not named stays as it has become."""

from decimal import Decimal

import pytest

from backstop.domain.order import Purpose
from backstop.domain.position import PositionStatus
from backstop.domain.protection import BreakEven, Level, LevelKind, Protection, Trailing
from backstop.engine.events import Edit, SnapshotTaken
from tests.backstop.engine.bench import Bot, ladder, mark, protection


def trailing(distance: str, activation: str | None = None) -> Edit[Trailing]:
    return Edit(Trailing(mark(distance), mark(activation) if activation is not None else None))


def break_even(trigger: str, offset: str = "0") -> Edit[BreakEven]:
    return Edit(BreakEven(mark(trigger), Decimal(offset)))


def armed(bot: Bot, kind: LevelKind) -> Level:
    (level,) = [level for level in bot.position.armed if level.kind is kind]
    assert bot.armed[level.close_id] == level
    return level


def test_a_trailing_stop_begins_at_the_present_price_and_the_exchanges_stop_follows() -> None:
    bot = Bot(protection=protection("5%"))
    bot.opens("buy", at="1000")
    bot.quotes("1100")
    assert bot.outcome(bot.protect(trailing=trailing("1%"))) == ("executed", None)
    assert armed(bot, LevelKind.TRAILING).price == 1089
    assert armed(bot, LevelKind.STOP_LOSS).price == 950
    assert bot.resident_asked[-1] == 1084  # half a percent of the entry behind

    bot.tick("1089")
    assert bot.last_order.purpose is Purpose.TRAILING


def test_a_position_at_a_loss_is_not_closed_by_a_new_trailing_stop() -> None:
    bot = Bot(protection=protection("5%"))
    bot.opens("sell", at="1000")
    bot.tick("1030")
    bot.protect(trailing=trailing("1%"))
    bot.tick("1030")
    assert bot.position.status is PositionStatus.OPEN
    assert bot.position.stop_loss == Decimal("1040.3")


def test_a_trailing_stop_may_wait_for_its_activation() -> None:
    bot = Bot(protection=protection("5%"))
    bot.opens("buy", at="1000")
    bot.protect(trailing=trailing("1%", "2%"))
    assert bot.position.stop_loss == 950
    bot.tick("1020")
    assert bot.position.stop_loss == Decimal("1009.8")


def test_an_edit_takes_new_ids_and_keeps_what_was_not_named_where_it_is() -> None:
    bot = Bot(
        protection=Protection(
            stop_loss=mark("5%"),
            take_profit=ladder(("20%", "0.5")),
            trailing=Trailing(mark("1%")),
            break_even=BreakEven(mark("1%")),
        )
    )
    bot.opens("buy", at="1000")
    bot.tick("1100")
    before = {level.kind: level for level in bot.position.armed}
    assert before[LevelKind.TRAILING].price == 1089
    assert before[LevelKind.STOP_LOSS].price > 1000  # moved to break-even

    bot.protect(take_profit=ladder(("30%", "1")))

    after = {level.kind: level for level in bot.position.armed}
    for kind in (LevelKind.STOP_LOSS, LevelKind.TRAILING, LevelKind.RATCHET):
        assert after[kind].price == before[kind].price
        assert after[kind].close_id != before[kind].close_id
    assert LevelKind.BREAK_EVEN not in after
    assert set(bot.armed) == {level.close_id for level in after.values()}
    bot.tick("1110")
    assert bot.position.stop_loss == Decimal("1098.9")


def test_a_stop_asked_for_again_is_put_back_where_it_was() -> None:
    bot = Bot(protection=Protection(stop_loss=mark("5%"), break_even=BreakEven(mark("1%"))))
    bot.opens("buy", at="1000")
    bot.tick("1020")
    bot.protect("5%")
    assert bot.position.stop_loss == 950


def test_a_break_even_taken_away_leaves_the_stop_it_has_moved() -> None:
    bot = Bot(protection=Protection(stop_loss=mark("5%"), break_even=BreakEven(mark("1%"))))
    bot.opens("buy", at="1000")
    bot.tick("1020")
    moved = bot.position.stop_loss
    bot.protect(break_even=Edit(None))
    assert (bot.position.stop_loss, bot.position.protection.break_even) == (moved, None)


def test_a_new_break_even_moves_the_stop_at_its_trigger() -> None:
    bot = Bot(protection=protection("5%"))
    bot.opens("buy", at="1000")
    bot.protect(break_even=break_even("2%"))
    bot.tick("1019")
    assert bot.position.stop_loss == 950
    bot.tick("1020")
    assert bot.position.stop_loss == Decimal("1001.2")
    bot.tick("1001")
    assert bot.last_order.purpose is Purpose.BREAK_EVEN


def test_a_time_exit_given_later_counts_from_the_opening_and_moves_no_level() -> None:
    bot = Bot(protection=protection("5%"))
    before = bot.opens("buy").armed
    bot.wait(20_000)
    assert bot.outcome(bot.protect(time_exit_s=Edit(30))) == ("executed", None)
    assert bot.position.armed == before
    bot.now += 10_000
    bot.tell(SnapshotTaken((bot.held(),), bot.now))
    assert bot.last_order.purpose is Purpose.TIME


def test_a_time_exit_taken_away_closes_nothing() -> None:
    bot = Bot(protection=Protection(stop_loss=mark("5%"), time_exit_ms=30_000))
    bot.opens("buy")
    bot.protect(time_exit_s=Edit(None))
    bot.now += 60_000
    bot.tell(SnapshotTaken((bot.held(),), bot.now))
    assert bot.position.status is PositionStatus.OPEN


@pytest.mark.parametrize(
    ("edit", "code"),
    [
        ({"trailing": trailing("0.01%")}, "trailing_too_tight"),
        ({"trailing": trailing("600")}, "trailing_too_far"),
        ({"break_even": break_even("0.1%")}, "break_even_too_near"),
        ({"break_even": break_even("990")}, "break_even_too_near"),
        ({"break_even": break_even("1%", "0.02")}, "break_even_too_near"),
        ({"time_exit_s": Edit(60)}, "time_exit_passed"),
        # All of it or nothing.
        ({"break_even": break_even("0.1%"), "time_exit_s": Edit(7200)}, "break_even_too_near"),
    ],
)
def test_what_makes_no_sense_is_refused_and_changes_nothing(edit: dict[str, Edit[object]], code: str) -> None:
    bot = Bot(protection=protection("5%"))
    bot.opens("buy", at="1000")
    bot.wait(60_000)
    before = bot.position
    assert bot.outcome(bot.protect(**edit)) == ("refused", code)  # type: ignore[arg-type]
    assert (bot.position.levels, bot.position.protection) == (before.levels, before.protection)


def test_a_target_that_is_no_price_is_refused() -> None:
    bot = Bot(protection=protection("5%"))
    bot.opens("sell")
    assert bot.outcome(bot.protect(take_profit=ladder(("150%", "1")))) == ("refused", "level_below_zero")


@pytest.mark.parametrize("edit", [Edit(None), trailing("2%", "5%")])
def test_the_only_stop_is_not_taken_away(edit: Edit[Trailing]) -> None:
    bot = Bot(protection=Protection(trailing=Trailing(mark("1%"))))
    bot.opens("buy", at="1000")
    assert bot.outcome(bot.protect(trailing=edit)) == ("refused", "last_stop")
    assert bot.position.stop_loss == 990


def test_it_may_be_taken_away_for_a_stop_in_its_place() -> None:
    bot = Bot(protection=Protection(trailing=Trailing(mark("1%"))))
    bot.opens("buy", at="1000")
    assert bot.outcome(bot.protect("3%", trailing=Edit(None))) == ("executed", None)
    assert [(level.kind, level.price) for level in bot.position.armed] == [(LevelKind.STOP_LOSS, Decimal(970))]


def test_nothing_trails_behind_an_old_price() -> None:
    bot = Bot(protection=protection("5%"))
    bot.opens("buy", at="1000")
    bot.quoting = False
    bot.wait(4_000)
    assert bot.outcome(bot.protect(trailing=trailing("1%"))) == ("refused", "no_price")


def test_an_edit_outlives_the_process() -> None:
    bot = Bot(protection=protection("5%"))
    bot.opens("buy", at="1000")
    bot.protect(trailing=trailing("1%"), break_even=break_even("3%"), time_exit_s=Edit(3600))
    before = bot.position
    bot.restarts()
    assert (bot.position.levels, bot.position.protection) == (before.levels, before.protection)
    bot.tick("1030")
    assert bot.position.stop_loss == Decimal("1019.7")
