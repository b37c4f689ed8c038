"""All that a decision may know of one account."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from backstop.domain.execution import Execution
from backstop.domain.ids import OrderLinkId, StrategyId, Symbol
from backstop.domain.instrument import Instrument
from backstop.domain.limits import NO_LIMITS, Day, Halt, Limits
from backstop.domain.order import Order
from backstop.domain.position import Position
from backstop.domain.signal import Signal
from backstop.domain.strategy import Strategy
from backstop.engine.events import PositionCommand, Quote
from backstop.engine.reversal import EntryPlan, Reversal

Request = Signal | PositionCommand | EntryPlan
"""What waits for its symbol: a signal or command in the order it came, or an entry that waits for a price."""


@dataclass(frozen=True, slots=True)
class Doubt:
    """The exchange said another size than our books; it is believed once it has said so for long enough."""

    size: Decimal
    since: int


@dataclass(frozen=True, slots=True)
class AccountState:
    """One-way mode: one position a symbol. `orders` holds those not done; `positions` those not closed;
    `seen` the executions booked lately, by exec id; `foreign` what is held that we did not open;
    `settled_at` when we last closed a symbol; `doubts` where the exchange disagrees; `early` closing fills told before
    the opening fills they belong to; `day` the equity it began with; `entries_at` when entries of the last day were
    intended."""

    instruments: Mapping[Symbol, Instrument] = field(default_factory=dict)
    strategies: Mapping[StrategyId, Strategy] = field(default_factory=dict)
    positions: Mapping[Symbol, Position] = field(default_factory=dict)
    orders: Mapping[OrderLinkId, Order] = field(default_factory=dict)
    reversals: Mapping[Symbol, Reversal] = field(default_factory=dict)
    waiting: Mapping[Symbol, tuple[Request, ...]] = field(default_factory=dict)
    foreign: Mapping[Symbol, Decimal] = field(default_factory=dict)
    seen: Mapping[str, int] = field(default_factory=dict)
    settled_at: Mapping[Symbol, int] = field(default_factory=dict)
    doubts: Mapping[Symbol, Doubt] = field(default_factory=dict)
    early: Mapping[Symbol, tuple[Execution, ...]] = field(default_factory=dict)
    quotes: Mapping[Symbol, Quote] = field(default_factory=dict)
    equity: Decimal | None = None
    limits: Limits = NO_LIMITS
    halt: Halt | None = None
    day: Day | None = None
    entries_at: tuple[int, ...] = ()
