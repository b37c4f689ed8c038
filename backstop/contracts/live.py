"""Messages on the dashboard's WebSocket.

Server: `{"v":1,"type":…,"seq":n,"ts":ms,"data":{…}}`. `seq` rises by one per user; prices, health and pong carry none.
Client: `{"action":"hello","last_seq":n}` and `{"action":"ping"}`.
"""

from typing import Annotated, Literal

from pydantic import Field, RootModel

from backstop.contracts.base import Incoming, Number, Outgoing
from backstop.contracts.health import Health
from backstop.contracts.trading import Execution, Order, Position, Signal, Trade


class _Message(Outgoing):
    v: Literal[1] = 1
    ts: int = Field(description="UTC milliseconds.")


class SnapshotData(Outgoing):
    """Everything the dashboard shows live. `truncated`: too large for one message, read the lists over REST."""

    positions: list[Position]
    signals: list[Signal]
    truncated: bool = False


class SnapshotMessage(_Message):
    type: Literal["snapshot"] = "snapshot"
    seq: int
    data: SnapshotData


class PositionMessage(_Message):
    type: Literal["position"] = "position"
    seq: int
    data: Position


class OrderMessage(_Message):
    type: Literal["order"] = "order"
    seq: int
    data: Order


class ExecutionMessage(_Message):
    type: Literal["execution"] = "execution"
    seq: int
    data: Execution


class SignalMessage(_Message):
    type: Literal["signal"] = "signal"
    seq: int
    data: Signal


class TradeMessage(_Message):
    type: Literal["trade"] = "trade"
    seq: int
    data: Trade


class NoticeData(Outgoing):
    level: Literal["info", "warning", "error"]
    code: str
    message: str


class NoticeMessage(_Message):
    type: Literal["notice"] = "notice"
    seq: int
    data: NoticeData


class PriceItem(Outgoing):
    symbol: str
    environment: str
    last: Number
    mark: Number
    ts: int = Field(description="When the exchange made it, UTC milliseconds.")


class PriceData(Outgoing):
    prices: list[PriceItem]


class PriceMessage(_Message):
    type: Literal["price"] = "price"
    data: PriceData


class HealthMessage(_Message):
    type: Literal["health"] = "health"
    data: Health


class PongMessage(_Message):
    type: Literal["pong"] = "pong"
    data: dict[str, object] = Field(default_factory=dict)


class LiveMessage(
    RootModel[
        Annotated[
            SnapshotMessage
            | PositionMessage
            | OrderMessage
            | ExecutionMessage
            | SignalMessage
            | TradeMessage
            | NoticeMessage
            | PriceMessage
            | HealthMessage
            | PongMessage,
            Field(discriminator="type"),
        ]
    ]
):
    """What the server sends."""


class Hello(Incoming):
    action: Literal["hello"]
    last_seq: int | None = Field(default=None, ge=0)


class Ping(Incoming):
    action: Literal["ping"]


class ClientMessage(RootModel[Annotated[Hello | Ping, Field(discriminator="action")]]):
    """What the browser sends."""
