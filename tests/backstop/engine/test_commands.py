"""A user's wish goes the way of a signal: in its turn, on what is open, never on what is not."""

from dataclasses import replace
from decimal import Decimal

import pytest

from backstop.domain.execution import ExitReason
from backstop.domain.order import OrderStatus, Purpose
from backstop.domain.position import PositionStatus
from backstop.engine.events import CommandReceived, StrategiesChanged
from tests.backstop.engine.bench import Bot, protection


def test_close_by_hand() -> None:
    bot = Bot()
    bot.opens("buy")
    command = bot.close()
    assert (bot.last_order.purpose, bot.last_order.qty) == (Purpose.MANUAL, Decimal(1))
    assert bot.outcome(command) == ("executed", None)
    bot.fills(at="100")
    assert bot.trade.exit_reason is ExitReason.MANUAL


@pytest.mark.parametrize(
    ("held", "portion", "qty"),
    [
        ("1", "0.25", "0.25"),
        ("1", "0.9999", "0.999"),  # rounded down to the lot
        ("0.01", "0.01", "0.001"),  # at least the smallest order
        ("0.001", "0.5", "0.001"),  # half of one lot is all of it
    ],
)
def test_part_closed_by_hand(held: str, portion: str, qty: str) -> None:
    bot = Bot(protection=protection("1%"))
    bot.opens("buy", held, at="10000")
    bot.close(portion)
    assert bot.last_order.qty == Decimal(qty)
    bot.fills(at="10000")
    assert bot.flat is (Decimal(qty) == Decimal(held))


def test_part_closed_leaves_the_rest_watched() -> None:
    bot = Bot(protection=protection("1%"))
    bot.opens("buy")
    bot.close("0.5")
    bot.fills(at="100")
    assert (bot.position.status, bot.position.qty, len(bot.armed)) == (PositionStatus.OPEN, Decimal("0.5"), 1)
    bot.tick("99")
    assert bot.last_order.qty == Decimal("0.5")


def test_part_not_filled_is_tried_again() -> None:
    bot = Bot()
    bot.opens("buy")
    bot.close("0.5")
    bot.reports(OrderStatus.CANCELED, "0")
    bot.wait(200)
    assert (bot.last_order.qty, len(bot.sent)) == (Decimal("0.5"), 3)


@pytest.mark.parametrize("wish", ["close", "reverse", "protect"])
def test_command_on_a_closing_position_waits_and_is_refused_when_it_is_gone(wish: str) -> None:
    bot = Bot(protection=protection("1%"))
    bot.opens("buy")
    bot.signal("close")
    command = bot.close() if wish == "close" else bot.reverse() if wish == "reverse" else bot.protect("2%")
    assert bot.outcome(command) == ("accepted", None)
    bot.fills(at="100")
    assert (bot.outcome(command), len(bot.sent)) == (("refused", "position_closed"), 2)


def test_command_on_an_opening_position_waits_until_it_is_open() -> None:
    bot = Bot()
    bot.signal("buy")
    command = bot.close()
    assert bot.outcome(command) == ("accepted", None)
    bot.fills(at="100")
    assert (bot.outcome(command), bot.last_order.purpose) == (("executed", None), Purpose.MANUAL)


def test_command_on_a_position_that_is_gone_is_refused() -> None:
    bot = Bot()
    position = bot.opens("buy")
    bot.signal("close")
    bot.fills(at="100")
    assert bot.outcome(bot.close(position=position)) == ("refused", "position_closed")


def test_command_never_touches_the_next_position() -> None:
    bot = Bot()
    first = bot.opens("buy")
    bot.signal("close")
    bot.fills(at="100")
    bot.opens("buy")
    assert bot.outcome(bot.close(position=first)) == ("refused", "position_closed")
    assert bot.position.status is PositionStatus.OPEN


def test_command_told_twice_acts_once() -> None:
    bot = Bot()
    bot.opens("buy")
    bot.close()
    event = next(event for event, _, _ in bot.history if isinstance(event, CommandReceived))
    bot.tell(event)
    bot.fills(at="100")
    assert (bot.flat, len(bot.sent)) == (True, 2)


def test_reverse_needs_the_strategy() -> None:
    bot = Bot()
    bot.opens("buy")
    bot.tell(StrategiesChanged({}))
    assert bot.outcome(bot.reverse()) == ("refused", "strategy_disabled")
    assert bot.position.status is PositionStatus.OPEN


def test_position_outlives_its_strategy() -> None:
    bot = Bot(protection=protection("1%"))
    bot.opens("buy")
    bot.tell(StrategiesChanged({}))
    bot.tick("99")
    bot.fills(at="99")
    assert bot.trade.exit_reason is ExitReason.STOP_LOSS


def test_levels_never_run_out_of_ids() -> None:
    """Seen: the thousandth change made an id too long, and with it the whole account stop."""
    bot = Bot(protection=protection("1%", ("2%", "1")))
    bot.opens("buy")
    bot.state = replace(
        bot.state,
        positions={slot: replace(held, levels_round=998) for slot, held in bot.state.positions.items()},
    )
    assert bot.outcome(bot.protect("2%")) == ("executed", None)
    assert bot.outcome(bot.protect("3%")) == ("refused", "too_many_changes")
    bot.tick("98")
    assert bot.last_order.purpose is Purpose.STOP_LOSS
