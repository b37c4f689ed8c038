"""What a signal does, given what is open and what the strategy says."""

from dataclasses import replace
from decimal import Decimal
from uuid import uuid4

import pytest

from backstop.domain.entry import LimitEntry
from backstop.domain.order import OrderStatus, Purpose
from backstop.domain.position import PositionStatus
from backstop.domain.protection import BreakEven, Protection, Trailing
from backstop.domain.side import PositionSide, Side
from backstop.domain.strategy import OnOpposite, Sizing, SizingMode
from backstop.engine.effects import Remind, SendOrder, Subscribe
from backstop.engine.events import SignalReceived, StrategiesChanged
from backstop.store.settings import read_plan, read_signal, write_plan
from tests.backstop.engine.bench import BTC, INSTRUMENT, Bot, ladder, mark, protection

OPEN, CLOSE, REVERSE, NOTHING = "open", "close", "reverse", "nothing"

SAME_WHATEVER_ON_OPPOSITE = [
    # action, target, what is open, what is done, outcome
    ("buy", None, None, OPEN, ("executing", None)),
    ("sell", None, None, OPEN, ("executing", None)),
    ("buy", "long", None, OPEN, ("executing", None)),
    ("target", "long", None, OPEN, ("executing", None)),
    ("target", "short", None, OPEN, ("executing", None)),
    ("buy", None, "buy", NOTHING, ("refused", "already_in_position")),
    ("sell", None, "sell", NOTHING, ("refused", "already_in_position")),
    ("target", "long", "buy", NOTHING, ("executed", "already_there")),
    ("target", "short", "sell", NOTHING, ("executed", "already_there")),
    ("close", None, "buy", CLOSE, ("executed", None)),
    ("close", None, "sell", CLOSE, ("executed", None)),
    ("target", "flat", "buy", CLOSE, ("executed", None)),
    ("target", "flat", "sell", CLOSE, ("executed", None)),
    ("sell", "flat", "buy", CLOSE, ("executed", None)),
    ("buy", "flat", "sell", CLOSE, ("executed", None)),
    ("close", None, None, NOTHING, ("refused", "no_position")),
    ("sell", "flat", None, NOTHING, ("refused", "no_position")),
    ("target", "flat", None, NOTHING, ("executed", "already_there")),
    ("reverse", None, None, NOTHING, ("refused", "no_position")),
    ("reverse", None, "buy", REVERSE, ("executing", None)),
    ("reverse", None, "sell", REVERSE, ("executing", None)),
    ("sell", "long", "buy", NOTHING, ("refused", "partial_exit_unsupported")),
    ("buy", "short", None, NOTHING, ("refused", "partial_exit_unsupported")),
]
BY_ON_OPPOSITE = {
    OnOpposite.REVERSE: (REVERSE, ("executing", None)),
    OnOpposite.CLOSE: (CLOSE, ("executed", None)),
    OnOpposite.IGNORE: (NOTHING, ("refused", "opposite_ignored")),
}


@pytest.mark.parametrize("on_opposite", list(OnOpposite))
@pytest.mark.parametrize(("action", "target", "held", "done", "outcome"), SAME_WHATEVER_ON_OPPOSITE)
def test_signal_meets_position(
    action: str,
    target: str | None,
    held: str | None,
    done: str,
    outcome: tuple[str, str | None],
    on_opposite: OnOpposite,
) -> None:
    bot = Bot(on_opposite=on_opposite)
    if held is not None:
        bot.opens(held)
    sent = len(bot.sent)
    signal = bot.signal(action, target=target)
    assert (_what_was_done(bot, sent), bot.outcome(signal)) == (done, outcome)


@pytest.mark.parametrize("on_opposite", list(OnOpposite))
@pytest.mark.parametrize(
    ("held", "action", "target"),
    [("buy", "sell", None), ("sell", "buy", None), ("buy", "target", "short"), ("sell", "target", "long")],
)
def test_opposite_signal_does_what_the_strategy_says(
    held: str, action: str, target: str | None, on_opposite: OnOpposite
) -> None:
    bot = Bot(on_opposite=on_opposite)
    bot.opens(held)
    sent = len(bot.sent)
    signal = bot.signal(action, target=target)
    assert (_what_was_done(bot, sent), bot.outcome(signal)) == BY_ON_OPPOSITE[on_opposite]


def _what_was_done(bot: Bot, sent: int) -> str:
    orders = bot.sent[sent:]
    if not orders:
        return NOTHING
    assert len(orders) == 1
    if orders[0].is_entry:
        return OPEN
    return REVERSE if bot.state.reversals else CLOSE


def test_entry_carries_the_exchanges_stop_behind_the_watched_one() -> None:
    bot = Bot(protection=protection("1%"))
    bot.signal("buy")
    order = bot.last_order
    assert (order.side, order.qty, order.stop_loss) == (Side.BUY, Decimal(1), Decimal("98.5"))  # 100 - 1 % - 0.5 %
    assert bot.position.status is PositionStatus.OPENING


def test_signal_overrides_quantity_stop_targets_and_leverage() -> None:
    bot = Bot(protection=protection("1%", ("1%", "1")))
    bot.signal("sell", qty="0.25", stop="104", take_profit=ladder(("90", "1")), leverage="3")
    order = bot.last_order
    assert (order.qty, order.leverage, order.stop_loss) == (Decimal("0.25"), Decimal(3), Decimal("104.5"))
    bot.fills(at="100")
    assert [level.price for level in bot.position.armed] == [Decimal(104), Decimal(90)]


@pytest.mark.parametrize("target", ["long", "short", "flat"])
def test_target_told_again_and_again_acts_once(target: str) -> None:
    bot = Bot(on_opposite=OnOpposite.REVERSE)
    for _ in range(3):
        signal = bot.signal("target", target=target)
        if bot.state.orders:
            bot.fills(at="100")
        assert bot.outcome(signal)[0] == "executed"
    assert len(bot.sent) == (0 if target == "flat" else 1)


def test_signal_told_twice_opens_once() -> None:
    bot = Bot()
    signal = bot.signal("buy")
    bot.tell(SignalReceived(signal))
    bot.fills(at="100")
    bot.tell(SignalReceived(signal))
    assert len(bot.sent) == 1


# ---- sizing


@pytest.mark.parametrize(
    ("sizing", "equity", "qty"),
    [
        (("qty", "0.5"), None, "0.5"),
        (("quote", "250"), None, "2.5"),  # 250 / 100
        (("equity_pct", "50"), "1000", "5"),  # 500 / 100
        (("risk_pct", "1"), "1000", "5"),  # 10 at risk / (100 - 98)
        (("quote", "33.3333"), None, "0.333"),  # rounded down to the lot step
    ],
)
def test_each_sizing_mode(sizing: tuple[str, str], equity: str | None, qty: str) -> None:
    bot = Bot(protection=protection("2%"), sizing=sizing, equity=equity)
    bot.signal("buy")
    assert bot.last_order.qty == Decimal(qty)


@pytest.mark.parametrize(
    ("sizing", "equity", "code"),
    [
        (("equity_pct", "50"), None, "equity_unknown"),
        (("risk_pct", "1"), "1000", "no_stop"),
        (("qty", "0.0009"), None, "below_min_qty"),
        (("qty", "0.049"), None, "below_min_notional"),
        (("qty", "101"), None, "above_max_qty"),
        (("qty", "20"), "100", "above_equity"),
    ],
)
def test_entry_that_cannot_be_sized_is_refused(sizing: tuple[str, str], equity: str | None, code: str) -> None:
    bot = Bot(sizing=sizing, equity=equity)
    signal = bot.signal("buy")
    assert (bot.outcome(signal), bot.sent, bot.flat) == (("refused", code), [], True)


@pytest.mark.parametrize(
    ("stop", "code"),
    [("100", "stop_wrong_side"), ("101", "stop_wrong_side"), ("49", "stop_too_far"), ("60%", "stop_too_far")],
)
def test_entry_with_a_misplaced_stop_is_refused(stop: str, code: str) -> None:
    bot = Bot()
    assert bot.outcome(bot.signal("buy", stop=stop)) == ("refused", code)


def test_entry_with_a_target_on_the_losing_side_is_refused() -> None:
    bot = Bot()
    signal = bot.signal("sell", take_profit=ladder(("101", "1")))
    assert bot.outcome(signal) == ("refused", "target_wrong_side")


@pytest.mark.parametrize(
    ("wanted", "code"),
    [
        (Protection(take_profit=ladder(("150%", "1"))), "level_below_zero"),
        (Protection(break_even=BreakEven(mark("100%"))), "level_below_zero"),
        (Protection(trailing=Trailing(mark("1%"), mark("120%"))), "level_below_zero"),
        (Protection(trailing=Trailing(mark("150"))), "trailing_too_far"),
    ],
)
def test_entry_with_a_level_that_is_no_price_is_refused(wanted: Protection, code: str) -> None:
    bot = Bot(protection=wanted)
    assert bot.outcome(bot.signal("sell")) == ("refused", code)


def test_entry_needs_an_instrument_that_trades_and_allows_the_leverage() -> None:
    bot = Bot()
    assert bot.outcome(bot.signal("buy", leverage="101")) == ("refused", "leverage_too_high")
    bot.state = replace(bot.state, instruments={BTC: replace(INSTRUMENT, tradable=False)})
    assert bot.outcome(bot.signal("buy")) == ("refused", "not_tradable")
    bot.state = replace(bot.state, instruments={})
    assert bot.outcome(bot.signal("buy")) == ("refused", "unknown_symbol")


def test_switched_off_strategy_is_refused() -> None:
    bot = Bot(enabled=False)
    assert bot.outcome(bot.signal("buy")) == ("refused", "strategy_disabled")


# ---- time


def test_entry_older_than_max_age_expires() -> None:
    bot = Bot()
    assert bot.outcome(bot.signal("buy", age_ms=30_000))[0] == "executing"
    late = Bot()
    assert late.outcome(late.signal("buy", age_ms=30_001)) == ("expired", "too_old")
    assert late.sent == []


def test_close_is_never_too_old() -> None:
    bot = Bot()
    bot.opens("buy")
    assert bot.outcome(bot.signal("close", age_ms=3_600_000)) == ("executed", None)
    assert bot.last_order.purpose is Purpose.SIGNAL


def test_reversal_too_old_closes_nothing_either() -> None:
    bot = Bot()
    bot.opens("buy")
    assert bot.outcome(bot.signal("sell", age_ms=30_001)) == ("expired", "too_old")
    assert bot.position.status is PositionStatus.OPEN


@pytest.mark.parametrize("price", [None, "100"], ids=["no price yet", "stale price"])
def test_entry_waits_for_a_fresh_price(price: str | None) -> None:
    bot = Bot(price=price)
    bot.quoting = False
    bot.wait(3_001)
    signal = bot.signal("buy")
    assert (bot.sent, bot.outcome(signal)) == ([], ("accepted", None))
    bot.wait(1_000)
    bot.quotes("100")
    bot.wait(250)
    assert len(bot.sent) == 1


def test_entry_without_a_fresh_price_expires_in_the_end() -> None:
    bot = Bot(price=None)
    effects = bot.tell(SignalReceived(bot.signal("buy")))
    assert effects == ()  # told twice
    bot.wait(31_000)
    assert bot.sent == []
    assert [settled.code for settled in bot.written.signals.values()] == ["too_old"]
    assert not bot.state.waiting


def test_waiting_entry_asks_for_prices() -> None:
    bot = Bot(price=None)
    bot.signal("buy")
    kinds = [type(effect) for effect in bot.history[-1][2]]
    assert kinds == [Subscribe, Remind]


def test_strategies_symbols_are_watched() -> None:
    bot = Bot()
    assert bot.tell(StrategiesChanged({bot.strategy.id: bot.strategy})) == (Subscribe(BTC),)


# ---- who else is on the symbol


def test_entry_on_a_symbol_held_by_someone_else_is_refused() -> None:
    bot = Bot()
    bot.snapshot(bot.held("3", "short"))
    assert bot.notices == ["foreign_position"]
    assert bot.outcome(bot.signal("buy")) == ("refused", "foreign_position")
    bot.snapshot()
    assert bot.outcome(bot.signal("buy"))[0] == "executing"


def test_signals_wait_while_the_symbol_opens_and_act_in_order() -> None:
    bot = Bot(on_opposite=OnOpposite.CLOSE)
    bot.signal("buy")
    entry = bot.last_order
    same, close, short = bot.signal("buy"), bot.signal("close"), bot.signal("sell")
    assert [bot.outcome(signal)[0] for signal in (same, close, short)] == ["accepted"] * 3
    bot.fills(entry, at="100")
    assert bot.outcome(same) == ("refused", "already_in_position")
    assert bot.outcome(close) == ("executed", None)
    assert bot.outcome(short) == ("accepted", None)  # the position is closing
    bot.fills(at="100")
    assert bot.outcome(short)[0] == "executing"
    assert (bot.position.side, len(bot.sent)) == (PositionSide.SHORT, 3)


def test_signal_behind_an_entry_that_waits_for_a_price_waits_too() -> None:
    bot = Bot(price=None)
    bot.signal("buy")
    close = bot.signal("close")
    assert bot.outcome(close) == ("accepted", None)
    bot.quotes("100")
    bot.wait(250)
    bot.fills(at="100")
    assert bot.outcome(close) == ("executed", None)


def test_entry_waits_for_a_close_of_unknown_fate() -> None:
    """Seen: the close was lost, the exchange's stop closed the position, and the late close would reduce the next one."""
    bot = Bot()
    bot.opens("buy")
    bot.signal("close")
    close = bot.last_order
    bot.loses_answer(close)
    bot.executes(bot.execution(Side.SELL, "1", "98", stop_order_type="StopLoss"))
    assert bot.flat
    again = bot.signal("buy")
    assert bot.outcome(again) == ("accepted", None)
    bot.wait(1_500)
    assert bot.sent.count(close) == 1, "a close with nothing left to close is not sent again"
    bot.proves_absent(close)
    assert bot.outcome(again)[0] == "executing"


# ---- how an entry ends


def test_entry_filled_in_parts_arms_once_filled_and_is_executed_when_whole() -> None:
    bot = Bot(protection=protection("1%"))
    signal = bot.signal("buy")
    bot.accepts()
    bot.fills(at="100", qty="0.4")
    assert (bot.position.status, bot.position.qty) == (PositionStatus.OPEN, Decimal("0.4"))
    assert bot.outcome(signal)[0] == "executing"
    bot.fills(at="102", qty="0.6")
    assert bot.outcome(signal) == ("executed", None)
    assert bot.position.entry_price == Decimal("101.2")  # 0.4 × 100 + 0.6 × 102
    (level,) = bot.armed.values()
    assert level.price == Decimal("100.2")  # 101.2 - 1 % = 100.188, the tick that protects more


def test_entry_filled_partly_and_canceled_keeps_the_part() -> None:
    bot = Bot(protection=protection("1%"))
    signal = bot.signal("buy")
    bot.fills(at="100", qty="0.4")
    bot.cancels_rest()
    assert (bot.position.qty, bot.outcome(signal)) == (Decimal("0.4"), ("executed", None))
    assert len(bot.sent) == 1, "what was not filled is not topped up"


@pytest.mark.parametrize(
    ("status", "code"), [(OrderStatus.CANCELED, "entry_canceled"), (OrderStatus.REJECTED, "exchange_refused")]
)
def test_entry_the_exchange_does_not_fill_fails_and_frees_the_symbol(status: OrderStatus, code: str) -> None:
    bot = Bot()
    signal = bot.signal("buy")
    bot.accepts()
    bot.reports(status, "0")
    assert (bot.flat, bot.outcome(signal)) == (True, ("failed", code))
    assert bot.outcome(bot.signal("buy"))[0] == "executing"


@pytest.mark.fault(18)
def test_entry_refused_at_once_fails_with_the_exchanges_words() -> None:
    bot = Bot()
    signal = bot.signal("buy")
    bot.refuses(code=110007)
    settled = bot.written.signals[signal.id]
    assert (settled.status.value, settled.code, settled.reason) == ("failed", "exchange_refused", "no")
    assert not [effect for effect in bot.history[-1][2] if isinstance(effect, SendOrder)]


def test_a_close_of_one_side_leaves_the_other_as_it_is() -> None:
    bot = Bot()
    bot.opens("sell")
    sent = len(bot.sent)
    assert bot.outcome(bot.signal("close", only="long")) == ("refused", "no_position")
    assert len(bot.sent) == sent
    closing = bot.signal("close", only="short")
    assert (bot.last_order.reduce_only, bot.last_order.signal_id) == (True, closing.id)


def test_a_close_of_the_other_side_takes_no_waiting_entry_back() -> None:
    bot = Bot()
    bot.quotes("100")
    bot.signal("buy", qty="1", entry=LimitEntry(mark("1%"), 60_000, post_only=False))
    bot.accepts(bot.last_order)
    assert bot.outcome(bot.signal("close", only="short")) == ("refused", "no_position")
    assert bot.state.orders[bot.last_order.link_id].cancel_reason is None
    bot.signal("close", only="long")
    assert bot.state.orders[bot.last_order.link_id].cancel_reason is not None


def test_a_signals_own_sizing_goes_before_the_strategys() -> None:
    bot = Bot()
    bot.quotes("100")
    bot.signal("buy", sizing=Sizing(SizingMode.QUOTE, Decimal(250)))
    assert bot.last_order.qty == Decimal("2.5")


def test_a_reversal_keeps_the_signals_sizing_until_it_opens() -> None:
    bot = Bot()
    bot.opens("buy")
    bot.signal("sell", sizing=Sizing(SizingMode.QUOTE, Decimal(250)))
    (reversal,) = bot.state.reversals.values()
    assert read_plan(reversal.plan.cause_id, "BTCUSDT", write_plan(reversal.plan)) == reversal.plan
    bot.fills(at="100")
    assert (bot.last_order.is_entry, bot.last_order.qty) == (True, Decimal("2.5"))


def test_what_a_parsed_alert_says_of_side_and_size_is_read() -> None:
    row = {"id": uuid4(), "strategy_id": uuid4(), "symbol": "BTCUSDT", "action": "close", "at_ms": 1, "qty": None}
    signal = read_signal({**row, "parsed": {"only": "long", "sizing": {"mode": "quote", "value": "50"}}})
    assert (signal.only, signal.sizing) == (PositionSide.LONG, Sizing(SizingMode.QUOTE, Decimal(50)))
