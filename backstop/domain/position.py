"""A position from flat to flat, and how a fill changes it."""

from dataclasses import dataclass, field, replace
from decimal import Decimal
from enum import StrEnum

from backstop.domain.execution import Execution, ExitReason
from backstop.domain.ids import OrderLinkId, PositionId, SignalId, StrategyId, Symbol
from backstop.domain.money import NO_QTY, NO_USDT, ZERO, Price, Qty, Usdt
from backstop.domain.protection import Level, LevelKind, LevelStatus, Protection, ResidentStop, tightest
from backstop.domain.side import PositionSide
from backstop.domain.slot import Slot

COST_STEP = Decimal("1e-12")
"""Cost leaves a position in multiples of this, so that no later sum has more digits than Decimal keeps."""


class PositionStatus(StrEnum):
    """`opening`: asked for, nothing filled yet."""

    OPENING = "opening"
    OPEN = "open"
    CLOSING = "closing"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True)
class Position:
    """`cost` is what the quantity still held was bought (sold) for; it leaves in proportion as the position shrinks,
    and whole with the last coin, so that the realised profit adds up to the last digit. `entries`: how many orders have
    opened it and made it larger. `seq`: of the newest fill heard of; 0 when none was since the process began."""

    id: PositionId
    symbol: Symbol
    side: PositionSide
    protection: Protection
    opened_at: int
    strategy_id: StrategyId | None = None
    signal_id: SignalId | None = None
    leverage: Decimal | None = None
    status: PositionStatus = PositionStatus.OPENING
    qty: Qty = NO_QTY
    cost: Decimal = ZERO
    entry_qty: Decimal = ZERO
    entry_value: Decimal = ZERO
    exit_qty: Decimal = ZERO
    exit_value: Decimal = ZERO
    gross_pnl: Usdt = NO_USDT
    fees: Usdt = NO_USDT
    funding: Usdt = NO_USDT
    position_idx: int = 0
    levels: tuple[Level, ...] = ()
    levels_round: int = 0
    resident: ResidentStop = field(default_factory=ResidentStop)
    resident_tries: int = 0
    resident_asked_at: int = 0
    closing_link_id: OrderLinkId | None = None
    exit_reason: ExitReason | None = None
    closed_at: int | None = None
    updated_at: int = 0
    entries: int = 0
    turned_at: int | None = None
    """When the signal fired by which it took the place of another position; None if it did not."""
    seq: int = 0
    strategy_version: int | None = None
    """Of its strategy's settings, when it was decided to open it."""

    @property
    def slot(self) -> Slot:
        return Slot(self.symbol, self.position_idx)

    @property
    def entry_price(self) -> Price | None:
        """Average price of the quantity held; of all that was bought once it is closed."""
        if self.qty > 0:
            return Price(self.cost / self.qty)
        return Price(self.entry_value / self.entry_qty) if self.entry_qty > 0 else None

    @property
    def armed(self) -> tuple[Level, ...]:
        return tuple(level for level in self.levels if level.status is LevelStatus.ARMED)

    @property
    def stop_loss(self) -> Price | None:
        """The watched stop that is reached first: of those armed or, once closing, the one last armed."""
        armed = [level.price for level in self.armed if level.kind.is_stop]
        if armed:
            return tightest(armed, self.side)

        stops = [level.price for level in self.levels if level.kind is LevelKind.STOP_LOSS]
        return stops[-1] if stops else None


@dataclass(frozen=True, slots=True)
class Filled:
    """The position after a fill, the profit that fill realised (USDT, before fees), and what was left of the fill
    after the position had reached zero (the exchange flipped it, which we never ask for)."""

    position: Position
    realised: Usdt
    excess: Qty


def apply_fill(position: Position, execution: Execution) -> Filled:
    """Book one execution. A fill on the entry side adds, on the exit side reduces; entry price is the average of the
    opening fills and reductions do not change it (Bybit, "P&L calculations (USDT contract)"). What an opening fill closed
    of the other side, somebody else's, opened nothing."""
    if execution.side is position.side.entry:
        opened = execution.qty - execution.closed_qty
        value = execution.price * opened
        grown = replace(
            position,
            qty=Qty(position.qty + opened),
            cost=position.cost + value,
            entry_qty=position.entry_qty + opened,
            entry_value=position.entry_value + value,
            fees=Usdt(position.fees + execution.fee),
            updated_at=execution.at,
            seq=max(position.seq, execution.seq),
        )
        return Filled(grown, NO_USDT, NO_QTY)

    closed = min(position.qty, execution.qty)
    share = (position.cost * closed / position.qty).quantize(COST_STEP) if position.qty > 0 else ZERO
    released = position.cost if closed == position.qty else share
    value = execution.price * closed
    realised = Usdt((value - released) * position.side.sign)
    shrunk = replace(
        position,
        qty=Qty(position.qty - closed),
        cost=position.cost - released,
        exit_qty=position.exit_qty + closed,
        exit_value=position.exit_value + value,
        gross_pnl=Usdt(position.gross_pnl + realised),
        fees=Usdt(position.fees + execution.fee),
        updated_at=execution.at,
        seq=max(position.seq, execution.seq),
    )
    return Filled(shrunk, realised, Qty(execution.qty - closed))


@dataclass(frozen=True, slots=True)
class Trade:
    """A finished position. `net_pnl` = gross - fees + funding, USDT."""

    id: PositionId
    strategy_id: StrategyId | None
    symbol: Symbol
    side: PositionSide
    qty: Qty
    entry_price: Price
    exit_price: Price
    gross_pnl: Usdt
    fees: Usdt
    funding: Usdt
    net_pnl: Usdt
    exit_reason: ExitReason
    opened_at: int
    closed_at: int
    strategy_version: int | None = None


def trade_of(position: Position) -> Trade:
    """The trade that a closed position became."""
    assert position.qty == 0, position
    assert position.exit_qty > 0, position
    assert position.closed_at is not None, position
    return Trade(
        id=position.id,
        strategy_id=position.strategy_id,
        strategy_version=position.strategy_version,
        symbol=position.symbol,
        side=position.side,
        qty=Qty(position.entry_qty),
        entry_price=Price(position.entry_value / position.entry_qty),
        exit_price=Price(position.exit_value / position.exit_qty),
        gross_pnl=position.gross_pnl,
        fees=position.fees,
        funding=position.funding,
        net_pnl=Usdt(position.gross_pnl - position.fees + position.funding),
        exit_reason=position.exit_reason or ExitReason.EXTERNAL,
        opened_at=position.opened_at,
        closed_at=position.closed_at,
    )
