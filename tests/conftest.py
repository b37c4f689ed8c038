"""PostgreSQL for tests: one server for each test process, one database for each test that asks for one.

    def test_something(database: Database) -> None:
        with psycopg.connect(database.url) as connection: ...

`database.url` is the owner's, past the walls between tenants; `database.url_as("backstop_api")` stands before them.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Context, setcontext
from itertools import count

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import make_conninfo

from backstop.store.migrate import migrate
from infra.postgres import PostgresServer, temporary_postgres

_TEMPLATE = "migrated"
_numbers = count(1)


@dataclass(frozen=True, slots=True)
class Database:
    """A migrated database of one test."""

    url: str

    def url_as(self, role: str) -> str:
        """For a connection that has given up the owner's rights for those of `role`."""
        return make_conninfo(self.url, options=f"-c role={role}")


@pytest.fixture(autouse=True)
def _decimals() -> None:
    """ccxt's clients leave another rounding behind."""
    setcontext(Context())


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """A server of this test process, with a migrated database to copy."""
    with temporary_postgres() as server:
        with psycopg.connect(server.database_url, autocommit=True) as connection:
            connection.execute(sql.SQL("create database {}").format(sql.Identifier(_TEMPLATE)))
        migrate(make_conninfo(server.database_url, dbname=_TEMPLATE))
        yield server


@pytest.fixture
def database(postgres: PostgresServer) -> Iterator[Database]:
    """A new migrated database; gone after the test, with whoever is still connected to it."""
    name = f"test_{next(_numbers)}"
    with psycopg.connect(postgres.database_url, autocommit=True) as connection:
        connection.execute(
            sql.SQL("create database {} template {}").format(sql.Identifier(name), sql.Identifier(_TEMPLATE))
        )
    yield Database(make_conninfo(postgres.database_url, dbname=name))
    with psycopg.connect(postgres.database_url, autocommit=True) as connection:
        connection.execute(sql.SQL("drop database {} with (force)").format(sql.Identifier(name)))
