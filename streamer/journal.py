"""One account's commits, in the order they were decided: state, events for dashboards and lease check in one transaction.

A step never waits for the database. What must be durable first (an opening order) follows its commit; what protects goes
ahead when the database does not answer, and its record is written when it is back.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, assert_never

from psycopg import AsyncConnection

from backstop.contracts.live import NoticeData
from backstop.domain.ids import Epoch
from backstop.engine.effects import (
    BookExecution,
    Change,
    Effect,
    Notice,
    Quarantine,
    SaveDay,
    SaveEquity,
    SaveHalt,
    SaveModes,
    SaveOrder,
    SavePosition,
    SaveReversal,
    SaveTrade,
    SendOrder,
    SettleCommand,
    SettleSignal,
)
from backstop.store import dashboards, leases, trading, views
from backstop.store.query import Query, aexecute, afetch_all, afetch_one
from backstop.store.trading import Owner
from backstop.telemetry import logger
from streamer.crash_points import passing
from streamer.database import AWAY, Pool

log = logger("streamer")

_RETRY_S = (0.05, 0.1, 0.25, 0.5, 1.0)
_BATCH_MAX = 200
_PATIENCE_S = 1.0
"""A commit that takes longer has what protects go ahead of it."""

# Rows before those that refer to them.
_ORDER: tuple[type[Change], ...] = (
    SavePosition,
    SaveOrder,
    BookExecution,
    SaveTrade,
    SaveReversal,
    SettleSignal,
    SettleCommand,
    SaveEquity,
    SaveHalt,
    SaveDay,
    SaveModes,
    Notice,
    Quarantine,
)


class Fenced(Exception):
    """Another process holds the account's lease now. This one must not write or trade any more."""


@dataclass(slots=True)
class _Entry:
    changes: tuple[Change, ...]
    then: tuple[Effect, ...]
    protected: bool = False
    """Whether what protects has gone ahead of the commit."""


class Journal:
    """`perform` is called with the effects that stood behind a commit; `on_commit` after each one that told dashboards."""

    def __init__(
        self,
        pool: Pool,
        owner: Owner,
        epoch: Epoch,
        *,
        perform: Callable[[Effect], None],
        on_commit: Callable[[], None],
    ) -> None:
        self._pool = pool
        self._owner = owner
        self._epoch = epoch
        self._perform = perform
        self._on_commit = on_commit
        self._entries: deque[_Entry] = deque()
        self._wake = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()
        self._away = False

    def put(self, changes: tuple[Change, ...], then: tuple[Effect, ...] = ()) -> None:
        self._entries.append(_Entry(changes, then))
        self._idle.clear()
        self._wake.set()
        if self._away:
            self._go_ahead_protecting()

    async def drained(self) -> None:
        """Wait until everything put so far is durable."""
        await self._idle.wait()

    async def run(self) -> None:
        """Commit until cancelled. Raises `Fenced` when the lease is lost."""
        failures = 0
        while True:
            if not self._entries:
                self._idle.set()
                self._wake.clear()
                await self._wake.wait()
            batch = [self._entries[i] for i in range(min(len(self._entries), _BATCH_MAX))]
            try:
                passing("commit:before")
                with self._patience():
                    await self._commit([change for entry in batch for change in entry.changes])
            except AWAY as error:
                log.error("commit failed, will be tried again", reason=str(error), waiting=len(self._entries))
                self._go_ahead_protecting()
                await asyncio.sleep(_RETRY_S[min(failures, len(_RETRY_S) - 1)])
                failures += 1
                continue
            passing("commit:after")
            failures = 0
            self._away = False
            for _ in batch:
                self._entries.popleft()
            for entry in batch:
                for effect in entry.then:
                    if not entry.protected or _opens(effect):
                        self._perform(effect)
            self._on_commit()

    @contextmanager
    def _patience(self) -> Iterator[None]:
        late = asyncio.get_running_loop().call_later(_PATIENCE_S, self._go_ahead_protecting)
        try:
            yield
        finally:
            late.cancel()

    def _go_ahead_protecting(self) -> None:
        """From now until a commit succeeds. What is performed may put more, which then goes ahead by itself."""
        self._away = True
        for entry in tuple(self._entries):
            if not entry.protected:
                entry.protected = True
                for effect in entry.then:
                    if not _opens(effect):
                        self._perform(effect)

    async def _commit(self, changes: list[Change]) -> None:
        async with self._pool.connection(timeout=2.0) as connection, connection.transaction():
            lease = leases.account_lease(self._owner.account_id)
            if await afetch_one(connection, leases.hold(lease, self._epoch)) is None:
                raise Fenced(lease)
            passing("commit:within")
            for change in _settled(changes):
                await self._write(connection, change)

    async def _write(self, connection: AsyncConnection[Any], change: Change) -> None:  # noqa: C901, PLR0912 - one case a change
        owner = self._owner
        match change:
            case SavePosition(position=position, quiet=quiet):
                await aexecute(connection, trading.save_position(owner, position))
                for level in position.levels:
                    await aexecute(connection, trading.save_level(owner, level, position.updated_at))
                if not quiet:
                    await self._tell(connection, "position", views.position(position.id))
            case SaveOrder(order=order):
                await aexecute(connection, trading.save_order(owner, order))
                await self._tell(connection, "order", views.order(order.link_id))
            case BookExecution(execution=execution):
                if await afetch_all(connection, trading.book_execution(owner, change)):
                    await self._tell(connection, "execution", views.execution(owner.account_id, execution.exec_id))
            case SaveTrade(trade=trade):
                await aexecute(connection, trading.save_trade(owner, trade))
                await self._tell(connection, "trade", views.trade(trade.id))
            case SettleSignal(signal_id=signal_id):
                await aexecute(connection, trading.settle_signal(change))
                await self._tell(connection, "signal", views.signal(signal_id))
            case SettleCommand():
                await aexecute(connection, trading.settle_command(change))
            case SaveReversal(reversal=reversal):
                await aexecute(connection, trading.save_reversal(owner, reversal))
            case SaveEquity(equity=equity):
                await aexecute(connection, trading.save_equity(owner, equity))
            case SaveHalt(halt=halt):
                await aexecute(connection, trading.save_halt(owner, halt))
            case SaveDay(day=day):
                await aexecute(connection, trading.save_day(owner, day))
            case SaveModes():
                await aexecute(connection, trading.save_modes(owner, change))
            case Notice(level=level, code=code, message=message):
                notice = NoticeData(level=level.value, code=code, message=trading.storable(message))
                await afetch_one(connection, dashboards.append_event(owner.user_id, "notice", notice))
            case Quarantine():
                await aexecute(connection, trading.quarantine(owner, change))
            case _:
                assert_never(change)

    async def _tell(self, connection: AsyncConnection[Any], kind: dashboards.EventType, view: Query[Any]) -> None:
        """Append what REST would now answer to the user's events."""
        model = await afetch_one(connection, view)
        if model is not None:
            await afetch_one(connection, dashboards.append_event(self._owner.user_id, kind, model))


def _opens(effect: Effect) -> bool:
    return isinstance(effect, SendOrder) and effect.order.is_entry


def _settled(changes: list[Change]) -> list[Change]:
    """In an order that satisfies the foreign keys, each position and order only as it is at last."""
    newest: dict[tuple[type[Change], object], Change] = {}
    others: list[Change] = []
    for change in changes:
        match change:
            case SavePosition(position=position, quiet=quiet):
                before = newest.get((SavePosition, position.id))
                still_quiet = quiet and (not isinstance(before, SavePosition) or before.quiet)
                newest[(SavePosition, position.id)] = SavePosition(position, still_quiet)
            case SaveOrder(order=order):
                newest[(SaveOrder, order.link_id)] = change
            case _:
                others.append(change)
    return sorted([*newest.values(), *others], key=lambda change: _ORDER.index(type(change)))
