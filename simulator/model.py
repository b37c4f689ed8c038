"""What the exchange knows: accounts, orders, positions, executions, the ledger.

Plain values, in Bybit's words. Money is USDT, quantities are coins, both ``Decimal``; times are UTC milliseconds.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from typing import Any

ZERO = Decimal(0)


class Side(StrEnum):
    """Of an order: what the taker does."""

    BUY = "Buy"
    SELL = "Sell"

    @property
    def opposite(self) -> Side:
        """The other side."""
        return Side.SELL if self is Side.BUY else Side.BUY

    @property
    def sign(self) -> int:
        """+1 for Buy, -1 for Sell."""
        return 1 if self is Side.BUY else -1


class OrderType(StrEnum):
    """Market or Limit."""

    MARKET = "Market"
    LIMIT = "Limit"


class TimeInForce(StrEnum):
    """How long an order may wait."""

    GTC = "GTC"
    IOC = "IOC"
    FOK = "FOK"
    POST_ONLY = "PostOnly"


class OrderStatus(StrEnum):
    """Bybit's orderStatus."""

    NEW = "New"
    PARTIALLY_FILLED = "PartiallyFilled"
    UNTRIGGERED = "Untriggered"
    TRIGGERED = "Triggered"
    FILLED = "Filled"
    CANCELLED = "Cancelled"
    DEACTIVATED = "Deactivated"
    REJECTED = "Rejected"


class PriceSource(StrEnum):
    """Which price fires a trigger."""

    LAST = "LastPrice"
    MARK = "MarkPrice"
    INDEX = "IndexPrice"


class StopKind(StrEnum):
    """Bybit's stopOrderType."""

    NONE = ""
    STOP = "Stop"
    STOP_LOSS = "StopLoss"
    TAKE_PROFIT = "TakeProfit"
    TRAILING = "TrailingStop"
    PARTIAL_STOP_LOSS = "PartialStopLoss"
    PARTIAL_TAKE_PROFIT = "PartialTakeProfit"


class MarginMode(StrEnum):
    """Bybit's account-wide marginMode."""

    ISOLATED = "ISOLATED_MARGIN"
    CROSS = "REGULAR_MARGIN"
    PORTFOLIO = "PORTFOLIO_MARGIN"


FULL_PROTECTION = frozenset({StopKind.STOP_LOSS, StopKind.TAKE_PROFIT, StopKind.TRAILING})
"""At most one of each per position; each covers the whole position."""

PROTECTION = FULL_PROTECTION | {StopKind.PARTIAL_STOP_LOSS, StopKind.PARTIAL_TAKE_PROFIT}
"""Orders that belong to a position and go when it closes."""

OPEN_STATUSES = frozenset(
    {OrderStatus.NEW, OrderStatus.PARTIALLY_FILLED, OrderStatus.UNTRIGGERED, OrderStatus.TRIGGERED}
)


@dataclass(frozen=True, slots=True)
class Refusal:
    """The exchange said no: a retCode and its text."""

    code: int
    message: str


@dataclass(slots=True)
class Order:
    """One order, the system's own stops included."""

    order_id: str
    number: int
    """Rises with every record of the exchange; pages are cut by it."""
    symbol: str
    side: Side
    order_type: OrderType
    qty: Decimal
    price: Decimal
    """Limit price; for Market the bound within which it may fill."""
    status: OrderStatus
    created_ms: int
    updated_ms: int
    order_link_id: str = ""
    parent_order_link_id: str = ""
    position_idx: int = 0
    time_in_force: TimeInForce = TimeInForce.GTC
    reduce_only: bool = False
    close_on_trigger: bool = False
    stop_kind: StopKind = StopKind.NONE
    create_type: str = "CreateByUser"
    cancel_type: str = "UNKNOWN"
    reject_reason: str = "EC_NoError"
    trigger_price: Decimal | None = None
    trigger_direction: int = 0
    """1 fires when the price rises to triggerPrice, 2 when it falls to it."""
    trigger_by: PriceSource | None = None
    trailing_distance: Decimal | None = None
    active_price: Decimal | None = None
    extreme_price: Decimal | None = None
    """Best price since a trailing stop became active; None before."""
    take_profit: Decimal | None = None
    stop_loss: Decimal | None = None
    tp_trigger_by: PriceSource | None = None
    sl_trigger_by: PriceSource | None = None
    tpsl_mode: str = ""
    smp_type: str = "None"
    last_price_on_created: Decimal = ZERO
    cum_exec_qty: Decimal = ZERO
    cum_exec_value: Decimal = ZERO
    cum_exec_fee: Decimal = ZERO
    closed_pnl: Decimal = ZERO
    margin_reserved: Decimal = ZERO
    rests: bool = False
    """In the book, waiting for the price; False until it has been matched once."""

    @property
    def leaves_qty(self) -> Decimal:
        """Coins still to fill; 0 once the order has ended."""
        return self.qty - self.cum_exec_qty if self.status in OPEN_STATUSES else ZERO

    @property
    def is_conditional(self) -> bool:
        """Waits for a trigger, and takes no margin until then."""
        return self.status is OrderStatus.UNTRIGGERED


@dataclass(slots=True)
class Position:
    """One row of position/list. ``size`` is signed: above 0 long, below 0 short."""

    symbol: str
    position_idx: int = 0
    size: Decimal = ZERO
    entry_value: Decimal = ZERO
    """Sum of quantity times price of what is held, USDT, never negative."""
    open_fees: Decimal = ZERO
    """Fees paid for opening what is still held."""
    cur_realised: Decimal = ZERO
    cum_realised: Decimal = ZERO
    status: str = "Normal"
    reduce_only: bool = False
    created_ms: int = 0
    opened_ms: int = 0
    updated_ms: int = 0
    seq: int = -1

    @property
    def side(self) -> Side | None:
        """Buy for long, Sell for short, None when flat."""
        if self.size == 0:
            return None
        return Side.BUY if self.size > 0 else Side.SELL

    @property
    def entry_price(self) -> Decimal:
        """Average over the opening fills; 0 when flat."""
        return self.entry_value / abs(self.size) if self.size else ZERO


@dataclass(frozen=True, slots=True)
class Execution:
    """One fill, or a row that only looks like one (execType Funding)."""

    exec_id: str
    number: int
    seq: int
    symbol: str
    order_id: str
    order_link_id: str
    side: Side
    order_type: str
    stop_kind: StopKind
    create_type: str
    order_price: Decimal
    order_qty: Decimal
    leaves_qty: Decimal
    exec_type: str
    price: Decimal
    qty: Decimal
    fee: Decimal
    fee_rate: Decimal
    pnl: Decimal
    closed_size: Decimal
    is_maker: bool
    time_ms: int
    mark_price: Decimal
    position_idx: int


@dataclass(frozen=True, slots=True)
class LedgerRow:
    """One change of the wallet. ``change = cash_flow + funding - fee``."""

    row_id: str
    number: int
    kind: str
    symbol: str
    side: str
    qty: Decimal
    size: Decimal
    price: Decimal
    cash_flow: Decimal
    funding: Decimal
    fee: Decimal
    change: Decimal
    balance: Decimal
    fee_rate: Decimal
    time_ms: int
    trade_id: str = ""
    order_id: str = ""
    order_link_id: str = ""


@dataclass(slots=True)
class ClosedPnl:
    """What one closing order realised. ``pnl`` is net of the opening and closing fees."""

    order_id: str
    number: int
    symbol: str
    side: Side
    """Of the closing order."""
    order_type: OrderType
    order_price: Decimal
    exec_type: str
    qty: Decimal
    leverage: Decimal
    created_ms: int
    updated_ms: int
    closed_size: Decimal = ZERO
    entry_value: Decimal = ZERO
    exit_value: Decimal = ZERO
    open_fee: Decimal = ZERO
    close_fee: Decimal = ZERO
    pnl: Decimal = ZERO
    fill_count: int = 0


@dataclass(slots=True)
class Account:
    """One trader: a key, a wallet, and all that belongs to it."""

    api_key: str
    api_secret: str
    uid: int
    order_rate: int = 10
    """Orders a second, per endpoint; Bybit's default is 10."""
    wallet: Decimal = ZERO
    realised: Decimal = ZERO
    margin_mode: MarginMode = MarginMode.CROSS
    created_ms: int = 0
    updated_ms: int = 0
    hedge_default: bool = False
    hedge: dict[str, bool] = field(default_factory=dict)
    leverage: dict[str, Decimal] = field(default_factory=dict)
    positions: dict[str, Position] = field(default_factory=dict)
    open_orders: dict[str, Order] = field(default_factory=dict)
    closed_orders: dict[str, Order] = field(default_factory=dict)
    link_ids: dict[str, str] = field(default_factory=dict)
    executions: list[Execution] = field(default_factory=list)
    ledger: list[LedgerRow] = field(default_factory=list)
    closed_pnl: list[ClosedPnl] = field(default_factory=list)
    key: dict[str, Any] = field(default_factory=dict)
    """Fields of user/query-api that differ from those of a usual key."""
    unified_status: int = 6
    """1 classic, 3 and 4 the first unified account, 5 and 6 the second."""
    realtime_floor: int = 0
    """Closed orders up to this number are gone from order/realtime (a service restart wipes them)."""

    def is_hedged(self, symbol: str) -> bool:
        """Whether the symbol is in hedge mode: two rows, positionIdx 1 and 2."""
        return self.hedge.get(symbol, self.hedge_default)

    def leverage_of(self, symbol: str) -> Decimal:
        """Leverage of the symbol, 10 until it is set."""
        return self.leverage.get(symbol, Decimal(10))

    def position(self, symbol: str, position_idx: int = 0) -> Position:
        """The row, made when it is first asked for."""
        key = f"{symbol}:{position_idx}"
        found = self.positions.get(key)
        if found is None:
            found = self.positions[key] = Position(symbol, position_idx)
        return found

    def rows(self, symbol: str) -> list[Position]:
        """The rows position/list shows for a symbol: one, or two in hedge mode."""
        indices = (1, 2) if self.is_hedged(symbol) else (0,)
        return [self.position(symbol, index) for index in indices]

    def protection(self, symbol: str, position_idx: int, kind: StopKind) -> Order | None:
        """The whole-position stop of that kind, if one waits."""
        for order in self.open_orders.values():
            if order.stop_kind is kind and order.symbol == symbol and order.position_idx == position_idx:
                return order
        return None

    def find_order(self, order_id: str, order_link_id: str) -> Order | None:
        """By orderId, else by orderLinkId, open or closed."""
        key = order_id or self.link_ids.get(order_link_id, "")
        return self.open_orders.get(key) or self.closed_orders.get(key)


@dataclass(slots=True)
class Request:
    """One order create as it arrived, whatever became of it."""

    api_key: str
    order_link_id: str
    symbol: str
    side: str
    order_type: str
    qty: str
    price: str
    reduce_only: bool
    stop_loss: str
    take_profit: str
    via: str
    """rest or trade_ws."""
    received_ns: int
    ret_code: int | None
    """None: lost on the way (fault drop_request)."""
    ret_msg: str
    order_id: str
