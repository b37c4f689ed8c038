"""Every execution counts once, whatever the order it comes in, and the books add up to the last digit."""

from dataclasses import replace
from decimal import ROUND_UP, Context, Decimal, localcontext

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backstop.domain.execution import Execution, ExitReason
from backstop.domain.ids import next_attempt, order_link_id
from backstop.domain.money import Price, Qty
from backstop.domain.order import Order, OrderStatus
from backstop.domain.position import PositionStatus, Trade
from backstop.domain.side import Side
from backstop.engine.events import Event, Executed, OrderReported
from backstop.engine.fills import SEEN_FOR_MS
from tests.backstop.engine.bench import Bot, protection

PROFILE = settings(max_examples=150, deadline=None, derandomize=True, database=None)


def test_execution_told_three_times_counts_once() -> None:
    bot = Bot()
    bot.signal("buy")
    execution = bot.fills(at="100")
    bot.executes(execution)
    bot.executes(replace(execution, price=Price(Decimal(101))))
    assert (bot.position.qty, len(bot.written.ledger)) == (Decimal(1), 1)


def test_execution_ids_are_remembered_for_an_hour() -> None:
    bot = Bot()
    bot.opens("buy", "1")
    first = bot.written.ledger[0].execution
    bot.now += SEEN_FOR_MS - 1
    for _ in range(2_100):
        bot.executes(bot.execution(Side.BUY, "0", "100", exec_type="Funding"))
    bot.executes(first)
    assert bot.position.qty == Decimal(1)
    bot.now += SEEN_FOR_MS
    bot.executes(bot.execution(Side.BUY, "0", "100", exec_type="Funding"))
    assert len(bot.state.seen) <= 2_101


# ---- any order


def test_close_told_before_the_entry_it_closes() -> None:
    """Seen: the exit was booked against nothing, and the entry then stood open though the exchange was flat."""
    bot = Bot(protection=protection("1%"))
    signal = bot.signal("buy")
    entry = bot.last_order
    stopped = bot.execution(Side.SELL, "1", "98.5", stop_order_type="StopLoss")
    bot.executes(stopped)
    bot.executes(stopped)
    assert (bot.position.status, bot.written.ledger) == (PositionStatus.OPENING, [])
    bot.fills(entry, at="100")
    assert (bot.flat, bot.trade.gross_pnl, bot.outcome(signal)[0]) == (True, Decimal("-1.5"), "executed")
    assert (bot.trade.exit_reason, bot.notices, bot.armed) == (ExitReason.STOP_LOSS, [], {})


def test_trade_by_hand_while_an_entry_comes_to_nothing_is_booked_as_foreign() -> None:
    bot = Bot()
    bot.signal("buy")
    bot.trades_by_hand("sell", "1", "100")
    bot.reports(OrderStatus.CANCELED, "0")
    assert (bot.flat, dict(bot.state.early)) == (True, {})
    assert [line.position_id for line in bot.written.ledger] == [None]


@st.composite
def stories(draw: st.DrawFn) -> tuple[list[tuple[str, str]], list[tuple[str, str]]]:
    """Parts of an entry and of the closes that follow, as (quantity, price)."""

    def parts() -> list[tuple[str, str]]:
        cuts = draw(st.lists(st.integers(1, 999), max_size=3, unique=True).map(sorted))
        edges = [0, *cuts, 1000]
        prices = draw(st.lists(st.integers(900, 1100), min_size=len(edges) - 1, max_size=len(edges) - 1))
        return [
            (str(Decimal(high - low) / 1000), str(Decimal(price) / 10))
            for low, high, price in zip(edges, edges[1:], prices, strict=False)
        ]

    return parts(), parts()


@PROFILE
@given(story=stories(), data=st.data())
@pytest.mark.fault(26)
def test_books_are_the_same_whatever_the_order_of_messages(
    story: tuple[list[tuple[str, str]], list[tuple[str, str]]], data: st.DataObject
) -> None:
    """Entry parts, closing parts (by the exchange's stop) and the entry's report: shuffled, and some told twice."""
    entries, exits = story

    def messages(bot: Bot) -> list[Event]:
        order = bot.last_order
        fills: list[Event] = [
            Executed(bot.execution(Side.BUY, qty, price, order=order, exec_id=f"in{i}"))
            for i, (qty, price) in enumerate(entries)
        ]
        fills += [
            Executed(bot.execution(Side.SELL, qty, price, stop_order_type="StopLoss", exec_id=f"out{i}"))
            for i, (qty, price) in enumerate(exits)
        ]
        return [*fills, OrderReported(order.link_id, "x", OrderStatus.FILLED, order.qty)]

    def told(bot: Bot, events: list[Event]) -> Trade:
        for event in events:
            bot.tell(event)
        assert (bot.flat, dict(bot.state.orders), dict(bot.state.early), bot.notices) == (True, {}, {}, [])
        assert len(bot.written.ledger) == len(entries) + len(exits)
        return bot.trade

    straight, mixed = Bot(), Bot()
    straight.signal("buy")
    mixed.signal("buy")
    in_order = messages(straight)
    shuffled = data.draw(st.permutations(in_order + data.draw(st.lists(st.sampled_from(in_order), max_size=3))))
    one, other = told(straight, in_order), told(mixed, shuffled)
    assert one == other
    bought = sum(Decimal(qty) * Decimal(price) for qty, price in entries)
    sold = sum(Decimal(qty) * Decimal(price) for qty, price in exits)
    assert one.gross_pnl == sold - bought


@PROFILE
@given(
    parts=st.lists(
        st.tuples(st.integers(1, 7_000_000), st.integers(1, 99_999_999)),
        min_size=1,
        max_size=8,
        unique_by=lambda p: p[0],
    ),
    entry_price=st.integers(1, 99_999_999),
)
def test_ledger_lines_add_up_to_the_trade_to_the_last_digit(parts: list[tuple[int, int]], entry_price: int) -> None:
    """Thirds and sevenths of a cost do not end: what is booked must still sum to what was sold minus what was bought."""
    lots = [(Decimal(qty).scaleb(-3), Decimal(price).scaleb(-1)) for qty, price in parts]
    total = sum((qty for qty, _ in lots), Decimal(0))
    bought_at = Decimal(entry_price).scaleb(-1)
    bot = Bot()
    bot.signal("buy", qty="1")
    entry = bot.last_order
    bot.state = replace(bot.state, orders={entry.link_id: replace(entry, qty=Qty(total))})
    bot.executes(bot.execution(Side.BUY, total, bought_at, order=entry))
    for qty, price in lots:
        bot.executes(bot.execution(Side.SELL, qty, price, stop_order_type="StopLoss"))
    trade, lines = bot.trade, bot.written.ledger
    assert sum(line.realised for line in lines) == trade.gross_pnl
    assert trade.gross_pnl == sum(qty * price for qty, price in lots) - total * bought_at
    assert sum(line.execution.fee for line in lines) == trade.fees
    assert trade.net_pnl == trade.gross_pnl - trade.fees


def test_profit_of_a_short() -> None:
    bot = Bot()
    bot.opens("sell", "2")
    bot.signal("close")
    bot.fills(at="90")
    fees = Decimal("0.11") + Decimal("0.099")  # 0.055 % of 200 and of 180
    assert (bot.trade.gross_pnl, bot.trade.fees, bot.trade.net_pnl) == (Decimal(20), fees, 20 - fees)


# ---- kinds of execution


@pytest.mark.fault(38)
def test_funding_goes_to_the_ledger_and_leaves_the_size() -> None:
    bot = Bot()
    bot.opens("buy")
    bot.executes(bot.execution(Side.BUY, "1", "100", exec_type="Funding", fee="0.02"))
    bot.executes(bot.execution(Side.BUY, "1", "100", exec_type="Funding", fee="-0.05"))
    assert (bot.position.qty, bot.position.funding) == (Decimal(1), Decimal("0.03"))
    assert [line.funding for line in bot.written.ledger[1:]] == [Decimal("-0.02"), Decimal("0.05")]
    bot.signal("close")
    bot.fills(at="100")
    assert bot.trade.net_pnl == bot.trade.gross_pnl - bot.trade.fees + Decimal("0.03")


def test_funding_without_a_position_is_still_in_the_ledger() -> None:
    bot = Bot()
    bot.executes(bot.execution(Side.BUY, "1", "100", exec_type="Funding", fee="0.02"))
    (line,) = bot.written.ledger
    assert (line.position_id, line.funding) == (None, Decimal("-0.02"))


def test_unknown_execution_type_changes_nothing_and_is_kept_for_a_human() -> None:
    bot = Bot()
    before = bot.opens("buy")
    bot.executes(bot.execution(Side.SELL, "1", "100", exec_type="SpreadTrade"))
    assert (bot.position, len(bot.written.ledger)) == (before, 1)
    assert (len(bot.written.quarantined), bot.snapshots_wanted) == (1, 1)


@pytest.mark.parametrize(
    ("exec_type", "stop_order_type", "create_type", "reason"),
    [
        ("BustTrade", "", "", ExitReason.LIQUIDATION),
        ("AdlTrade", "", "", ExitReason.LIQUIDATION),
        ("Trade", "", "CreateByLiq", ExitReason.LIQUIDATION),
        ("Trade", "StopLoss", "CreateByStopLoss", ExitReason.STOP_LOSS),
        ("Trade", "", "CreateByStopLoss", ExitReason.STOP_LOSS),
        ("Trade", "TakeProfit", "", ExitReason.TAKE_PROFIT),
        ("Trade", "TrailingStop", "", ExitReason.TRAILING),
        ("Trade", "", "CreateByUser", ExitReason.EXTERNAL),
        ("Settle", "", "", ExitReason.EXTERNAL),
        ("Delivery", "", "", ExitReason.EXTERNAL),
    ],
)
def test_why_a_position_was_closed_that_we_did_not_close(
    exec_type: str, stop_order_type: str, create_type: str, reason: ExitReason
) -> None:
    bot = Bot(protection=protection("1%"))
    bot.opens("buy")
    bot.executes(
        bot.execution(
            Side.SELL, "1", "98", exec_type=exec_type, stop_order_type=stop_order_type, create_type=create_type
        )
    )
    assert (bot.flat, bot.trade.exit_reason, bot.armed, len(bot.sent)) == (True, reason, {}, 1)


# ---- by hand


@pytest.mark.fault(36)
def test_position_reduced_by_hand_shrinks_and_is_not_fought() -> None:
    bot = Bot(protection=protection("1%"))
    bot.opens("buy")
    bot.trades_by_hand("sell", "0.4", "100")
    assert (bot.position.qty, bot.position.status, len(bot.sent)) == (Decimal("0.6"), PositionStatus.OPEN, 1)
    bot.tick("99")
    assert bot.last_order.qty == Decimal("0.6")


def test_position_grown_by_hand_is_protected_whole() -> None:
    bot = Bot(protection=protection("1%"))
    bot.opens("buy")
    bot.trades_by_hand("buy", "1", "104")
    (level,) = bot.armed.values()
    assert (bot.position.qty, level.price) == (Decimal(2), Decimal(101))  # 102 - 1 % = 100.98, up
    bot.tick("101")
    assert bot.last_order.qty == Decimal(2)


def test_trade_by_hand_past_zero_ends_ours_and_marks_the_rest_as_foreign() -> None:
    bot = Bot()
    bot.opens("buy")
    bot.trades_by_hand("sell", "1.5", "100")
    assert (bot.flat, bot.trade.exit_reason, bot.notices) == (True, ExitReason.EXTERNAL, ["flipped"])
    assert bot.outcome(bot.signal("sell")) == ("refused", "foreign_position")


def test_fill_on_a_flat_symbol_has_the_exchange_read() -> None:
    bot = Bot()
    bot.trades_by_hand("buy", "1", "100")
    assert (bot.flat, bot.snapshots_wanted) == (True, 1)


# ---- known by their id alone (after a crash between sending and writing)


def forgotten(bot: Bot, leg: str, qty: str, at: str = "99") -> Execution:
    """A fill of a close of ours that nothing is written of."""
    position = bot.position
    order = Order(
        link_id=order_link_id(position.id, leg),
        symbol=position.symbol,
        side=position.side.exit,
        purpose=bot.sent[0].purpose,
        qty=position.qty,
        created_at=bot.now,
    )
    execution = bot.execution(position.side.exit, qty, at, order=order)
    bot.executes(execution)
    return execution


@pytest.mark.parametrize(
    ("leg", "reason"),
    [("s1", ExitReason.STOP_LOSS), ("t1r1", ExitReason.TAKE_PROFIT), ("p", ExitReason.STOP_LOSS)],
)
def test_forgotten_close_is_known_by_its_id(leg: str, reason: ExitReason) -> None:
    bot = Bot(protection=protection("1%", ("2%", "1")))
    bot.opens("buy")
    forgotten(bot, leg, "1")
    assert (bot.flat, bot.trade.exit_reason, bot.armed) == (True, reason, {})


def test_forgotten_stop_filled_in_part_goes_on_under_the_next_id() -> None:
    """Seen: the level stayed armed, and its next close went out under an id the exchange had used up."""
    bot = Bot(protection=protection("1%"))
    (level,) = bot.opens("buy").armed
    forgotten(bot, "s1", "0.4")
    assert (bot.position.status, bot.armed) == (PositionStatus.CLOSING, {})
    bot.wait(2_000)
    assert (bot.last_order.qty, bot.last_order.link_id) == (Decimal("0.6"), level.close_id[:-1] + "2")
    bot.fills(at="98")
    assert bot.flat


def test_forgotten_rung_has_fired_and_the_rest_stays_watched() -> None:
    bot = Bot(protection=protection("1%", ("1%", "0.5")))
    bot.opens("buy")
    forgotten(bot, "t1r1", "0.5", "101")
    bot.tick("101")
    assert (len(bot.sent), bot.position.qty, bot.position.status) == (1, Decimal("0.5"), PositionStatus.OPEN)
    assert [level.rung for level in bot.armed.values()] == [0]


def test_forgotten_close_adds_up_what_it_filled() -> None:
    """Seen: each of its fills was taken for all of it, and its row said less than its executions."""
    bot = Bot(protection=protection("1%", ("1%", "0.5")))
    bot.opens("buy")
    for qty in ("0.1", "0.2", "0.2"):
        forgotten(bot, "t1r1", qty, "101")
    order = bot.written.orders[order_link_id(bot.position.id, "t1r1")]
    assert (order.filled_qty, order.filled_value, order.status) == (Decimal("0.5"), Decimal("50.5"), OrderStatus.FILLED)


def test_close_asked_for_again_knows_what_it_filled_before_the_crash() -> None:
    bot = Bot()
    bot.opens("buy")
    bot.dies_before_commit = True
    bot.signal("close")
    close = bot.last_order
    bot.fills(close, at="100", qty="0.4")
    bot.claims_again()
    assert bot.written.orders[close.link_id].filled_qty == Decimal("0.4")
    bot.fills(close, at="100", qty="0.6")
    assert (bot.flat, bot.written.orders[close.link_id].filled_qty) == (True, Decimal(1))


@pytest.mark.parametrize("way", ["close", "reverse"])
def test_forgotten_close_keeps_its_reason(way: str) -> None:
    """Seen: one for a signal was booked as made by hand. Its id says what it was for."""
    bot = Bot()
    bot.opens("buy")
    bot.dies_before_commit = True
    bot.signal(way)
    bot.fills(bot.last_order, at="100")
    assert bot.trade.exit_reason is (ExitReason.SIGNAL if way == "close" else ExitReason.REVERSE)


def test_second_close_of_a_rung_filled_before_a_crash_is_not_closed_again() -> None:
    """Seen: only the first was written down; its rest was sent anew as if nothing of it had filled."""
    bot = Bot(protection=protection("1%", ("1%", "0.5")))
    bot.opens("buy")
    bot.tick("101")
    rung = bot.last_order
    second = replace(rung, link_id=next_attempt(rung.link_id))
    bot.executes(bot.execution(second.side, "0.5", "101", order=second))
    bot.reports(OrderStatus.REJECTED, "0", rung)
    bot.wait(10_000)
    assert (bot.position.qty, bot.written.orders[second.link_id].filled_qty) == (Decimal("0.5"), Decimal("0.5"))


def test_books_are_the_same_however_the_process_rounds() -> None:
    def profit() -> Decimal:
        bot = Bot(sizing=("qty", "3"))
        bot.signal("buy")
        for price in ("100", "101", "103"):
            bot.fills(at=price, qty="1")
        bot.close("0.33")
        bot.fills(at="104.7")
        bot.close()
        bot.fills(at="104.9")
        return bot.trade.net_pnl

    with localcontext(Context(prec=9, rounding=ROUND_UP)):
        rounded = profit()
    assert rounded == profit()


# ---- what belongs to others


def test_opening_fill_that_closed_somebody_elses_position_opened_only_the_rest() -> None:
    """A long opened by hand a moment before is known of only by what our short closed of it."""
    bot = Bot(protection=protection("1%"))
    signal = bot.signal("sell", qty="0.27")
    order = bot.last_order
    bot.executes(replace(bot.execution(Side.SELL, "0.27", "100", order=order), closed_qty=Decimal("0.18")))
    bot.reports(OrderStatus.FILLED, Qty(Decimal("0.27")), order)
    position = bot.position
    assert (position.qty, position.entry_qty, position.cost) == (Decimal("0.09"), Decimal("0.09"), Decimal("9.00"))
    assert (position.fees, bot.outcome(signal)[0]) == (Decimal("0.27") * 100 * Decimal("0.00055"), "executed")
    assert bot.notices == ["foreign_closed"]


def test_opening_order_that_only_closed_somebody_elses_position_opened_none() -> None:
    bot = Bot(protection=protection("1%"))
    signal = bot.signal("sell", qty="0.27")
    order = bot.last_order
    bot.executes(replace(bot.execution(Side.SELL, "0.27", "100", order=order), closed_qty=Decimal("0.27")))
    bot.reports(OrderStatus.FILLED, Qty(Decimal("0.27")), order)
    assert (bot.flat, bot.armed, bot.outcome(signal)) == (True, {}, ("failed", "foreign_position"))


def test_close_of_an_earlier_life_that_was_larger_is_kept_whole() -> None:
    """A close was sent for 2 and the commit that said so lost; the next life knows of 1 and sends 1 under the same id."""
    bot = Bot(protection=protection("1%"))
    bot.opens("buy", "1", at="100")
    bot.tick("98")
    order = bot.last_order
    for _ in range(2):
        bot.executes(bot.execution(Side.SELL, "1", "98", order=order))
    assert bot.flat
    assert bot.written.orders[order.link_id].filled_qty == Decimal(2)
