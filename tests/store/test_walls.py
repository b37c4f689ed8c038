"""Tenants are walls, in the database itself."""

from typing import Any

import psycopg
import pytest
from psycopg import sql

from tests.conftest import Database
from tests.store.books import Books

OPEN_TABLES = {
    "schema_migrations",
    "login_failures",
    "leases",
    "heartbeats",
    "prices",
    "instruments",
}


@pytest.fixture
def two_traders(books: Books) -> dict[str, Any]:
    """Two users with a row of everything."""
    ids = {}
    for name in ("mine", "theirs"):
        user = books.user(f"{name}@example.com")
        account = books.account(user)
        strategy = books.strategy(user, account)
        signal = books.signal(user, account, strategy)
        position = books.position(user, account, signal_id=signal)
        books.level(user, account, position)
        books.order(user, account, signal_id=signal)
        books.execution(user, account)
        books.trade(user, account)
        books.rows("select append_event(%s, 'notice', '{}')", user)
        ids[name] = user
        ids[f"{name}_account"] = account
    return ids


def tables(books: Books) -> list[str]:
    return [row["tablename"] for row in books.rows("select tablename from pg_tables where schemaname = 'public'")]


def owners(database: Database, table: str, user: object) -> set[object]:
    """Whose rows of a table the API sees in a transaction of `user`."""
    column = "id" if table == "users" else "user_id"
    with psycopg.connect(database.url_as("backstop_api")) as connection:
        connection.execute("select set_config('app.user_id', %s, true)", [str(user or "")])
        query = sql.SQL("select {} from {}").format(sql.Identifier(column), sql.Identifier(table))
        try:
            return {row[0] for row in connection.execute(query)}
        except psycopg.errors.InsufficientPrivilege:
            return set()


def test_every_table_of_users_rows_has_forced_walls(books: Books) -> None:
    walled = books.rows(
        """select relname from pg_class
            where relnamespace = 'public'::regnamespace and relkind = 'r' and relrowsecurity and relforcerowsecurity"""
    )
    assert set(tables(books)) - {row["relname"] for row in walled} == OPEN_TABLES


def test_a_user_sees_own_rows_and_nobody_sees_none(
    books: Books, database: Database, two_traders: dict[str, Any]
) -> None:
    for table in set(tables(books)) - OPEN_TABLES:
        assert owners(database, table, two_traders["mine"]) <= {two_traders["mine"]}, table
        assert owners(database, table, None) == set(), table
    assert owners(database, "positions", two_traders["mine"]) == {two_traders["mine"]}


def test_a_user_writes_no_row_of_anothers(database: Database, two_traders: dict[str, Any]) -> None:
    with psycopg.connect(database.url_as("backstop_api")) as connection:
        connection.execute("select set_config('app.user_id', %s, true)", [str(two_traders["mine"])])
        assert connection.execute("update accounts set label = 'x'").rowcount == 1
        assert connection.execute("update strategies set name = 'x'").rowcount == 1
        with pytest.raises(psycopg.errors.InsufficientPrivilege, match="row-level security"):
            connection.execute(
                """insert into commands (id, user_id, account_id, kind, body)
                   values (gen_random_uuid(), %s, %s, 'close', '{}')""",
                [two_traders["theirs"], two_traders["theirs_account"]],
            )


@pytest.mark.parametrize("table", ["positions", "levels", "orders", "executions", "ledger", "trades", "leases"])
def test_the_api_cannot_write_what_the_streamer_decides(database: Database, table: str) -> None:
    with (
        psycopg.connect(database.url_as("backstop_api")) as connection,
        pytest.raises(psycopg.errors.InsufficientPrivilege),
    ):
        connection.execute(sql.SQL("delete from {}").format(sql.Identifier(table)))


@pytest.mark.parametrize("table", ["login_failures", "refresh_tokens", "ws_tickets"])
def test_the_streamer_cannot_read_sessions(database: Database, table: str) -> None:
    with (
        psycopg.connect(database.url_as("backstop_streamer")) as connection,
        pytest.raises(psycopg.errors.InsufficientPrivilege),
    ):
        connection.execute(sql.SQL("select * from {}").format(sql.Identifier(table)))
