"""What to do, as data, in order.

`Commit` is a barrier: what stands behind it is done once it is durable. What stands before it needs no write first:
protective closes, whose ids were committed when their level was armed.
"""

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from backstop.domain.execution import Execution
from backstop.domain.ids import CommandId, OrderLinkId, PositionId, SignalId, Symbol
from backstop.domain.limits import Day, Halt
from backstop.domain.modes import MarginMode
from backstop.domain.money import Price, Usdt
from backstop.domain.order import Order
from backstop.domain.position import Position, Trade
from backstop.domain.protection import Level, PriceSource
from backstop.domain.signal import SignalStatus
from backstop.domain.slot import Slot
from backstop.engine.events import Reminder
from backstop.engine.reversal import Reversal


@dataclass(frozen=True, slots=True)
class SaveOrder:
    order: Order


@dataclass(frozen=True, slots=True)
class SavePosition:
    """`quiet`: nothing a dashboard must be told at once, only the proof of its resident stop is newer."""

    position: Position
    quiet: bool = False


@dataclass(frozen=True, slots=True)
class BookExecution:
    """One fill or funding payment, with the profit it realised (USDT, before fees)."""

    execution: Execution
    position_id: PositionId | None
    realised: Usdt
    funding: Usdt


@dataclass(frozen=True, slots=True)
class SaveTrade:
    trade: Trade


@dataclass(frozen=True, slots=True)
class SettleSignal:
    signal_id: SignalId
    status: SignalStatus
    code: str | None = None
    reason: str | None = None
    position_id: PositionId | None = None


@dataclass(frozen=True, slots=True)
class SettleCommand:
    command_id: CommandId
    status: SignalStatus
    code: str | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class SaveReversal:
    reversal: Reversal


@dataclass(frozen=True, slots=True)
class SaveEquity:
    equity: Decimal


@dataclass(frozen=True, slots=True)
class SaveHalt:
    """None: trading goes on."""

    halt: Halt | None


@dataclass(frozen=True, slots=True)
class SaveDay:
    day: Day


@dataclass(frozen=True, slots=True)
class SaveModes:
    """How the account is set up at the exchange, as far as it is known."""

    margin: MarginMode | None
    hedged: frozenset[Symbol]


class NoticeLevel(StrEnum):
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class Notice:
    """Something the trader should read."""

    level: NoticeLevel
    code: str
    message: str


@dataclass(frozen=True, slots=True)
class Quarantine:
    """Understood too little to act on; kept for a human."""

    topic: str
    reason: str
    payload: str


Change = (
    SaveOrder
    | SavePosition
    | BookExecution
    | SaveTrade
    | SettleSignal
    | SettleCommand
    | SaveReversal
    | SaveEquity
    | SaveHalt
    | SaveDay
    | SaveModes
    | Notice
    | Quarantine
)


@dataclass(frozen=True, slots=True)
class Commit:
    """All of it in one transaction, or nothing."""

    changes: tuple[Change, ...]


@dataclass(frozen=True, slots=True)
class SendOrder:
    order: Order


@dataclass(frozen=True, slots=True)
class CancelOrder:
    """Ask the exchange to take an opening order back. Safe to repeat."""

    order: Order


@dataclass(frozen=True, slots=True)
class SetResidentStop:
    slot: Slot
    price: Price
    trigger_by: PriceSource = PriceSource.LAST


@dataclass(frozen=True, slots=True)
class Arm:
    """Watch these levels; one with a known close id takes the new price."""

    levels: tuple[Level, ...]


@dataclass(frozen=True, slots=True)
class Disarm:
    close_ids: tuple[OrderLinkId, ...]


@dataclass(frozen=True, slots=True)
class ResolveOrder:
    """Find out what became of it, by evidence."""

    order: Order


@dataclass(frozen=True, slots=True)
class Subscribe:
    symbol: Symbol


@dataclass(frozen=True, slots=True)
class ReadModes:
    """Read how these symbols are set up: position mode and leverage."""

    symbols: tuple[Symbol, ...]


@dataclass(frozen=True, slots=True)
class TakeSnapshot:
    """Read the exchange's positions and executions anew."""


@dataclass(frozen=True, slots=True)
class Remind:
    reminder: Reminder
    at: int


Effect = (
    Commit
    | SendOrder
    | CancelOrder
    | SetResidentStop
    | Arm
    | Disarm
    | ResolveOrder
    | Subscribe
    | TakeSnapshot
    | Remind
    | ReadModes
)
