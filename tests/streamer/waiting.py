"""Waiting for what announces itself to no one, with a deadline."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, TypeVar

from tests.store.books import Books

T = TypeVar("T")

PATIENCE_S = 20.0


async def eventually(look: Callable[[], T | None], what: str = "", within_s: float = PATIENCE_S) -> T:
    """What `look` finds, as soon as it finds it."""
    try:
        async with asyncio.timeout(within_s):
            while True:
                found = look()
                if found:
                    return found
                await asyncio.sleep(0.01)
    except TimeoutError:
        raise AssertionError(f"not seen within {within_s:.0f} s: {what or look}") from None


async def rows_of(books: Books, statement: str, *parameters: object) -> list[dict[str, Any]]:
    """For what may have to wait for a lock that something in this very loop holds."""
    return await asyncio.to_thread(books.rows, statement, *parameters)


@asynccontextmanager
async def holding(books: Books, statement: str) -> AsyncIterator[None]:
    """The locks that `statement` takes."""
    with books.connected() as connection:
        await asyncio.to_thread(connection.execute, statement.encode())
        yield
        connection.rollback()
