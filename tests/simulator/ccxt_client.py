"""ccxt as it comes, at the simulator."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import ccxt.pro

from simulator.server import Simulator


@asynccontextmanager
async def ccxt_client(sim: Simulator, api_key: str, api_secret: str) -> AsyncIterator[Any]:
    """ccxt.pro, pointed there by its URLs alone."""
    client = ccxt.pro.bybit({"apiKey": api_key, "secret": api_secret, **sim.ccxt_options()})
    client.has["fetchCurrencies"] = False
    try:
        yield client
    finally:
        await client.close()
