"""A database as the streamer reaches it, and the books to look into it with."""

from collections.abc import AsyncIterator

import aiohttp
import pytest

from simulator.server import running_simulator
from streamer.database import Pool
from tests.conftest import Database
from tests.store.books import Books
from tests.streamer.desk import Exchange
from tests.streamer.pool import open_pool
from tests.streamer.yard import Yard


@pytest.fixture
def books(database: Database) -> Books:
    return Books(database.url)


@pytest.fixture
async def pool(database: Database) -> AsyncIterator[Pool]:
    """Connections with the streamer's rights."""
    async with open_pool(database.url_as("backstop_streamer")) as one:
        yield one


@pytest.fixture
async def yard(database: Database, books: Books, pool: Pool) -> AsyncIterator[Yard]:
    async with running_simulator() as sim, aiohttp.ClientSession() as session:
        exchange = Exchange(sim)
        await exchange.opens_account()
        one = Yard(exchange, books, pool, session, database.url_as("backstop_streamer"))
        yield one
        await one.close()
