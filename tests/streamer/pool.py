"""Connections with the streamer's rights."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from streamer.database import Pool


@asynccontextmanager
async def open_pool(url: str) -> AsyncIterator[Pool]:
    pool = Pool(url, min_size=1, max_size=6, timeout=5.0, kwargs={"autocommit": True}, open=False)
    await pool.open()
    try:
        yield pool
    finally:
        await pool.close()
