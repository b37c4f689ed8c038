"""One account's actor: events in, one step at a time, effects out. The only writer of that account.

`handle` never waits. A tick that crosses a level becomes a close on its way within the same call.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from dataclasses import dataclass, replace
from typing import Any, assert_never

from backstop.domain.ids import AccountId, OrderLinkId, Symbol
from backstop.domain.money import plain
from backstop.domain.order import Order
from backstop.domain.position import PositionStatus
from backstop.domain.protection import Level, PriceSource
from backstop.domain.signal import Signal
from backstop.engine.effects import (
    Arm,
    CancelOrder,
    Change,
    Commit,
    Disarm,
    Effect,
    ReadModes,
    Remind,
    ResolveOrder,
    SendOrder,
    SetResidentStop,
    Subscribe,
    TakeSnapshot,
)
from backstop.engine.events import (
    AccountModeRead,
    Event,
    Executed,
    LevelCrossed,
    OrderLapsed,
    OrderRefused,
    OrderReported,
    OrderSent,
    PositionReported,
    Priced,
    Reminded,
    ResidentStopRefused,
    ResidentStopUncertain,
    SnapshotTaken,
    SymbolRead,
    Verdict,
)
from backstop.engine.exits import close_at
from backstop.engine.prices import fresh, still_there
from backstop.engine.state import AccountState
from backstop.engine.step import step
from backstop.telemetry import logger
from streamer.bybit.answers import NoAnswer, Refusal
from streamer.bybit.rest import BybitRest
from streamer.bybit.ret_codes import is_wrong_mode, stop_already_passed
from streamer.bybit.trade import UnderWay
from streamer.journal import Journal
from streamer.market import Market
from streamer.resolver import resolve

log = logger("streamer")

AUDIT_EVERY_MS = 5_000
"""How often the exchange is read anew while something is open, proving each resident stop."""

AUDIT_IDLE_MS = 30_000
CLOCK_OFF_MS = 800
"""Nothing is opened while our clock and the exchange's are farther apart."""

_WALLET_EVERY_MS = 30_000
_MODES_AT_ONCE = 2
_EXECUTIONS_MARGIN_MS = 60_000
_READ_BACK_MS = 3_600_000
"""Longer than a ban of the address, during which the stream goes on."""

_AUDIT_RETRY_S = (0.5, 1.0, 2.0)


def executions_from(newest: int | None, created_at: int, orders: Iterable[Order]) -> int:
    """From when a new owner of an account reads executions (UTC milliseconds). `newest`: the newest one that is booked;
    the stream may have told of it while nothing could be read, so that older ones are missing still."""
    booked_to = created_at if newest is None else max(created_at, newest - _READ_BACK_MS)
    return min([booked_to, *(order.created_at for order in orders)])


@dataclass(slots=True)
class Progress:
    """How far the account's reads have come (UTC milliseconds)."""

    executions_to: int
    audited_at: int = 0
    wallet_at: int = 0
    modes_read: int = 0
    """Where in the list of symbols the next reading of their modes begins."""


class AccountActor:
    on_read: Callable[[Refusal | None], Awaitable[None]] | None = None
    """Hears after each reading of the exchange whether it was refused."""

    on_missed: Callable[[int], None] | None = None
    """Told when an execution was made (the exchange's time) that was read before the stream told of it."""

    _stopped = False

    def __init__(
        self,
        account_id: AccountId,
        state: AccountState,
        *,
        market: Market,
        rest: BybitRest,
        may_open: Callable[[], bool],
        executions_from: int,
        clock: Callable[[], int],
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self.account_id = account_id
        self.state = state
        self.journal: Journal | None = None
        self._market = market
        self._rest = rest
        self._may_open = may_open
        self._clock = clock
        self._sleep = sleep
        self._progress = Progress(executions_from)
        self._inbox: deque[Event] = deque()
        self._working = False
        self._ahead: tuple[Order, UnderWay | None] | None = None
        """The close that left before the step that decides it."""
        self._resolving: set[OrderLinkId] = set()
        self._modes_wanted: dict[Symbol, None] = {}
        self._reading_modes = False
        self._audit_wanted = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()
        self.close_delays: deque[int] = deque(maxlen=100)
        """Milliseconds from what caused a close to its request, until somebody takes them."""
        self._broken = self._unbroken()
        self.audited = asyncio.Event()
        """Set once the exchange has been read whole since the start."""

    def _unbroken(self) -> "asyncio.Future[None]":
        return asyncio.get_running_loop().create_future()

    # ---- events in

    def handle(self, event: Event) -> None:
        """Take one event; those it causes on the way are taken after it, in order. After the end, none."""
        if self._stopped:
            return
        self._inbox.append(event)
        if self._working:
            return
        self._working = True
        try:
            while self._inbox:
                self._step(self._inbox.popleft())
        except Exception as error:
            if not self._broken.done():
                self._broken.set_exception(error)
            raise
        finally:
            self._working = False

    def _step(self, event: Event) -> None:
        now = self._clock()
        if isinstance(event, PositionReported):
            self._rest.hear(event.position)
        if isinstance(event, LevelCrossed):
            if (order := close_at(self.state, event, now)) is not None:
                self._ahead = order, self._rest.submit_close(order, lambda: self._sending(order))
        else:
            quotes = {symbol: quote for symbol in self._symbols(event) if (quote := self._market.quote(symbol))}
            if quotes:
                self.state, _ = step(self.state, Priced(quotes), now)
        self.state, effects = step(self.state, event, now)
        for index, effect in enumerate(effects):
            if isinstance(effect, Commit):
                assert self.journal is not None
                self.journal.put(effect.changes, effects[index + 1 :])
                break
            self.perform(effect)
        assert self._ahead is None, "a close was sent that nobody decided"

    def _symbols(self, event: Event) -> set[Symbol]:
        """The symbols an event may open or judge a position on."""
        wanted = {lane.symbol for lane in self.state.waiting}
        wanted |= {reversal.plan.symbol for reversal in self.state.reversals.values()}
        held = {slot.symbol for slot in self.state.positions}
        match event:
            case SnapshotTaken():
                wanted |= held
            case Executed(execution=execution):
                wanted.add(execution.symbol)
            case _:
                signal = getattr(event, "signal", None)
                if isinstance(signal, Signal):
                    wanted.add(signal.symbol)
                command = getattr(event, "command", None)
                if command is not None:
                    wanted |= held
        return wanted

    def record(self, change: Change) -> None:
        """Write down something that was not decided by a step."""
        assert self.journal is not None
        self.journal.put((change,))

    # ---- effects out

    def perform(self, effect: Effect) -> None:  # noqa: C901 - one case an effect
        match effect:
            case SendOrder(order=order):
                # A close leaves within this call if it can; only for what comes of it a task is needed.
                self._start(self._send(order, self._submit(order)))
            case CancelOrder(order=order):
                self._start(self._cancel(order))
            case Arm(levels=levels):
                self._market.arm(self.account_id, self._still_armed(levels))
            case Disarm(close_ids=close_ids):
                self._market.disarm(close_ids)
            case SetResidentStop():
                self._start(self._set_resident_stop(effect))
            case ResolveOrder(order=order):
                if order.link_id not in self._resolving:
                    self._resolving.add(order.link_id)
                    self._start(self._resolve(order))
            case Subscribe(symbol=symbol):
                self._market.watch(symbol)
            case TakeSnapshot():
                self._audit_wanted.set()
            case ReadModes(symbols=symbols):
                self._modes_wanted |= dict.fromkeys(symbols)
                if not self._reading_modes:
                    self._reading_modes = True
                    self._start(self._read_modes())
            case Remind(reminder=reminder, at=at):
                delay = max(0, at - self._clock()) / 1000
                asyncio.get_running_loop().call_later(delay, self.handle, Reminded(reminder))
            case Commit(changes=changes):
                assert self.journal is not None
                self.journal.put(changes)
            case _:
                assert_never(effect)

    def _still_armed(self, levels: tuple[Level, ...]) -> tuple[Level, ...]:
        """Behind a slow commit the position may have moved on: only what is armed now is watched, and where it is now."""
        return tuple(
            armed
            for level in levels
            if (position := self.state.position(level.position_id)) is not None
            and position.status is PositionStatus.OPEN
            for armed in position.armed
            if armed.close_id == level.close_id
        )

    async def _send(self, order: Order, under_way: UnderWay | None) -> None:
        if order.is_entry and not self._may_open():
            # A database that was away is back before the lease is renewed. A lease that is lost ends the process.
            self.handle(OrderRefused(order.link_id, Verdict.RETRY, 0, "the lease was not renewed in time"))
            return

        kept_back = ""

        def sending() -> bool:
            nonlocal kept_back
            kept_back = self._why_not_open(order) if order.is_entry else ""
            return not kept_back and self._sending(order)

        outcome = await self._rest.create(order, sending, under_way)
        self.handle(replace(outcome, reason=kept_back) if isinstance(outcome, OrderLapsed) else outcome)

    def _submit(self, order: Order) -> UnderWay | None:
        """Have it leave now, unless it has while the rest was still being decided."""
        if self._ahead is None:
            return self._rest.submit_close(order, lambda: self._sending(order))
        (ahead, under_way), self._ahead = self._ahead, None
        assert ahead == order, f"{ahead} was sent, {order} decided"
        return under_way

    def _sending(self, order: Order) -> bool:
        """It leaves now."""
        self.handle(OrderSent(order.link_id, self._clock()))
        if order.reduce_only:
            self.close_delays.append(self._clock() - order.created_at)
        return True

    async def _cancel(self, order: Order) -> None:
        self.handle(await self._rest.cancel(order))

    def _why_not_open(self, order: Order) -> str:
        """An opening needs the lease, its time, that nobody has taken it back, and at the very moment it is sent a fresh
        price; one at market also that the price is near the one it was decided on. Empty: nothing speaks against it."""
        now, offset = self._clock(), self._rest.clock_offset
        known = self.state.orders.get(order.link_id)
        if known is None or known.cancel_reason is not None:
            return "taken back before it was sent"
        if not self._may_open():
            return "the lease was not renewed in time"
        if order.not_after is not None and now - offset > order.not_after:
            return "too old to be sent"
        quote = self._market.quote(order.symbol)
        if abs(offset) > CLOCK_OFF_MS or (quote is not None and quote.at - now > CLOCK_OFF_MS):
            return "the streamer's clock is off"
        if quote is None or not fresh(quote.at, now):
            return "no fresh price when it was to be sent"
        if order.limit_price is not None:
            return ""
        if order.decided_price is None:
            return "the price it was decided on is not known any more"
        if not still_there(order.decided_price, quote.last):
            return f"the price moved from {plain(order.decided_price)} to {plain(quote.last)} before it could be sent"
        return ""

    async def _set_resident_stop(self, effect: SetResidentStop) -> None:
        try:
            await self._rest.set_resident_stop(effect.slot, effect.price, effect.trigger_by)
        except Refusal as refusal:
            passed = stop_already_passed(refusal.code, refusal.message)
            if is_wrong_mode(refusal.code, refusal.message):
                self.perform(ReadModes((effect.slot.symbol,)))
            self.handle(ResidentStopRefused(effect.slot, str(refusal), passed))
        except NoAnswer:
            self.handle(ResidentStopUncertain(effect.slot))
        self._audit_wanted.set()

    async def _read_modes(self) -> None:
        """One by one; what is not answered is asked for again by whoever needs it."""
        try:
            while self._modes_wanted:
                symbol = next(iter(self._modes_wanted))
                try:
                    rows = await self._rest.symbol(symbol)
                except (NoAnswer, Refusal) as error:
                    log.warning("mode not read", account=str(self.account_id), symbol=symbol, reason=str(error))
                    rows = ()
                self._modes_wanted.pop(symbol, None)
                if rows:
                    self.handle(SymbolRead(symbol, rows))
        finally:
            self._reading_modes = False

    async def _resolve(self, order: Order) -> None:
        try:
            for event in await resolve(self._rest, order, clock=self._clock, sleep=self._sleep):
                if isinstance(event, Executed):
                    self._take_read(event)
                elif isinstance(event, OrderReported) or order.link_id in self.state.orders:
                    self.handle(event)
        finally:
            self._resolving.discard(order.link_id)

    # ---- reading the exchange anew

    def reread(self) -> None:
        """Have everything read again soon (after a private reconnect, an unknown, a foreign fill)."""
        self._audit_wanted.set()

    async def audit_forever(self) -> None:
        failures = 0
        while True:
            await self._until_due()
            self._audit_wanted.clear()
            try:
                await self.audit()
                failures = 0
            except (NoAnswer, Refusal) as error:
                log.warning("exchange not read", account=str(self.account_id), reason=str(error))
                if isinstance(error, Refusal) and self.on_read is not None:
                    await self.on_read(error)
                await self._sleep(_AUDIT_RETRY_S[min(failures, len(_AUDIT_RETRY_S) - 1)])
                failures += 1
                self._audit_wanted.set()

    async def _until_due(self) -> None:
        """Until a read is asked for, or it is time for one: soon while something is open, also if it opened meanwhile."""
        while not self._audit_wanted.is_set():
            try:
                async with asyncio.timeout(AUDIT_EVERY_MS / 1000):
                    await self._audit_wanted.wait()
            except TimeoutError:
                live = bool(self.state.positions or self.state.orders)
                if live or self._clock() - self._progress.audited_at >= AUDIT_IDLE_MS:
                    return

    async def audit(self) -> None:
        """Executions since the last read, then positions, then (now and then) the wallet. Raises when not answered."""
        started = self._clock()
        usual = {PriceSource.LAST, None}
        unusual = any(
            not {position.protection.trigger_by, position.resident.trigger_by} <= usual
            for position in self.state.positions.values()
        )
        positions = await self._rest.positions(with_triggers=unusual)
        executions = await self._rest.executions(self._progress.executions_to - _EXECUTIONS_MARGIN_MS)
        for execution in executions:
            self._take_read(Executed(execution))
        self._progress.executions_to = max([self._progress.executions_to, *(execution.at for execution in executions)])
        self.handle(SnapshotTaken(positions, started))
        if started - self._progress.wallet_at > _WALLET_EVERY_MS:
            wallet = await self._rest.wallet()
            if wallet is not None:
                self.handle(wallet)
            self._progress.wallet_at = started
            await self.read_account_mode()
        self._progress.audited_at = started
        self.audited.set()
        if self.on_read is not None:
            await self.on_read(None)

    async def read_account_mode(self) -> None:
        """Also asks how a symbol or two are set, in turn: a change by hand that nothing told of is found within minutes."""
        try:
            self.handle(AccountModeRead(await self._rest.account_mode()))
        except (NoAnswer, Refusal) as error:
            log.warning("account mode not read", account=str(self.account_id), reason=str(error))
        known = sorted(self.state.hedge)
        first = self._progress.modes_read % max(len(known), 1)
        self._progress.modes_read = first + _MODES_AT_ONCE
        self.perform(ReadModes(tuple(known[first : first + _MODES_AT_ONCE])))

    def forget_settings(self) -> None:
        """What was changed while the private stream was away was not told: the next entry sets its leverage anew."""
        self._rest.leverage.clear()
        self.reread()

    def _take_read(self, event: Executed) -> None:
        if event.execution.exec_id not in self.state.seen and self.on_missed is not None:
            self.on_missed(event.execution.at)
        self.handle(event)

    # ---- life

    def arm_all(self) -> None:
        """Watch every armed level of every open position."""
        for position in self.state.positions.values():
            if position.status is PositionStatus.OPEN:
                self._market.arm(self.account_id, position.armed)

    async def broken(self) -> None:
        """Waits until an event could not be handled, and raises why."""
        await asyncio.shield(self._broken)

    def stop(self) -> None:
        """The end: what is still on its way or in the loop's timers changes nothing any more."""
        self._stopped = True
        self._market.leave(self.account_id)
        for task in self._tasks:
            task.cancel()

    async def settle(self, timeout_s: float) -> None:
        """Let requests under way come back and be written down."""
        pending = [task for task in self._tasks if not task.done()]
        if pending:
            await asyncio.wait(pending, timeout=timeout_s)
        if self.journal is not None:
            try:
                async with asyncio.timeout(timeout_s):
                    await self.journal.drained()
            except TimeoutError:
                log.error("stopped with unwritten changes", account=str(self.account_id))

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._finished)

    def _finished(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None and not self._broken.done():
            self._broken.set_exception(error)
