"""One account while this process owns it: recovered, connected, fed with signals and commands, audited."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field, replace

import aiohttp

from backstop.contracts.self_test import SelfTestLine
from backstop.domain.ids import AccountId, Epoch, Symbol
from backstop.domain.order import OrderStatus
from backstop.engine.effects import Notice, NoticeLevel, Quarantine, ReadModes
from backstop.engine.events import (
    CheckOrder,
    CommandReceived,
    FitnessJudged,
    LimitsChanged,
    OrderUncertain,
    Reminded,
    SignalReceived,
    StrategiesChanged,
)
from backstop.engine.fills import SEEN_FOR_MS
from backstop.engine.state import AccountState
from backstop.store import intake, recovery, self_tests, trading
from backstop.store.intake import AccountRow
from backstop.store.query import aexecute, afetch_all, afetch_one
from backstop.store.trading import Owner
from backstop.telemetry import logger
from backstop.vault import Credentials
from streamer.account import AccountActor, executions_from
from streamer.bybit.answers import NoAnswer, Refusal
from streamer.bybit.key_check import unfit_for
from streamer.bybit.private import PrivateStream
from streamer.bybit.rest import BybitRest
from streamer.bybit.ret_codes import KEY_TROUBLE
from streamer.bybit.trade import TradeSocket
from streamer.bybit.transport import Address
from streamer.database import AWAY, Pool
from streamer.journal import Journal
from streamer.market import Market
from streamer.preflights import Preflights
from streamer.self_test import SelfTests, Subject

log = logger("streamer")

_FIRST_READ_WITHIN_S = 2.0
_RETRY_S = 0.5


@dataclass(frozen=True, slots=True)
class Means:
    """What an account needs of its process; `on_commit` has dashboards told."""

    pool: Pool
    session: aiohttp.ClientSession
    clock: Callable[[], int]
    on_commit: Callable[[], None]
    address: Address = field(default_factory=Address)


class OwnedAccount:
    def __init__(
        self,
        row: AccountRow,
        epoch: Epoch,
        credentials: Credentials,
        market: Market,
        means: Means,
        may_open: Callable[[], bool],
    ) -> None:
        self.row = row
        self.account_id = AccountId(row.id)
        self.epoch = epoch
        self._market = market
        self._means = means
        self._may_open = may_open
        self._credentials = credentials
        self._rest = BybitRest(market.hosts, credentials, means.session, means.clock, means.address)
        self._wake = asyncio.Event()
        self._status: tuple[str, str | None] | None = None
        self._claims_lost = False
        """Whether the answer to a claim may have been lost, so that it must be asked for again."""
        self._closing = False
        self._tests: SelfTests | None = None
        self._key_refused = False
        self._preflights: Preflights | None = None
        self.actor: AccountActor | None = None
        self.private: PrivateStream | None = None

    @property
    def is_quiet(self) -> bool:
        """Whether nothing is open or under way, so that another process may as well trade it."""
        state = self.actor.state if self.actor is not None else None
        return state is not None and not (state.positions or state.orders or state.reversals or state.waiting)

    def wake(self) -> None:
        """There may be something new for it."""
        self._wake.set()
        if self._tests is not None:
            self._tests.wake()
        if self._preflights is not None:
            self._preflights.wake()

    async def run(self) -> None:
        """Trade the account until cancelled. Raises `Fenced` when the lease is lost, anything else for a fault of ours."""
        try:
            async with asyncio.TaskGroup() as tasks:
                await self._start(tasks)
        finally:
            self._means.address.on_ban.discard(self._note_ban)
            if self.actor is not None:
                self.actor.stop()

    async def _start(self, tasks: asyncio.TaskGroup) -> None:
        actor = await self._recover()
        actor.on_read = self._note_read
        self.actor = actor
        owner = Owner(self.row.user_id, self.row.id)
        actor.journal = Journal(
            self._means.pool, owner, self.epoch, perform=actor.perform, on_commit=self._means.on_commit
        )
        self._market.join(self.account_id, actor.handle)
        self._means.address.on_ban.add(self._note_ban)

        def set_aside(topic: str, reason: str, payload: str) -> None:
            actor.record(Quarantine(topic, reason, payload))

        self._rest.on_unreadable = set_aside
        tasks.create_task(actor.journal.run())
        tasks.create_task(actor.broken())
        self.private = PrivateStream(
            str(self.account_id),
            self._market.hosts.private_ws,
            self._credentials,
            on_event=actor.handle,
            on_open=actor.forget_settings,
            on_unreadable=set_aside,
            clock=self._means.clock,
            exchange_clock=self._exchange_clock,
            admit=self._admit,
        )
        actor.on_missed = self.private.missed
        tasks.create_task(self.private.socket.run())
        if self._market.hosts.trade_ws is not None:
            trade = TradeSocket(
                str(self.account_id),
                self._market.hosts.trade_ws,
                self._credentials,
                turns=self._rest.turns,
                clock=self._means.clock,
                exchange_clock=self._exchange_clock,
                admit=self._admit,
            )
            self._rest.trade = trade
            tasks.create_task(trade.socket.run())
        for order in tuple(actor.state.orders.values()):
            if order.status in (OrderStatus.INTENDED, OrderStatus.SENT, OrderStatus.UNKNOWN):
                actor.handle(OrderUncertain(order.link_id, "the process ended before an answer was known"))
            else:
                actor.handle(Reminded(CheckOrder(order.link_id)))
        first = tasks.create_task(self._first_read(actor))
        await asyncio.wait([first], timeout=_FIRST_READ_WITHIN_S)
        # Not later, whatever the exchange answers: a position we believe open is watched.
        actor.arm_all()
        await first
        subject = Subject(
            owner,
            self.epoch,
            self._rest,
            self._market.hosts.rest,
            lambda: {symbol for strategy in actor.state.strategies.values() for symbol in strategy.symbols},
            self._judged,
        )
        self._tests = SelfTests(subject, self._means.pool)
        tasks.create_task(self._tests.run())
        self._preflights = Preflights(self.row.id, self._means.pool, actor, self._market, self._means.clock)
        tasks.create_task(self._preflights.run())
        actor.perform(ReadModes(tuple(sorted(self._traded(actor.state)))))
        tasks.create_task(actor.audit_forever())
        tasks.create_task(self._take_work(actor))

    def _exchange_clock(self) -> int:
        return self._means.clock() - self._rest.clock_offset

    async def _admit(self) -> None:
        """A connection may be made: soon, if positions depend on it."""
        await self._means.address.connects(holds=self.actor is not None and bool(self.actor.state.positions))

    async def _recover(self) -> AccountActor:
        async with self._means.pool.connection() as connection:
            positions = await afetch_all(connection, recovery.live_positions(self.row.id))
            orders = await afetch_all(connection, recovery.live_orders(self.row.id))
            reversals = await afetch_all(connection, recovery.live_reversals(self.row.id))
            strategies = await afetch_all(connection, intake.strategies_of(self.row.id))
            newest = await afetch_one(connection, recovery.newest_execution(self.row.id))
            entries = await afetch_all(connection, intake.entries_of_last_day(self.row.id))
            created = int(self.row.created_at.timestamp() * 1000)
            since = executions_from(newest, created, orders)
            seen = await afetch_all(connection, recovery.executions_since(self.row.id, since - SEEN_FOR_MS))
            guesses = await afetch_all(connection, recovery.guesses_since(self.row.id, since - SEEN_FOR_MS))
            ended = await afetch_all(
                connection, recovery.closed_positions(self.row.id, [guess.position_id for guess in guesses])
            )
            test = await afetch_one(connection, self_tests.newest(self.row.id))
        closed = {position.id: position for position in ended}
        state = AccountState(
            instruments=self._market.instruments,
            strategies={strategy.id: strategy for strategy in strategies},
            positions={position.slot: position for position in positions},
            orders={order.link_id: order for order in orders},
            hedge={
                **dict.fromkeys(self.row.hedged, True),
                **{position.symbol: position.position_idx != 0 for position in positions},
            },
            reversals={reversal.plan.cause_id: reversal for reversal in reversals},
            seen=dict(seen),
            guesses=tuple(replace(guess, closed=closed.get(guess.position_id)) for guess in guesses),
            equity=self.row.equity,
            limits=self.row.limits,
            halt=self.row.halt,
            unfit=unfit_for(test.lines) if test is not None else None,
            day=self.row.day,
            entries_at=tuple(entries),
        )
        for symbol in self._traded(state):
            self._market.watch(symbol)
        log.info("account recovered", account=str(self.row.id), positions=len(positions), orders=len(orders))
        return AccountActor(
            self.account_id,
            state,
            market=self._market,
            rest=self._rest,
            may_open=self._may_open,
            executions_from=since,
            clock=self._means.clock,
        )

    def _traded(self, state: AccountState) -> set[Symbol]:
        """The symbols of what is open, and of the strategies that may open."""
        wanted = {symbol for one in state.strategies.values() if one.enabled for symbol in one.symbols}
        return wanted | {slot.symbol for slot in state.positions}

    async def _first_read(self, actor: AccountActor) -> None:
        while True:
            try:
                await self._rest.synchronise_clock()
                await actor.audit()
            except NoAnswer as error:
                log.warning("first read not answered", account=str(self.row.id), reason=str(error))
            except Refusal as refusal:
                log.warning("first read refused", account=str(self.row.id), reason=str(refusal))
                await self._note_read(refusal)
            else:
                return
            await asyncio.sleep(_RETRY_S)

    async def _note_read(self, refusal: Refusal | None) -> None:
        """The account is active while the exchange takes its key, paused while it does not."""
        self._market.clock_offset = self._rest.clock_offset
        if refusal is None:
            reason = self.actor.state.unfit if self.actor is not None else None
            if self._key_refused and self._tests is not None:
                self._key_refused = False
                self._tests.key_accepted()
        elif refusal.code in KEY_TROUBLE:
            reason = f"the exchange refuses the key ({refusal}); add the account again"
            self._key_refused = True
            if self._tests is not None:
                self._tests.key_refused()
        else:
            return
        await self._pause(reason)

    def _judged(self, lines: list[SelfTestLine]) -> None:
        """A self-test was done: an account that failed it opens nothing."""
        actor, unfit = self.actor, unfit_for(lines)
        if actor is None or unfit == actor.state.unfit:
            return
        actor.handle(FitnessJudged(unfit))
        if unfit is None:
            actor.record(
                Notice(NoticeLevel.INFO, "self_test_passed", "the account passes its self-test; it trades again")
            )
        else:
            actor.record(Notice(NoticeLevel.ERROR, "self_test_failed", f"nothing is opened on the account: {unfit}"))
        actor.reread()

    async def _pause(self, reason: str | None) -> None:
        """The account's status: paused for a reason, or active."""
        status = "active" if reason is None else "paused"
        if (status, reason) == self._status:
            return
        try:
            async with self._means.pool.connection(timeout=2.0) as connection:
                await aexecute(connection, trading.set_account_status(self.row.id, status, reason))
        except AWAY as error:
            log.warning("account status not written", account=str(self.row.id), reason=str(error))
            return
        said, self._status = self._status, (status, reason)
        told = self.actor is not None and reason == self.actor.state.unfit
        if reason is not None and self.actor is not None and not told and (said is None or said[0] != status):
            self.actor.record(Notice(NoticeLevel.ERROR, "key_refused", reason))

    def _note_ban(self) -> None:
        minutes = round(self._means.address.banned_for_ms / 60_000)
        text = f"Bybit refuses all requests of this server for some {minutes} min: nothing is opened meanwhile"
        if self.actor is not None:
            self.actor.record(Notice(NoticeLevel.ERROR, "address_banned", f"{text}; closes are still sent"))

    async def _take_work(self, actor: AccountActor) -> None:
        """Signals and commands in the order they came; a slow poll beneath the notifications."""
        while True:
            await self._take_what_waits(actor)
            try:
                async with asyncio.timeout(2.0):
                    await self._wake.wait()
            except TimeoutError:
                pass
            self._wake.clear()

    async def _take_what_waits(self, actor: AccountActor) -> None:
        if self._closing:
            return
        again = self._claims_lost
        try:
            if again and actor.journal is not None:
                await actor.journal.drained()
            async with self._means.pool.connection(timeout=2.0) as connection, connection.transaction():
                signals = await afetch_all(connection, intake.claim_signals(self.row.id, self.epoch, again=again))
                commands = await afetch_all(connection, intake.claim_commands(self.row.id, self.epoch, again=again))
                # Read after the claims: a strategy is older than its first signal.
                strategies = await afetch_all(connection, intake.strategies_of(self.row.id))
                limits = await afetch_one(connection, intake.limits_of(self.row.id))
        except AWAY as error:
            log.warning("work not read", account=str(self.row.id), reason=str(error))
            self._claims_lost = True
            return
        self._claims_lost = False
        known = {strategy.id: strategy for strategy in strategies}
        if known != dict(actor.state.strategies):
            actor.handle(StrategiesChanged(known))
        if limits is not None and limits != actor.state.limits:
            actor.handle(LimitsChanged(limits))
        for signal in signals:
            actor.handle(SignalReceived(signal))
        for command in commands:
            actor.handle(CommandReceived(command))

    async def close(self) -> None:
        """Take no more work, let what is under way come back, then let go. Positions stay open, protected by the
        exchange's stops."""
        self._closing = True
        if self.actor is not None:
            await self.actor.settle(5.0)
            self.actor.stop()
        await self._rest.close()
