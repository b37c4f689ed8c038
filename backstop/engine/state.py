"""All that a decision may know of one account."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from uuid import UUID

from backstop.domain.execution import Booked, Execution
from backstop.domain.guess import Guess
from backstop.domain.ids import OrderLinkId, PositionId, StrategyId, Symbol
from backstop.domain.instrument import Instrument
from backstop.domain.limits import NO_LIMITS, Day, Halt, Limits
from backstop.domain.margin import Funds
from backstop.domain.modes import AccountMode
from backstop.domain.order import Order
from backstop.domain.position import Position
from backstop.domain.side import PositionSide
from backstop.domain.signal import Signal
from backstop.domain.slot import Lane, Slot, slot_for
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
class Left:
    """A signal of a strategy, made at `at`, has closed a position on this side."""

    side: PositionSide
    strategy_id: StrategyId
    at: int


@dataclass(frozen=True, slots=True)
class AccountState:
    """One position a slot. `hedge`: whether a symbol is in hedge mode, as far as that is known; `leverage` as last read
    or set; `misplaced` entries that were refused for their position index. `orders` holds those not done; `positions` those
    not closed; `reversals` by what asked for them;
    `seen` the executions booked lately, by exec id; `foreign` what is held that we did not open;
    `settled_at` when we last closed a slot, and `settled_seq` of the fill that did; `doubts` where the exchange disagrees;
    `guesses` the differences of the last hour that were booked without the executions that made them;
    `early` closing fills told before the opening fills they belong to; `day` the equity it began with; `entries_at` when
    entries of the last day were intended; `unfit` why the account may not be traded, as its last self-test found."""

    instruments: Mapping[Symbol, Instrument] = field(default_factory=dict)
    strategies: Mapping[StrategyId, Strategy] = field(default_factory=dict)
    mode: AccountMode | None = None
    hedge: Mapping[Symbol, bool] = field(default_factory=dict)
    leverage: Mapping[Slot, Decimal] = field(default_factory=dict)
    misplaced: frozenset[OrderLinkId] = frozenset()
    positions: Mapping[Slot, Position] = field(default_factory=dict)
    orders: Mapping[OrderLinkId, Order] = field(default_factory=dict)
    reversals: Mapping[UUID, Reversal] = field(default_factory=dict)
    waiting: Mapping[Lane, tuple[Request, ...]] = field(default_factory=dict)
    foreign: Mapping[Slot, Decimal] = field(default_factory=dict)
    seen: Mapping[str, Booked] = field(default_factory=dict)
    settled_at: Mapping[Slot, int] = field(default_factory=dict)
    settled_seq: Mapping[Slot, int] = field(default_factory=dict)
    left: Mapping[Lane, Left] = field(default_factory=dict)
    doubts: Mapping[Slot, Doubt] = field(default_factory=dict)
    early: Mapping[Slot, tuple[Execution, ...]] = field(default_factory=dict)
    guesses: tuple[Guess, ...] = ()
    quotes: Mapping[Symbol, Quote] = field(default_factory=dict)
    equity: Decimal | None = None
    funds: Funds | None = None
    limits: Limits = NO_LIMITS
    halt: Halt | None = None
    unfit: str | None = None
    day: Day | None = None
    entries_at: tuple[int, ...] = ()

    def slot(self, symbol: Symbol, side: PositionSide) -> Slot:
        """Where a position on this side is held, as the symbol's mode is known."""
        return slot_for(symbol, side, hedged=self.hedge.get(symbol, False))

    def lane(self, symbol: Symbol, strategy_id: StrategyId | None) -> Lane:
        """The line in which what a strategy wants on a symbol waits."""
        return Lane(symbol, strategy_id if self.hedge.get(symbol, False) else None)

    def position(self, position_id: PositionId | None) -> Position | None:
        """A position that is not closed, by its id."""
        return next((position for position in self.positions.values() if position.id == position_id), None)

    def of_strategy(self, symbol: Symbol, strategy_id: StrategyId | None) -> Position | None:
        """What a strategy holds on a symbol. In one-way mode that is whatever is held there."""
        if not self.hedge.get(symbol, False):
            return self.positions.get(Slot(symbol))
        return next((held for held in self.on(symbol) if held.strategy_id == strategy_id), None)

    def on(self, symbol: Symbol) -> tuple[Position, ...]:
        """The positions on a symbol that are not closed."""
        return tuple(position for slot, position in self.positions.items() if slot.symbol == symbol)
