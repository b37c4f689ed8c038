"""The simulated database: rows, transactions that are whole or not at all, leases, and what an account left unfinished.

Each write does what its statement in `backstop.store` does: what an upsert keeps, what it overwrites, what it ignores.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any, Protocol, assert_never
from uuid import UUID

from backstop.domain.execution import Booked
from backstop.domain.ids import CommandId, Epoch, OrderLinkId, PositionId, SignalId, StrategyId, Symbol
from backstop.domain.limits import DAY_MS, NO_LIMITS, Day, Halt, Limits
from backstop.domain.order import Order, OrderStatus
from backstop.domain.position import Position, PositionStatus, Trade
from backstop.domain.protection import Level
from backstop.domain.signal import Signal, SignalStatus
from backstop.domain.strategy import Strategy
from backstop.engine.effects import (
    BookExecution,
    Change,
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
    SettleCommand,
    SettleSignal,
)
from backstop.engine.events import Command
from backstop.engine.reversal import Reversal, ReversalStep
from backstop.store.leases import VALID_S
from backstop.store.settings import read_plan, read_protection, write_plan, write_protection

_OPEN_ENDED = (SignalStatus.ACCEPTED, SignalStatus.EXECUTING)
_LIVE_ORDERS = (OrderStatus.INTENDED, OrderStatus.SENT, OrderStatus.UNKNOWN, OrderStatus.OPEN)


@dataclass(slots=True)
class SignalRow:
    signal: Signal
    received_at: int
    status: SignalStatus = SignalStatus.ACCEPTED
    claimed_epoch: int | None = None
    code: str | None = None
    reason: str | None = None
    endings: int = 0


@dataclass(slots=True)
class CommandRow:
    command: Command
    status: SignalStatus = SignalStatus.ACCEPTED
    claimed_epoch: int | None = None
    endings: int = 0


@dataclass(slots=True)
class LevelRow:
    level: Level
    armed_at: int


@dataclass(slots=True)
class Lease:
    epoch: int
    holder: str
    expires_at: int


@dataclass(frozen=True, slots=True)
class LedgerLine:
    """`what` is the symbol; the amount has the wallet's sign."""

    symbol: str
    exec_id: str
    kind: str
    amount: Decimal


class CommitWatcher(Protocol):
    """Who looks at each transaction, as it stands when it is durable."""

    def committed(self, epoch: int, changes: list[Change]) -> None: ...


@dataclass
class Store:
    clock: Callable[[], int]
    positions: dict[PositionId, Position] = field(default_factory=dict)
    levels: dict[OrderLinkId, LevelRow] = field(default_factory=dict)
    orders: dict[OrderLinkId, Order] = field(default_factory=dict)
    executions: dict[str, BookExecution] = field(default_factory=dict)
    ledger: list[LedgerLine] = field(default_factory=list)
    trades: dict[PositionId, Trade] = field(default_factory=dict)
    reversals: dict[UUID, Reversal] = field(default_factory=dict)
    signals: dict[SignalId, SignalRow] = field(default_factory=dict)
    commands: dict[CommandId, CommandRow] = field(default_factory=dict)
    strategies: dict[StrategyId, Strategy] = field(default_factory=dict)
    notices: list[Notice] = field(default_factory=list)
    quarantined: list[Quarantine] = field(default_factory=list)
    told: dict[tuple[str, object], object] = field(default_factory=dict)
    """What a dashboard that took every event shows."""
    equity: Decimal | None = None
    hedged: frozenset[Symbol] = frozenset()
    limits: Limits = NO_LIMITS
    halt: Halt | None = None
    day: Day | None = None
    lease: Lease | None = None
    commits: int = 0
    watcher: CommitWatcher | None = None
    _levels_of: dict[PositionId, list[OrderLinkId]] = field(default_factory=dict)
    _unclaimed: deque[SignalId] = field(default_factory=deque)
    _uncommanded: deque[CommandId] = field(default_factory=deque)
    _dedupe: dict[tuple[StrategyId, str], SignalId] = field(default_factory=dict)

    # ---- leases, in the database's time

    def acquire(self, holder: str) -> Epoch | None:
        now = self.clock()
        lease = self.lease
        if lease is not None and lease.expires_at >= now:
            return None
        epoch = 1 if lease is None else lease.epoch + 1
        self.lease = Lease(epoch, holder, now + VALID_S * 1_000)
        return Epoch(epoch)

    def renew(self, holder: str) -> bool:
        lease = self.lease
        if lease is None or lease.holder != holder or lease.expires_at <= self.clock():
            return False
        lease.expires_at = self.clock() + VALID_S * 1_000
        return True

    def release(self, holder: str) -> None:
        if self.lease is not None and self.lease.holder == holder:
            self.lease.expires_at = self.clock()

    def held(self, epoch: Epoch) -> bool:
        return self.lease is not None and self.lease.epoch == epoch

    # ---- writing

    def commit(self, epoch: Epoch, changes: list[Change]) -> bool:
        """All of it, or nothing when the lease is another's."""
        if not self.held(epoch):
            return False
        for change in changes:
            self._write(change)
        self.commits += 1
        if self.watcher is not None:
            self.watcher.committed(epoch, changes)
        return True

    def _write(self, change: Change) -> None:
        match change:
            case SavePosition(position=position, quiet=quiet):
                self._save_position(position)
                if not quiet:
                    self.told["position", position.id] = _shown(self.positions[position.id])
            case SaveOrder(order=order):
                self._save_order(order)
                self.told["order", order.link_id] = self.orders[order.link_id]
            case BookExecution():
                self._book(change)
            case SaveTrade(trade=trade):
                if trade.id not in self.trades:
                    assert trade.id in self.positions, f"trade {trade.id} of no position"
                    self.trades[trade.id] = trade
                self.told["trade", trade.id] = self.trades[trade.id]
            case SettleSignal(signal_id=signal_id):
                self._settle_signal(signal_id, change)
            case SettleCommand(command_id=command_id, status=status):
                row = self.commands.get(command_id)
                if row is not None and row.status in _OPEN_ENDED:
                    row.status = SignalStatus.FAILED if status is SignalStatus.EXPIRED else status
                    row.endings += row.status not in _OPEN_ENDED
            case SaveReversal(reversal=reversal):
                before = self.reversals.get(reversal.plan.cause_id)
                self.reversals[reversal.plan.cause_id] = (
                    reversal if before is None else replace(before, step=reversal.step, reason=reversal.reason)
                )
            case SaveEquity(equity=equity):
                self.equity = equity
            case SaveHalt(halt=halt):
                self.halt = halt
            case SaveDay(day=day):
                self.day = day
            case SaveModes(hedged=hedged):
                self.hedged = hedged
            case Notice():
                self.notices.append(change)
            case Quarantine():
                self.quarantined.append(change)
            case _:
                assert_never(change)

    def _save_position(self, position: Position) -> None:
        before = self.positions.get(position.id)
        if before is not None:
            position = replace(
                position,
                symbol=before.symbol,
                side=before.side,
                strategy_id=before.strategy_id,
                signal_id=before.signal_id,
                opened_at=before.opened_at,
            )
        self.positions[position.id] = position
        for level in position.levels:
            known = self.levels.get(level.close_id)
            if known is None:
                self.levels[level.close_id] = LevelRow(level, position.updated_at)
                self._levels_of.setdefault(position.id, []).append(level.close_id)
            else:
                known.level = replace(known.level, price=level.price, status=level.status)

    def _save_order(self, order: Order) -> None:
        assert order.position_id is None or order.position_id in self.positions, f"order {order.link_id} of no position"
        before = self.orders.get(order.link_id)
        if before is not None:
            order = replace(
                before,
                qty=max(before.qty, order.qty),
                status=order.status,
                filled_qty=order.filled_qty,
                filled_value=order.filled_value,
                reported_qty=order.reported_qty,
                exchange_order_id=order.exchange_order_id or before.exchange_order_id,
                ret_code=order.ret_code,
                reason=order.reason,
                cancel_reason=order.cancel_reason,
                cancel_asked_at=order.cancel_asked_at,
                sent_at=before.sent_at if before.sent_at is not None else order.sent_at,
            )
        self.orders[order.link_id] = order

    def _book(self, booked: BookExecution) -> None:
        execution = booked.execution
        if execution.exec_id in self.executions:
            return
        assert booked.position_id is None or booked.position_id in self.positions, "execution of no position"
        self.executions[execution.exec_id] = booked
        fee = execution.fee if booked.funding == 0 else Decimal(0)
        for kind, amount in (("realised_pnl", booked.realised), ("fee", -fee), ("funding", booked.funding)):
            if amount != 0:
                self.ledger.append(LedgerLine(execution.symbol, execution.exec_id, kind, Decimal(amount)))

    def _settle_signal(self, signal_id: SignalId, settled: SettleSignal) -> None:
        row = self.signals.get(signal_id)
        if row is not None and row.status in _OPEN_ENDED:
            row.status, row.code, row.reason = settled.status, settled.code, settled.reason
            row.endings += row.status not in _OPEN_ENDED

    # ---- what waits to be done

    def add_signal(self, signal: Signal, dedupe_key: str) -> bool:
        """Whether it is new: an alert counts once."""
        key = (signal.strategy_id, dedupe_key)
        if key in self._dedupe:
            return False
        self._dedupe[key] = signal.id
        self.signals[signal.id] = SignalRow(signal, self.clock())
        self._unclaimed.append(signal.id)
        return True

    def add_command(self, command: Command) -> None:
        self.commands[command.id] = CommandRow(command)
        self._uncommanded.append(command.id)

    def claim_signals(self, epoch: Epoch, *, again: bool = False) -> list[Signal]:
        """In the order they came; those of an earlier epoch that are not settled too."""
        while self._unclaimed and self.signals[self._unclaimed[0]].status is not SignalStatus.ACCEPTED:
            self._unclaimed.popleft()
        claimed: list[Signal] = []
        for signal_id in self._unclaimed:
            row = self.signals[signal_id]
            if row.status is SignalStatus.ACCEPTED and _free(row, epoch, again) and len(claimed) < 100:
                row.claimed_epoch = epoch
                claimed.append(row.signal)
        return claimed

    def claim_commands(self, epoch: Epoch, *, again: bool = False) -> list[Command]:
        while self._uncommanded and self.commands[self._uncommanded[0]].status is not SignalStatus.ACCEPTED:
            self._uncommanded.popleft()
        claimed: list[Command] = []
        for command_id in self._uncommanded:
            row = self.commands[command_id]
            if row.status is SignalStatus.ACCEPTED and _free(row, epoch, again):
                row.claimed_epoch = epoch
                claimed.append(row.command)
        return claimed

    # ---- reading back (backstop.store.recovery)

    def live_positions(self) -> list[Position]:
        return [
            self._recovered(position)
            for position in self.positions.values()
            if position.status is not PositionStatus.CLOSED
        ]

    def _recovered(self, position: Position) -> Position:
        rows = [self.levels[close_id] for close_id in self._levels_of.get(position.id, [])]
        rows.sort(key=lambda row: (row.armed_at, row.level.kind.value, row.level.rung))
        # By name, as a row is read: what has no column is as in a new position.
        stored: dict[str, Any] = {name: getattr(position, name) for name in _POSITION_COLUMNS}
        stored["protection"] = read_protection(write_protection(position.protection))
        stored["resident"] = replace(position.resident, trigger_by=None)
        source = position.protection.trigger_by
        stored["levels"] = tuple(replace(row.level, trigger_by=source) for row in rows)
        return Position(**stored)

    def live_orders(self) -> list[Order]:
        return [
            replace(order, final_at=None, retries=0, retrying=False)
            for order in self.orders.values()
            if order.status in _LIVE_ORDERS or order.filled_qty < order.reported_qty
        ]

    def live_reversals(self) -> list[Reversal]:
        return [
            replace(reversal, plan=read_plan(reversal.plan.cause_id, reversal.plan.symbol, write_plan(reversal.plan)))
            for reversal in self.reversals.values()
            if reversal.step in (ReversalStep.CLOSING, ReversalStep.OPENING)
        ]

    def entries_of_last_day(self) -> tuple[int, ...]:
        since = self.clock() - DAY_MS
        return tuple(sorted(o.created_at for o in self.orders.values() if o.is_entry and o.created_at > since))

    def newest_execution(self) -> int | None:
        return max((booked.execution.at for booked in self.executions.values()), default=None)

    def executions_since(self, since: int) -> dict[str, Booked]:
        return {
            exec_id: line.execution.booked for exec_id, line in self.executions.items() if line.execution.at >= since
        }


_POSITION_COLUMNS = (
    "id", "symbol", "side", "opened_at", "strategy_id", "signal_id", "leverage", "status", "qty", "cost", "entry_qty",
    "entry_value", "exit_qty", "exit_value", "gross_pnl", "fees", "funding", "levels_round", "resident",
    "closing_link_id", "exit_reason", "updated_at", "position_idx", "entries",
)  # fmt: skip


def _free(row: SignalRow | CommandRow, epoch: Epoch, again: bool) -> bool:
    """What a later epoch has claimed is its own; what this one has, only when that may not have been heard."""
    return row.claimed_epoch is None or row.claimed_epoch < epoch or (again and row.claimed_epoch == epoch)


def _shown(position: Position) -> tuple[object, ...]:
    """What a dashboard is told of a position; not when its resident stop was last proved."""
    return (
        position.status,
        position.qty,
        position.cost,
        sorted((level.close_id, level.price, level.status) for level in position.levels),
        position.resident.price,
        position.exit_reason,
    )
