"""What happened: signals, orders, executions, positions, trades."""

from typing import Annotated, Literal
from uuid import UUID

from pydantic import BeforeValidator, Field

from backstop.contracts.base import Incoming, Moment, Number, Outgoing
from backstop.contracts.errors import FieldError
from backstop.contracts.strategies import (
    BreakEvenSettings,
    PortionText,
    PriceMarkText,
    TakeProfitLadder,
    TimeExitSeconds,
    TrailingSettings,
    trailing_from,
)
from backstop.domain.execution import ExitReason
from backstop.domain.order import OrderStatus
from backstop.domain.position import PositionStatus
from backstop.domain.protection import PriceSource
from backstop.domain.signal import SignalStatus

Side = Literal["buy", "sell"]
PositionSide = Literal["long", "short"]


class SignalAnswer(Outgoing):
    signal_id: UUID
    status: Literal["accepted", "duplicate"]


class Signal(Outgoing):
    id: UUID
    strategy_id: UUID
    strategy_name: str
    account_id: UUID
    symbol: str | None
    action: str | None
    qty: Number | None
    status: SignalStatus
    reason: str | None = Field(description="Why it was refused, expired or failed, in words.")
    reason_code: str | None
    errors: list[FieldError]
    position_id: UUID | None
    received_at: Moment
    decided_at: Moment | None


class Order(Outgoing):
    id: str = Field(description="orderLinkId.")
    account_id: UUID
    position_id: UUID | None
    signal_id: UUID | None
    symbol: str
    side: Side
    purpose: str = Field(description="entry, stop_loss, take_profit, signal, reverse, manual, protection.")
    qty: Number
    filled_qty: Number
    avg_price: Number | None
    reduce_only: bool
    stop_loss: Number | None
    limit_price: Number | None = Field(description="Null for a market order.")
    expires_at: Moment | None = Field(description="Until when a limit order waits.")
    status: OrderStatus
    exchange_order_id: str | None
    reason: str | None
    created_at: Moment
    sent_at: Moment | None
    acknowledged_at: Moment | None = Field(description="When the exchange said that it took it.")
    updated_at: Moment


class Execution(Outgoing):
    id: str = Field(description="execId at the exchange.")
    account_id: UUID
    position_id: UUID | None
    order_id: str | None
    symbol: str
    side: Side
    exec_type: str
    price: Number
    qty: Number
    fee: Number = Field(description="USDT; above 0 was paid.")
    realised_pnl: Number
    executed_at: Moment


class SignalSource(Outgoing):
    ip: str
    proved_by: Literal["secret", "previous_secret", "signature", "session"] = Field(
        description="`session`: replayed by its owner."
    )
    dialect: str = Field(default="native", description="Whose kind of message it was.")
    client_certificate: str | None = Field(description="Subject of the certificate the sender showed.")
    tradingview_certificate: bool
    replay_of: UUID | None = Field(default=None, description="The signal whose alert was given again.")


class Replay(Incoming):
    """`strategy_id`: whose account does not trade real money."""

    strategy_id: UUID


class FlightRecord(Signal):
    """One alert from raw text to fills."""

    raw: str = Field(description="The alert as received, its secret masked.")
    parsed: dict[str, object] | None
    source: SignalSource | None
    alert_time: Moment | None = Field(description="When its source says it fired.")
    stored_at: Moment | None
    spooled: bool = Field(description="Whether it waited in the spool because the database did not answer.")
    orders: list[Order]
    executions: list[Execution]


class TakeProfitLevel(Outgoing):
    price: Number
    portion: str
    status: Literal["armed", "fired", "disarmed"]


class ResidentStop(Outgoing):
    """The stop kept at the exchange, as last proven there."""

    price: Number | None
    verified_at: Moment | None


class Position(Outgoing):
    id: UUID
    account_id: UUID
    strategy_id: UUID | None
    symbol: str
    side: PositionSide
    qty: Number
    entry_price: Number | None
    mark_price: Number | None
    unrealised_pnl: Number | None = Field(
        description="USDT at the last price, fees not counted; null while no fresh price is known."
    )
    stop_loss: Number | None
    take_profit: list[TakeProfitLevel]
    resident_stop: ResidentStop
    trigger_by: PriceSource = Field(description="The price its levels are compared with.")
    trailing: TrailingSettings | None
    break_even: BreakEvenSettings | None
    time_exit_s: int | None = Field(description="Closed at market when it has been open for so many seconds.")
    leverage: Number | None
    status: PositionStatus
    opened_at: Moment
    updated_at: Moment


class Trade(Outgoing):
    id: UUID
    account_id: UUID
    strategy_id: UUID | None
    symbol: str
    side: PositionSide
    qty: Number
    entry_price: Number
    exit_price: Number
    gross_pnl: Number
    fees: Number
    funding: Number = Field(description="USDT; above 0 was received.")
    net_pnl: Number
    exit_reason: ExitReason
    opened_at: Moment
    closed_at: Moment
    strategy_version: int | None = Field(description="Of its strategy's settings when it was entered.")


class Event(Outgoing):
    seq: int
    type: str
    ts: int = Field(description="UTC milliseconds.")
    data: dict[str, object]


class ClosePosition(Incoming):
    portion: PortionText = "100%"


class ReversePosition(Incoming):
    pass


class ProtectionChange(Incoming):
    """Only what is named changes. A stop can be moved but not removed; `trailing`, `break_even` and `time_exit_s` are
    switched off by null, a trailing stop only where another stop remains."""

    stop_loss: PriceMarkText | None = None
    take_profit: TakeProfitLadder | None = None
    trailing: Annotated[
        Annotated[TrailingSettings, BeforeValidator(trailing_from)] | None,
        Field(description="Follows from the present price on, or once `activation` is reached."),
    ] = None
    break_even: BreakEvenSettings | None = None
    time_exit_s: Annotated[TimeExitSeconds | None, Field(description="Counted from when the position was opened.")] = (
        None
    )


class CommandAccepted(Outgoing):
    command_id: UUID
