"""One writer for each account, in the database's time."""

from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import psycopg
import pytest

from backstop.domain.ids import Epoch
from backstop.store import leases
from backstop.store.query import fetch_all, fetch_one
from tests.conftest import Database
from tests.store.books import Books

NAME = leases.account_lease(uuid4())


@pytest.fixture
def streamer(database: Database) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(database.url_as("backstop_streamer"), autocommit=True) as connection:
        yield connection


@pytest.fixture
def books(database: Database) -> Books:
    return Books(database.url)


def runs_out(books: Books, name: str = NAME) -> None:
    books.rows("update leases set expires_at = now() - interval '1 second' where name = %s", name)


def test_a_free_lease_is_taken_by_the_first_alone(streamer: psycopg.Connection[Any]) -> None:
    assert fetch_one(streamer, leases.acquire(NAME, "one")) == 1
    assert fetch_one(streamer, leases.acquire(NAME, "two")) is None
    assert fetch_one(streamer, leases.acquire(NAME, "one")) is None


def test_a_lease_lasts_as_long_as_it_says(streamer: psycopg.Connection[Any], books: Books) -> None:
    fetch_one(streamer, leases.acquire(NAME, "one"))
    (row,) = books.rows("select extract(epoch from expires_at - now()) as left_s from leases")
    assert leases.VALID_S - 5 < row["left_s"] <= leases.VALID_S


def test_each_new_holder_gets_a_higher_epoch(streamer: psycopg.Connection[Any], books: Books) -> None:
    epochs = []
    for holder in ("one", "two", "one"):
        epochs.append(fetch_one(streamer, leases.acquire(NAME, holder)))
        runs_out(books)
    assert epochs == [1, 2, 3]


def test_renewing_keeps_what_is_ours_and_tells_what_is_not(streamer: psycopg.Connection[Any], books: Books) -> None:
    theirs = leases.account_lease(uuid4())
    fetch_one(streamer, leases.acquire(NAME, "one"))
    fetch_one(streamer, leases.acquire(theirs, "two"))
    assert fetch_all(streamer, leases.renew("one", [NAME, theirs, "none"])) == [NAME]
    runs_out(books)
    fetch_one(streamer, leases.acquire(NAME, "two"))
    assert fetch_all(streamer, leases.renew("one", [NAME])) == []


def test_a_lease_that_ran_out_and_nobody_took_is_still_its_holders(
    streamer: psycopg.Connection[Any], books: Books
) -> None:
    fetch_one(streamer, leases.acquire(NAME, "one"))
    runs_out(books)
    assert fetch_all(streamer, leases.renew("one", [NAME])) == [NAME]
    assert fetch_one(streamer, leases.acquire(NAME, "two")) is None
    assert fetch_one(streamer, leases.hold(NAME, Epoch(1))) is True


def test_a_released_lease_is_free_at_once(streamer: psycopg.Connection[Any]) -> None:
    fetch_one(streamer, leases.acquire(NAME, "one"))
    fetch_all(streamer, leases.release("two", [NAME]))
    assert fetch_one(streamer, leases.acquire(NAME, "three")) is None
    fetch_all(streamer, leases.release("one", [NAME]))
    assert fetch_one(streamer, leases.acquire(NAME, "two")) == 2


def test_a_released_lease_is_not_renewed_back(streamer: psycopg.Connection[Any]) -> None:
    fetch_one(streamer, leases.acquire(NAME, "one"))
    fetch_all(streamer, leases.release("one", [NAME]))
    assert fetch_all(streamer, leases.renew("one", [NAME])) == []
    assert fetch_one(streamer, leases.acquire(NAME, "two")) == 2


def test_only_the_newest_epoch_holds(streamer: psycopg.Connection[Any], books: Books) -> None:
    fetch_one(streamer, leases.acquire(NAME, "one"))
    runs_out(books)
    fetch_one(streamer, leases.acquire(NAME, "two"))
    assert fetch_one(streamer, leases.hold(NAME, Epoch(1))) is None
    assert fetch_one(streamer, leases.hold(NAME, Epoch(2))) is True


def test_nobody_takes_over_while_a_write_is_under_way(
    streamer: psycopg.Connection[Any], books: Books, database: Database
) -> None:
    fetch_one(streamer, leases.acquire(NAME, "one"))
    runs_out(books)
    with streamer.transaction():
        assert fetch_one(streamer, leases.hold(NAME, Epoch(1))) is True
        with psycopg.connect(database.url_as("backstop_streamer"), autocommit=True) as other:
            other.execute("set lock_timeout = '100ms'")
            with pytest.raises(psycopg.errors.LockNotAvailable):
                fetch_one(other, leases.acquire(NAME, "two"))
    assert fetch_one(streamer, leases.acquire(NAME, "two")) == 2
