"""An order: decided by us (an intent), then asked of the exchange, then known by evidence."""

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from backstop.domain.ids import OrderLinkId, PositionId, SignalId, Symbol
from backstop.domain.money import Price, Qty
from backstop.domain.protection import LevelKind, PriceSource
from backstop.domain.side import Side
from backstop.domain.slot import Slot


class Purpose(StrEnum):
    ENTRY = "entry"
    STOP_LOSS = "stop_loss"
    TAKE_PROFIT = "take_profit"
    SIGNAL = "signal"
    REVERSE = "reverse"
    MANUAL = "manual"
    PROTECTION = "protection"
    HALT = "halt"
    TRAILING = "trailing"
    BREAK_EVEN = "break_even"
    TIME = "time"

    @classmethod
    def of_level(cls, kind: LevelKind) -> "Purpose":
        match kind:
            case LevelKind.TAKE_PROFIT:
                return cls.TAKE_PROFIT
            case LevelKind.TRAILING:
                return cls.TRAILING
            case _:
                return cls.STOP_LOSS


class CancelReason(StrEnum):
    """Why an order that waits is taken back. `overtaken`: something newer was asked for its symbol."""

    EXPIRED = "expired"
    OVERTAKEN = "overtaken"
    CLOSING = "closing"
    HALTED = "halted"
    FOREIGN_POSITION = "foreign_position"
    STRATEGY_DISABLED = "strategy_disabled"


class OrderStatus(StrEnum):
    """What we have evidence for. `unknown`: it was sent and may or may not exist."""

    INTENDED = "intended"
    SENT = "sent"
    UNKNOWN = "unknown"
    OPEN = "open"
    FILLED = "filled"
    CANCELED = "canceled"
    REJECTED = "rejected"
    EXPIRED = "expired"

    @property
    def final(self) -> bool:
        return self in _FINAL


_FINAL = frozenset({OrderStatus.FILLED, OrderStatus.CANCELED, OrderStatus.REJECTED, OrderStatus.EXPIRED})

TRANSITIONS: dict[OrderStatus, frozenset[OrderStatus]] = {
    OrderStatus.INTENDED: frozenset(OrderStatus) - {OrderStatus.INTENDED},
    OrderStatus.SENT: frozenset(OrderStatus) - {OrderStatus.INTENDED, OrderStatus.SENT},
    OrderStatus.UNKNOWN: frozenset(OrderStatus) - {OrderStatus.INTENDED, OrderStatus.UNKNOWN},
    OrderStatus.OPEN: frozenset({OrderStatus.FILLED, OrderStatus.CANCELED, OrderStatus.REJECTED}),
    OrderStatus.FILLED: frozenset(),
    OrderStatus.CANCELED: frozenset({OrderStatus.FILLED}),
    OrderStatus.REJECTED: frozenset(),
    OrderStatus.EXPIRED: frozenset(),
}
"""What may follow what. A cancel racing a fill ends filled (Bybit V5, "Order" stream)."""


@dataclass(frozen=True, slots=True)
class Order:
    """`reported_qty` is what the exchange says was filled; `filled_qty` what we have booked, fill by fill.
    `stop_trigger_by`: the price that `stop_loss` is compared with at the exchange.
    `not_after` (opens): once this moment has passed it must not be sent for the first time (UTC milliseconds).
    `decided_price` (opens): the price it was decided on.
    `sent_at`: when it was last sent. `final_at`: when it was first heard to be over.
    `acknowledged_at`: when the exchange first said that it took it.
    `retries`: how often it was to be sent again; `retrying`: it is about to be, so that nobody else need ask.
    `limit_price` (opens): it waits there until `expires_at`; None is a market order. `cancel_asked_at`: when last.
    `rest` (closes of a part): what the orders behind it are to close, being more than the exchange takes at once."""

    link_id: OrderLinkId
    symbol: Symbol
    side: Side
    purpose: Purpose
    qty: Qty
    created_at: int
    position_id: PositionId | None = None
    signal_id: SignalId | None = None
    position_idx: int = 0
    reduce_only: bool = True
    stop_loss: Price | None = None
    stop_trigger_by: PriceSource = PriceSource.LAST
    leverage: Decimal | None = None
    status: OrderStatus = OrderStatus.INTENDED
    exchange_order_id: str | None = None
    filled_qty: Decimal = Decimal(0)
    filled_value: Decimal = Decimal(0)
    reported_qty: Decimal = Decimal(0)
    not_after: int | None = None
    decided_price: Price | None = None
    sent_at: int | None = None
    acknowledged_at: int | None = None
    final_at: int | None = None
    retries: int = 0
    retrying: bool = False
    ret_code: int | None = None
    reason: str | None = None
    limit_price: Price | None = None
    post_only: bool = False
    expires_at: int | None = None
    cancel_reason: CancelReason | None = None
    cancel_asked_at: int | None = None
    rest: Decimal = Decimal(0)
    whole: bool = False
    """A close of all that is held, which is less than any order may be; not kept, for the next close finds it again."""

    @property
    def slot(self) -> Slot:
        return Slot(self.symbol, self.position_idx)

    @property
    def done(self) -> bool:
        """Final, and every fill it is said to have is booked."""
        return self.status.final and self.filled_qty >= self.reported_qty

    @property
    def is_entry(self) -> bool:
        return self.purpose is Purpose.ENTRY

    @property
    def rests(self) -> bool:
        """Whether it waits at the exchange with all that it has filled booked: it may do so for long."""
        return self.limit_price is not None and self.status is OrderStatus.OPEN and self.filled_qty >= self.reported_qty
