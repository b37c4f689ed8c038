"""The streamer's account actor and journal, the product's own code where it does not touch the event loop or SQL.

`AccountActor` decides, sends, resolves and audits as in the product; here only waiting, tasks and reminders are virtual.
`Journal` keeps its queue and its rule of going ahead; here only its loop and its transaction are.
"""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, cast
from uuid import UUID

from backstop.domain.ids import AccountId, Epoch
from backstop.domain.protection import Level
from backstop.engine.effects import Change, Effect, Remind
from backstop.engine.events import Event, LevelCrossed, Reminded
from backstop.engine.state import AccountState
from backstop.store.trading import Owner
from streamer.account import AUDIT_EVERY_MS, AUDIT_IDLE_MS, AccountActor
from streamer.journal import _BATCH_MAX, _PATIENCE_S, _RETRY_S, Fenced, Journal, _opens, _settled
from tests.simulation.clock import Task
from tests.simulation.network import SimRest, StoreDown, StoreLink
from tests.simulation.process import Flag, Process
from tests.simulation.sim_market import SimMarket
from tests.simulation.trace import Trace

_NOBODY = Owner(UUID(int=1), UUID(int=7))


class Spy:
    """What the checks want to know of an actor; does nothing by itself."""

    def crossed(self, event: LevelCrossed, before: Level | None, after: Level | None) -> None: ...

    def decided(self, actor: "SimActor", changes: tuple[Change, ...]) -> None: ...


class SimActor(AccountActor):
    def __init__(
        self,
        account_id: AccountId,
        state: AccountState,
        *,
        process: Process,
        market: SimMarket,
        rest: SimRest,
        may_open: Callable[[], bool],
        executions_from: int,
        trace: Trace,
        spy: Spy,
    ) -> None:
        self.process = process
        super().__init__(
            account_id,
            state,
            market=market,
            rest=rest,
            may_open=may_open,
            executions_from=executions_from,
            clock=process.clock,
            sleep=process.sleep,
        )
        self.market = market
        self.steps = 0
        self._wanted = Flag(process)
        self._audit_wanted = cast("asyncio.Event", self._wanted)
        self._requests: list[Task] = []
        self.audited = cast("asyncio.Event", Flag(process))
        self._trace = trace
        self._spy = spy

    def _unbroken(self) -> "asyncio.Future[None]":
        return cast("asyncio.Future[None]", _Broken(self.process))

    def handle(self, event: Event) -> None:
        self.steps += 1
        self._trace.event(self.process.name, event)
        if isinstance(event, LevelCrossed):
            before = self._level(event)
            super().handle(event)
            self._spy.crossed(event, before, self._level(event))
        else:
            super().handle(event)

    def _level(self, event: LevelCrossed) -> Level | None:
        levels = (level for held in self.state.on(event.symbol) for level in held.levels)
        return next((level for level in levels if level.close_id == event.close_id), None)

    def perform(self, effect: Effect) -> None:
        self.process.point()
        self._trace.effect(self.process.name, effect)
        if isinstance(effect, Remind):
            self.process.after(effect.at - self._clock(), self.handle, Reminded(effect.reminder))
        else:
            super().perform(effect)

    async def _until_due(self) -> None:
        while not self._wanted.is_set():
            if not await self._wanted.wait(AUDIT_EVERY_MS / 1000):
                live = bool(self.state.positions or self.state.orders)
                if live or self._clock() - self._progress.audited_at >= AUDIT_IDLE_MS:
                    return

    async def settle(self, timeout_s: float) -> None:
        """Let requests under way come back and be written down."""
        until = self._clock() + round(timeout_s * 1000)
        while any(not task.done for task in self._requests) and self._clock() < until:
            await self.process.sleep(0.1)
        assert isinstance(self.journal, SimJournal)
        until = self._clock() + round(timeout_s * 1000)
        while self.journal.waiting and self._clock() < until:
            await self.process.sleep(0.1)

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        self._requests = [task for task in self._requests if not task.done]
        self._requests.append(self.process.spawn(work))


class _Broken:
    """Stands where the product keeps the error that ends an account, and with it the process."""

    def __init__(self, process: Process) -> None:
        self._process = process
        self._is_done = False

    def done(self) -> bool:
        return self._is_done

    def set_exception(self, error: Exception) -> None:
        self._is_done = True
        self._process.after(0, self._raise, error)

    def _raise(self, error: Exception) -> None:
        raise error


class SimJournal(Journal):
    def __init__(
        self, process: Process, link: StoreLink, epoch: Epoch, *, perform: Callable[[Effect], None], actor: SimActor
    ) -> None:
        super().__init__(cast("Any", None), _NOBODY, epoch, perform=perform, on_commit=lambda: None)
        self.process = process
        self.epoch = epoch
        self._link = link
        self._commits = 0
        self._woken = Flag(process)
        self._wake = cast("asyncio.Event", self._woken)
        self._idle = cast("asyncio.Event", Flag(process))
        self._actor = actor

    async def drained(self) -> None:
        while self._entries:
            await self.process.sleep(0.05)

    @property
    def waiting(self) -> int:
        return len(self._entries)

    def unwritten(self) -> tuple[Change, ...]:
        """Decided and not durable yet."""
        return tuple(change for entry in self._entries for change in entry.changes)

    def put(self, changes: tuple[Change, ...], then: tuple[Effect, ...] = ()) -> None:
        self._actor._spy.decided(self._actor, changes)
        super().put(changes, then)

    async def run(self) -> None:
        failures = 0
        while True:
            if not self._entries:
                self._idle.set()
                self._woken.clear()
                await self._woken.wait()
            batch = [self._entries[i] for i in range(min(len(self._entries), _BATCH_MAX))]
            try:
                self._commits += 1
                self.process.after(round(_PATIENCE_S * 1000), self._lose_patience, self._commits)
                await self._commit([change for entry in batch for change in entry.changes])
            except StoreDown:
                self._commits += 1
                self._go_ahead_protecting()
                await self.process.sleep(_RETRY_S[min(failures, len(_RETRY_S) - 1)])
                failures += 1
                continue
            self._commits += 1
            failures = 0
            self._away = False
            for _ in batch:
                self._entries.popleft()
            for entry in batch:
                for effect in entry.then:
                    if not entry.protected or _opens(effect):
                        self._perform(effect)

    def _lose_patience(self, commit: int) -> None:
        if commit == self._commits:
            self._go_ahead_protecting()

    async def _commit(self, changes: list[Change]) -> None:
        settled = _settled(changes)
        store, epoch = self._link.store, self.epoch
        if not await self._link.do(self.process, lambda: store.commit(epoch, settled), commits=True):
            raise Fenced("account")
