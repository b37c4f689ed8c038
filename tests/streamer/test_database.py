"""Connections to the database, and letting go of them."""

import asyncio

import pytest

from streamer.database import Pool
from tests.conftest import Database
from tests.streamer.waiting import eventually


@pytest.mark.parametrize("turns", range(6))
async def test_who_is_cancelled_as_a_connection_comes_free_ends(database: Database, turns: int) -> None:
    """`turns`: how many rounds of the event loop lie between the two."""
    async with Pool(database.url, min_size=1, max_size=1, open=False) as pool:
        taken = await pool.getconn()

        async def work() -> None:
            while True:
                async with pool.connection():
                    pass
                await asyncio.Event().wait()

        waiting = asyncio.create_task(work())
        await eventually(lambda: pool.get_stats()["requests_waiting"], "it waits")
        await asyncio.sleep(0)
        await pool.putconn(taken)
        for _ in range(turns):
            await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.wait([waiting], timeout=5)
        assert waiting.done()
        async with pool.connection(timeout=5) as connection:
            await connection.execute("select 1")
