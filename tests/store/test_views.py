"""Rows as contract models: what REST answers and what dashboards are told."""

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st
from psycopg.types.json import Jsonb

from backstop.contracts.trading import Position
from backstop.domain.position import PositionStatus
from backstop.domain.protection import BreakEven, PriceMark, Protection, Trailing
from backstop.store import views
from backstop.store.dashboards import append_event, events_after, message_of, read_snapshot
from backstop.store.paging import FIRST, PageRequest, cursor_after, fetch_page, read_cursor
from backstop.store.query import fetch_all, fetch_one
from backstop.store.settings import write_protection
from tests.conftest import Database
from tests.store.books import NOON, Books


@dataclass(frozen=True)
class Trader:
    id: UUID
    account: UUID
    strategy: UUID


@pytest.fixture
def trader(books: Books) -> Trader:
    user = books.user()
    account = books.account(user)
    return Trader(user, account, books.strategy(user, account))


@pytest.fixture
def streamer(database: Database) -> Iterator[psycopg.Connection[Any]]:
    """A connection as the streamer has it: every user's rows, no user named."""
    with psycopg.connect(database.url_as("backstop_streamer")) as connection:
        yield connection


def position_of(streamer: psycopg.Connection[Any], position_id: UUID) -> Position:
    found = fetch_one(streamer, views.position(position_id))
    assert found is not None
    return found


def test_a_position_shows_where_it_stands(books: Books, trader: Trader, streamer: psycopg.Connection[Any]) -> None:
    position = books.position(
        trader.id,
        trader.account,
        strategy_id=trader.strategy,
        stop_loss=63040,
        resident_stop=Decimal("62720.5"),
        resident_verified_at=NOON,
        leverage=5,
    )
    books.price(65000, 64990)
    assert position_of(streamer, position).model_dump(mode="json") == {
        "id": str(position),
        "account_id": str(trader.account),
        "strategy_id": str(trader.strategy),
        "symbol": "BTCUSDT",
        "side": "long",
        "qty": "0.01",
        "entry_price": "64000",
        "mark_price": "64990",
        "unrealised_pnl": "10",
        "stop_loss": "63040",
        "take_profit": [],
        "resident_stop": {"price": "62720.5", "verified_at": "2026-11-24T12:00:00Z"},
        "trigger_by": "last",
        "trailing": None,
        "break_even": None,
        "time_exit_s": None,
        "leverage": "5",
        "status": "open",
        "opened_at": "2026-11-24T12:00:00Z",
        "updated_at": position_of(streamer, position).model_dump(mode="json")["updated_at"],
    }


def test_a_position_says_what_moves_its_stop_and_ends_it(
    books: Books, trader: Trader, streamer: psycopg.Connection[Any]
) -> None:
    wanted = Protection(
        trailing=Trailing(PriceMark(share=Decimal("0.008"))),
        break_even=BreakEven(PriceMark(share=Decimal("0.01"))),
        time_exit_ms=3_600_000,
    )
    shown = position_of(
        streamer, books.position(trader.id, trader.account, protection=Jsonb(write_protection(wanted)))
    ).model_dump(mode="json")
    assert shown["trailing"] == {"distance": "0.8%", "activation": None}
    assert (shown["break_even"], shown["time_exit_s"]) == ({"trigger": "1%", "offset": "0%"}, 3600)


def test_a_short_gains_when_the_price_falls(books: Books, trader: Trader, streamer: psycopg.Connection[Any]) -> None:
    position = books.position(trader.id, trader.account, side="short")
    books.price(63500)
    assert position_of(streamer, position).unrealised_pnl == Decimal(5)


@pytest.mark.parametrize("age_s", [3, 60])
def test_an_old_price_is_no_price(
    books: Books, trader: Trader, streamer: psycopg.Connection[Any], age_s: float
) -> None:
    position = books.position(trader.id, trader.account)
    books.price(65000, age_s=age_s)
    found = position_of(streamer, position)
    assert (found.mark_price, found.unrealised_pnl) == (None, None)


def test_the_price_is_that_of_the_accounts_environment(
    books: Books, trader: Trader, streamer: psycopg.Connection[Any]
) -> None:
    position = books.position(trader.id, trader.account)
    books.price(65000, environment="mainnet")
    assert position_of(streamer, position).unrealised_pnl is None


def test_the_entry_of_what_is_held_survives_a_partial_exit(
    books: Books, trader: Trader, streamer: psycopg.Connection[Any]
) -> None:
    held = books.position(trader.id, trader.account, qty=Decimal("0.03"), cost=Decimal(1000))
    assert position_of(streamer, held).entry_price == Decimal("33333.333333333333")
    flat = books.position(
        trader.id, trader.account, status="closed", qty=0, cost=0, entry_qty=Decimal("0.01"), entry_value=640
    )
    assert position_of(streamer, flat).entry_price == 64000
    asked = books.position(trader.id, trader.account, symbol="ETHUSDT", status="opening", qty=0, cost=0)
    assert position_of(streamer, asked).entry_price is None


def test_only_the_newest_rungs_are_shown_in_order(
    books: Books, trader: Trader, streamer: psycopg.Connection[Any]
) -> None:
    position = books.position(trader.id, trader.account, levels_round=2)
    books.level(trader.id, trader.account, position, rung=1, round=1, status="disarmed")
    books.level(trader.id, trader.account, position, rung=2, round=2, price=67000, portion=Decimal("0.5"))
    books.level(trader.id, trader.account, position, rung=1, round=2, portion=Decimal("0.125"), status="fired")
    books.level(trader.id, trader.account, position, rung=0, round=3, kind="stop_loss")
    rungs = position_of(streamer, position).model_dump(mode="json")["take_profit"]
    assert rungs == [
        {"price": "66000", "portion": "12.5%", "status": "fired"},
        {"price": "67000", "portion": "50%", "status": "armed"},
    ]


def test_orders_fills_and_trades_are_read_by_their_ids(
    books: Books, trader: Trader, streamer: psycopg.Connection[Any]
) -> None:
    link_id = books.order(trader.id, trader.account, filled_qty=0, filled_value=0, status="intended")
    order = fetch_one(streamer, views.order(link_id))
    assert order is not None
    assert (order.id, order.avg_price, order.sent_at) == (link_id, None, None)
    exec_id = books.execution(trader.id, trader.account)
    twin = books.account(trader.id)
    books.execution(trader.id, twin, exec_id=exec_id, price=1)
    fill = fetch_one(streamer, views.execution(trader.account, exec_id))
    assert fill is not None
    assert (fill.id, fill.price) == (exec_id, Decimal(64010))
    trade_id = books.trade(trader.id, trader.account)
    trade = fetch_one(streamer, views.trade(trade_id))
    assert trade is not None
    assert (trade.id, trade.net_pnl) == (trade_id, Decimal("9.25"))


def test_what_is_not_there_is_none(streamer: psycopg.Connection[Any]) -> None:
    assert fetch_one(streamer, views.position(uuid4())) is None
    assert fetch_one(streamer, views.order("x")) is None
    assert fetch_one(streamer, views.execution(uuid4(), "x")) is None
    assert fetch_one(streamer, views.signal(uuid4())) is None
    assert fetch_one(streamer, views.trade(uuid4())) is None
    assert views.read_flight_record(streamer, uuid4()) is None


def test_the_streamer_tells_dashboards_what_rest_answers(
    books: Books, trader: Trader, streamer: psycopg.Connection[Any]
) -> None:
    position = position_of(streamer, books.position(trader.id, trader.account))
    assert fetch_one(streamer, append_event(trader.id, "position", position)) == 1
    assert fetch_one(streamer, append_event(trader.id, "position", position)) == 2
    first, second = (row.item for row in fetch_all(streamer, events_after(trader.id, 0, 10)))
    assert message_of(first) == {
        "v": 1,
        "type": "position",
        "seq": 1,
        "ts": first.ts,
        "data": position.model_dump(mode="json"),
    }
    assert second.seq == 2


def test_a_snapshot_has_open_positions_and_the_latest_signals(books: Books, trader: Trader, database: Database) -> None:
    position = books.position(trader.id, trader.account, status="closing")
    books.position(trader.id, trader.account, status="closed", qty=0, cost=0)
    signals = [books.signal(trader.id, trader.account, trader.strategy) for _ in range(51)]
    with psycopg.connect(database.url_as("backstop_streamer")) as connection:
        snapshot = read_snapshot(connection, trader.id)
    assert (snapshot.seq, snapshot.data.truncated) == (0, False)
    assert [item.id for item in snapshot.data.positions] == [position]
    assert [item.id for item in snapshot.data.signals] == signals[:0:-1]


def test_a_list_is_one_users_even_where_all_are_seen(
    books: Books, trader: Trader, streamer: psycopg.Connection[Any]
) -> None:
    stranger = books.user()
    books.position(stranger, books.account(stranger))
    mine = books.position(trader.id, trader.account)
    page = fetch_page(streamer, views.positions_page(trader.id, PageRequest()), 50)
    assert [item.id for item in page.items] == [mine]
    closed = views.positions_page(trader.id, PageRequest(), status=PositionStatus.CLOSED)
    assert fetch_page(streamer, closed, 50).items == []


@given(seq=st.integers(min_value=0, max_value=FIRST))
def test_a_cursor_reads_back(seq: int) -> None:
    assert read_cursor(cursor_after(seq)) == seq


@given(text=st.text())
def test_any_other_cursor_is_none_or_a_seq(text: str) -> None:
    seq = read_cursor(text)
    assert seq is None or 0 <= seq <= FIRST
