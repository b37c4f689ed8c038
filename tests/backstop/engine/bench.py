"""One account's engine on a bench: a clock, the levels it watches, its reminders, and what it has written and sent.

    bot = Bot(protection=protection("1%"))
    position = bot.opens("buy", "1", at="100")
    bot.tick("99")
    assert bot.last_order.purpose is Purpose.STOP_LOSS

Every step is checked for what must hold of the order of its effects.
"""

import re
from dataclasses import dataclass, field, replace
from decimal import Decimal
from heapq import heappop, heappush
from itertools import count
from typing import Any
from uuid import UUID

from backstop.domain.entry import AT_MARKET, Entry, LimitEntry
from backstop.domain.execution import Execution
from backstop.domain.ids import CommandId, OrderLinkId, SignalId, StrategyId, Symbol
from backstop.domain.instrument import Instrument
from backstop.domain.limits import HaltLevel
from backstop.domain.money import Price, Qty, Usdt
from backstop.domain.order import Order, OrderStatus
from backstop.domain.position import Position, PositionStatus, Trade
from backstop.domain.protection import (
    NO_PROTECTION,
    BreakEven,
    Level,
    PriceMark,
    PriceSource,
    Protection,
    TakeProfit,
    Trailing,
    read_price_mark,
)
from backstop.domain.side import PositionSide, Side
from backstop.domain.signal import Action, Signal, Target
from backstop.domain.slot import Slot
from backstop.domain.strategy import OnOpposite, Sizing, SizingMode, Strategy
from backstop.engine.effects import (
    Arm,
    BookExecution,
    CancelOrder,
    Change,
    Commit,
    Disarm,
    Effect,
    Notice,
    Quarantine,
    ReadModes,
    Remind,
    ResolveOrder,
    SaveOrder,
    SavePosition,
    SaveReversal,
    SaveTrade,
    SendOrder,
    SetResidentStop,
    SettleCommand,
    SettleSignal,
    TakeSnapshot,
)
from backstop.engine.events import (
    CheckOrder,
    CloseCommand,
    CommandReceived,
    Edit,
    Event,
    ExchangePosition,
    Executed,
    HaltCommand,
    LevelCrossed,
    OrderAbsent,
    OrderAccepted,
    OrderRefused,
    OrderReported,
    OrderSent,
    OrderUncertain,
    PositionReported,
    Priced,
    ProtectCommand,
    Quote,
    Reminded,
    Reminder,
    ResidentStopRefused,
    ResidentStopUncertain,
    ResumeCommand,
    ReverseCommand,
    SignalReceived,
    SnapshotTaken,
    StrategiesChanged,
    Verdict,
)
from backstop.engine.exits import close_at
from backstop.engine.reversal import Reversal, ReversalStep
from backstop.engine.state import AccountState
from backstop.engine.step import step

BTC = Symbol("BTCUSDT")
SLOT = Slot(BTC)
START = 1_700_000_000_000
INSTRUMENT = Instrument(
    symbol=BTC,
    tick_size=Decimal("0.1"),
    qty_step=Decimal("0.001"),
    min_qty=Qty(Decimal("0.001")),
    max_market_qty=Qty(Decimal(100)),
    min_notional=Decimal(5),
    max_leverage=Decimal(100),
)
STRATEGY_ID = StrategyId(UUID(int=1))
LINK_ID = re.compile(r"^[A-Za-z0-9_-]{1,36}$")


def mark(text: str) -> PriceMark:
    read = read_price_mark(text)
    assert read is not None, text
    return read


def ladder(*rungs: tuple[str, str]) -> tuple[TakeProfit, ...]:
    """`("1%", "0.5")`: half of what was opened, one percent away."""
    return tuple(TakeProfit(mark(at), Decimal(portion)) for at, portion in rungs)


def limit(at: str, *, expires_s: int = 60, post_only: bool = False) -> LimitEntry:
    return LimitEntry(mark(at), expires_s * 1000, post_only)


def protection(stop: str | None = None, *rungs: tuple[str, str]) -> Protection:
    return Protection(stop_loss=mark(stop) if stop is not None else None, take_profit=ladder(*rungs))


@dataclass(slots=True)
class Written:
    """What was committed, by what it is about."""

    orders: dict[OrderLinkId, Order] = field(default_factory=dict)
    positions: dict[UUID, Position] = field(default_factory=dict)
    trades: list[Trade] = field(default_factory=list)
    ledger: list[BookExecution] = field(default_factory=list)
    signals: dict[UUID, SettleSignal] = field(default_factory=dict)
    commands: dict[UUID, SettleCommand] = field(default_factory=dict)
    reversals: dict[UUID, Reversal] = field(default_factory=dict)
    notices: list[Notice] = field(default_factory=list)
    quarantined: list[Quarantine] = field(default_factory=list)

    def write(self, change: Change) -> None:
        match change:
            case SaveOrder(order=order):
                self.orders[order.link_id] = order
            case SavePosition(position=position):
                self.positions[position.id] = position
            case SaveTrade(trade=trade):
                self.trades.append(trade)
            case BookExecution():
                self.ledger.append(change)
            case SettleSignal(signal_id=signal_id):
                self.signals[signal_id] = change
            case SettleCommand(command_id=command_id):
                self.commands[command_id] = change
            case SaveReversal(reversal=reversal):
                self.reversals[reversal.plan.cause_id] = reversal
            case Notice():
                self.notices.append(change)
            case Quarantine():
                self.quarantined.append(change)
            case _:
                pass


class Bot:
    def __init__(
        self,
        *,
        protection: Protection = NO_PROTECTION,
        on_opposite: OnOpposite = OnOpposite.REVERSE,
        sizing: tuple[str, str] = ("qty", "1"),
        leverage: str = "10",
        equity: str | None = None,
        price: str | None = "100",
        max_age_s: int = 30,
        enabled: bool = True,
        entry: Entry = AT_MARKET,
        max_entries: int = 1,
        hedge: bool = False,
    ) -> None:
        self.strategy = Strategy(
            id=STRATEGY_ID,
            name="bench",
            symbols=frozenset({BTC}),
            sizing=Sizing(SizingMode(sizing[0]), Decimal(sizing[1])),
            leverage=Decimal(leverage),
            max_age_ms=max_age_s * 1000,
            on_opposite=on_opposite,
            protection=protection,
            enabled=enabled,
            entry=entry,
            max_entries=max_entries,
        )
        self.now = START
        self.state = AccountState(
            instruments={BTC: INSTRUMENT},
            strategies={STRATEGY_ID: self.strategy},
            hedge={BTC: hedge},
            equity=Decimal(equity) if equity is not None else None,
        )
        self.written = Written()
        self.sent: list[Order] = []
        self.armed: dict[OrderLinkId, Level] = {}
        self.cancels: list[OrderLinkId] = []
        """Each time the exchange was asked to cancel an order."""
        self.resident_asked: list[Price] = []
        self.resident_slots: list[Slot] = []
        self.resident_triggers: list[PriceSource] = []
        self.to_resolve: dict[OrderLinkId, Order] = {}
        self.snapshots_wanted = 0
        self.modes_wanted: tuple[Symbol, ...] = ()
        self.history: list[tuple[Event | AccountState, int, tuple[Effect, ...]]] = []
        """Each event with its moment and effects; where the process started anew, the state it found."""
        self.dies_before_commit = False
        self._asked: list[SignalReceived | CommandReceived] = []
        self._reminders: list[tuple[int, int, Reminder]] = []
        self._numbers = count(1)
        if price is not None:
            self.quotes(price)

    # ---- events in

    def tell(self, event: Event) -> tuple[Effect, ...]:
        """One event; returns its effects after doing them as the streamer does."""
        if isinstance(event, SignalReceived | CommandReceived) and event not in self._asked:
            self._asked.append(event)
        before = self.state
        self.state, effects = step(before, event, self.now)
        self.history.append((event, self.now, effects))
        if isinstance(event, LevelCrossed):
            decided = [
                one.order for one in effects if isinstance(one, SendOrder) and one.order.link_id == event.close_id
            ]
            assert decided == [close for close in (close_at(before, event, self.now),) if close is not None]
        check_order_of(effects, self.written)
        sent = []
        for effect in effects:
            if self.dies_before_commit and isinstance(effect, Commit):
                self.restarts()
                return effects
            match effect:
                case Commit(changes=changes):
                    for change in changes:
                        self.written.write(change)
                case SendOrder(order=order):
                    self.sent.append(order)
                    sent.append(order)
                case Arm(levels=levels):
                    self.armed |= {level.close_id: level for level in levels if self._still_armed(level)}
                case Disarm(close_ids=close_ids):
                    for close_id in close_ids:
                        self.armed.pop(close_id, None)
                case CancelOrder(order=order):
                    self.cancels.append(order.link_id)
                case SetResidentStop(slot=slot, price=price, trigger_by=trigger_by):
                    self.resident_slots.append(slot)
                    self.resident_asked.append(price)
                    self.resident_triggers.append(trigger_by)
                case ResolveOrder(order=order):
                    self.to_resolve[order.link_id] = order
                case TakeSnapshot():
                    self.snapshots_wanted += 1
                case ReadModes(symbols=symbols):
                    self.modes_wanted += symbols
                case Remind(reminder=reminder, at=at):
                    heappush(self._reminders, (at, next(self._numbers), reminder))
                case _:
                    pass
        for order in sent:
            self.tell(OrderSent(order.link_id, self.now))
        return effects

    def restarts(self) -> None:
        """The process ends; the next one knows only what was written, and asks again for what has no outcome yet."""
        self.dies_before_commit = False
        written = self.written
        orders = [order for order in written.orders.values() if not order.done]
        self.state = AccountState(
            instruments=self.state.instruments,
            strategies=self.state.strategies,
            mode=self.state.mode,
            hedge=self.state.hedge,
            positions={
                position.slot: replace(position, resident_tries=0, resident_asked_at=0)
                for position in written.positions.values()
                if position.status is not PositionStatus.CLOSED
            },
            orders={order.link_id: replace(order, final_at=None, retries=0, retrying=False) for order in orders},
            reversals={
                reversal.plan.cause_id: reversal
                for reversal in written.reversals.values()
                if reversal.step in (ReversalStep.CLOSING, ReversalStep.OPENING)
            },
            seen={line.execution.exec_id: line.execution.booked for line in written.ledger},
            equity=self.state.equity,
            quotes=self.state.quotes,
        )
        self.history.append((self.state, self.now, ()))
        self._reminders.clear()
        self.to_resolve.clear()
        self.armed = {
            level.close_id: level
            for position in self.state.positions.values()
            if position.status is PositionStatus.OPEN
            for level in position.armed
        }
        for order in orders:
            if order.status in (OrderStatus.INTENDED, OrderStatus.SENT, OrderStatus.UNKNOWN):
                self.tell(OrderUncertain(order.link_id, "the process ended"))
            else:
                self.tell(Reminded(CheckOrder(order.link_id)))

    def claims_again(self) -> None:
        """The signals and commands without an outcome are given to the new process."""
        for event in tuple(self._asked):
            asked = event.signal.id if isinstance(event, SignalReceived) else event.command.id
            if asked not in self.written.signals and asked not in self.written.commands:
                self.tell(event)

    def _still_armed(self, level: Level) -> bool:
        """As the streamer does: behind a commit, only what is armed now is watched."""
        position = self.state.position(level.position_id)
        return (
            position is not None
            and position.status is PositionStatus.OPEN
            and any(armed.close_id == level.close_id for armed in position.armed)
        )

    def quotes(self, price: str | Decimal, source: PriceSource | None = None) -> None:
        """The market is at `price` now, or that source of it alone; no level is looked at."""
        value = Price(Decimal(price))
        known = self.state.quotes.get(BTC) or Quote(value, value, self.now)
        self.tell(
            Priced(
                {
                    BTC: Quote(
                        last=value if source in (None, PriceSource.LAST) else known.last,
                        mark=value if source in (None, PriceSource.MARK) else known.mark,
                        at=self.now,
                        mark_at=self.now,
                        index=value if source in (None, PriceSource.INDEX) else known.index,
                        index_at=self.now,
                    )
                }
            )
        )

    def tick(self, price: str | Decimal, source: PriceSource | None = None) -> None:
        """The market, or that source of it alone, moves to `price`: every armed level it reaches is told."""
        self.quotes(price, source)
        value = Price(Decimal(price))
        while crossed := [
            level for level in self.armed.values() if level.crossed_by(value) and source in (None, level.trigger_by)
        ]:
            level = crossed[0]
            del self.armed[level.close_id]
            self.tell(LevelCrossed(BTC, level.close_id, value))

    def wait(self, ms: int) -> None:
        """Let time pass, with the reminders that come due on the way; the quote is kept fresh."""
        until = self.now + ms
        while self._reminders and self._reminders[0][0] <= until:
            at, _, reminder = heappop(self._reminders)
            self.now = max(self.now, at)
            self._refresh()
            self.tell(Reminded(reminder))
        self.now = until
        self._refresh()

    def _refresh(self) -> None:
        quote = self.state.quotes.get(BTC)
        if quote is not None and self.quoting:
            self.tell(Priced({BTC: replace(quote, at=self.now, mark_at=self.now, index_at=self.now)}))

    quoting = True
    """Whether the market goes on giving prices while the clock runs."""

    def signal(
        self,
        action: str,
        *,
        target: str | None = None,
        age_ms: int = 0,
        qty: str | None = None,
        stop: str | None = None,
        take_profit: tuple[TakeProfit, ...] | None = None,
        leverage: str | None = None,
        entry: Entry | None = None,
        strategy: StrategyId = STRATEGY_ID,
        only: str | None = None,
        sizing: Sizing | None = None,
    ) -> Signal:
        signal = Signal(
            id=SignalId(self._uuid()),
            strategy_id=strategy,
            symbol=BTC,
            action=Action(action),
            at=self.now - age_ms,
            qty=Qty(Decimal(qty)) if qty is not None else None,
            stop_loss=mark(stop) if stop is not None else None,
            take_profit=take_profit,
            leverage=Decimal(leverage) if leverage is not None else None,
            target=Target(target) if target is not None else None,
            entry=entry,
            only=PositionSide(only) if only is not None else None,
            sizing=sizing,
        )
        self.tell(SignalReceived(signal))
        return signal

    def adds_strategy(self, number: int, **changes: Any) -> StrategyId:
        """Another strategy on the same symbol, which differs in `changes`."""
        other = replace(self.strategy, id=StrategyId(UUID(int=number)), **changes)
        self.tell(StrategiesChanged({**self.state.strategies, other.id: other}))
        return other.id

    def close(self, portion: str = "1", position: Position | None = None) -> CommandId:
        position_id = (position or self.position).id
        command = CloseCommand(CommandId(self._uuid()), position_id, Decimal(portion), self.now)
        self.tell(CommandReceived(command))
        return command.id

    def reverse(self) -> CommandId:
        command = ReverseCommand(CommandId(self._uuid()), self.position.id, self.now)
        self.tell(CommandReceived(command))
        return command.id

    def halts(self, level: HaltLevel) -> CommandId:
        command = HaltCommand(CommandId(self._uuid()), level, self.now)
        self.tell(CommandReceived(command))
        return command.id

    def resumes(self) -> None:
        self.tell(CommandReceived(ResumeCommand(CommandId(self._uuid()), self.now)))

    def protect(
        self,
        stop: str | None = None,
        take_profit: tuple[TakeProfit, ...] | None = None,
        *,
        trailing: Edit[Trailing] | None = None,
        break_even: Edit[BreakEven] | None = None,
        time_exit_s: Edit[int] | None = None,
    ) -> CommandId:
        stop_loss = mark(stop) if stop is not None else None
        time_exit = Edit(time_exit_s.to * 1000 if time_exit_s.to is not None else None) if time_exit_s else None
        command = ProtectCommand(
            CommandId(self._uuid()),
            self.position.id,
            stop_loss,
            take_profit,
            self.now,
            trailing=trailing,
            break_even=break_even,
            time_exit_ms=time_exit,
        )
        self.tell(CommandReceived(command))
        return command.id

    # ---- what the exchange says of an order

    def accepts(self, order: Order | None = None) -> None:
        link_id = (order or self.last_order).link_id
        self.tell(OrderAccepted(link_id, f"x-{link_id}"))

    def refuses(self, order: Order | None = None, verdict: Verdict = Verdict.FINAL, code: int = 110007) -> None:
        self.tell(OrderRefused((order or self.last_order).link_id, verdict, code, "no"))

    def loses_answer(self, order: Order | None = None) -> None:
        self.tell(OrderUncertain((order or self.last_order).link_id, "no answer"))

    def proves_absent(self, order: Order | None = None) -> None:
        self.tell(OrderAbsent((order or self.last_order).link_id))

    def reports(self, status: OrderStatus, filled: str | Decimal, order: Order | None = None) -> None:
        link_id = (order or self.last_order).link_id
        self.tell(OrderReported(link_id, f"x-{link_id}", status, Decimal(filled)))

    def execution(
        self,
        side: Side,
        qty: str | Decimal,
        price: str | Decimal,
        *,
        order: Order | None = None,
        exec_type: str = "Trade",
        fee: str | None = None,
        stop_order_type: str = "",
        create_type: str = "",
        exec_id: str | None = None,
    ) -> Execution:
        value = Decimal(qty) * Decimal(price)
        return Execution(
            exec_id=exec_id or f"e{next(self._numbers)}",
            symbol=BTC,
            side=side,
            exec_type=exec_type,
            price=Price(Decimal(price)),
            qty=Qty(Decimal(qty)),
            fee=Usdt(Decimal(fee) if fee is not None else value * Decimal("0.00055")),
            at=self.now,
            order_link_id=order.link_id if order is not None else "",
            exchange_order_id=f"x-{order.link_id}" if order is not None else "x",
            stop_order_type=stop_order_type,
            create_type=create_type,
        )

    def executes(self, execution: Execution) -> None:
        self.tell(Executed(execution))

    def fills(self, order: Order | None = None, *, at: str | Decimal, qty: str | None = None) -> Execution:
        """The order trades `qty` (all of it by default) at a price."""
        order = order or self.last_order
        execution = self.execution(order.side, qty or order.qty, at, order=order)
        self.executes(execution)
        return execution

    def cancels_rest(self, order: Order | None = None) -> None:
        """The exchange cancels what of a market order has not been filled."""
        order = order or self.last_order
        live = self.state.orders.get(order.link_id, self.written.orders[order.link_id])
        self.reports(OrderStatus.CANCELED, live.filled_qty, order)

    def trades_by_hand(self, side: str, qty: str, at: str) -> None:
        self.executes(self.execution(Side(side), qty, at))

    def tell_end(self, order: Order, status: OrderStatus, reason: str) -> None:
        """An order is over by the exchange's own decision."""
        self.tell(OrderReported(order.link_id, f"x-{order.link_id}", status, order.filled_qty, reason))

    # ---- what it says of a position

    def held(
        self,
        qty: str | Decimal | None = None,
        side: str | None = None,
        *,
        stop: str | Decimal | None = None,
        at: int | None = None,
        price: str = "100",
    ) -> ExchangePosition:
        """As our books have it unless told otherwise."""
        position = self.state.positions.get(SLOT)
        size = Decimal(qty) if qty is not None else position.qty if position is not None else Decimal(0)
        direction = PositionSide(side) if side is not None else position.side if position is not None else None
        return ExchangePosition(
            symbol=BTC,
            side=direction if size > 0 else None,
            size=size,
            entry_price=Decimal(price),
            mark_price=Decimal(price),
            stop_loss=Price(Decimal(stop)) if stop is not None else None,
            at=at if at is not None else self.now,
        )

    def reports_position(self, stop: str | Decimal | None, *, qty: str | None = None, at: int | None = None) -> None:
        self.tell(PositionReported(self.held(qty, stop=stop, at=at)))

    def refuses_stop(self, *, passed: bool) -> None:
        self.tell(ResidentStopRefused(SLOT, "no such stop", passed))

    def loses_stop(self) -> None:
        """Nothing was heard of the stop it was asked to keep."""
        self.tell(ResidentStopUncertain(SLOT))

    def snapshot(self, *positions: ExchangePosition) -> None:
        self.tell(SnapshotTaken(positions, self.now))

    # ---- short cuts

    def opens(
        self, action: str, qty: str = "1", *, at: str = "100", stop: str | None = None, resident: bool = True
    ) -> Position:
        """A signal, its order taken and filled whole, and the exchange's stop proven where it was asked for."""
        self.quotes(at)
        self.signal(action, qty=qty, stop=stop)
        order = self.last_order
        self.accepts(order)
        self.fills(order, at=at)
        self.reports(OrderStatus.FILLED, order.qty, order)
        if resident:
            self.reports_position(order.stop_loss)
        return self.position

    # ---- what there is to see

    @property
    def position(self) -> Position:
        return self.state.positions[SLOT]

    @property
    def flat(self) -> bool:
        return SLOT not in self.state.positions

    @property
    def last_order(self) -> Order:
        return self.sent[-1]

    @property
    def trade(self) -> Trade:
        assert len(self.written.trades) == 1, self.written.trades
        return self.written.trades[0]

    def outcome(self, request: Signal | CommandId) -> tuple[str, str | None]:
        """How a signal or command stands: its status and code."""
        if isinstance(request, Signal):
            settled = self.written.signals.get(request.id)
            return (settled.status.value, settled.code) if settled is not None else ("accepted", None)
        command = self.written.commands.get(request)
        return (command.status.value, command.code) if command is not None else ("accepted", None)

    @property
    def notices(self) -> list[str]:
        return [notice.code for notice in self.written.notices]

    def _uuid(self) -> UUID:
        return UUID(int=next(self._numbers) << 64)


def check_order_of(effects: tuple[Effect, ...], written: Written) -> None:
    """A protective close waits for no write; an opening order stands behind the write of its intent."""
    intended = set(written.orders)
    committed = False
    for effect in effects:
        if isinstance(effect, Commit):
            assert not committed, "one transaction a step"
            committed = True
            intended |= {change.order.link_id for change in effect.changes if isinstance(change, SaveOrder)}
        if isinstance(effect, SendOrder):
            order = effect.order
            assert LINK_ID.match(order.link_id), order.link_id
            assert order.qty > 0, order
            assert order.reduce_only is not order.is_entry, order
            if order.is_entry:
                assert order.link_id in intended, order
            else:
                assert not committed, "a close must not wait for the database"
                assert order.stop_loss is None, order
