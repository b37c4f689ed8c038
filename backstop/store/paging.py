"""Keyset pagination: a page starts after the last row of the one before, whatever was added meanwhile."""

import binascii
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass
from typing import Any, Generic

from psycopg import Connection

from backstop.contracts.base import Page
from backstop.store.query import Query, T, fetch_all

FIRST = (1 << 63) - 1
"""Above every seq: the newest row comes first."""


@dataclass(frozen=True, slots=True)
class PageRequest:
    """`limit` rows (1..200) with a seq below `before`."""

    limit: int = 50
    before: int = FIRST


@dataclass(frozen=True, slots=True)
class Numbered(Generic[T]):
    """An item and the seq it is listed by."""

    seq: int
    item: T


def cursor_after(seq: int) -> str:
    """The opaque text that says where the next page starts."""
    return urlsafe_b64encode(str(seq).encode()).decode().rstrip("=")


def read_cursor(cursor: str) -> int | None:
    """The seq in a cursor, or None when it is not one of ours."""
    try:
        seq = int(urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except (ValueError, binascii.Error):
        return None
    return seq if 0 <= seq <= FIRST else None


def page_of(rows: list[Numbered[T]], limit: int) -> Page[T]:
    """A page of `limit` items from a query that fetched one row more to see whether another page follows."""
    shown = rows[:limit]
    return Page(
        items=[row.item for row in shown],
        next_cursor=cursor_after(shown[-1].seq) if len(rows) > limit else None,
    )


def fetch_page(connection: Connection[Any], query: Query[Numbered[T]], limit: int) -> Page[T]:
    """Run a list query (it fetches `limit` + 1 rows) and make its page."""
    return page_of(fetch_all(connection, query), limit)
