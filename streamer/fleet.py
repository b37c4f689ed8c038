"""Which accounts this process trades: takes free leases, keeps them, starts and stops accounts, hears of new work."""

import asyncio
from collections.abc import Callable
from typing import Any

import psycopg
from psycopg import AsyncConnection

from backstop.domain.ids import Epoch
from backstop.store import intake, leases, shares, trading
from backstop.store.intake import AccountRow
from backstop.store.query import aexecute, afetch_all, afetch_one
from backstop.telemetry import logger
from backstop.vault import Context, Credentials, Opener, VaultError
from streamer.bybit.answers import NoAnswer, Refusal
from streamer.bybit.hosts import hosts_of
from streamer.bybit.rest import BybitRest
from streamer.bybit.transport import Address
from streamer.config import Config
from streamer.database import AWAY, tended
from streamer.environment import Environment
from streamer.journal import Fenced
from streamer.leaseholder import RENEW_EVERY_S, Leaseholder
from streamer.market import Market
from streamer.owned import Means, OwnedAccount

log = logger("streamer")

_LOOK_EVERY_S = 1.0
_TAKE_MOST = 400
"""Accounts taken at one look: their starts should not all fall into one moment."""

_LEFT_OVER_S = 3.0
"""What nobody took for so long is taken by whoever sees it, fair or not."""

_GIVE_MOST = 10
_STEADY_LOOKS = 10
_RENEW_AGAIN_S = 0.5


class Fleet:
    def __init__(
        self,
        config: Config,
        means: Means,
        opener: Opener,
        leaseholder: Leaseholder,
        on_work: Callable[[], None],
        own: Callable[..., OwnedAccount] = OwnedAccount,
    ) -> None:
        self._config = config
        self._means = means
        self._opener = opener
        self._leases = leaseholder
        self._on_work = on_work
        self._own = own
        self._look = asyncio.Event()
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._skipped: set[str] = set()
        self.accounts: dict[str, OwnedAccount] = {}
        self.markets: dict[str, Market] = {}
        self._market_tasks: list[asyncio.Task[None]] = []
        self._processes = 1
        self._steady = 0
        """How many looks in a row that many processes lived."""
        self._taken_told = 0
        self._environments: list[Environment] = []
        self._loops: list[asyncio.Task[None]] = []

    def taken_since_asked(self) -> int:
        """How many leases were taken since this was last asked."""
        taken = self._leases.taken - self._taken_told
        self._taken_told = self._leases.taken
        return taken

    @property
    def address(self) -> Address:
        return self._means.address

    async def run(self) -> None:
        """Until it is closed or cancelled; raises when an account's lease is lost or an account fails: the process then
        ends, and its successor starts from the truth."""
        async with asyncio.TaskGroup() as tasks:
            self._loops = [
                tasks.create_task(self._look_for_accounts(tasks)),
                tasks.create_task(self._listen()),
                tasks.create_task(self._renew()),
            ]

    async def close(self) -> None:
        """Stop taking work, let requests come back, release the leases. Positions stay as they are."""
        await _end(self._loops[:2])
        await asyncio.gather(*(account.close() for account in self.accounts.values()), return_exceptions=True)
        await _end([*self._tasks.values(), *self._market_tasks, *self._loops])
        await asyncio.gather(*(environment.close() for environment in self._environments))
        try:
            async with self._means.pool.connection(timeout=2.0) as connection:
                await self._leases.release(connection, self._leases.names)
        except AWAY as error:
            log.warning("leases not released", reason=str(error))

    # ---- accounts

    async def _look_for_accounts(self, tasks: asyncio.TaskGroup) -> None:
        while True:
            try:
                await self._match_accounts(tasks)
            except AWAY as error:
                log.warning("accounts not read", reason=str(error))
            try:
                async with asyncio.timeout(_LOOK_EVERY_S):
                    await self._look.wait()
            except TimeoutError:
                pass
            self._look.clear()

    async def _match_accounts(self, tasks: asyncio.TaskGroup) -> None:
        async with self._means.pool.connection(timeout=2.0) as connection:
            idle = set(self._leases.names) - set(self.accounts)
            if idle:
                await self._leases.release(connection, sorted(idle))
            owned = [account.row.id for account in self.accounts.values()]
            for account_id in await afetch_all(connection, shares.deleted_of(owned)):
                await self._drop(connection, leases.account_lease(account_id))
            found = await afetch_one(connection, shares.share(self._config.holder))
            assert found is not None
            if found.free:
                await self._take_free(connection, tasks, found.fair - len(self.accounts))
            await self._give_away(connection, found)

    async def _take_free(self, connection: AsyncConnection[Any], tasks: asyncio.TaskGroup, room: int) -> None:
        """As many as are ours by rights, and whatever nobody else wanted."""
        rows = await afetch_all(connection, intake.accounts_to_trade(most=_TAKE_MOST, free_for_s=_LEFT_OVER_S))
        if room > 0:
            rows += await afetch_all(
                connection, intake.accounts_to_trade(most=min(room, _TAKE_MOST) + len(self._skipped), free_for_s=0.0)
            )
        for environment in {row.environment for row in rows}:
            await self._market(environment, tasks)
        wanted = {
            name: row
            for row in rows
            if row.environment in self.markets
            and (name := leases.account_lease(row.id)) not in self.accounts
            and name not in self._skipped
        }
        taken = await self._leases.acquire_all(connection, sorted(wanted)) if wanted else {}
        opened = await asyncio.gather(
            *(asyncio.to_thread(self._open, wanted[name]) for name in wanted if name in taken)
        )
        for (name, row), credentials in zip(((n, r) for n, r in wanted.items() if n in taken), opened, strict=True):
            await self._own_account(connection, tasks, name, row, taken[name], credentials)

    def _open(self, row: AccountRow) -> Credentials | Exception:
        """May ask KMS, so not in the loop."""
        try:
            return self._opener.open(row.sealed, Context(row.user_id, row.id))
        except Exception as error:  # noqa: BLE001 - of KMS too: of many accounts taken at once, one holds back no other
            return error

    async def _give_away(self, connection: AsyncConnection[Any], found: shares.Share) -> None:
        """Let a few accounts go while others hold fewer: only such as have nothing open, and not for a small difference."""
        if found.processes != self._processes:
            self._processes, self._steady = found.processes, 0
            return
        self._steady += 1
        surplus = len(self.accounts) - found.fair
        if found.free > len(self._skipped) or self._steady < _STEADY_LOOKS or surplus <= found.fair // 10:
            return
        quiet = [name for name, account in self.accounts.items() if account.is_quiet]
        for name in quiet[: min(surplus, _GIVE_MOST)]:
            await self._drop(connection, name)

    async def _own_account(
        self,
        connection: AsyncConnection[Any],
        tasks: asyncio.TaskGroup,
        name: str,
        row: AccountRow,
        epoch: Epoch,
        credentials: Credentials | Exception,
    ) -> None:
        if isinstance(credentials, VaultError):
            log.error("credentials do not open", account=str(row.id), reason=str(credentials))
            self._skipped.add(name)
            reason = "the stored credentials cannot be opened; add the account again"
            await aexecute(connection, trading.set_account_status(row.id, "paused", reason))
            await self._leases.release(connection, [name])
            return
        if isinstance(credentials, Exception):
            log.error("credentials not opened now", account=str(row.id), reason=type(credentials).__name__)
            await self._leases.release(connection, [name])
            return
        market = self.markets[row.environment]
        account = self._own(row, epoch, credentials, market, self._means, may_open=lambda: self._leases.may_open(name))
        self.accounts[name] = account
        self._tasks[name] = tasks.create_task(account.run(), name=name)

    async def _drop(self, connection: AsyncConnection[Any], name: str) -> None:
        account = self.accounts.pop(name)
        await account.close()
        await _end([self._tasks.pop(name)])
        await self._leases.release(connection, [name])

    async def _market(self, environment: str, tasks: asyncio.TaskGroup) -> Market | None:
        """The environment's market with its instruments, or None while the exchange does not answer."""
        known = self.markets.get(environment)
        if known is not None:
            return known
        hosts = hosts_of(environment, self._config.variables)
        reader = BybitRest(hosts, None, self._means.session, self._means.clock, self._means.address)
        market = Market(environment, hosts, self._means.clock, admit=lambda: self.address.connects(holds=True))
        opened = Environment(market, reader, self._means.pool)
        try:
            await opened.load()
        except (NoAnswer, Refusal) as error:
            log.warning("instruments not read", environment=environment, reason=str(error))
            await opened.close()
            return None
        self.markets[environment] = market
        self._environments.append(opened)
        self._market_tasks.append(tasks.create_task(opened.run(), name=f"market {environment}"))
        return market

    # ---- leases

    async def _renew(self) -> None:
        wait_s = RENEW_EVERY_S
        while True:
            await asyncio.sleep(wait_s)
            try:
                async with self._means.pool.connection(timeout=2.0) as connection:
                    lost = await self._leases.renew(connection)
            except AWAY as error:
                log.warning("leases not renewed", reason=str(error))
                wait_s = _RENEW_AGAIN_S
                continue
            wait_s = RENEW_EVERY_S
            if lost & set(self.accounts):
                raise Fenced(", ".join(sorted(lost)))

    # ---- notifications

    async def _listen(self) -> None:
        while True:
            try:
                await self._listen_once()
            except psycopg.Error as error:
                log.warning("not listening", reason=str(error))
                await asyncio.sleep(0.5)

    async def _listen_once(self) -> None:
        url = await asyncio.to_thread(self._config.newest_database_url)
        connection = await AsyncConnection.connect(tended(url), autocommit=True)
        async with connection:
            await connection.execute(f"listen {intake.CHANNEL}")
            self._hear("")
            async for notification in connection.notifies():
                self._hear(notification.payload)

    def _hear(self, payload: str) -> None:
        """Wake whom it concerns; an unknown payload concerns everybody."""
        account = self.accounts.get(f"account:{payload}")
        if account is not None:
            account.wake()
        else:
            self._look.set()
            for other in self.accounts.values():
                other.wake()
        self._on_work()


async def _end(tasks: list[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
