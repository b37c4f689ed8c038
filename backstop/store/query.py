"""SQL as a value: one definition, run by the Lambdas (blocking) and by the streamer (async)."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Generic, LiteralString, TypeVar

from psycopg import AsyncConnection, Connection
from psycopg.rows import dict_row

Row = dict[str, Any]
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Query(Generic[T]):
    """A statement, its parameters, and how one of its rows is read."""

    sql: LiteralString
    parameters: Mapping[str, object]
    read: Callable[[Row], T]


def moment(ms: int | None) -> datetime | None:
    """UTC milliseconds as an aware datetime."""
    return datetime.fromtimestamp(ms / 1000, UTC) if ms is not None else None


def no_row(_row: Row) -> None:
    """For statements that return nothing."""


def fetch_all(connection: Connection[Any], query: Query[T]) -> list[T]:
    with connection.cursor(row_factory=dict_row) as cursor:
        cursor.execute(query.sql, query.parameters)
        return [query.read(row) for row in cursor.fetchall()] if cursor.description else []


def fetch_one(connection: Connection[Any], query: Query[T]) -> T | None:
    rows = fetch_all(connection, query)
    return rows[0] if rows else None


def execute(connection: Connection[Any], query: Query[Any]) -> int:
    """Run it; returns how many rows it touched."""
    with connection.cursor() as cursor:
        cursor.execute(query.sql, query.parameters)
        return cursor.rowcount


async def afetch_all(connection: AsyncConnection[Any], query: Query[T]) -> list[T]:
    async with connection.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(query.sql, query.parameters)
        return [query.read(row) for row in await cursor.fetchall()] if cursor.description else []


async def afetch_one(connection: AsyncConnection[Any], query: Query[T]) -> T | None:
    rows = await afetch_all(connection, query)
    return rows[0] if rows else None


async def aexecute(connection: AsyncConnection[Any], query: Query[Any]) -> int:
    """Run it; returns how many rows it touched."""
    async with connection.cursor() as cursor:
        await cursor.execute(query.sql, query.parameters)
        return cursor.rowcount
