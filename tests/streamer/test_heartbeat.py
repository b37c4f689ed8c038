"""What the process says of itself each second."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from decimal import Decimal
from typing import Any

from backstop.contracts.health import Health
from backstop.store import health
from backstop.store.query import afetch_one
from streamer.clock import now_ms
from streamer.database import Pool
from streamer.heartbeat import Heartbeat
from tests.streamer.waiting import eventually
from tests.streamer.yard import Process, Yard


@asynccontextmanager
async def beating(pool: Pool, process: Process, clock: Callable[[], int] = now_ms) -> AsyncIterator[asyncio.Task[None]]:
    task = asyncio.create_task(Heartbeat(pool, process.holder, process.fleet, clock).run())
    yield task
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


def beat(yard: Yard) -> dict[str, Any] | None:
    rows = yard.books.rows("select holder, beat_at, health from heartbeats")
    return rows[0] if rows else None


def states(yard: Yard) -> tuple[str, str] | None:
    now = beat(yard)
    return (now["health"]["public"]["state"], now["health"]["private"]["state"]) if now is not None else None


async def read(pool: Pool) -> Health | None:
    async with pool.connection() as connection:
        return await afetch_one(connection, health.newest_beat("test"))


async def test_a_process_without_accounts_is_alive_and_idle(yard: Yard, pool: Pool) -> None:
    process = await yard.starts("one")
    async with beating(pool, process):
        await eventually(lambda: states(yard) == ("idle", "idle"))
    found = await read(pool)
    assert found is not None
    assert (found.status, found.streamer.alive) == ("ok", True)


async def test_it_tells_of_both_streams_and_of_prices(yard: Yard, pool: Pool) -> None:
    process = await yard.starts("one")
    account = yard.account()
    yard.books.strategy(yard.user, account)
    async with beating(pool, process):
        await eventually(lambda: process.trades(account))
        await yard.exchange.price("61234.5", "61230")
        price = "select last, mark from prices where environment = 'simulator' and symbol = 'BTCUSDT'"
        wanted = [{"last": Decimal("61234.5"), "mark": Decimal(61230)}]
        await eventually(lambda: yard.books.rows(price) == wanted, "the price written")
        await eventually(lambda: states(yard) == ("connected", "connected"))
    now = beat(yard)
    assert now is not None
    assert abs(now["health"]["public"]["last_message_at_ms"] - now_ms()) < 60_000


async def test_a_private_stream_that_cannot_connect_is_told(yard: Yard, pool: Pool) -> None:
    process = await yard.starts("one")
    account = yard.account()
    await eventually(lambda: process.trades(account))
    await yard.exchange.fault("refuse_private")
    await yard.exchange.fault("disconnect_private", abort=True)
    async with beating(pool, process):
        await eventually(lambda: (now := states(yard)) is not None and now[1] == "disconnected")
        found = await read(pool)
        assert found is not None
        assert found.status == "degraded"
        await yard.exchange.mend()
        await eventually(lambda: (now := states(yard)) is not None and now[1] == "connected")


async def test_prices_that_stopped_coming_are_stale(yard: Yard, pool: Pool) -> None:
    process = await yard.starts("one")
    account = yard.account()
    yard.books.strategy(yard.user, account)
    await eventually(lambda: process.trades(account))
    async with beating(pool, process, lambda: now_ms() + 60_000):  # a minute later
        await eventually(lambda: (now := states(yard)) is not None and now[0] == "stale")


async def test_a_ban_is_told_to_health_and_to_every_user(yard: Yard, pool: Pool) -> None:
    process = await yard.starts("one")
    account = yard.account()
    await eventually(lambda: process.trades(account))
    await yard.exchange.fault("ban", times=1)
    owned = next(iter(process.fleet.accounts.values()))
    assert owned.actor is not None
    owned.actor.reread()
    async with beating(pool, process):
        await eventually(lambda: (now := beat(yard)) is not None and now["health"]["rest_banned_until_ms"])
        found = await read(pool)
        assert found is not None
        assert (found.status, found.bybit.rest.state) == ("degraded", "banned")
    notices = "select data from events where user_id = %s and type = 'notice'"
    (notice,) = await eventually(lambda: yard.books.rows(notices, yard.user), "the user told")
    assert notice["data"]["code"] == "address_banned"


async def test_it_goes_on_after_the_database_was_away(yard: Yard, pool: Pool) -> None:
    process = await yard.starts("one")
    async with beating(pool, process) as task:
        first = await eventually(lambda: beat(yard))
        yard.books.rows(
            """select pg_terminate_backend(pid) from pg_stat_activity
                where datname = current_database() and pid <> pg_backend_pid()"""
        )
        await eventually(lambda: (now := beat(yard)) is not None and now["beat_at"] > first["beat_at"])
        assert not task.done()
    assert len(yard.books.rows("select holder from heartbeats")) == 1
