"""The alerts of one bar come in any order and lead to the same end."""

from decimal import Decimal
from itertools import permutations

import pytest

from backstop.domain.order import OrderStatus
from backstop.domain.side import PositionSide
from backstop.domain.signal import Signal
from tests.backstop.engine.bench import Bot, limit, protection


def settles(bot: Bot) -> None:
    """Everything that is sent fills, until nothing is under way."""
    while live := [order for order in bot.state.orders.values() if not order.done]:
        for order in live:
            bot.accepts(order)
            bot.fills(order, at="100")
            bot.reports(OrderStatus.FILLED, order.qty, order)


def held(bot: Bot) -> str:
    return "flat" if bot.flat else bot.position.side.value


@pytest.mark.parametrize("together", [True, False], ids=["in one burst", "one after the other"])
@pytest.mark.parametrize(
    ("alerts", "end"),
    [
        (("sell", "close"), "short"),
        (("reverse", "close"), "short"),
        (("sell", "close", "close"), "short"),
        (("target short", "close"), "short"),
        (("target short", "target flat"), "short"),
    ],
)
@pytest.mark.fault(5)
def test_exits_and_the_entry_that_turns_a_position_end_the_same_in_any_order(
    alerts: tuple[str, ...], end: str, together: bool
) -> None:
    for order in permutations(alerts):
        bot = Bot(protection=protection("1%"))
        bot.opens("buy")
        signals = []
        for alert in order:
            action, _, target = alert.partition(" ")
            signals.append(bot.signal(action, target=target or None))
            if not together:
                settles(bot)
        settles(bot)
        assert held(bot) == end, order
        assert all(bot.outcome(signal)[0] in ("executed", "superseded", "refused") for signal in signals), order


def test_exit_after_the_turn_says_that_it_was_part_of_it() -> None:
    bot = Bot()
    bot.opens("buy")
    bot.signal("sell")
    exit_ = bot.signal("close")
    assert bot.outcome(exit_) == ("accepted", None)
    settles(bot)
    assert (bot.outcome(exit_), held(bot)) == (("superseded", "same_bar"), "short")


@pytest.mark.fault(5)
def test_reversal_after_the_exit_of_its_bar_opens_the_other_side() -> None:
    bot = Bot()
    bot.opens("sell")
    bot.signal("close")
    settles(bot)
    reversing = bot.signal("reverse")
    settles(bot)
    assert (bot.outcome(reversing), held(bot)) == (("executed", None), "long")


def test_reversal_of_a_later_bar_finds_nothing_to_reverse() -> None:
    bot = Bot()
    bot.opens("sell")
    bot.signal("close")
    settles(bot)
    bot.wait(3_000)
    assert bot.outcome(bot.signal("reverse")) == ("refused", "no_position")


def test_exit_of_a_later_bar_closes_what_was_turned() -> None:
    bot = Bot()
    bot.opens("buy")
    bot.signal("sell")
    settles(bot)
    bot.wait(2_001)
    exit_ = bot.signal("close")
    settles(bot)
    assert (bot.outcome(exit_), held(bot)) == (("executed", None), "flat")


def test_exit_right_after_an_entry_from_flat_closes_it() -> None:
    """Nothing was open before the bar, so it can only mean what the bar has opened."""
    bot = Bot()
    bot.signal("buy")
    bot.signal("close")
    settles(bot)
    assert held(bot) == "flat"


def test_close_button_and_stop_are_no_part_of_a_bar() -> None:
    bot = Bot(protection=protection("1%"))
    bot.opens("buy")
    bot.signal("sell")
    settles(bot)
    bot.tick("101")
    assert bot.last_order.reduce_only
    settles(bot)
    assert held(bot) == "flat"
    bot.signal("sell")
    settles(bot)
    bot.close()
    settles(bot)
    assert held(bot) == "flat"


def test_what_a_bar_has_turned_is_known_after_a_restart() -> None:
    bot = Bot()
    bot.opens("buy")
    bot.signal("sell")
    settles(bot)
    bot.restarts()
    exit_ = bot.signal("close")
    assert (bot.outcome(exit_), held(bot)) == (("superseded", "same_bar"), "short")


def test_exit_does_not_take_back_the_limit_order_of_its_own_bar() -> None:
    bot = Bot(entry=limit("1%"))
    bot.signal("buy")
    bot.fills(at="99")
    bot.signal("sell")
    exit_ = bot.signal("close")
    bot.fills(at="99")
    bot.accepts()
    assert (bot.outcome(exit_), bot.cancels) == (("superseded", "same_bar"), [])
    bot.fills(at="101")
    assert (bot.position.side, bot.position.qty) == (PositionSide.SHORT, Decimal(1))


def test_alerts_of_another_time_in_the_queue_are_carried_out_in_order() -> None:
    bot = Bot()
    bot.opens("buy")
    first: Signal = bot.signal("sell")
    bot.wait(2_500)
    second = bot.signal("close")
    settles(bot)
    assert [bot.outcome(signal)[0] for signal in (first, second)] == ["executed", "executed"]
    assert held(bot) == "flat"
