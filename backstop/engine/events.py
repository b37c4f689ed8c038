"""What happened, as the engine is told."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Generic, TypeVar

from backstop.domain.execution import Execution
from backstop.domain.ids import CommandId, OrderLinkId, PositionId, StrategyId, Symbol
from backstop.domain.limits import HaltLevel, Limits
from backstop.domain.margin import Funds
from backstop.domain.modes import AccountMode
from backstop.domain.money import Price
from backstop.domain.order import OrderStatus
from backstop.domain.protection import BreakEven, PriceMark, PriceSource, TakeProfit, Trailing
from backstop.domain.side import PositionSide
from backstop.domain.signal import Signal
from backstop.domain.slot import Lane, Slot
from backstop.domain.strategy import Strategy

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Quote:
    """`at`: when the exchange made the last price, UTC milliseconds. `mark` is the last price where no mark is known;
    `mark_at` and `index_at` say when the exchange made the others, None while they are not known."""

    last: Price
    mark: Price
    at: int
    mark_at: int | None = None
    index: Price | None = None
    index_at: int | None = None

    def of(self, source: PriceSource) -> tuple[Price, int] | None:
        """The price from that source and when the exchange made it."""
        match source:
            case PriceSource.LAST:
                return self.last, self.at
            case PriceSource.MARK:
                return (self.mark, self.mark_at) if self.mark_at is not None else None
            case PriceSource.INDEX:
                return (self.index, self.index_at) if self.index is not None and self.index_at is not None else None


@dataclass(frozen=True, slots=True)
class Priced:
    """The newest prices, told before an event that may open a position."""

    quotes: Mapping[Symbol, Quote]


@dataclass(frozen=True, slots=True)
class SignalReceived:
    signal: Signal


@dataclass(frozen=True, slots=True)
class CloseCommand:
    id: CommandId
    position_id: PositionId
    portion: Decimal
    at: int


@dataclass(frozen=True, slots=True)
class ReverseCommand:
    id: CommandId
    position_id: PositionId
    at: int


@dataclass(frozen=True, slots=True)
class Edit(Generic[T]):
    """What a setting becomes; `to` None takes it away."""

    to: T | None


@dataclass(frozen=True, slots=True)
class ProtectCommand:
    """Only what is not None changes. `time_exit_ms` counts from when the position was opened."""

    id: CommandId
    position_id: PositionId
    stop_loss: PriceMark | None
    take_profit: tuple[TakeProfit, ...] | None
    at: int
    trailing: Edit[Trailing] | None = None
    break_even: Edit[BreakEven] | None = None
    time_exit_ms: Edit[int] | None = None


PositionCommand = CloseCommand | ReverseCommand | ProtectCommand


@dataclass(frozen=True, slots=True)
class HaltCommand:
    id: CommandId
    level: HaltLevel
    at: int


@dataclass(frozen=True, slots=True)
class ResumeCommand:
    id: CommandId
    at: int


Command = PositionCommand | HaltCommand | ResumeCommand


@dataclass(frozen=True, slots=True)
class CommandReceived:
    command: Command


@dataclass(frozen=True, slots=True)
class LevelCrossed:
    """A tick reached an armed level."""

    symbol: Symbol
    close_id: OrderLinkId
    price: Price


class Verdict(StrEnum):
    """What a refusal by the exchange means for the intent, by retCode and never by exception class."""

    FINAL = "final"
    RETRY = "retry"
    NOTHING_TO_REDUCE = "nothing_to_reduce"
    WRONG_MODE = "wrong_mode"


@dataclass(frozen=True, slots=True)
class OrderSent:
    """The request is on its way; nothing is known yet."""

    link_id: OrderLinkId
    at: int


@dataclass(frozen=True, slots=True)
class OrderAccepted:
    """The request was taken; whether it fills comes by other events."""

    link_id: OrderLinkId
    exchange_order_id: str


@dataclass(frozen=True, slots=True)
class OrderRefused:
    link_id: OrderLinkId
    verdict: Verdict
    ret_code: int
    message: str


@dataclass(frozen=True, slots=True)
class OrderUncertain:
    """Sent, and no answer that proves anything."""

    link_id: OrderLinkId
    reason: str


@dataclass(frozen=True, slots=True)
class OrderAbsent:
    """Proven: the exchange never accepted it and no longer can."""

    link_id: OrderLinkId


@dataclass(frozen=True, slots=True)
class OrderLapsed:
    """It was not sent, because its time had run out or the price had moved on before it could be."""

    link_id: OrderLinkId
    reason: str = "too old to be sent"


@dataclass(frozen=True, slots=True)
class CancelAnswered:
    """`taken`: the exchange means to cancel it. Otherwise it knows no such order, refused, or gave no answer."""

    link_id: OrderLinkId
    taken: bool


@dataclass(frozen=True, slots=True)
class OrderReported:
    """The exchange's word on an order, from the stream or a query. `filled_qty` is cumulative."""

    link_id: OrderLinkId
    exchange_order_id: str
    status: OrderStatus
    filled_qty: Decimal
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Executed:
    execution: Execution


@dataclass(frozen=True, slots=True)
class ExchangePosition:
    """What is held at the exchange. `side` None: flat. `at`: when it was read or pushed, our clock, milliseconds.
    `stop_trigger_by` None: this reading does not tell. `seq`: of the newest fill it counts; 0: it does not tell."""

    symbol: Symbol
    side: PositionSide | None
    size: Decimal
    entry_price: Decimal
    mark_price: Decimal
    stop_loss: Price | None
    at: int
    stop_trigger_by: PriceSource | None = None
    idx: int = 0
    seq: int = 0
    leverage: Decimal | None = None

    @property
    def slot(self) -> Slot:
        return Slot(self.symbol, self.idx)


@dataclass(frozen=True, slots=True)
class PositionReported:
    position: ExchangePosition


@dataclass(frozen=True, slots=True)
class ResidentStopRefused:
    """`passed`: the price is already beyond the stop, so that the exchange cannot keep it."""

    slot: Slot
    message: str
    passed: bool


@dataclass(frozen=True, slots=True)
class ResidentStopUncertain:
    """The exchange was asked to set it and gave no usable answer: it may have done so."""

    slot: Slot


@dataclass(frozen=True, slots=True)
class SnapshotTaken:
    """Every position held, read in one go that began at `at`; executions up to then have been told before."""

    positions: tuple[ExchangePosition, ...]
    at: int


@dataclass(frozen=True, slots=True)
class SymbolRead:
    """All rows of one symbol, flat ones too: one in one-way mode, two in hedge mode."""

    symbol: Symbol
    rows: tuple[ExchangePosition, ...]


@dataclass(frozen=True, slots=True)
class AccountModeRead:
    mode: AccountMode


@dataclass(frozen=True, slots=True)
class WalletReported:
    """The account's equity in USDT, and what of it is free for margin."""

    equity: Decimal
    funds: Funds | None = None


@dataclass(frozen=True, slots=True)
class StrategiesChanged:
    strategies: Mapping[StrategyId, Strategy]


@dataclass(frozen=True, slots=True)
class LimitsChanged:
    limits: Limits


@dataclass(frozen=True, slots=True)
class FitnessJudged:
    """Why the account may not be traded (its key, its settings at the exchange); None: it may. Stops entries only."""

    unfit: str | None


@dataclass(frozen=True, slots=True)
class ResendOrder:
    """Send again under the same id, if nothing has been heard of it."""

    link_id: OrderLinkId


@dataclass(frozen=True, slots=True)
class CheckOrder:
    """Look it up, if it is not finished."""

    link_id: OrderLinkId


@dataclass(frozen=True, slots=True)
class CloseAgain:
    """Send the next close, if the position is still there and none is under way."""

    slot: Slot


@dataclass(frozen=True, slots=True)
class TakeNext:
    """Look again at what waits in this line."""

    lane: Lane


@dataclass(frozen=True, slots=True)
class CheckStop:
    """Look whether the exchange keeps the stop that it was asked for."""

    slot: Slot


Reminder = ResendOrder | CheckOrder | CloseAgain | TakeNext | CheckStop


@dataclass(frozen=True, slots=True)
class Reminded:
    reminder: Reminder


Event = (
    Priced
    | SignalReceived
    | CommandReceived
    | LevelCrossed
    | OrderSent
    | OrderAccepted
    | OrderRefused
    | OrderUncertain
    | OrderAbsent
    | OrderLapsed
    | CancelAnswered
    | OrderReported
    | Executed
    | PositionReported
    | ResidentStopRefused
    | ResidentStopUncertain
    | SnapshotTaken
    | WalletReported
    | SymbolRead
    | AccountModeRead
    | StrategiesChanged
    | LimitsChanged
    | FitnessJudged
    | Reminded
)
