"""Where the cases may run: a simulator of their own, Bybit's testnet, Bybit's demo. Never where money is real."""

import asyncio
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from decimal import Decimal

from backstop.domain.money import plain
from backstop.vault import Credentials
from infra.conformance.desk import Desk, NotHere, Way
from simulator.server import running_simulator
from streamer.bybit.hosts import Hosts, hosts_of

KEY, SECRET = "BACKSTOP_CONFORMANCE_KEY", "BACKSTOP_CONFORMANCE_SECRET"
"""Environment variables that hold an API key of the testnet or of demo trading, which may trade."""

MOVES_WITHIN_S = 60.0
"""How long a market of its own will is waited for."""

ENVIRONMENTS = ("simulator", "testnet", "demo")


class CannotRun(Exception):
    """Says what to do about it."""


@asynccontextmanager
async def way_to(environment: str, symbol: str, variables: Mapping[str, str]) -> AsyncIterator[Way]:
    """An account to run the cases with.

    Raises:
        CannotRun: an environment where money is real, or one whose keys are not there.
    """
    if environment == "mainnet":
        raise CannotRun("mainnet is refused: the cases open and close positions; use testnet or demo")
    if environment not in ENVIRONMENTS:
        raise CannotRun(f"there is no environment {environment!r}; choose one of {', '.join(ENVIRONMENTS)}")
    if environment == "simulator":
        async with _simulator(symbol) as way:
            yield way
        return
    keys = Credentials(variables.get(KEY, ""), variables.get(SECRET, ""))
    if not keys.api_key or not keys.api_secret:
        raise CannotRun(f"set {KEY} and {SECRET} to a key of Bybit's {environment} that may trade contracts")
    yield Way(hosts_of(environment, variables), keys, symbol, _wait_for)


@asynccontextmanager
async def _simulator(symbol: str) -> AsyncIterator[Way]:
    keys = Credentials("conformance", "conformance-secret")
    account = {"api_key": keys.api_key, "api_secret": keys.api_secret, "balance": "10000", "order_rate": 1000}
    async with running_simulator() as simulator:
        await simulator.control("POST", "accounts", account)

        async def cross(_desk: Desk, price: Decimal) -> None:
            await simulator.control("POST", "price", {"symbol": symbol, "last": plain(price)})

        hosts = Hosts(simulator.rest_url, simulator.public_ws_url, simulator.private_ws_url, simulator.trade_ws_url)
        yield Way(hosts, keys, symbol, cross)


async def _wait_for(desk: Desk, price: Decimal) -> None:
    first = await desk.last()
    deadline = time.monotonic() + MOVES_WITHIN_S
    while (last := await desk.last()) < price if price > first else last > price:
        if time.monotonic() > deadline:
            raise NotHere(f"the market did not move from {first} to {price} within {MOVES_WITHIN_S:g} s")
        await asyncio.sleep(0.2)
