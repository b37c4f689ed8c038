"""One streamer process: it takes the lease, recovers the account, listens, trades, audits, and ends when it must.

Restates `streamer.fleet`, `streamer.leaseholder` and `streamer.owned` without their database and sockets.
"""

from collections.abc import Callable, Mapping
from contextlib import suppress
from random import Random
from typing import Any
from uuid import UUID

from backstop.domain.ids import AccountId, Epoch, Symbol
from backstop.domain.instrument import Instrument
from backstop.domain.order import OrderStatus
from backstop.engine.effects import Notice, NoticeLevel, Quarantine, ReadModes
from backstop.engine.events import (
    CheckOrder,
    CommandReceived,
    LimitsChanged,
    OrderUncertain,
    Reminded,
    SignalReceived,
    StrategiesChanged,
)
from backstop.engine.fills import SEEN_FOR_MS
from backstop.engine.state import AccountState
from backstop.vault import Credentials
from streamer.account import executions_from
from streamer.bybit.answers import NoAnswer, Refusal
from streamer.bybit.private import PrivateStream
from streamer.bybit.ret_codes import KEY_TROUBLE
from streamer.journal import Fenced
from streamer.leaseholder import OPEN_WITHIN_MS, RENEW_EVERY_S
from tests.simulation.actor import SimActor, SimJournal, Spy
from tests.simulation.clock import START, Answer, Heap
from tests.simulation.network import SimRest, StoreDown, StoreLink, StreamLink, Wire
from tests.simulation.process import Flag, Process
from tests.simulation.sim_market import SimMarket
from tests.simulation.trace import Trace

ACCOUNT = AccountId(UUID(int=7))
_FIRST_READ_WITHIN_MS = 2_000
_RETRY_S = 0.5
_LOOK_EVERY_S = 1.0
_POLL_EVERY_S = 2.0


class Streamer:
    """One incarnation of a process. `holder` is its name in the lease, never used again."""

    def __init__(
        self,
        process: Process,
        heap: Heap,
        random: Random,
        *,
        holder: str,
        wire: Wire,
        store: StoreLink,
        reachable: Callable[[], bool],
        key_works: Callable[[], bool],
        instruments: Mapping[str, Instrument],
        on_watch: Callable[["Streamer", Symbol], None],
        on_listen: Callable[[StreamLink], None],
        on_exit: Callable[["Streamer"], None],
        trace: Trace,
        spy: Spy,
    ) -> None:
        self.process = process
        self.holder = holder
        self.actor: SimActor | None = None
        self.journal: SimJournal | None = None
        self.started_at = heap.now
        self.trading_since: int | None = None
        """When its first read of the exchange was done."""
        self.market = SimMarket(process, instruments, lambda symbol: on_watch(self, symbol))
        self.rest = SimRest(process, wire)
        self._heap = heap
        self._random = random
        self._store = store
        self._reachable = reachable
        self._key_works = key_works
        self.key_refused = False
        self._on_listen = on_listen
        self._on_exit = on_exit
        self._trace = trace
        self._spy = spy
        self._renewed_at: int | None = None
        self._wake = Flag(process)
        self._look = Flag(process)
        self._ending = False
        self._claims_lost = False
        self.private: StreamLink | None = None
        self.public = StreamLink(process, heap, random, reachable, self.market.stream, self._resubscribe)
        process.spawn(self.public.run())
        process.spawn(self._look_for_the_account())
        process.spawn(self._renew())

    def wake(self) -> None:
        """There may be something new."""
        self._wake.set()
        self._look.set()

    def _resubscribe(self) -> None:
        for symbol in sorted(self.market.stream.symbols):
            self.market._on_watch(symbol)

    # ---- the lease

    async def _look_for_the_account(self) -> None:
        while True:
            if self.actor is None and self._renewed_at is None and not self._ending:
                asked_at = self._heap.now
                try:
                    epoch = await self._store.do(self.process, lambda: self._store.store.acquire(self.holder))
                except StoreDown:
                    epoch = None
                if epoch is not None:
                    self._renewed_at = asked_at
                    self._trace.note(self.process.name, f"holds the lease, epoch {epoch}")
                    self.process.spawn(self._trade(epoch))
            if self.actor is not None or self._renewed_at is not None:
                return
            await self._look.wait(_LOOK_EVERY_S)
            self._look.clear()

    async def _renew(self) -> None:
        while True:
            await self.process.sleep(RENEW_EVERY_S)
            if self._renewed_at is None:
                continue
            asked_at = self._heap.now
            try:
                kept = await self._store.do(self.process, lambda: self._store.store.renew(self.holder))
            except StoreDown:
                continue
            if not kept:
                raise Fenced("account")
            self._renewed_at = asked_at

    def may_open(self) -> bool:
        return self._renewed_at is not None and self._heap.now - self._renewed_at < OPEN_WITHIN_MS

    # ---- the account

    async def _trade(self, epoch: Epoch) -> None:
        actor = await self._recover(epoch)
        actor.on_read = self._note_read
        self.actor = actor
        actor.journal = self.journal = SimJournal(self.process, self._store, epoch, perform=actor.perform, actor=actor)
        self.market.join(ACCOUNT, actor.handle)
        self.process.spawn(self.journal.run())
        private = PrivateStream(
            "simulation",
            "",
            Credentials("key", "secret"),
            on_event=actor.handle,
            on_open=actor.forget_settings,
            on_unreadable=lambda topic, reason, payload: actor.record(Quarantine(topic, reason, payload)),
            clock=self.process.clock,
            exchange_clock=lambda: self.process.clock() - self.rest.clock_offset,
        )
        self.private = StreamLink(
            self.process,
            self._heap,
            self._random,
            lambda: self._reachable() and self._key_works(),
            private,
            actor.forget_settings,
        )
        self._on_listen(self.private)
        self.process.spawn(self.private.run())
        for order in tuple(actor.state.orders.values()):
            if order.status in (OrderStatus.INTENDED, OrderStatus.SENT, OrderStatus.UNKNOWN):
                actor.handle(OrderUncertain(order.link_id, "the process ended before an answer was known"))
            else:
                actor.handle(Reminded(CheckOrder(order.link_id)))
        first = Answer()
        self.process.spawn(self._first_read(actor, first))
        soon = Answer()
        first_or_late: Callable[[], None] = soon.give
        self.process.after(_FIRST_READ_WITHIN_MS, first_or_late)
        first.waiter = first_or_late
        await soon
        actor.arm_all()
        await first
        self.trading_since = self._heap.now
        traded = {symbol for one in actor.state.strategies.values() if one.enabled for symbol in one.symbols}
        actor.perform(ReadModes(tuple(sorted(traded | {slot.symbol for slot in actor.state.positions}))))
        self.process.spawn(actor.audit_forever())
        self.process.spawn(self._take_work(actor))

    async def _recover(self, epoch: Epoch) -> SimActor:
        store = self._store.store
        try:
            read = await self._store.do(self.process, self._read_back)
        except StoreDown as error:
            raise Fenced("not recovered") from error  # the process ends, and its successor tries again
        positions, orders, reversals, strategies, newest, rails = read
        equity, limits, halt, day, entries, hedged = rails
        since = executions_from(newest, START, orders)
        seen = store.executions_since(since - SEEN_FOR_MS)
        state = AccountState(
            instruments=self.market.instruments,
            strategies=strategies,
            positions={position.slot: position for position in positions},
            orders={order.link_id: order for order in orders},
            reversals={reversal.plan.cause_id: reversal for reversal in reversals},
            hedge={
                **dict.fromkeys(sorted(hedged), True),
                **{position.symbol: position.position_idx != 0 for position in positions},
            },
            seen=dict(seen),
            equity=equity,
            limits=limits,
            halt=halt,
            day=day,
            entries_at=entries,
        )
        for symbol in sorted(
            {symbol for strategy in strategies.values() if strategy.enabled for symbol in strategy.symbols}
            | {slot.symbol for slot in state.positions}
        ):
            self.market.watch(symbol)
        self._trace.note(
            self.process.name, f"recovered {len(positions)} positions, {len(orders)} orders, {len(reversals)} reversals"
        )
        return SimActor(
            ACCOUNT,
            state,
            process=self.process,
            market=self.market,
            rest=self.rest,
            may_open=self.may_open,
            executions_from=since,
            trace=self._trace,
            spy=self._spy,
        )

    def _read_back(self) -> tuple[Any, ...]:
        store = self._store.store
        return (
            store.live_positions(),
            store.live_orders(),
            store.live_reversals(),
            dict(store.strategies),
            store.newest_execution(),
            (store.equity, store.limits, store.halt, store.day, store.entries_of_last_day(), store.hedged),
        )

    async def _first_read(self, actor: SimActor, done: Answer) -> None:
        while True:
            try:
                await self.rest.synchronise_clock()
                await actor.audit()
            except NoAnswer:
                await self.process.sleep(_RETRY_S)
            except Refusal as refusal:
                self._note_key(actor, refusal)
                await self.process.sleep(_RETRY_S)
            else:
                done.give()
                return

    async def _note_read(self, refusal: Refusal | None) -> None:
        self.market.clock_offset = self.rest.clock_offset
        if self.actor is not None:
            self._note_key(self.actor, refusal)

    def _note_key(self, actor: SimActor, refusal: Refusal | None) -> None:
        """The owner is told once that the key is refused, until it is taken again."""
        before = self.key_refused
        if refusal is None:
            self.key_refused = False
        elif refusal.code in KEY_TROUBLE:
            self.key_refused = True
            if not before:
                actor.record(Notice(NoticeLevel.ERROR, "key_refused", f"the exchange refuses the key ({refusal})"))

    async def _take_work(self, actor: SimActor) -> None:
        while True:
            await self._take_what_waits(actor)
            await self._wake.wait(_POLL_EVERY_S)
            self._wake.clear()

    async def _take_what_waits(self, actor: SimActor) -> None:
        store = self._store.store
        assert self.journal is not None
        epoch = self.journal.epoch
        if self._ending:
            return
        again = self._claims_lost
        if again:
            await self.journal.drained()
        try:
            strategies, limits, signals, commands = await self._store.do(
                self.process,
                lambda: (
                    dict(store.strategies),
                    store.limits,
                    store.claim_signals(epoch, again=again),
                    store.claim_commands(epoch, again=again),
                ),
                commits=True,
            )
        except StoreDown:
            self._claims_lost = True
            return
        self._claims_lost = False
        if strategies != dict(actor.state.strategies):
            actor.handle(StrategiesChanged(strategies))
        if limits != actor.state.limits:
            actor.handle(LimitsChanged(limits))
        for signal in signals:
            actor.handle(SignalReceived(signal))
        for command in commands:
            actor.handle(CommandReceived(command))

    # ---- the end

    def terminate(self) -> None:
        """SIGTERM: let requests come back, let go of the lease, end."""
        if not self._ending:
            self._ending = True
            self.process.spawn(self._end())

    async def _end(self) -> None:
        if self.actor is not None and self.journal is not None:
            await self.actor.settle(5.0)
            self.actor.stop()
        self._renewed_at = None
        with suppress(StoreDown):
            await self._store.do(self.process, lambda: self._store.store.release(self.holder))
        self._on_exit(self)
