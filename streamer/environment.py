"""One of the exchange's environments as this process knows it: its market, and who reads what belongs to no account."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace

from backstop.domain.ids import Symbol
from backstop.domain.instrument import Instrument
from backstop.store.market import known_instruments, save_instruments
from backstop.store.query import aexecute, afetch_all
from backstop.telemetry import logger
from streamer.bybit.answers import NoAnswer, Refusal
from streamer.bybit.rest import BybitRest
from streamer.database import AWAY, Pool
from streamer.market import Market

log = logger("streamer")

REFRESH_EVERY_S = 3_600.0
"""Filters and statuses of contracts change: sizes over time, a status when one is delisted."""

REFRESH_AGAIN_S = 60.0


class Environment:
    def __init__(
        self, market: Market, reader: BybitRest, pool: Pool, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    ) -> None:
        self.market = market
        self._reader = reader
        self._pool = pool
        self._sleep = sleep
        market.feed.read = reader.tickers

    async def run(self) -> None:
        """Until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self.market.feed.run())
            tasks.create_task(self._keep_instruments())

    async def load(self) -> None:
        """Read all instruments, here and into the database. Raises when one of the two does not answer.

        The exchange lists what trades; what of the others may be held still is known from when it did.
        """
        if not self.market.instruments:
            async with self._pool.connection(timeout=2.0) as connection:
                known = await afetch_all(connection, known_instruments(self.market.environment))
            self.market.instruments.update({instrument.symbol: instrument for instrument in known})
        found = await self._reader.instruments()
        changed = changes(self.market.instruments, found)
        self.market.instruments.update(changed)
        if changed:
            async with self._pool.connection(timeout=2.0) as connection:
                await aexecute(connection, save_instruments(self.market.environment, list(changed.values())))

    async def close(self) -> None:
        await self._reader.close()

    async def _keep_instruments(self) -> None:
        wait = REFRESH_EVERY_S
        while True:
            await self._pause(wait)
            try:
                await self.load()
                wait = REFRESH_EVERY_S
            except (NoAnswer, Refusal, *AWAY) as error:
                log.warning("instruments not refreshed", environment=self.market.environment, reason=str(error))
                wait = REFRESH_AGAIN_S

    async def _pause(self, wait: float) -> None:
        """That long, or until somebody wants a symbol that is not known; at least a minute."""
        await self._sleep(REFRESH_AGAIN_S)
        asked = asyncio.create_task(self.market.unknown.wait())
        slept = asyncio.ensure_future(self._sleep(max(0.0, wait - REFRESH_AGAIN_S)))
        try:
            await asyncio.wait({asked, slept}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            asked.cancel()
            slept.cancel()
        self.market.unknown.clear()


def changes(known: dict[Symbol, Instrument], found: dict[Symbol, Instrument]) -> dict[Symbol, Instrument]:
    """What is new or different. A contract that is listed no longer stays known, so that what is held of it can be
    closed, and takes no more entries; a listing that is empty says nothing."""
    if not found:
        return {}
    gone = {
        symbol: replace(instrument, tradable=False)
        for symbol, instrument in known.items()
        if symbol not in found and instrument.tradable
    }
    return gone | {symbol: instrument for symbol, instrument in found.items() if known.get(symbol) != instrument}
