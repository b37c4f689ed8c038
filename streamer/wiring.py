"""The streamer put together: the one place that knows every part."""

import asyncio
import signal
import time
from contextlib import AsyncExitStack
from importlib.metadata import version
from typing import Any
from uuid import UUID

import aiohttp

from backstop.domain.money import plain
from backstop.telemetry import logger
from backstop.vault import opener_from
from streamer.clock import now_ms
from streamer.config import Config
from streamer.couriers import Couriers
from streamer.database import pool_of
from streamer.fleet import Fleet
from streamer.heartbeat import Heartbeat
from streamer.leaseholder import Leaseholder
from streamer.notifier import Notifier
from streamer.owned import Means
from streamer.pusher import Pusher
from streamer.source_watch import SourceWatch
from streamer.vitals import tell_vitals

log = logger("streamer")

_KEEPALIVE_S = 120


def monotonic_ms() -> int:
    return time.monotonic_ns() // 1_000_000


async def run(config: Config) -> None:
    """Trade until SIGTERM or SIGINT, then drain and let go. Raises when an account's lease is lost."""
    async with AsyncExitStack() as stack:
        pool = pool_of(config.newest_database_url)
        await pool.open()
        stack.push_async_callback(pool.close)
        session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(keepalive_timeout=_KEEPALIVE_S, limit=0))
        stack.push_async_callback(session.close)

        wakers: list[Any] = []

        def wake_dashboards() -> None:
            for waker in wakers:
                waker()

        means = Means(pool, session, now_ms, wake_dashboards)
        leaseholder = Leaseholder(config.holder, monotonic_ms)
        opener = opener_from(config.variables)
        fleet = Fleet(config, means, opener, leaseholder, wake_dashboards)
        stack.push_async_callback(fleet.close)
        stopping = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, stopping.set)
        work = [
            asyncio.create_task(fleet.run(), name="fleet"),
            asyncio.create_task(Heartbeat(pool, config.holder, fleet, now_ms).run(), name="heartbeat"),
            asyncio.create_task(
                SourceWatch(pool, lambda: fleet.accounts, now_ms, wake_dashboards).run(), name="source watch"
            ),
            asyncio.create_task(
                Notifier(pool, opener, Couriers(config.variables.get("BACKSTOP_MAIL_URL"))).run(), name="notifier"
            ),
        ]
        if config.ws_endpoint:
            pusher = Pusher(
                pool,
                config.ws_endpoint,
                prices=lambda user_id: prices_of(fleet, user_id),
                clock=now_ms,
                version=version("backstop"),
            )
            wakers.append(pusher.wake)
            work.append(asyncio.create_task(pusher.run(), name="pusher"))
        if "ECS_CONTAINER_METADATA_URI_V4" in config.variables:
            work.append(asyncio.create_task(tell_vitals(fleet, now_ms), name="vitals"))
        log.info("streamer started", holder=config.holder)
        waiting = asyncio.create_task(stopping.wait())
        done, _ = await asyncio.wait([*work, waiting], return_when=asyncio.FIRST_COMPLETED)
        for task in done - {waiting}:
            task.result()
        log.info("streamer stopping")
        for task in work[1:]:
            task.cancel()


def prices_of(fleet: Fleet, user_id: UUID) -> list[dict[str, Any]]:
    """The prices a user looks at: of what is open and what the strategies trade."""
    prices = []
    for environment, market in fleet.markets.items():
        symbols: set[str] = set()
        for account in fleet.accounts.values():
            if account.row.user_id == user_id and account.row.environment == environment and account.actor is not None:
                state = account.actor.state
                symbols |= {slot.symbol for slot in state.positions}
                symbols |= {symbol for strategy in state.strategies.values() for symbol in strategy.symbols}
        for symbol, quote in market.quotes().items():
            if symbol in symbols:
                prices.append(
                    {
                        "symbol": symbol,
                        "environment": environment,
                        "last": plain(quote.last),
                        "mark": plain(quote.mark),
                        "ts": quote.at,
                    }
                )
    return prices
