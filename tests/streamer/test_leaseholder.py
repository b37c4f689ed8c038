"""What a process believes of its leases: never more than the database, and no longer than its own clock allows."""

import asyncio

from backstop.domain.ids import Epoch
from streamer.database import Pool
from streamer.leaseholder import OPEN_WITHIN_MS, Leaseholder
from tests.store.books import Books
from tests.streamer.waiting import eventually

A, B = "account:a", "account:b"


class Clock:
    def __init__(self) -> None:
        self.now = 1_000

    def __call__(self) -> int:
        return self.now


async def holds(pool: Pool, holder: Leaseholder, *names: str) -> None:
    async with pool.connection() as connection:
        for name in names:
            assert await holder.acquire(connection, name) is not None


async def renews(pool: Pool, holder: Leaseholder) -> set[str]:
    async with pool.connection() as connection:
        return await holder.renew(connection)


async def test_nothing_may_open_on_a_lease_that_is_not_held(pool: Pool) -> None:
    clock = Clock()
    one, two = Leaseholder("one", clock), Leaseholder("two", clock)
    assert not one.may_open(A)
    await holds(pool, one, A)
    assert one.may_open(A)
    async with pool.connection() as connection:
        assert await two.acquire(connection, A) is None
    assert not two.may_open(A)


async def test_nothing_may_open_seven_seconds_after_the_last_renewal(pool: Pool) -> None:
    clock = Clock()
    holder = Leaseholder("one", clock)
    await holds(pool, holder, A)
    clock.now += OPEN_WITHIN_MS - 1
    assert holder.may_open(A)
    clock.now += 1
    assert not holder.may_open(A)
    assert await renews(pool, holder) == set()
    assert holder.may_open(A)
    assert OPEN_WITHIN_MS == 7_000


async def test_a_lease_is_fresh_from_when_it_was_asked_for(pool: Pool) -> None:
    """Not from the answer, which may have been long on its way."""
    ticks = iter(range(0, 1_000_000, 6_999))
    holder = Leaseholder("one", lambda: next(ticks))
    await holds(pool, holder, A)  # asked at 0
    assert holder.may_open(A)  # at 6999
    assert not holder.may_open(A)  # at 13998


async def test_a_lease_taken_by_another_is_lost_and_opens_nothing(pool: Pool, books: Books) -> None:
    clock = Clock()
    one, two = Leaseholder("one", clock), Leaseholder("two", clock)
    await holds(pool, one, A, B)
    books.rows("update leases set expires_at = now() - interval '1 second' where name = %s", A)
    async with pool.connection() as connection:
        assert await two.acquire(connection, A) == Epoch(2)
    assert await renews(pool, one) == {A}
    assert not one.may_open(A)
    assert one.may_open(B)


async def test_a_lease_taken_while_others_are_renewed_is_not_lost(pool: Pool, books: Books) -> None:
    holder = Leaseholder("one", Clock())
    await holds(pool, holder, A)
    with books.connected() as blocker:
        blocker.execute("select from leases where name = %s for update", [A])
        renewal = asyncio.create_task(renews(pool, holder))
        await waits_for_a_lock(books)
        await holds(pool, holder, B)
        blocker.rollback()
        assert await renewal == set()
    assert holder.names == [A, B]


async def test_a_lease_released_while_it_is_renewed_stays_released(pool: Pool, books: Books) -> None:
    holder = Leaseholder("one", Clock())
    await holds(pool, holder, A, B)
    with books.connected() as blocker:
        blocker.execute("select from leases where name = %s for update", [A])
        renewal = asyncio.create_task(renews(pool, holder))
        await waits_for_a_lock(books)
        async with pool.connection() as connection:
            await holder.release(connection, [B])
        blocker.rollback()
        assert await renewal == set()
    assert holder.names == [A]
    assert not holder.may_open(B)


async def test_a_released_lease_opens_nothing_and_is_free(pool: Pool) -> None:
    one, two = Leaseholder("one", Clock()), Leaseholder("two", Clock())
    await holds(pool, one, A)
    async with pool.connection() as connection:
        await one.release(connection, [A])
    assert (one.names, one.may_open(A)) == ([], False)
    await holds(pool, two, A)


async def test_a_holder_of_nothing_loses_nothing(pool: Pool) -> None:
    assert await renews(pool, Leaseholder("one", Clock())) == set()


async def waits_for_a_lock(books: Books) -> None:
    waiting = "select pid from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'"
    await eventually(lambda: books.rows(waiting), "someone waits for a lock")
