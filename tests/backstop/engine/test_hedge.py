"""Hedge mode: a long and a short of one symbol at once, each with its own books."""

from dataclasses import replace
from decimal import Decimal

import pytest

from backstop.domain.execution import FUNDING, ExitReason
from backstop.domain.order import Order, OrderStatus
from backstop.domain.position import Position, PositionStatus
from backstop.domain.side import PositionSide, Side
from backstop.domain.slot import Slot
from backstop.domain.strategy import OnOpposite
from backstop.engine.events import ExchangePosition, PositionReported, ResidentStopRefused
from backstop.engine.reconcile import SETTLED_AFTER_MS
from backstop.engine.reversal import ReversalStep
from tests.backstop.engine.bench import BTC, Bot, protection

LONG, SHORT = Slot(BTC, 1), Slot(BTC, 2)


def hedged(**settings: object) -> Bot:
    return Bot(hedge=True, protection=protection("1%"), **settings)  # type: ignore[arg-type]


def both(bot: Bot) -> tuple[Position, Position]:
    """A long of the one strategy and a short of another, open."""
    other = bot.adds_strategy(2)
    for action, strategy in (("buy", bot.strategy.id), ("sell", other)):
        bot.signal(action, strategy=strategy)
        fills(bot, bot.last_order)
    return bot.state.positions[LONG], bot.state.positions[SHORT]


def fills(bot: Bot, order: Order, at: str = "100") -> None:
    bot.accepts(order)
    bot.fills(order, at=at)
    bot.reports(OrderStatus.FILLED, order.qty, order)


def held(position: Position, size: str | Decimal | None = None, stop: str | None = None) -> ExchangePosition:
    qty = position.qty if size is None else Decimal(size)
    return ExchangePosition(
        symbol=BTC,
        side=position.side if qty > 0 else None,
        size=qty,
        entry_price=Decimal(100),
        mark_price=Decimal(100),
        stop_loss=Decimal(stop) if stop is not None else None,  # type: ignore[arg-type]
        at=0,
        idx=position.position_idx,
    )


def snapshot(bot: Bot, *positions: ExchangePosition) -> None:
    bot.snapshot(*(replace(one, at=bot.now) for one in positions))


def test_two_strategies_hold_a_long_and_a_short_at_once() -> None:
    bot = hedged()
    long, short = both(bot)
    assert (long.side, short.side) == (PositionSide.LONG, PositionSide.SHORT)
    assert [order.position_idx for order in bot.sent] == [1, 2]
    assert (long.status, short.status) == (PositionStatus.OPEN, PositionStatus.OPEN)


def test_stop_of_one_closes_that_one_alone() -> None:
    bot = hedged()
    both(bot)
    bot.tick("101")
    close = bot.last_order
    assert (close.side, close.position_idx, close.reduce_only) == (Side.BUY, 2, True)
    fills(bot, close, at="101")
    assert bot.state.positions.keys() == {LONG}
    assert (bot.trade.side, bot.trade.exit_reason) == (PositionSide.SHORT, ExitReason.STOP_LOSS)
    bot.tick("99")
    assert (bot.last_order.side, bot.last_order.position_idx) == (Side.SELL, 1)


def test_each_resident_stop_is_proven_and_mended_in_its_own_slot() -> None:
    bot = hedged()
    long, short = both(bot)
    bot.tell(PositionReported(replace(held(long, stop="98.5"), at=bot.now)))
    bot.tell(PositionReported(replace(held(short), at=bot.now)))
    assert bot.resident_slots == [SHORT]
    assert bot.state.positions[LONG].resident.price == Decimal("98.5")
    bot.tell(ResidentStopRefused(SHORT, "passed", passed=True))
    assert (bot.last_order.side, bot.last_order.position_idx) == (Side.BUY, 2)
    assert bot.state.positions[LONG].status is PositionStatus.OPEN


@pytest.mark.parametrize("on_opposite", [OnOpposite.REVERSE, OnOpposite.CLOSE, OnOpposite.IGNORE])
def test_opposite_signal_of_the_same_strategy_follows_its_setting(on_opposite: OnOpposite) -> None:
    bot = hedged(on_opposite=on_opposite)
    bot.signal("buy")
    fills(bot, bot.last_order)
    signal = bot.signal("sell")
    if on_opposite is OnOpposite.IGNORE:
        assert (bot.outcome(signal), len(bot.sent)) == (("refused", "opposite_ignored"), 1)
        return
    close = bot.last_order
    assert (close.side, close.position_idx, close.reduce_only) == (Side.SELL, 1, True)
    fills(bot, close)
    if on_opposite is OnOpposite.CLOSE:
        assert (bot.state.positions, len(bot.sent)) == ({}, 2)
        return
    entry = bot.last_order
    assert (entry.side, entry.position_idx, entry.reduce_only) == (Side.SELL, 2, False)
    fills(bot, entry)
    assert bot.state.positions.keys() == {SHORT}
    assert bot.outcome(signal) == ("executed", None)


def test_reversal_leaves_the_other_strategy_alone() -> None:
    bot = hedged()
    other = bot.adds_strategy(2)
    bot.signal("buy")
    fills(bot, bot.last_order)
    signal = bot.signal("sell")
    assert len(bot.sent) == 2
    bot.signal("sell", strategy=other)
    fills(bot, bot.last_order)
    assert bot.state.positions[SHORT].strategy_id == other
    fills(bot, bot.sent[1])
    assert bot.written.reversals[signal.id].step is ReversalStep.FLAT_FAILED
    assert bot.outcome(signal) == ("failed", "slot_taken")
    assert bot.state.positions.keys() == {SHORT}


def test_side_that_another_strategy_holds_is_refused() -> None:
    bot = hedged()
    other = bot.adds_strategy(2)
    bot.signal("buy")
    assert bot.outcome(bot.signal("buy", strategy=other)) == ("refused", "slot_taken")
    fills(bot, bot.last_order)
    assert bot.outcome(bot.signal("buy", strategy=other)) == ("refused", "slot_taken")
    assert len(bot.sent) == 1


def test_close_of_one_strategy_never_closes_what_another_holds() -> None:
    bot = hedged()
    other = bot.adds_strategy(2)
    bot.signal("buy")
    fills(bot, bot.last_order)
    assert bot.outcome(bot.signal("close", strategy=other)) == ("refused", "no_position")


def test_one_strategy_does_not_wait_for_another() -> None:
    bot = hedged()
    other = bot.adds_strategy(2)
    bot.signal("buy")
    bot.loses_answer()
    bot.signal("sell", strategy=other)
    assert [order.position_idx for order in bot.sent] == [1, 2]


def test_signals_of_one_strategy_keep_their_order() -> None:
    bot = hedged()
    bot.signal("buy")
    entry = bot.last_order
    signal = bot.signal("close")
    assert len(bot.sent) == 1
    fills(bot, entry)
    assert (bot.last_order.reduce_only, bot.outcome(signal)[0]) == (True, "executed")


def test_in_one_way_mode_what_another_strategy_holds_is_not_touched() -> None:
    bot = Bot()
    other = bot.adds_strategy(2)
    bot.opens("buy")
    for action in ("buy", "sell", "close", "reverse"):
        assert bot.outcome(bot.signal(action, strategy=other)) == ("refused", "slot_taken")
    assert len(bot.sent) == 1


def test_leverage_of_the_other_side_is_left_as_it_is() -> None:
    bot = hedged(leverage="10")
    other = bot.adds_strategy(2, leverage=Decimal(5))
    bot.signal("buy")
    fills(bot, bot.last_order)
    assert bot.outcome(bot.signal("sell", strategy=other)) == ("refused", "leverage_taken")


# ---- what others do at the exchange


def test_trades_by_hand_go_to_the_side_they_open_or_close() -> None:
    bot = hedged()
    both(bot)
    bot.executes(replace(bot.execution(Side.SELL, "0.4", "100"), closed_qty=Decimal("0.4")))
    bot.executes(replace(bot.execution(Side.BUY, "0.3", "100"), closed_qty=Decimal("0.3")))
    assert (bot.state.positions[LONG].qty, bot.state.positions[SHORT].qty) == (Decimal("0.6"), Decimal("0.7"))
    bot.executes(bot.execution(Side.BUY, "0.1", "100"))
    assert (bot.state.positions[LONG].qty, bot.state.positions[SHORT].qty) == (Decimal("0.7"), Decimal("0.7"))


def test_funding_is_booked_to_the_side_that_paid_it() -> None:
    bot = hedged()
    both(bot)
    bot.executes(bot.execution(Side.SELL, "1", "100", exec_type=FUNDING, fee="0.5"))
    assert [bot.state.positions[slot].funding for slot in (LONG, SHORT)] == [Decimal(0), Decimal("-0.5")]


def test_side_that_is_gone_at_the_exchange_is_adopted_alone() -> None:
    bot = hedged()
    long, _ = both(bot)
    bot.wait(SETTLED_AFTER_MS)
    for _ in range(3):
        snapshot(bot, held(long, stop="98.5"))
        bot.wait(SETTLED_AFTER_MS)
    assert bot.state.positions.keys() == {LONG}
    assert (bot.trade.side, bot.trade.exit_reason) == (PositionSide.SHORT, ExitReason.EXTERNAL)


def test_foreign_position_blocks_its_own_side_only() -> None:
    bot = hedged()
    other = bot.adds_strategy(2)
    foreign = replace(bot.held("3", "long"), idx=1)
    bot.wait(SETTLED_AFTER_MS)
    bot.snapshot(replace(foreign, at=bot.now))
    assert bot.state.foreign == {LONG: Decimal(3)}
    assert bot.outcome(bot.signal("buy")) == ("refused", "foreign_position")
    bot.signal("sell", strategy=other)
    assert bot.last_order.position_idx == 2


# ---- after the process ended


def test_both_sides_survive_a_restart() -> None:
    bot = hedged()
    both(bot)
    bot.restarts()
    assert bot.state.positions.keys() == {LONG, SHORT}
    bot.tick("99")
    assert bot.last_order.position_idx == 1
    fills(bot, bot.last_order, at="99")
    assert bot.state.positions.keys() == {SHORT}


def test_close_sent_and_not_remembered_is_booked_to_its_side() -> None:
    bot = hedged()
    both(bot)
    bot.dies_before_commit = True
    bot.tick("101")
    close = bot.last_order
    assert close.position_idx == 2
    bot.executes(replace(bot.execution(Side.BUY, "1", "101", order=close), closed_qty=Decimal(1)))
    assert bot.state.positions.keys() == {LONG}
    assert bot.trade.exit_reason is ExitReason.STOP_LOSS


def test_reversal_across_the_sides_survives_a_restart_between_its_halves() -> None:
    bot = hedged()
    bot.signal("buy")
    fills(bot, bot.last_order)
    signal = bot.signal("sell")
    bot.restarts()
    close = bot.sent[1]
    fills(bot, close)
    entry = bot.last_order
    assert (entry.position_idx, entry.reduce_only) == (2, False)
    fills(bot, entry)
    assert bot.written.reversals[signal.id].step is ReversalStep.REVERSED
    assert bot.state.positions.keys() == {SHORT}


def test_close_told_after_the_mode_was_switched_belongs_to_where_it_was_opened() -> None:
    """The exchange's stop closed it unheard of; its owner then switched to hedge mode, which a flat symbol allows."""
    bot = Bot(protection=protection("1%"))
    bot.opens("buy")
    bot.state = replace(bot.state, hedge={BTC: True})
    stopped = bot.execution(Side.SELL, "1", "98.5", stop_order_type="StopLoss")
    bot.executes(replace(stopped, closed_qty=Decimal(1)))
    assert (bot.flat, bot.trade.exit_reason) == (True, ExitReason.STOP_LOSS)
