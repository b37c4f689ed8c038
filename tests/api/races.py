"""Races that always happen: everybody is held at the same point, then let go at once."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import psycopg
from psycopg import sql

from tests.store.books import Books


@contextmanager
def nobody_writes(books: Books, table: str) -> Iterator[Callable[[int], None]]:
    """Within the block the table can be read, and who wants to write to it waits.

    Yields a function that returns once so many of the API's connections wait, for the table or for one another.
    """
    with psycopg.connect(books.url, autocommit=True) as watcher, psycopg.connect(books.url) as holder:
        holder.execute(sql.SQL("lock table {} in share row exclusive mode").format(sql.Identifier(table)))

        def until_waiting(number: int) -> None:
            waiting = 0
            while waiting < number:
                row = watcher.execute(
                    """select count(*) from pg_stat_activity where application_name = 'backstop-api'
                          and datname = current_database() and wait_event_type = 'Lock'"""
                ).fetchone()
                assert row is not None
                waiting = row[0]

        yield until_waiting
