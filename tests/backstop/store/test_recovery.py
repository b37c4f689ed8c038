"""What was written before a crash is read back as it was, and what was claimed is claimed again."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from backstop.domain.entry import AT_MARKET, LimitEntry
from backstop.domain.execution import Booked, Execution, ExitReason
from backstop.domain.guess import Guess, correct
from backstop.domain.ids import CommandId, Epoch, PositionId, SignalId, StrategyId, Symbol, order_link_id
from backstop.domain.instrument import Instrument
from backstop.domain.money import NO_USDT, Price, Qty, Usdt
from backstop.domain.order import CancelReason, Order, OrderStatus, Purpose
from backstop.domain.position import Position, PositionStatus, apply_fill, trade_of
from backstop.domain.protection import (
    BreakEven,
    Level,
    LevelStatus,
    PriceMark,
    PriceSource,
    Protection,
    ResidentStop,
    TakeProfit,
    Trailing,
    levels_of,
)
from backstop.domain.side import PositionSide, Side
from backstop.domain.signal import SignalStatus
from backstop.engine.effects import BookExecution, SettleCommand, SettleSignal
from backstop.engine.events import CloseCommand, Edit, ProtectCommand, ReverseCommand
from backstop.engine.reversal import EntryPlan, Reversal, ReversalStep
from backstop.store import intake, recovery, trading
from backstop.store.query import Query, execute, fetch_all, fetch_one
from backstop.store.trading import Owner
from tests.conftest import Database
from tests.store.books import Books

BTC = Symbol("BTCUSDT")
RULES = Instrument(
    BTC, Decimal("0.1"), Decimal("0.001"), Qty(Decimal("0.001")), Qty(Decimal(500)), Decimal(5), Decimal(100)
)
NOON = 1_795_478_400_000
ANY_DATABASE = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
Streamer = psycopg.Connection[Any]


class Trader:
    """A user, an account and a strategy to hang rows on, in a database without any other."""

    def __init__(self, books: Books) -> None:
        self.books = books
        books.rows("truncate users cascade")
        self.user = books.user()
        self.account = books.account(self.user)
        self.strategy = books.strategy(self.user, self.account)
        self.owner = Owner(self.user, self.account)

    def signal(self, **values: object) -> UUID:
        return self.books.signal(self.user, self.account, self.strategy, **values)

    def command(self, kind: str, body: str) -> UUID:
        command_id = uuid4()
        self.books.rows(
            "insert into commands (id, user_id, account_id, kind, body) values (%s, %s, %s, %s, %s)",
            command_id,
            self.user,
            self.account,
            kind,
            body,
        )
        return command_id


@pytest.fixture
def books(database: Database) -> Books:
    return Books(database.url)


@pytest.fixture
def streamer(database: Database) -> Iterator[Streamer]:
    with psycopg.connect(database.url_as("backstop_streamer"), autocommit=True) as connection:
        yield connection


@pytest.fixture
def trader(books: Books) -> Trader:
    return Trader(books)


amounts = st.decimals(min_value="0", max_value="1000000", places=12)
positive = st.decimals(min_value="0.001", max_value="1000000", places=9)
signed = st.decimals(min_value="-1000000", max_value="1000000", places=12)
moments = st.integers(min_value=1_600_000_000_000, max_value=2_000_000_000_000)
shares = st.decimals(min_value="0.001", max_value="0.5", places=5)
sides = st.sampled_from(PositionSide)
marks = st.one_of(
    shares.map(lambda share: PriceMark(share=share)), positive.map(lambda price: PriceMark(price=Price(price)))
)
protections = st.builds(
    Protection,
    stop_loss=st.none() | marks,
    take_profit=st.lists(st.builds(TakeProfit, marks, shares), max_size=3).map(tuple),
    resident_gap=shares,
    trigger_by=st.sampled_from(PriceSource),
)
entries = st.just(AT_MARKET) | st.builds(
    LimitEntry, marks, st.integers(min_value=1, max_value=86_400).map(lambda s: s * 1000), st.booleans()
)


@st.composite
def positions(draw: st.DrawFn) -> Position:
    """With levels of up to three rounds, all laid within the same millisecond."""
    position_id, side, protection = PositionId(draw(st.uuids())), draw(sides), draw(protections)
    levels: tuple[Level, ...] = ()
    rounds = draw(st.integers(min_value=0, max_value=3))
    for round_ in range(1, rounds + 1):
        laid = levels_of(position_id, BTC, side, Price(draw(positive)), draw(protections), RULES, round_=round_)
        levels += tuple(
            replace(level, status=draw(st.sampled_from(LevelStatus)), trigger_by=protection.trigger_by)
            for level in laid
            if level.price > 0
        )
    return Position(
        id=position_id,
        symbol=BTC,
        side=side,
        protection=protection,
        opened_at=draw(moments),
        leverage=draw(st.none() | positive),
        position_idx=draw(st.sampled_from((0, 1, 2))),
        status=draw(st.sampled_from([PositionStatus.OPENING, PositionStatus.OPEN, PositionStatus.CLOSING])),
        qty=Qty(draw(amounts)),
        cost=draw(amounts),
        entry_qty=draw(amounts),
        entry_value=draw(amounts),
        exit_qty=draw(amounts),
        exit_value=draw(amounts),
        gross_pnl=Usdt(draw(signed)),
        fees=Usdt(draw(signed)),
        funding=Usdt(draw(signed)),
        levels=levels,
        levels_round=rounds,
        resident=ResidentStop(draw(st.none() | positive.map(Price)), draw(st.none() | moments)),
        closing_link_id=draw(st.none() | st.just(order_link_id(position_id, "c"))),
        exit_reason=draw(st.none() | st.sampled_from(ExitReason)),
        updated_at=draw(moments),
        entries=draw(st.integers(min_value=0, max_value=100)),
        turned_at=draw(st.none() | moments),
    )


LIVE = [OrderStatus.INTENDED, OrderStatus.SENT, OrderStatus.UNKNOWN, OrderStatus.OPEN]
orders = st.builds(
    Order,
    link_id=st.uuids().map(lambda cause: order_link_id(cause, "o")),
    symbol=st.just(BTC),
    side=st.sampled_from(Side),
    purpose=st.sampled_from(Purpose),
    qty=positive.map(Qty),
    created_at=moments,
    position_idx=st.sampled_from((0, 1, 2)),
    reduce_only=st.booleans(),
    stop_loss=st.none() | positive.map(Price),
    leverage=st.none() | positive,
    status=st.sampled_from(LIVE),
    exchange_order_id=st.none() | st.uuids().map(str),
    filled_qty=amounts,
    filled_value=amounts,
    reported_qty=amounts,
    not_after=st.none() | moments,
    decided_price=st.none() | positive.map(Price),
    sent_at=st.none() | moments,
    ret_code=st.none() | st.integers(min_value=-2015, max_value=3_400_214),
    reason=st.none() | st.just("the exchange says no"),
    rest=amounts,
    limit_price=st.none() | positive.map(Price),
    post_only=st.booleans(),
    expires_at=st.none() | moments,
    cancel_reason=st.none() | st.sampled_from(CancelReason),
    cancel_asked_at=st.none() | moments,
)
plans = st.builds(
    EntryPlan,
    cause_id=st.uuids(),
    signal_id=st.none() | st.uuids().map(SignalId),
    strategy_id=st.uuids().map(StrategyId),
    symbol=st.just(BTC),
    side=sides,
    qty=st.none() | positive.map(Qty),
    protection=protections,
    leverage=positive,
    at=moments,
    max_age_ms=st.integers(min_value=0, max_value=3_600_000),
    entry=entries,
)


def write_position(streamer: Streamer, trader: Trader, position: Position) -> None:
    execute(streamer, trading.save_position(trader.owner, position))
    for level in position.levels:
        execute(streamer, trading.save_level(trader.owner, level, position.updated_at))


@ANY_DATABASE
@given(position=positions())
def test_a_position_is_read_back_with_its_levels(books: Books, streamer: Streamer, position: Position) -> None:
    trader = Trader(books)
    write_position(streamer, trader, position)
    assert fetch_all(streamer, recovery.live_positions(trader.account)) == [position]


@ANY_DATABASE
@given(position=positions(), later=positions())
def test_a_position_that_changed_is_read_back_as_it_is_now(
    books: Books, streamer: Streamer, position: Position, later: Position
) -> None:
    trader = Trader(books)
    write_position(streamer, trader, position)
    levels = tuple(replace(level, trigger_by=later.protection.trigger_by) for level in position.levels)
    changed = replace(later, id=position.id, side=position.side, levels=levels, turned_at=position.turned_at)
    write_position(streamer, trader, changed)
    write_position(streamer, trader, changed)
    assert fetch_all(streamer, recovery.live_positions(trader.account)) == [changed]


def test_the_newest_stop_is_the_newest_after_a_crash_too(streamer: Streamer, trader: Trader) -> None:
    """Protection edited with no fill since: both rounds were written with the same moment."""
    position_id = PositionId(uuid4())
    protection = Protection(
        stop_loss=PriceMark(share=Decimal("0.01")), take_profit=(TakeProfit(PriceMark(share=Decimal("0.02"))),)
    )
    position = Position(
        position_id, BTC, PositionSide.LONG, protection, NOON, status=PositionStatus.OPEN, updated_at=NOON
    )
    for round_, stop in enumerate(("0.02", "0.03", "0.01"), start=1):
        wanted = replace(protection, stop_loss=PriceMark(share=Decimal(stop)))
        laid = levels_of(position_id, BTC, PositionSide.LONG, Price(Decimal(60000)), wanted, RULES, round_=round_)
        older = tuple(replace(level, status=LevelStatus.DISARMED) for level in position.levels)
        position = replace(position, levels=(*older, *laid), levels_round=round_, protection=wanted)
        write_position(streamer, trader, position)
    (read,) = fetch_all(streamer, recovery.live_positions(trader.account))
    assert read.stop_loss == position.stop_loss == 59400
    assert read.levels == position.levels


def test_a_level_keeps_when_it_fired(streamer: Streamer, trader: Trader, books: Books) -> None:
    """Also when it was written for the first time after it had fired."""
    position = Position(PositionId(uuid4()), BTC, PositionSide.LONG, Protection(), NOON, updated_at=NOON)
    level = levels_of(
        position.id, BTC, position.side, Price(Decimal(60000)), Protection(PriceMark(share=Decimal("0.01"))), RULES
    )[0]
    fired = replace(level, status=LevelStatus.FIRED)
    write_position(streamer, trader, replace(position, levels=(fired,)))
    write_position(streamer, trader, replace(position, levels=(fired,), updated_at=NOON + 5_000))
    (row,) = books.rows("select (extract(epoch from fired_at) * 1000)::bigint as at from levels")
    assert row["at"] == NOON


def test_a_closed_position_is_history(streamer: Streamer, trader: Trader) -> None:
    position = Position(
        PositionId(uuid4()), BTC, PositionSide.LONG, Protection(), NOON, status=PositionStatus.OPEN, updated_at=NOON
    )
    write_position(streamer, trader, position)
    write_position(streamer, trader, replace(position, status=PositionStatus.CLOSED, closed_at=NOON + 1))
    assert fetch_all(streamer, recovery.live_positions(trader.account)) == []


def test_a_guess_is_read_back_as_far_as_it_stands_and_its_trade_is_written_again(
    streamer: Streamer, trader: Trader, books: Books
) -> None:
    opened = Position(PositionId(uuid4()), BTC, PositionSide.LONG, Protection(), NOON, status=PositionStatus.OPEN)

    def execution(exec_id: str, side: Side, qty: str, price: str) -> Execution:
        return Execution(exec_id, BTC, side, "Trade", Price(Decimal(price)), Qty(Decimal(qty)), NO_USDT, NOON)

    def book(done: Execution, realised: Usdt) -> None:
        execute(streamer, trading.book_execution(trader.owner, BookExecution(done, opened.id, realised, NO_USDT)))

    held = apply_fill(opened, execution("e1", Side.BUY, "1", "60000")).position
    adopted = execution("adopted-x", Side.SELL, "1", "59000")
    filled = apply_fill(held, adopted)
    closed = replace(filled.position, status=PositionStatus.CLOSED, closed_at=NOON, exit_reason=ExitReason.EXTERNAL)
    write_position(streamer, trader, closed)
    execute(streamer, trading.save_trade(trader.owner, trade_of(closed)))
    book(adopted, filled.realised)
    (guess,) = fetch_all(streamer, recovery.guesses_since(trader.account, NOON))
    assert guess == Guess(
        "adopted-x", closed.id, closed.slot, Side.SELL, adopted.qty, adopted.price, filled.realised, NOON
    )
    assert fetch_all(streamer, recovery.closed_positions(trader.account, [guess.position_id])) == [closed]

    late = execution("e2", Side.SELL, "0.4", "60500")
    corrected = correct(closed, guess, late)
    book(corrected.taken_back, corrected.back)
    book(late, corrected.filled.realised)
    write_position(streamer, trader, corrected.filled.position)
    execute(streamer, trading.save_trade(trader.owner, trade_of(corrected.filled.position)))
    assert fetch_all(streamer, recovery.guesses_since(trader.account, NOON)) == [corrected.guess]
    assert books.rows("select gross_pnl from trades") == [{"gross_pnl": Decimal(-400)}]
    assert books.rows("select sum(amount) as gained from ledger") == [{"gained": Decimal(-400)}]

    rest = correct(corrected.filled.position, corrected.guess, execution("e3", Side.SELL, "0.6", "60000"))
    book(rest.taken_back, rest.back)
    assert fetch_all(streamer, recovery.guesses_since(trader.account, NOON)) == []


@ANY_DATABASE
@given(order=orders)
def test_a_live_order_is_read_back(books: Books, streamer: Streamer, order: Order) -> None:
    trader = Trader(books)
    execute(streamer, trading.save_order(trader.owner, order))
    execute(streamer, trading.save_order(trader.owner, order))
    assert fetch_all(streamer, recovery.live_orders(trader.account)) == [order]


@pytest.mark.parametrize(
    ("status", "booked", "live"),
    [
        (OrderStatus.FILLED, "0.004", True),
        (OrderStatus.CANCELED, "0.004", True),
        (OrderStatus.FILLED, "0.005", False),
        (OrderStatus.EXPIRED, "0", True),
    ],
)
def test_an_order_is_live_until_what_it_filled_is_booked(
    streamer: Streamer, trader: Trader, status: OrderStatus, booked: str, live: bool
) -> None:
    order = Order(
        order_link_id(uuid4(), "o"),
        BTC,
        Side.BUY,
        Purpose.ENTRY,
        Qty(Decimal("0.01")),
        NOON,
        status=status,
        filled_qty=Decimal(booked),
        reported_qty=Decimal("0.005"),
    )
    execute(streamer, trading.save_order(trader.owner, order))
    assert bool(fetch_all(streamer, recovery.live_orders(trader.account))) is live


def test_an_order_keeps_when_it_was_last_sent_and_its_id_at_the_exchange(streamer: Streamer, trader: Trader) -> None:
    order = Order(order_link_id(uuid4(), "o"), BTC, Side.BUY, Purpose.ENTRY, Qty(Decimal(1)), NOON, sent_at=NOON + 1)
    execute(streamer, trading.save_order(trader.owner, replace(order, exchange_order_id="x")))
    execute(streamer, trading.save_order(trader.owner, replace(order, sent_at=NOON + 9)))
    execute(streamer, trading.save_order(trader.owner, replace(order, sent_at=None)))
    (read,) = fetch_all(streamer, recovery.live_orders(trader.account))
    assert (read.sent_at, read.exchange_order_id) == (NOON + 9, "x")


@ANY_DATABASE
@given(plan=plans, step=st.sampled_from([ReversalStep.CLOSING, ReversalStep.OPENING]))
def test_a_reversal_under_way_is_read_back_with_its_plan(
    books: Books, streamer: Streamer, plan: EntryPlan, step: ReversalStep
) -> None:
    trader = Trader(books)
    position = PositionId(books.position(trader.user, trader.account))
    reversal = Reversal(plan, position, step, "because")
    execute(streamer, trading.save_reversal(trader.owner, replace(reversal, step=ReversalStep.CLOSING, reason=None)))
    execute(streamer, trading.save_reversal(trader.owner, reversal))
    assert fetch_all(streamer, recovery.live_reversals(trader.account)) == [reversal]


@pytest.mark.parametrize("end", [ReversalStep.REVERSED, ReversalStep.FLAT_EXPIRED, ReversalStep.FLAT_FAILED])
def test_a_reversal_that_ended_is_history(streamer: Streamer, trader: Trader, end: ReversalStep) -> None:
    plan = EntryPlan(
        uuid4(), None, StrategyId(uuid4()), BTC, PositionSide.LONG, None, Protection(), Decimal(1), NOON, 30_000
    )
    position = PositionId(trader.books.position(trader.user, trader.account))
    execute(streamer, trading.save_reversal(trader.owner, Reversal(plan, position, ReversalStep.CLOSING)))
    execute(streamer, trading.save_reversal(trader.owner, Reversal(plan, position, end)))
    assert fetch_all(streamer, recovery.live_reversals(trader.account)) == []


def test_executions_are_found_from_a_moment_on(streamer: Streamer, trader: Trader) -> None:
    for number, at in enumerate((NOON, NOON + 1, NOON + 2)):
        execution = Execution(
            f"e{number}", BTC, Side.BUY, "Trade", Price(Decimal(1)), Qty(Decimal(1)), Usdt(Decimal(0)), at
        )
        execute(streamer, trading.book_execution(trader.owner, BookExecution(execution, None, NO_USDT, NO_USDT)))
    assert fetch_one(streamer, recovery.newest_execution(trader.account)) == NOON + 2
    assert dict(fetch_all(streamer, recovery.executions_since(trader.account, NOON + 1))) == {
        "e1": Booked(NOON + 1, "", Decimal(1), Decimal(1)),
        "e2": Booked(NOON + 2, "", Decimal(1), Decimal(1)),
    }
    assert fetch_one(streamer, recovery.newest_execution(uuid4())) is None


def test_what_is_another_accounts_is_not_read(streamer: Streamer, trader: Trader, books: Books) -> None:
    twin = books.account(trader.user)
    books.position(trader.user, twin)
    books.order(trader.user, twin, status="open")
    books.execution(trader.user, twin)
    books.signal(trader.user, twin, books.strategy(trader.user, twin))
    assert fetch_all(streamer, recovery.live_positions(trader.account)) == []
    assert fetch_all(streamer, recovery.live_orders(trader.account)) == []
    assert fetch_one(streamer, recovery.newest_execution(trader.account)) is None
    assert fetch_all(streamer, intake.claim_signals(trader.account, Epoch(1))) == []


# ---- claims


def test_signals_are_claimed_in_the_order_they_came_and_once(streamer: Streamer, trader: Trader) -> None:
    sent = [trader.signal() for _ in range(3)]
    assert [signal.id for signal in fetch_all(streamer, intake.claim_signals(trader.account, Epoch(1)))] == sent
    assert fetch_all(streamer, intake.claim_signals(trader.account, Epoch(1))) == []


def test_more_than_a_hundred_signals_come_in_order_over_several_claims(streamer: Streamer, trader: Trader) -> None:
    sent = [trader.signal() for _ in range(103)]
    claimed = [
        signal.id for _ in range(2) for signal in fetch_all(streamer, intake.claim_signals(trader.account, Epoch(1)))
    ]
    assert claimed == sent


def test_what_an_earlier_epoch_claimed_and_did_not_settle_is_claimed_again(streamer: Streamer, trader: Trader) -> None:
    settled, executing, open_ = (SignalId(trader.signal()) for _ in range(3))
    fetch_all(streamer, intake.claim_signals(trader.account, Epoch(1)))
    execute(streamer, trading.settle_signal(SettleSignal(settled, SignalStatus.REFUSED, "x", "y")))
    execute(streamer, trading.settle_signal(SettleSignal(executing, SignalStatus.EXECUTING)))
    assert [signal.id for signal in fetch_all(streamer, intake.claim_signals(trader.account, Epoch(2)))] == [open_]
    assert fetch_all(streamer, intake.claim_signals(trader.account, Epoch(2))) == []


@pytest.mark.parametrize("again", [False, True])
def test_an_owner_that_was_succeeded_takes_nothing_from_its_successor(
    streamer: Streamer, trader: Trader, again: bool
) -> None:
    trader.signal()
    trader.command("close", f'{{"position_id": "{uuid4()}", "portion": "100%"}}')
    claims: list[Callable[..., Query[Any]]] = [intake.claim_signals, intake.claim_commands]
    for claim in claims:
        taken = [len(fetch_all(streamer, claim(trader.account, Epoch(2))))]
        taken.append(len(fetch_all(streamer, claim(trader.account, Epoch(1), again=again))))
        taken.append(len(fetch_all(streamer, claim(trader.account, Epoch(2)))))
        assert taken == [1, 0, 0]


def test_a_claim_whose_answer_was_lost_can_be_asked_for_again(streamer: Streamer, trader: Trader) -> None:
    signal = trader.signal()
    command = trader.command("close", f'{{"position_id": "{uuid4()}", "portion": "100%"}}')
    for _ in range(2):
        fetch_all(streamer, intake.claim_signals(trader.account, Epoch(1)))
        fetch_all(streamer, intake.claim_commands(trader.account, Epoch(1)))
    signals = fetch_all(streamer, intake.claim_signals(trader.account, Epoch(1), again=True))
    commands = fetch_all(streamer, intake.claim_commands(trader.account, Epoch(1), again=True))
    assert ([one.id for one in signals], [one.id for one in commands]) == ([signal], [command])


def test_a_signal_another_is_claiming_is_left_to_it(streamer: Streamer, trader: Trader, database: Database) -> None:
    trader.signal()
    with (
        psycopg.connect(database.url_as("backstop_streamer")) as other,
        other.transaction(),
    ):
        assert len(fetch_all(other, intake.claim_signals(trader.account, Epoch(1)))) == 1
        assert fetch_all(streamer, intake.claim_signals(trader.account, Epoch(2))) == []


def test_commands_are_read_by_their_kind(streamer: Streamer, trader: Trader) -> None:
    position = PositionId(uuid4())
    close = trader.command("close", f'{{"position_id": "{position}", "portion": "25%"}}')
    reverse = trader.command("reverse", f'{{"position_id": "{position}"}}')
    protect = trader.command("protect", f'{{"position_id": "{position}", "stop_loss": "59000", "take_profit": []}}')
    first, second, third = fetch_all(streamer, intake.claim_commands(trader.account, Epoch(1)))
    assert isinstance(first, CloseCommand)
    assert (first.id, first.position_id, first.portion) == (close, position, Decimal("0.25"))
    assert isinstance(second, ReverseCommand)
    assert (second.id, second.position_id) == (reverse, position)
    assert isinstance(third, ProtectCommand)
    assert (third.id, third.stop_loss, third.take_profit) == (protect, PriceMark(price=Price(Decimal(59000))), ())
    assert fetch_all(streamer, intake.claim_commands(trader.account, Epoch(1))) == []


def test_an_edit_says_what_is_taken_away_and_what_stays(streamer: Streamer, trader: Trader) -> None:
    position = uuid4()
    trader.command(
        "protect",
        f'{{"position_id": "{position}", "trailing": {{"distance": "0.8%"}}, "break_even": null, "time_exit_s": 60}}',
    )
    trader.command("protect", f'{{"position_id": "{position}", "break_even": {{"trigger": "1%"}}}}')
    first, second = fetch_all(streamer, intake.claim_commands(trader.account, Epoch(1)))
    assert isinstance(first, ProtectCommand)
    assert isinstance(second, ProtectCommand)
    distance = PriceMark(share=Decimal("0.008"))
    assert (first.trailing, first.break_even, first.time_exit_ms) == (
        Edit(Trailing(distance)),
        Edit(None),
        Edit(60_000),
    )
    trigger = PriceMark(share=Decimal("0.01"))
    assert (second.trailing, second.break_even, second.time_exit_ms) == (None, Edit(BreakEven(trigger)), None)


def test_a_settled_signal_or_command_stays_as_it_ended(streamer: Streamer, trader: Trader, books: Books) -> None:
    signal = SignalId(trader.signal())
    command = CommandId(trader.command("close", f'{{"position_id": "{uuid4()}", "portion": "100%"}}'))
    for status in (SignalStatus.EXPIRED, SignalStatus.EXECUTED):
        execute(streamer, trading.settle_signal(SettleSignal(signal, status)))
        execute(streamer, trading.settle_command(SettleCommand(command, status)))
    assert books.rows("select status from signals") == [{"status": "expired"}]
    assert books.rows("select status from commands") == [{"status": "failed"}]


def test_deleted_and_switched_off_strategies_are_disabled(streamer: Streamer, trader: Trader, books: Books) -> None:
    books.rows("update strategies set deleted_at = now()")
    off = books.strategy(trader.user, trader.account, enabled=False)
    on = books.strategy(trader.user, trader.account)
    enabled = {one.id: one.enabled for one in fetch_all(streamer, intake.strategies_of(trader.account))}
    assert enabled == {trader.strategy: False, off: False, on: True}


def test_accounts_with_open_positions_come_first_and_deleted_ones_not_at_all(
    streamer: Streamer, trader: Trader, books: Books
) -> None:
    holding = books.account(trader.user)
    books.position(trader.user, holding)
    books.account(trader.user, deleted_at="2026-01-01")
    assert [row.id for row in fetch_all(streamer, intake.accounts_to_trade())] == [holding, trader.account]
