"""One streamer process whose accounts are light: real leases, real sharing, and a lock instead of trading.

While an account is owned, its process holds an advisory lock of it in the database, which is gone the moment the process
is. Who finds the lock taken has met another owner at work, and says so in `met`.
"""

import asyncio
import os
import signal
import sys
from typing import Any
from uuid import UUID

import aiohttp
import psycopg
import uvloop
from psycopg import AsyncConnection

from backstop.store.intake import AccountRow
from backstop.vault import Context, Credentials
from streamer.clock import now_ms
from streamer.config import Config
from streamer.database import pool_of
from streamer.fleet import Fleet
from streamer.heartbeat import Heartbeat
from streamer.leaseholder import Leaseholder
from streamer.owned import Means
from streamer.wiring import monotonic_ms


class AnyOpener:
    def open(self, sealed: bytes, context: Context) -> Credentials:
        return Credentials("key", "secret")


class Locks:
    """This process's advisory locks, on one connection."""

    def __init__(self, connection: AsyncConnection[Any], holder: str) -> None:
        self._connection = connection
        self._holder = holder
        self._turn = asyncio.Lock()

    async def take(self, account: UUID) -> None:
        async with self._turn:
            cursor = await self._connection.execute(
                "select pg_try_advisory_lock(hashtextextended(%s, 0))", [str(account)]
            )
            row = await cursor.fetchone()
            if row is None or not row[0]:
                await self._connection.execute("insert into met values (%s, %s)", [str(account), self._holder])

    async def give(self, account: UUID) -> None:
        async with self._turn:
            await self._connection.execute("select pg_advisory_unlock(hashtextextended(%s, 0))", [str(account)])


class LightAccount:
    actor = None
    private = None
    is_quiet = True

    def __init__(self, locks: Locks, row: AccountRow) -> None:
        self._locks = locks
        self.row = row
        self._done = asyncio.Event()

    def wake(self) -> None:
        """Nothing is done for it."""

    async def run(self) -> None:
        await self._locks.take(self.row.id)
        await self._done.wait()

    async def close(self) -> None:
        self._done.set()
        await self._locks.give(self.row.id)


async def run() -> None:
    url, holder = os.environ["DATABASE_URL"], sys.argv[1]
    pool = pool_of(url)
    await pool.open()
    connection = await AsyncConnection.connect(url, autocommit=True)
    locks = Locks(connection, holder)
    async with aiohttp.ClientSession() as session:
        fleet = Fleet(
            Config(url, None, holder, os.environ),
            Means(pool, session, now_ms, lambda: None),
            AnyOpener(),
            Leaseholder(holder, monotonic_ms),
            lambda: None,
            own=lambda row, *_, **__: LightAccount(locks, row),  # type: ignore[arg-type]
        )
        stopping = asyncio.Event()
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopping.set)
        work = [
            asyncio.create_task(fleet.run()),
            asyncio.create_task(Heartbeat(pool, holder, fleet, now_ms).run()),
        ]
        done, _ = await asyncio.wait([*work, asyncio.create_task(stopping.wait())], return_when=asyncio.FIRST_COMPLETED)
        for task in done & set(work):
            task.result()
        work[1].cancel()
        await fleet.close()


if __name__ == "__main__":
    try:
        uvloop.run(run())
    except psycopg.OperationalError as error:
        sys.exit(str(error))
