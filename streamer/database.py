"""The streamer's database: connections to it, and what it may do to them."""

from typing import Any, Final

import psycopg
from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool, PoolTimeout

AWAY: Final = (psycopg.OperationalError, psycopg.errors.ReadOnlySqlTransaction, PoolTimeout)
"""It does not answer, or takes no writes (a failover under way): try again."""

Pool = AsyncConnectionPool[AsyncConnection[Any]]

_POOL_SIZE = 8
_RECONNECT_WITHIN_S = 4.0
"""A pool's attempts to connect lie ever farther apart. After so long it gives up, and the next who asks makes it begin
anew: with its usual 300 s, a database that was away for 40 s was back for 17 s before anybody reached it."""


def pool_of(url: str) -> Pool:
    """Not open yet. Each statement is a transaction of its own where none is begun."""
    return AsyncConnectionPool(
        url,
        min_size=2,
        max_size=_POOL_SIZE,
        timeout=5.0,
        reconnect_timeout=_RECONNECT_WITHIN_S,
        kwargs={"autocommit": True, "connect_timeout": 3},
        open=False,
    )
