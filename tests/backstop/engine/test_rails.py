"""Halts and limits stop entries; exits always go through."""

from dataclasses import replace
from decimal import Decimal
from uuid import uuid4

import pytest

from backstop.domain.execution import ExitReason
from backstop.domain.ids import CommandId
from backstop.domain.limits import DAY_MS, Day, HaltLevel, Limits, day_start
from backstop.domain.order import OrderStatus, Purpose
from backstop.domain.position import PositionStatus
from backstop.domain.windows import Window, Zone
from backstop.engine.events import (
    CommandReceived,
    FitnessJudged,
    HaltCommand,
    LimitsChanged,
    ResumeCommand,
    WalletReported,
)
from tests.backstop.engine.bench import START, Bot, protection


def halt(bot: Bot, level: HaltLevel) -> None:
    bot.tell(CommandReceived(HaltCommand(CommandId(uuid4()), level, bot.now)))


def resume(bot: Bot) -> None:
    bot.tell(CommandReceived(ResumeCommand(CommandId(uuid4()), bot.now)))


@pytest.mark.parametrize("level", list(HaltLevel))
def test_no_entry_while_halted_and_entries_again_once_resumed(level: HaltLevel) -> None:
    bot = Bot()
    halt(bot, level)
    refused = bot.signal("buy")
    resume(bot)
    taken = bot.signal("buy")

    assert bot.outcome(refused) == ("refused", "halted")
    assert bot.outcome(taken) == ("executing", None)
    assert bot.notices == ["halted", "resumed"]


@pytest.mark.parametrize("level", [HaltLevel.NO_ENTRIES, HaltLevel.REDUCE_ONLY])
def test_a_halt_leaves_positions_open_and_their_stops_alive(level: HaltLevel) -> None:
    bot = Bot(protection=protection("1%"))
    bot.opens("buy")
    halt(bot, level)

    assert bot.position.status is PositionStatus.OPEN
    bot.tick("99")

    assert (bot.last_order.purpose, bot.last_order.reduce_only) == (Purpose.STOP_LOSS, True)


def test_flatten_closes_what_is_open() -> None:
    bot = Bot(protection=protection("1%"))
    bot.opens("buy", "2")
    halt(bot, HaltLevel.FLATTEN)

    assert (bot.last_order.purpose, bot.last_order.qty, bot.last_order.reduce_only) == (Purpose.HALT, Decimal(2), True)
    bot.fills(at="100")
    assert bot.trade.exit_reason is ExitReason.HALT
    assert bot.armed == {}


def test_flatten_closes_what_fills_after_it() -> None:
    bot = Bot(protection=protection("1%"))
    bot.signal("buy", qty="2")
    entry = bot.last_order
    bot.accepts(entry)
    halt(bot, HaltLevel.FLATTEN)
    bot.fills(entry, at="100")

    assert bot.last_order.purpose is Purpose.HALT


def test_a_reversal_under_a_halt_ends_flat_with_its_reason() -> None:
    bot = Bot()
    bot.opens("buy")
    halt(bot, HaltLevel.NO_ENTRIES)
    signal = bot.signal("sell")
    bot.accepts()
    bot.fills(at="101")

    assert bot.flat
    assert bot.outcome(signal) == ("failed", "halted")
    assert "flat_failed" in bot.notices


def test_a_days_loss_beyond_the_limit_halts_entries_until_resumed() -> None:
    bot = Bot()
    bot.tell(LimitsChanged(Limits(daily_loss_pct=Decimal(5))))
    bot.tell(WalletReported(Decimal(1000)))
    bot.tell(WalletReported(Decimal("950.01")))
    assert bot.state.halt is None
    bot.tell(WalletReported(Decimal(950)))
    assert bot.state.halt is not None
    assert bot.state.halt.level is HaltLevel.NO_ENTRIES

    assert bot.outcome(bot.signal("buy")) == ("refused", "halted")
    resume(bot)
    bot.tell(WalletReported(Decimal(949)))
    assert bot.state.halt is None


def test_a_new_day_counts_from_its_first_equity() -> None:
    bot = Bot()
    bot.tell(WalletReported(Decimal(1000)))
    bot.wait(DAY_MS)
    bot.tell(WalletReported(Decimal(900)))

    assert bot.state.day == Day(day_start(START + DAY_MS), Decimal(900))


def limited(**limits: object) -> Bot:
    bot = Bot()
    bot.tell(LimitsChanged(replace(Limits(), **limits)))  # type: ignore[arg-type]
    return bot


def test_more_notional_than_allowed_is_refused_and_as_much_is_not() -> None:
    bot = limited(max_notional=Decimal(200))

    assert bot.outcome(bot.signal("buy", qty="2.001")) == ("refused", "max_notional")
    assert bot.outcome(bot.signal("buy", qty="2")) == ("executing", None)


def test_entries_are_counted_by_the_minute() -> None:
    bot = limited(max_orders_per_minute=1)
    bot.opens("buy")
    bot.close()
    bot.accepts()
    bot.fills(at="100")
    bot.reports(OrderStatus.FILLED, "1")

    assert bot.outcome(bot.signal("buy")) == ("refused", "max_orders_per_minute")
    bot.wait(60_000)
    assert bot.outcome(bot.signal("buy")) == ("executing", None)


def test_a_symbol_cools_down_after_its_position_closed() -> None:
    bot = limited(cooldown_ms=10_000)
    bot.opens("buy")
    bot.close()
    bot.accepts()
    bot.fills(at="100")

    assert bot.outcome(bot.signal("buy")) == ("refused", "cooldown")
    bot.wait(10_000)
    assert bot.outcome(bot.signal("buy")) == ("executing", None)


def test_a_reversal_does_not_cool_down() -> None:
    bot = limited(cooldown_ms=10_000)
    bot.opens("buy")
    signal = bot.signal("sell")
    bot.accepts()
    bot.fills(at="100")

    assert bot.outcome(signal) == ("executing", None)
    assert bot.last_order.purpose is Purpose.ENTRY


def test_an_account_that_may_not_be_traded_opens_nothing_and_still_closes() -> None:
    bot = Bot(protection=protection("1%"))
    bot.opens("buy")
    bot.tell(FitnessJudged("the key may withdraw"))
    bot.tick("99")
    assert (bot.last_order.purpose, bot.last_order.reduce_only) == (Purpose.STOP_LOSS, True)
    bot.fills(at="99")
    refused = bot.signal("buy")
    bot.tell(FitnessJudged(None))
    taken = bot.signal("buy")
    assert bot.outcome(refused) == ("refused", "account_unfit")
    assert bot.outcome(taken) == ("executing", None)


def test_entries_keep_to_their_times_and_exits_do_not() -> None:
    minute = START % 86_400_000 // 60_000
    utc = Zone("UTC", ((0, 0),))
    every_day = frozenset(range(7))
    bot = Bot()
    bot.tell(LimitsChanged(Limits(windows=(Window(every_day, minute, minute + 10, utc),))))
    bot.opens("buy")
    bot.wait(11 * 60_000)
    assert bot.outcome(bot.signal("target", target="long", qty="2")) == ("refused", "outside_window")
    bot.signal("close")
    assert bot.last_order.reduce_only
    bot.fills(at="100")
    assert bot.outcome(bot.signal("buy")) == ("refused", "outside_window")
