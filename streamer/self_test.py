"""An account's self-test: when it is due, what is asked, and what follows from it.

When it is added, each day, when its owner asks, and when the exchange refuses the key. One that failed stops entries;
one that could not be done, because the exchange did not answer, changes nothing and is tried again.
"""

import asyncio
from collections.abc import Callable, Collection
from dataclasses import dataclass
from uuid import UUID, uuid4

from backstop.contracts.self_test import Cause, SelfTestLine
from backstop.domain.ids import Epoch, Symbol
from backstop.store import leases, self_tests
from backstop.store.query import aexecute, afetch_one
from backstop.store.trading import Owner, storable
from backstop.telemetry import logger
from streamer.bybit.answers import NoAnswer, Refusal
from streamer.bybit.key_check import Facts, judge, line, outcome_of
from streamer.bybit.rest import BybitRest
from streamer.bybit.ret_codes import KEY_TROUBLE
from streamer.database import AWAY, Pool

log = logger("streamer")

DAILY_S = 86_400.0
LOOK_EVERY_S = 60.0
AGAIN_S = 5.0
_REFUSED_EVERY_S = 600.0
_SYMBOLS_MOST = 20


@dataclass(frozen=True, slots=True)
class Subject:
    """`symbols`: those its strategies trade. `server`: where it is asked."""

    owner: Owner
    epoch: Epoch
    rest: BybitRest
    server: str
    symbols: Callable[[], Collection[Symbol]]
    on_verdict: Callable[[list[SelfTestLine]], None]


async def examine(rest: BybitRest, server: str, symbols: Collection[Symbol]) -> list[SelfTestLine]:
    """Ask and judge. Raises `NoAnswer` when the exchange does not tell."""
    clock = asyncio.get_running_loop().time
    asked_at = clock()
    try:
        key = await rest.key_info()
        took_ms = round((clock() - asked_at) * 1000)
        asked = frozenset(sorted(symbols)[:_SYMBOLS_MOST])
        facts = Facts(
            key=key,
            account=await rest.account_info(),
            equity=wallet.equity if (wallet := await rest.wallet()) is not None else None,
            hedged=frozenset([symbol for symbol in asked if await rest.is_hedged(symbol)]),
            asked=asked,
            server=server,
            took_ms=took_ms,
            clock_offset=rest.clock_offset,
            over_socket=rest.trade.is_open if rest.trade is not None else None,
        )
    except Refusal as refusal:
        if refusal.code not in KEY_TROUBLE:
            raise NoAnswer(str(refusal)) from None
        return [line("key", "failed", "Key", f"the exchange refuses it ({refusal}); add the account again")]
    return [line("key", "ok", "Key", "the exchange takes it"), *judge(facts)]


class SelfTests:
    def __init__(self, subject: Subject, pool: Pool) -> None:
        self._subject = subject
        self._pool = pool
        self._look = asyncio.Event()
        self._refused_at: float | None = None
        self._key_refused = False

    def wake(self) -> None:
        """One may have been asked for."""
        self._look.set()

    def key_refused(self) -> None:
        """The exchange took the key and does not any more: find out why, now and then."""
        now = asyncio.get_running_loop().time()
        if self._refused_at is None or now - self._refused_at > _REFUSED_EVERY_S:
            self._refused_at = now
            self._key_refused = True
            self.wake()

    def key_accepted(self) -> None:
        """The exchange takes the key again: what failed with it is judged anew."""
        self._refused_at = None
        self._key_refused = True
        self.wake()

    async def run(self) -> None:
        """Until cancelled."""
        wait = 0.0
        while True:
            try:
                async with asyncio.timeout(wait):
                    await self._look.wait()
            except TimeoutError:
                pass
            self._look.clear()
            try:
                await self.look()
                wait = LOOK_EVERY_S
            except (NoAnswer, *AWAY) as error:
                log.warning("self-test not done", account=str(self._subject.owner.account_id), reason=str(error))
                wait = AGAIN_S

    async def look(self) -> None:
        """Do what is due."""
        wanted = await self._due()
        if wanted is None:
            return
        subject = self._subject
        lines = await examine(subject.rest, subject.server, subject.symbols())
        async with self._pool.connection(timeout=2.0) as connection, connection.transaction():
            lease = leases.account_lease(subject.owner.account_id)
            if await afetch_one(connection, leases.hold(lease, subject.epoch)) is None:
                return  # another process trades the account now
            kept = [one.model_copy(update={"detail": storable(one.detail)}) for one in lines]
            await aexecute(connection, self_tests.save_lines(wanted, subject.owner.user_id, kept))
            await aexecute(connection, self_tests.finish(wanted, outcome_of(lines)))
        subject.on_verdict(lines)

    async def _due(self) -> UUID | None:
        """The one under way, or a new one if it is time."""
        owner = self._subject.owner
        async with self._pool.connection(timeout=2.0) as connection:
            found = await afetch_one(connection, self_tests.under_way(owner.account_id))
            if found is not None:
                return found
            age_s = await afetch_one(connection, self_tests.age_of_newest(owner.account_id))
            cause = self._cause(age_s)
            if cause is None:
                return None
            asked = self_tests.request(uuid4(), owner.user_id, owner.account_id, cause)
            return await afetch_one(connection, asked)

    def _cause(self, age_s: float | None) -> Cause | None:
        if age_s is None:
            return "added"
        if self._key_refused:
            self._key_refused = False
            return "key_refused"
        return "daily" if age_s > DAILY_S else None
