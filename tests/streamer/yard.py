"""Users with accounts, and processes that trade them, all in this one."""

import asyncio
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import aiohttp
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from backstop.store import intake, leases
from backstop.vault import Context, HpkeOpener, HpkeSealer
from streamer.clock import now_ms
from streamer.config import Config
from streamer.database import Pool
from streamer.fleet import Fleet
from streamer.leaseholder import Leaseholder
from streamer.owned import Means
from streamer.wiring import monotonic_ms
from tests.store.books import Books
from tests.streamer.desk import CREDENTIALS, Exchange
from tests.streamer.waiting import eventually

KEY = X25519PrivateKey.generate()


@dataclass
class Process:
    """A fleet at work, as in a process of its own."""

    holder: str
    fleet: Fleet
    work: asyncio.Task[None]

    def trades(self, account: UUID) -> bool:
        """Whether the account is owned here and has been read whole."""
        assert not self.work.done(), self.work.exception()
        owned = self.fleet.accounts.get(leases.account_lease(account))
        return bool(owned and owned.actor and owned.actor.audited.is_set())

    async def kill(self) -> None:
        self.work.cancel()
        await asyncio.gather(self.work, return_exceptions=True)


class Yard:
    """Users with accounts, and processes to trade them."""

    def __init__(self, exchange: Exchange, books: Books, pool: Pool, session: aiohttp.ClientSession, url: str) -> None:
        self.exchange = exchange
        self.books = books
        self._pool = pool
        self.session = session
        self._url = url
        self._processes: list[Process] = []
        self.user = books.user()
        self.heard = 0

    def account(self, *, sealed: bytes | None = None, notify: bool = True) -> UUID:
        account = self.books.account(self.user, sealed_credentials=b"-")
        box = sealed or HpkeSealer(KEY.public_key()).seal(CREDENTIALS, Context(self.user, account))
        self.books.rows("update accounts set sealed_credentials = %s where id = %s", box, account)
        if notify:
            self.notify(str(account))
        return account

    def notify(self, payload: str) -> None:
        self.books.rows("select pg_notify(%s, %s)", intake.CHANNEL, payload)

    async def starts(self, holder: str) -> Process:
        hosts = self.exchange.hosts
        variables = {
            "BACKSTOP_BYBIT_REST_URL": hosts.rest,
            "BACKSTOP_BYBIT_PUBLIC_WS_URL": hosts.public_ws,
            "BACKSTOP_BYBIT_PRIVATE_WS_URL": hosts.private_ws,
            "BACKSTOP_BYBIT_TRADE_WS_URL": hosts.trade_ws or "",
        }
        fleet = Fleet(
            Config(self._url, None, holder, variables),
            Means(self._pool, self.session, now_ms, lambda: None),
            HpkeOpener(KEY),
            Leaseholder(holder, monotonic_ms),
            self._hear,
        )
        process = Process(holder, fleet, asyncio.create_task(fleet.run()))
        self._processes.append(process)
        await eventually(self.listeners, "it listens")
        return process

    def listeners(self) -> list[dict[str, Any]]:
        listening = (
            "select pid from pg_stat_activity where datname = current_database() and starts_with(query, 'listen')"
        )
        return self.books.rows(listening)

    def lease(self, account: UUID) -> dict[str, Any] | None:
        name = leases.account_lease(account)
        rows = self.books.rows("select holder, epoch, expires_at > now() as valid from leases where name = %s", name)
        return rows[0] if rows else None

    def _hear(self) -> None:
        self.heard += 1

    async def close(self) -> None:
        for process in self._processes:
            if not process.work.done():
                await process.fleet.close()
            await process.kill()
