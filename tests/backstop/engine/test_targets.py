"""`target` with a quantity: the position becomes that large, whatever it was, and told twice it is told once."""

from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backstop.domain.execution import ExitReason
from backstop.domain.limits import HaltLevel
from backstop.domain.order import OrderStatus, Purpose
from backstop.domain.side import PositionSide
from tests.backstop.engine.bench import SLOT, Bot, mark, protection


def fills_whatever_is_sent(bot: Bot, at: str = "100") -> None:
    for order in tuple(bot.state.orders.values()):
        bot.accepts(order)
        bot.fills(order, at=at)
        bot.reports(OrderStatus.FILLED, order.qty, order)


def test_target_from_flat_opens_its_quantity() -> None:
    bot = Bot()
    bot.signal("target", target="short", qty="0.4")
    fills_whatever_is_sent(bot)
    assert (bot.position.side, bot.position.qty) == (PositionSide.SHORT, Decimal("0.4"))


def test_larger_target_adds_the_difference_under_the_whole_positions_stop() -> None:
    bot = Bot(protection=protection("1%"))
    bot.opens("buy", "1", at="100")
    bot.quotes("102")
    signal = bot.signal("target", target="long", qty="1.5")
    order = bot.last_order
    # Watched at 99, after the fill at 99.7: the exchange's stop lies behind both.
    assert (order.qty, order.reduce_only, order.stop_loss) == (Decimal("0.5"), False, Decimal("98.5"))
    fills_whatever_is_sent(bot, at="102")
    assert bot.outcome(signal) == ("executed", None)
    assert (bot.position.qty, bot.position.entry_price) == (Decimal("1.5"), Decimal(151) / Decimal("1.5"))
    assert bot.position.stop_loss == Decimal("99.7")
    assert len(bot.written.positions) == 1


def test_smaller_target_closes_the_difference_reduce_only() -> None:
    bot = Bot(protection=protection("1%"))
    bot.opens("buy", "1")
    signal = bot.signal("target", target="long", qty="0.25")
    order = bot.last_order
    assert (order.qty, order.reduce_only, order.purpose) == (Decimal("0.75"), True, Purpose.SIGNAL)
    bot.fills(at="101")
    assert (bot.outcome(signal), bot.position.qty) == (("executed", None), Decimal("0.25"))
    bot.signal("close")
    bot.fills(at="101")
    assert bot.trade.exit_reason is ExitReason.SIGNAL


def test_same_target_again_does_nothing_also_while_the_first_is_under_way() -> None:
    bot = Bot()
    bot.opens("buy", "1")
    bot.signal("target", target="long", qty="0.5")
    again = bot.signal("target", target="long", qty="0.5")
    assert (bot.outcome(again), len(bot.sent)) == (("executed", "already_there"), 2)
    bot.fills(at="100")
    once_more = bot.signal("target", target="long", qty="0.5")
    assert (bot.outcome(once_more), len(bot.sent), bot.position.qty) == (
        ("executed", "already_there"),
        2,
        Decimal("0.5"),
    )


def test_target_waits_for_what_is_being_added() -> None:
    bot = Bot()
    bot.opens("buy", "1")
    bot.signal("target", target="long", qty="2")
    smaller = bot.signal("target", target="long", qty="1.5")
    assert (bot.outcome(smaller), len(bot.sent)) == (("accepted", None), 2)
    fills_whatever_is_sent(bot)
    assert (bot.last_order.reduce_only, bot.last_order.qty) == (True, Decimal("0.5"))


@pytest.mark.parametrize("wanted", ["1.0004", "0.9996", "1"])
def test_difference_below_a_lot_is_none(wanted: str) -> None:
    bot = Bot()
    bot.opens("buy", "1")
    signal = bot.signal("target", target="long", qty=wanted)
    assert (bot.outcome(signal), len(bot.sent)) == (("executed", "already_there"), 1)


def test_difference_worth_less_than_the_smallest_order_is_not_bought() -> None:
    bot = Bot()
    bot.opens("buy", "1")
    signal = bot.signal("target", target="long", qty="1.04")  # 4 USDT, the least is 5
    assert (bot.outcome(signal), len(bot.sent)) == (("executed", "already_there"), 1)


def test_target_smaller_than_any_order_is_refused_not_taken_for_flat() -> None:
    bot = Bot()
    bot.opens("buy", "1")
    signal = bot.signal("target", target="long", qty="0.0004")
    assert (bot.outcome(signal), len(bot.sent)) == (("refused", "below_min_qty"), 1)


def test_target_on_the_other_side_reverses_into_its_quantity() -> None:
    bot = Bot()
    bot.opens("buy", "1")
    bot.signal("target", target="short", qty="0.3")
    bot.fills(at="100")
    fills_whatever_is_sent(bot)
    assert (bot.position.side, bot.position.qty) == (PositionSide.SHORT, Decimal("0.3"))


def test_addition_that_comes_to_nothing_leaves_the_position_and_says_so() -> None:
    bot = Bot(protection=protection("1%"))
    bot.opens("buy", "1")
    signal = bot.signal("target", target="long", qty="2")
    bot.refuses()
    assert bot.outcome(signal) == ("failed", "exchange_refused")
    assert (bot.position.qty, len(bot.position.armed)) == (Decimal(1), 1)


def test_stop_crossed_while_more_is_bought_closes_that_too() -> None:
    bot = Bot(protection=protection("1%"))
    bot.opens("buy", "1")
    bot.signal("target", target="long", qty="2")
    addition = bot.last_order
    bot.tick("98.9")
    close = bot.last_order
    bot.fills(close, at="98.9")
    bot.fills(addition, at="99")
    bot.reports(OrderStatus.FILLED, addition.qty, addition)
    bot.wait(10)
    assert (bot.last_order.reduce_only, bot.last_order.qty) == (True, Decimal(1))
    bot.fills(at="98.9")
    assert bot.flat and bot.trade.qty == 2


@pytest.mark.parametrize(
    ("level", "outcome"), [(HaltLevel.NO_ENTRIES, "executing"), (HaltLevel.REDUCE_ONLY, "refused")]
)
def test_halts_stop_additions_as_they_say_and_never_a_reduction(level: HaltLevel, outcome: str) -> None:
    bot = Bot()
    bot.opens("buy", "1")
    bot.halts(level)
    assert bot.outcome(bot.signal("target", target="long", qty="2"))[0] == outcome
    if outcome == "executing":
        fills_whatever_is_sent(bot)
    bot.signal("target", target="long", qty="0.5")
    assert bot.last_order.reduce_only


def test_addition_is_refused_without_a_fresh_price_and_holds_nothing_up() -> None:
    bot = Bot()
    bot.opens("buy", "1")
    bot.quoting = False
    bot.wait(4_000)
    signal = bot.signal("target", target="long", qty="2")
    assert bot.outcome(signal) == ("refused", "no_price")
    bot.signal("close")
    assert bot.last_order.reduce_only


def test_addition_keeps_leverage_and_takes_the_signals_own_stop() -> None:
    bot = Bot(protection=protection("1%"))
    bot.opens("buy", "1")
    refused = bot.signal("target", target="long", qty="2", leverage="3")
    assert bot.outcome(refused) == ("refused", "leverage_fixed")
    bot.signal("target", target="long", qty="2", stop="99.5")
    assert bot.last_order.leverage == Decimal(10)
    assert bot.position.protection.stop_loss == mark("99.5")
    assert bot.position.stop_loss == Decimal("99.5")


@given(st.lists(st.tuples(st.sampled_from(["long", "short", "flat"]), st.integers(1, 3_000)), max_size=8))
@settings(max_examples=60, deadline=None)
def test_the_last_target_is_what_is_held(targets: list[tuple[str, int]]) -> None:
    bot = Bot(protection=protection("1%"))
    held = Decimal(0)
    for side, thousandths in targets:
        qty = Decimal(thousandths) / 1000
        bot.wait(2_500)  # a later bar
        for _ in range(2):
            bot.signal("target", target=side, qty=str(qty))
            while bot.state.orders:
                fills_whatever_is_sent(bot)
        wanted = {"long": qty, "short": -qty, "flat": Decimal(0)}[side]
        same_way = wanted * held > 0
        bought = abs(wanted) - (abs(held) if same_way else 0)
        if not 0 < bought < Decimal("0.05"):  # worth less than 5 USDT: not bought
            held = wanted
        elif not same_way:
            held = Decimal(0)
        ours = bot.state.positions.get(SLOT)
        assert (ours.qty * ours.side.sign if ours is not None else 0) == held
