"""Positions, orders and fills to write down, with sensible values for what a test does not name."""

from dataclasses import replace
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

from backstop.domain.execution import Execution
from backstop.domain.ids import PositionId, SignalId, Symbol, order_link_id
from backstop.domain.instrument import Instrument
from backstop.domain.money import Price, Qty, Usdt
from backstop.domain.order import Order, OrderStatus, Purpose
from backstop.domain.position import Position, PositionStatus
from backstop.domain.protection import Protection, levels_of, read_price_mark
from backstop.domain.side import PositionSide, Side

BTC = Symbol("BTCUSDT")
NOON = 1_795_478_400_000
RULES = Instrument(
    BTC, Decimal("0.1"), Decimal("0.001"), Qty(Decimal("0.001")), Qty(Decimal(500)), Decimal(5), Decimal(100)
)
STOP = Protection(stop_loss=read_price_mark("1.5%"))


def position_of(cause: UUID | None = None, **values: Any) -> Position:
    """Long 0.01 at 60000 with its stop armed."""
    position_id = PositionId(cause or uuid4())
    position = Position(
        position_id,
        BTC,
        PositionSide.LONG,
        STOP,
        NOON,
        status=PositionStatus.OPEN,
        qty=Qty(Decimal("0.01")),
        cost=Decimal(600),
        entry_qty=Decimal("0.01"),
        entry_value=Decimal(600),
        levels=levels_of(position_id, BTC, PositionSide.LONG, Price(Decimal(60000)), STOP, RULES),
        levels_round=1,
        updated_at=NOON,
    )
    return replace(position, **values)


def entry_of(position: Position, **values: Any) -> Order:
    order = Order(
        order_link_id(position.id, "o"),
        position.symbol,
        position.side.entry,
        Purpose.ENTRY,
        Qty(Decimal("0.01")),
        NOON,
        position_id=position.id,
        signal_id=SignalId(position.id) if position.signal_id is not None else None,
        reduce_only=False,
        status=OrderStatus.INTENDED,
    )
    return replace(order, **values)


def fill_of(exec_id: str = "", **values: Any) -> Execution:
    execution = Execution(
        exec_id or str(uuid4()),
        BTC,
        Side.BUY,
        "Trade",
        Price(Decimal(60000)),
        Qty(Decimal("0.01")),
        Usdt(Decimal("0.33")),
        NOON,
    )
    return replace(execution, **values)
