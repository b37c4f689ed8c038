"""The streamer's database: connections to it, and what it may do to them."""

import asyncio
from collections.abc import Callable
from typing import Any, Final

import psycopg
from psycopg import AsyncConnection
from psycopg.conninfo import make_conninfo
from psycopg_pool import AsyncConnectionPool, PoolTimeout

AWAY: Final = (
    psycopg.OperationalError,
    psycopg.errors.ReadOnlySqlTransaction,
    psycopg.errors.IdleInTransactionSessionTimeout,
    PoolTimeout,
)
"""It does not answer, takes no writes (a failover under way), or gave us up for dead: try again."""

_POOL_SIZE = 8
_RECONNECT_WITHIN_S = 4.0
"""A pool's attempts to connect lie ever farther apart. After so long it gives up, and the next who asks makes it begin
anew: with its usual 300 s, a database that was away for 40 s was back for 17 s before anybody reached it."""

_LIMITS: Final = """
    set idle_in_transaction_session_timeout = '5s';
    set lock_timeout = '5s';
    set statement_timeout = '15s'"""
"""Each transaction holds its account's lease until it ends. One whose process was suspended, or whose host is gone, would
keep the lease from everybody else for as long as the server waits for it."""


def tended(url: str) -> str:
    """The URL for connections that notice within some 11 s that the server is gone without a word."""
    return make_conninfo(
        url,
        connect_timeout=3,
        keepalives_idle=5,
        keepalives_interval=2,
        keepalives_count=3,
        tcp_user_timeout=10_000,
    )


class Pool(AsyncConnectionPool[AsyncConnection[Any]]):
    async def getconn(self, timeout: float | None = None) -> AsyncConnection[Any]:  # noqa: ASYNC109 - theirs
        """As the pool's own, but cancelled stays cancelled.

        The pool waits by `asyncio.wait_for`, which before Python 3.12 drops a cancellation that comes in the moment the
        wait succeeds: a loop that is told to end would then never hear of it (python/cpython#86296).
        """
        task = asyncio.current_task()
        assert task is not None
        cancelled_before = task.cancelling()
        connection = await super().getconn(timeout)
        if task.cancelling() > cancelled_before:
            await self.putconn(connection)
            raise asyncio.CancelledError
        return connection


def pool_of(url: str | Callable[[], str]) -> Pool:
    """Not open yet. Each statement is a transaction of its own where none is begun.

    A callable is asked at each connect, in a thread: the login may have been rotated.
    """

    async def conninfo() -> str:
        return tended(url if isinstance(url, str) else await asyncio.to_thread(url))

    return Pool(
        conninfo,
        min_size=2,
        max_size=_POOL_SIZE,
        timeout=5.0,
        reconnect_timeout=_RECONNECT_WITHIN_S,
        kwargs={"autocommit": True},
        configure=_configure,
        open=False,
    )


async def _configure(connection: AsyncConnection[Any]) -> None:
    await connection.execute(_LIMITS)
