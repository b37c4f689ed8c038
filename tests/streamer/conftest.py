"""A database as the streamer reaches it, and the books to look into it with."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool

from tests.conftest import Database
from tests.store.books import Books

Pool = AsyncConnectionPool[AsyncConnection[Any]]


@pytest.fixture
def books(database: Database) -> Books:
    return Books(database.url)


@pytest.fixture
async def pool(database: Database) -> AsyncIterator[Pool]:
    """Connections with the streamer's rights."""
    one: Pool = AsyncConnectionPool(
        database.url_as("backstop_streamer"),
        min_size=1,
        max_size=6,
        timeout=5.0,
        kwargs={"autocommit": True},
        open=False,
    )
    await one.open()
    yield one
    await one.close()
