"""Several signals of one side build one position: average, levels and the exchange's stop follow what is held."""

from dataclasses import replace
from decimal import Decimal
from uuid import uuid4

import pytest

from backstop.domain.ids import SignalId, Symbol
from backstop.domain.limits import HaltLevel, Limits
from backstop.domain.order import OrderStatus, Purpose
from backstop.domain.position import PositionStatus
from backstop.domain.protection import LevelStatus
from backstop.domain.strategy import OnOpposite
from backstop.engine.events import LimitsChanged, Priced, SignalReceived, StrategiesChanged
from tests.backstop.engine.bench import BTC, INSTRUMENT, Bot, ladder, limit, mark, protection


def adds(bot: Bot, at: str, action: str = "buy", **how: str) -> None:
    """One more entry, filled whole."""
    bot.quotes(at)
    bot.signal(action, **how)  # type: ignore[arg-type]
    order = bot.last_order
    bot.accepts(order)
    bot.fills(order, at=at)
    bot.reports(OrderStatus.FILLED, order.qty, order)


def test_second_signal_of_the_same_side_is_refused_unless_the_strategy_allows_it() -> None:
    bot = Bot()
    bot.opens("buy")
    assert bot.outcome(bot.signal("buy")) == ("refused", "already_in_position")


def test_entries_add_up_to_the_strategys_limit() -> None:
    bot = Bot(max_entries=3)
    bot.opens("buy", "1", at="100")
    adds(bot, "102")
    adds(bot, "104")
    assert (bot.position.qty, bot.position.entry_price, bot.position.entries) == (Decimal(3), Decimal(102), 3)
    beyond = bot.signal("buy")
    assert bot.outcome(beyond) == ("refused", "max_entries")
    assert len(bot.written.positions) == 1


def test_levels_and_the_exchanges_stop_follow_the_new_average() -> None:
    bot = Bot(protection=protection("1%", ("2%", "0.5"), ("4%", "0.5")), max_entries=2)
    before = {level.close_id for level in bot.opens("buy", "1", at="100").armed}
    adds(bot, "102")
    assert bot.last_order.stop_loss == Decimal("98.5")  # behind 99, watched until the fill, and 99.99 after it
    assert {level.close_id for level in bot.armed.values()} == before
    assert sorted(level.price for level in bot.armed.values()) == [Decimal(100), Decimal("103"), Decimal("105")]
    assert bot.resident_asked == [Decimal("99.4")]


def test_averaging_down_never_leaves_the_exchanges_stop_before_the_watched_one() -> None:
    bot = Bot(protection=protection("5%"), max_entries=2)
    bot.opens("buy", "1", at="100")
    bot.quotes("96")
    bot.signal("buy")
    assert bot.last_order.stop_loss == Decimal("92.6")  # 5 % and the gap below an average of 98


def test_short_adds_on_its_own_side() -> None:
    bot = Bot(protection=protection("1%"), max_entries=2)
    bot.opens("sell", "1", at="100")
    adds(bot, "99", "sell")
    assert (bot.position.qty, bot.position.entry_price) == (Decimal(2), Decimal("99.5"))
    assert bot.position.stop_loss == Decimal("100.4")


def test_stop_that_was_moved_stays_where_it_is_when_more_is_bought() -> None:
    bot = Bot(protection=protection("2%"), max_entries=2)
    bot.opens("buy", "1", at="100")
    bot.protect("99")
    adds(bot, "101")
    assert bot.position.stop_loss == Decimal(99)


def test_rung_that_has_closed_its_part_does_not_close_again() -> None:
    bot = Bot(protection=protection("1%", ("1%", "0.5"), ("10%", "0.5")), max_entries=2)
    bot.opens("buy", "1", at="100")
    bot.tick("101")
    bot.fills(at="101")
    adds(bot, "101")
    assert [level.status for level in bot.position.levels if level.rung == 1] == [LevelStatus.FIRED]
    assert bot.position.qty == Decimal("1.5")


def test_trade_counts_all_entries() -> None:
    bot = Bot(max_entries=2)
    bot.opens("buy", "1", at="100")
    adds(bot, "104")
    bot.signal("close")
    bot.fills(at="106")
    assert (bot.trade.qty, bot.trade.entry_price, bot.trade.gross_pnl) == (Decimal(2), Decimal(102), Decimal(8))


def test_each_entry_is_sized_as_the_first_would_be_now() -> None:
    bot = Bot(sizing=("quote", "50"), max_entries=2)
    bot.opens("buy", at="100")
    adds(bot, "50")
    assert bot.last_order.qty == Decimal(1)


def test_signals_own_protection_becomes_the_positions() -> None:
    bot = Bot(protection=protection("2%"), max_entries=2)
    bot.opens("buy", "1", at="100")
    bot.signal("buy", stop="99.5", take_profit=ladder(("110", "1")))
    assert bot.position.protection.stop_loss == mark("99.5")
    assert {level.price for level in bot.armed.values()} == {Decimal("99.5"), Decimal(110)}
    wrong = bot.signal("buy", stop="101")
    bot.fills(bot.sent[-1], at="100")
    assert bot.outcome(wrong) == ("refused", "max_entries")


def test_stop_on_the_wrong_side_adds_nothing_and_moves_nothing() -> None:
    bot = Bot(protection=protection("2%"), max_entries=2)
    bot.opens("buy", "1", at="100")
    wrong = bot.signal("buy", stop="101")
    assert (bot.outcome(wrong), bot.position.stop_loss) == (("refused", "stop_wrong_side"), Decimal(98))


def test_entry_by_limit_waits_beside_the_position() -> None:
    bot = Bot(protection=protection("2%"), max_entries=3, entry=limit("1%"))
    bot.signal("buy", qty="1")
    bot.accepts()
    bot.fills(at="99")
    second = bot.signal("buy", qty="1")
    bot.accepts()
    assert (bot.last_order.limit_price, bot.position.status) == (Decimal(99), PositionStatus.OPEN)
    assert bot.outcome(bot.signal("buy")) == ("refused", "entry_waiting")
    bot.wait(60_000)
    assert bot.cancels == [bot.last_order.link_id]
    bot.reports(OrderStatus.CANCELED, "0")
    assert bot.outcome(second) == ("expired", "entry_expired")
    assert (bot.position.entries, bot.position.qty, len(bot.position.armed)) == (1, Decimal(1), 1)


def test_close_takes_back_an_addition_that_waits_and_closes_at_once() -> None:
    bot = Bot(max_entries=3)
    bot.opens("buy", "1")
    addition = bot.signal("buy", entry=limit("1%"))
    entry = bot.last_order
    bot.accepts(entry)
    bot.signal("close")
    assert (bot.last_order.purpose, bot.cancels) == (Purpose.SIGNAL, [entry.link_id])
    bot.fills(at="100")
    bot.reports(OrderStatus.CANCELED, "0", entry)
    assert bot.flat
    assert bot.outcome(addition) == ("superseded", "position_closed")


@pytest.mark.parametrize(
    ("level", "asked"), [(HaltLevel.NO_ENTRIES, 0), (HaltLevel.REDUCE_ONLY, 1), (HaltLevel.FLATTEN, 1)]
)
def test_halt_takes_back_an_addition_only_where_nothing_may_be_added(level: HaltLevel, asked: int) -> None:
    bot = Bot(max_entries=3)
    bot.opens("buy", "1")
    bot.signal("buy", entry=limit("1%"))
    bot.accepts()
    bot.halts(level)
    assert len(bot.cancels) == asked


def test_reduce_only_refuses_an_addition() -> None:
    bot = Bot(max_entries=3)
    bot.opens("buy", "1")
    bot.halts(HaltLevel.REDUCE_ONLY)
    assert bot.outcome(bot.signal("buy")) == ("refused", "halted")


def test_position_is_capped_by_value_with_what_is_added() -> None:
    bot = Bot(max_entries=5)
    bot.tell(LimitsChanged(Limits(max_position_notional=Decimal(250), max_notional=Decimal(1_000))))
    bot.opens("buy", "1", at="100")
    adds(bot, "100")
    assert bot.outcome(bot.signal("buy")) == ("refused", "max_position_notional")
    assert bot.outcome(bot.signal("target", target="long", qty="2.6")) == ("refused", "max_position_notional")
    assert bot.outcome(bot.signal("target", target="long", qty="2.5"))[0] == "executing"


def test_addition_counts_as_an_entry_of_the_day() -> None:
    bot = Bot(max_entries=5)
    bot.tell(LimitsChanged(Limits(max_orders_per_day=2)))
    bot.opens("buy", "1")
    adds(bot, "100")
    assert bot.outcome(bot.signal("buy")) == ("refused", "max_orders_per_day")


def test_opposite_signal_still_does_what_the_strategy_says() -> None:
    bot = Bot(max_entries=3, on_opposite=OnOpposite.CLOSE)
    bot.opens("buy", "1")
    adds(bot, "100")
    bot.signal("sell")
    assert (bot.last_order.reduce_only, bot.last_order.qty) == (True, Decimal(2))


def test_count_of_entries_survives_a_restart() -> None:
    bot = Bot(max_entries=2)
    bot.opens("buy", "1")
    adds(bot, "100")
    bot.restarts()
    assert bot.outcome(bot.signal("buy")) == ("refused", "max_entries")


def test_addition_cut_short_by_a_crash_is_found_and_booked() -> None:
    bot = Bot(protection=protection("1%"), max_entries=2)
    bot.opens("buy", "1", at="100")
    signal = bot.signal("buy", qty="1")
    order = bot.last_order
    bot.restarts()
    bot.fills(order, at="102")
    bot.reports(OrderStatus.FILLED, "1", order)
    assert (bot.position.qty, bot.position.entries) == (Decimal(2), 2)
    assert (bot.position.stop_loss, bot.outcome(signal)) == (Decimal(100), ("executed", None))


def test_symbol_and_leverage_outside_the_accounts_limits_are_refused() -> None:
    bot = Bot(leverage="10")
    bot.tell(LimitsChanged(Limits(max_leverage=Decimal(5))))
    assert bot.outcome(bot.signal("buy")) == ("refused", "leverage_above_limit")
    bot.tell(LimitsChanged(Limits(symbols=frozenset())))
    assert bot.outcome(bot.signal("buy")) == ("refused", "symbol_not_allowed")


def test_what_waits_counts_toward_the_accounts_exposure() -> None:
    bot = Bot(max_entries=1)
    bot.tell(LimitsChanged(Limits(max_notional=Decimal(150))))
    first = bot.signal("buy", qty="1", entry=limit("1%"))
    bot.accepts()
    eth = Symbol("ETHUSDT")
    both = replace(bot.strategy, symbols=frozenset({BTC, eth}))
    instruments = {**bot.state.instruments, eth: replace(INSTRUMENT, symbol=eth)}
    bot.state = replace(bot.state, instruments=instruments, hedge={BTC: False, eth: False})
    bot.tell(StrategiesChanged({both.id: both}))
    bot.tell(Priced({eth: bot.state.quotes[BTC]}))
    another = replace(first, id=SignalId(uuid4()), symbol=eth, entry=None)
    bot.tell(SignalReceived(another))
    assert bot.outcome(another) == ("refused", "max_notional")


def test_exits_pass_whatever_the_limits() -> None:
    bot = Bot()
    bot.opens("buy", "1")
    bot.tell(LimitsChanged(replace(Limits(), symbols=frozenset(), max_leverage=Decimal(1))))
    bot.signal("close")
    assert bot.last_order.reduce_only
