"""One account traded in this process by all parts of the streamer, against the exchange look-alike and a database.

owned = await desk.own()
signal = desk.signals("buy")
await desk.opens()
await desk.exchange.price("59000")
await desk.has_traded(1)
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from uuid import UUID

import aiohttp
from psycopg.types.json import Jsonb

from backstop.domain.ids import Epoch, SignalId
from backstop.store import intake, leases
from backstop.store.query import afetch_all, afetch_one
from backstop.vault import Credentials
from simulator.server import Simulator
from streamer.account import AccountActor
from streamer.bybit.hosts import Hosts
from streamer.bybit.private import PrivateStream
from streamer.bybit.rest import BybitRest
from streamer.bybit.socket import SocketState
from streamer.clock import now_ms
from streamer.database import Pool
from streamer.environment import Environment
from streamer.market import Market
from streamer.owned import Means, OwnedAccount
from tests.store.books import SETTINGS, Books
from tests.streamer.waiting import eventually, rows_of

BTC = "BTCUSDT"
CREDENTIALS = Credentials("alice", "alice-secret-of-hers")
Row = dict[str, Any]


@dataclass
class Exchange:
    """The exchange look-alike, as whoever runs it sees it."""

    sim: Simulator

    @property
    def hosts(self) -> Hosts:
        return Hosts(self.sim.rest_url, self.sim.public_ws_url, self.sim.private_ws_url, self.sim.trade_ws_url)

    async def opens_account(self, credentials: Credentials = CREDENTIALS) -> None:
        keys = {"api_key": credentials.api_key, "api_secret": credentials.api_secret}
        await self.sim.control("POST", "accounts", {**keys, "balance": "10000", "order_rate": 1000})

    async def price(self, last: str, mark: str | None = None, index: str | None = None) -> None:
        prices = {"symbol": BTC, "last": last, "mark": mark or last, "index": index or last}
        await self.sim.control("POST", "price", prices)

    @asynccontextmanager
    async def client(self) -> AsyncIterator[BybitRest]:
        """A client of its own with the account's key, for what is done by hand."""
        async with aiohttp.ClientSession() as session:
            rest = BybitRest(self.hosts, CREDENTIALS, session, now_ms)
            yield rest
            await rest.close()

    async def fault(self, kind: str, **parameters: Any) -> None:
        await self.sim.control("POST", "faults", {"kind": kind, **parameters})

    async def mend(self) -> None:
        await self.sim.control("DELETE", "faults")

    async def by_hand(self, side: str, qty: str, **others: Any) -> None:
        trade = {"api_key": CREDENTIALS.api_key, "symbol": BTC, "side": side, "qty": qty, **others}
        await self.sim.control("POST", "manual", trade)

    async def modes(self, **changes: Any) -> None:
        """Set up by hand: hedge, leverage, margin_mode."""
        await self.sim.control("POST", "modes", {"api_key": CREDENTIALS.api_key, "symbol": BTC, **changes})

    async def executions(self) -> list[Row]:
        found: list[Row] = (await self.sim.control("GET", "executions", api_key=CREDENTIALS.api_key))["items"]
        return found

    @property
    def requests(self) -> list[Any]:
        """Every order/create that arrived."""
        return list(self.sim.venue.exchange.state.requests)

    @property
    def stops(self) -> list[Any]:
        """The stop-losses at the exchange."""
        account = self.sim.venue.exchange.account(CREDENTIALS.api_key)
        assert account is not None
        return [order for order in account.open_orders.values() if order.stop_kind == "StopLoss"]

    @property
    def stop_triggers(self) -> list[str]:
        """The price each stop-loss at the exchange is compared with."""
        return [str(order.trigger_by) for order in self.stops]

    @property
    def leverage(self) -> Decimal:
        account = self.sim.venue.exchange.account(CREDENTIALS.api_key)
        assert account is not None
        return Decimal(account.leverage_of(BTC))

    @property
    def held(self) -> Decimal:
        """Coins held, either way."""
        account = self.sim.venue.exchange.account(CREDENTIALS.api_key)
        assert account is not None
        return sum((Decimal(position.size) for position in account.positions.values()), Decimal(0))

    @property
    def wallet(self) -> Decimal:
        account = self.sim.venue.exchange.account(CREDENTIALS.api_key)
        assert account is not None
        return Decimal(account.wallet)


@dataclass
class Owned:
    """One process's hold on the account."""

    account: OwnedAccount
    market: Market
    work: asyncio.Task[None]
    ticking: asyncio.Task[None]

    @property
    def actor(self) -> AccountActor:
        assert self.account.actor is not None
        return self.account.actor

    @property
    def private(self) -> PrivateStream:
        assert self.account.private is not None
        return self.account.private

    @property
    def is_connected(self) -> bool:
        private = self.account.private
        return private is not None and private.socket.state is SocketState.CONNECTED

    async def ready(self) -> None:
        """Recovered, logged in, the exchange read whole, prices coming."""

        def look() -> bool:
            assert not self.work.done(), self.work.exception()
            actor = self.account.actor
            return bool(actor and actor.audited.is_set() and self.is_connected and self.market.quotes())

        await eventually(look, "the account at work")

    async def kill(self) -> None:
        """Gone, with all it had not written."""
        self.work.cancel()
        self.ticking.cancel()
        await asyncio.gather(self.work, self.ticking, return_exceptions=True)

    async def close(self) -> None:
        """As a process that is told to stop."""
        await self.account.close()
        await self.kill()


class Desk:
    def __init__(self, exchange: Exchange, pool: Pool, session: aiohttp.ClientSession, books: Books) -> None:
        self.exchange = exchange
        self.books = books
        self._pool = pool
        self._session = session
        self._owned: list[Owned] = []
        self.user = books.user()
        self.account: UUID = books.account(self.user, sealed_credentials=b"-")
        self.strategy: UUID = self.trades_by()

    def trades_by(self, *, beside: bool = False, **settings: Any) -> UUID:
        """A strategy with these settings, and no other from now on, or `beside` those there are."""
        if not beside:
            self.books.rows("update strategies set enabled = false")
        self.strategy = self.books.strategy(self.user, self.account, settings=Jsonb({**SETTINGS, **settings}))
        return self.strategy

    # ---- who owns it

    async def own(self, holder: str = "one", may_open: Callable[[], bool] = lambda: True) -> Owned:
        """Take the lease, over whoever holds it, and start."""
        owned = await self.start(await self.take_lease(holder), may_open)
        await owned.ready()
        return owned

    async def take_lease(self, holder: str) -> Epoch:
        name = leases.account_lease(self.account)
        await rows_of(self.books, "update leases set expires_at = now() - interval '1 second' where name = %s", name)
        async with self._pool.connection() as connection:
            epoch = await afetch_one(connection, leases.acquire(name, holder))
        assert epoch is not None
        return epoch

    async def start(self, epoch: Epoch, may_open: Callable[[], bool] = lambda: True) -> Owned:
        market = Market("simulator", self.exchange.hosts, now_ms)
        rest = BybitRest(self.exchange.hosts, None, self._session, now_ms)
        environment = Environment(market, rest, self._pool)
        await environment.load()
        await environment.close()
        async with self._pool.connection() as connection:
            rows = await afetch_all(connection, intake.accounts_to_trade())
        row = next(row for row in rows if row.id == self.account)
        means = Means(self._pool, self._session, now_ms, lambda: None)
        account = OwnedAccount(row, epoch, CREDENTIALS, market, means, may_open)
        owned = Owned(account, market, asyncio.create_task(account.run()), asyncio.create_task(market.feed.run()))
        self._owned.append(owned)
        return owned

    async def close(self) -> None:
        for owned in self._owned:
            await owned.kill()
            with contextlib.suppress(BaseException):
                owned.work.result()

    # ---- what is asked of it

    def signals(self, action: str, *, strategy: UUID | None = None, **values: Any) -> SignalId:
        parsed = {"action": action, "symbol": BTC, **values.pop("parsed", {})}
        signal = self.books.signal(
            self.user, self.account, strategy or self.strategy, action=action, parsed=Jsonb(parsed), **values
        )
        for owned in self._owned:
            owned.account.wake()
        return SignalId(signal)

    # ---- what became of it

    def signal(self, signal_id: UUID) -> Row:
        (row,) = self.books.rows(
            "select status, reason_code, reason, position_id from signals where id = %s", signal_id
        )
        return row

    def positions(self, status: str = "open") -> list[Row]:
        return self.books.rows("select * from positions where status = %s order by seq", status)

    def trades(self) -> list[Row]:
        return self.books.rows("select * from trades order by seq")

    def orders(self) -> list[Row]:
        return self.books.rows("select * from orders order by seq")

    async def opens(self) -> Row:
        """The position, once it is open and its resident stop is proven."""

        def look() -> Row | None:
            return next((row for row in self.positions() if row["resident_verified_at"] is not None), None)

        return await eventually(look, "an open position with its resident stop")

    async def has_traded(self, number: int) -> list[Row]:
        return await eventually(lambda: found if len(found := self.trades()) >= number else None, f"{number} trades")

    async def settled(self, signal_id: UUID) -> Row:
        return await eventually(
            lambda: row if (row := self.signal(signal_id))["status"] not in ("accepted", "executing") else None,
            "the signal settled",
        )

    async def agrees_with_the_exchange(self) -> None:
        """Every execution is booked once, and the ledger moved as the wallet did."""
        theirs = sorted(row["execId"] for row in await self.exchange.executions())

        def booked() -> bool:
            rows = self.books.rows("select exec_id from executions where account_id = %s", self.account)
            return sorted(row["exec_id"] for row in rows) == theirs

        await eventually(booked, f"exactly these executions booked: {theirs}")
        (row,) = self.books.rows("select coalesce(sum(amount), 0) as gained from ledger")
        assert row["gained"] == self.exchange.wallet - 10000
