"""Guards the accounts that no streamer holds: each under its lease, so that nobody else acts meanwhile."""

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import aiohttp
from psycopg import AsyncConnection

from backstop.domain.ids import Symbol, order_link_id
from backstop.domain.money import Qty
from backstop.domain.order import Order, Purpose
from backstop.domain.side import PositionSide, Side
from backstop.domain.slot import Slot
from backstop.engine.events import ExchangePosition, OrderAccepted
from backstop.store import guarded, leases
from backstop.store.guarded import GuardedAccount, GuardedPosition
from backstop.store.query import afetch_all, afetch_one
from backstop.telemetry import logger
from backstop.vault import Context, Opener, VaultError
from infra.deadman.rule import Fine, PlaceStop, Policy, Unprotected, judge
from streamer.bybit.answers import NoAnswer, Refusal
from streamer.bybit.hosts import hosts_of
from streamer.bybit.rest import BybitRest
from streamer.bybit.ret_codes import stop_already_passed

log = logger("deadman")

UNHELD_FOR_S = 5.0
"""A lease that ran out so long ago was not taken over: a streamer that is well takes it within two seconds."""

_AT_ONCE = 16
_WITHIN_S = 8.0
"""For one account: less than its lease is valid."""

_NEVER_S = 86_400.0
"""How old a heartbeat is said to be that never was."""

HOLDER = "deadman"


@dataclass
class Guard:
    """One run. `found` counts what was found and done: checked, missing, repaired, closed, unprotected, failed."""

    database_url: str
    opener: Opener
    policy: Policy
    variables: Mapping[str, str]
    clock: Callable[[], int] = lambda: time.time_ns() // 1_000_000

    async def run(self) -> dict[str, float]:
        """Check everything once. Raises psycopg.Error when the database does not answer: then nothing can be known."""
        found: Counter[str] = Counter()
        async with (
            await AsyncConnection.connect(self.database_url, autocommit=True, connect_timeout=5) as connection,
            aiohttp.ClientSession() as session,
        ):
            age = await afetch_one(connection, guarded.heartbeat_age_s())
            unowned = await afetch_one(connection, guarded.unowned_accounts(15.0)) or 0
            accounts = await afetch_all(connection, guarded.unheld_accounts(UNHELD_FOR_S))
            turns, one_at_a_time = asyncio.Semaphore(_AT_ONCE), asyncio.Lock()

            async def guard(account: GuardedAccount) -> None:
                async with turns:
                    await self._guard(connection, one_at_a_time, session, account, found)

            await asyncio.gather(*(guard(account) for account in accounts))
        return {
            **{
                name: float(found[name])
                for name in ("checked", "missing", "repaired", "closed", "unprotected", "failed")
            },
            "unowned": float(unowned),
            "heartbeat_age_s": age if age is not None else _NEVER_S,
        }

    async def _guard(
        self,
        connection: AsyncConnection[Any],
        turn: asyncio.Lock,
        session: aiohttp.ClientSession,
        account: GuardedAccount,
        found: Counter[str],
    ) -> None:
        lease = leases.account_lease(account.id)
        async with turn:
            epoch = await afetch_one(connection, leases.acquire(lease, HOLDER))
        if epoch is None:
            return  # a streamer was quicker
        try:
            async with asyncio.timeout(_WITHIN_S):
                await self._check(session, account, found)
        except (NoAnswer, Refusal, VaultError, TimeoutError) as error:
            found["failed"] += 1
            log.error("account not checked", account=str(account.id), reason=f"{type(error).__name__}: {error}")
        finally:
            async with turn:
                await afetch_all(connection, leases.release(HOLDER, [lease]))

    async def _check(self, session: aiohttp.ClientSession, account: GuardedAccount, found: Counter[str]) -> None:
        credentials = self.opener.open(account.sealed, Context(account.user_id, account.id))
        rest = BybitRest(hosts_of(account.environment, self.variables), credentials, session, self.clock)
        try:
            await rest.synchronise_clock()
            held = {position.slot: position for position in await rest.positions()}
            for known in account.positions:
                found["checked"] += 1
                await self._treat(rest, account, known, held.get(Slot(Symbol(known.symbol), known.position_idx)), found)
        finally:
            await rest.close()

    async def _treat(
        self,
        rest: BybitRest,
        account: GuardedAccount,
        known: GuardedPosition,
        held: ExchangePosition | None,
        found: Counter[str],
    ) -> None:
        finding = judge(known, held)
        if isinstance(finding, Fine):
            return
        found["missing"] += 1
        if isinstance(finding, PlaceStop):
            try:
                await rest.set_resident_stop(
                    Slot(Symbol(known.symbol), known.position_idx), finding.price, finding.trigger_by
                )
            except Refusal as refusal:
                if not stop_already_passed(refusal.code, refusal.message):
                    raise
                finding = Unprotected(str(refusal))
            else:
                found["repaired"] += 1
                log.warning("stop restored", account=str(account.id), symbol=known.symbol, price=str(finding.price))
                return
        found["unprotected"] += 1
        log.error("position unprotected", account=str(account.id), symbol=known.symbol, reason=finding.why)
        if self.policy is Policy.FLATTEN and held is not None and held.side is known.side:
            closed = await rest.create(_close(known, held, self.clock()))
            found["closed"] += isinstance(closed, OrderAccepted)
            log.error("position closed", account=str(account.id), symbol=known.symbol, answer=type(closed).__name__)


def _close(known: GuardedPosition, held: ExchangePosition, now: int) -> Order:
    """Reduce-only, under an id of the position: two runs that overlap ask for one order."""
    return Order(
        link_id=order_link_id(known.id, "d"),
        symbol=Symbol(known.symbol),
        side=Side.SELL if held.side is PositionSide.LONG else Side.BUY,
        purpose=Purpose.PROTECTION,
        qty=Qty(held.size),
        created_at=now,
        position_idx=known.position_idx,
        reduce_only=True,
    )
