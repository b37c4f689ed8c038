"""A reversal is a saga with persisted steps: close, flat confirmed by executions, open, done.

A crash between two steps resumes there. "Closed, not opened again" is a legal end with its reason.
"""

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from uuid import UUID

from backstop.domain.entry import AT_MARKET, Entry
from backstop.domain.ids import PositionId, SignalId, StrategyId, Symbol
from backstop.domain.money import Qty
from backstop.domain.protection import Protection
from backstop.domain.side import PositionSide
from backstop.domain.strategy import Sizing


@dataclass(frozen=True, slots=True)
class EntryPlan:
    """Everything needed to open a position later. `cause_id` names the signal or command that asks for it."""

    cause_id: UUID
    signal_id: SignalId | None
    strategy_id: StrategyId
    symbol: Symbol
    side: PositionSide
    qty: Qty | None
    protection: Protection
    leverage: Decimal
    at: int
    max_age_ms: int
    entry: Entry = AT_MARKET
    strategy_version: int | None = None
    sizing: Sizing | None = None
    """In place of the strategy's own."""
    adds_to: PositionId | None = None
    """The position to make larger; None opens a new one."""


class ReversalStep(StrEnum):
    CLOSING = "closing"
    OPENING = "opening"
    REVERSED = "reversed"
    FLAT_EXPIRED = "flat_expired"
    FLAT_FAILED = "flat_failed"


@dataclass(frozen=True, slots=True)
class Reversal:
    """`position_id`: the position to close first."""

    plan: EntryPlan
    position_id: PositionId
    step: ReversalStep
    reason: str | None = None
