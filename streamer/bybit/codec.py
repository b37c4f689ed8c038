"""Bybit's rows into the engine's events. Pure; unknown fields are ignored, and a row that cannot be read
raises `Unreadable`: never half a value.

Source: Bybit V5, "Execution", "Order", "Position", "Wallet" streams and their REST twins.
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from backstop.domain.execution import Execution
from backstop.domain.ids import OrderLinkId, Symbol
from backstop.domain.instrument import Instrument
from backstop.domain.money import Price, Qty, Usdt, decimal_or_none, plain
from backstop.domain.order import Order, OrderStatus
from backstop.domain.side import PositionSide, Side
from backstop.engine.events import ExchangePosition, OrderReported

Fields = Mapping[str, Any]

_SIDES = {"Buy": Side.BUY, "Sell": Side.SELL}
_SIDE_NAMES = {Side.BUY: "Buy", Side.SELL: "Sell"}
_MAGNITUDE_MOST = 24
"""Powers of ten beyond which a number is none: `1e999999` is finite, and takes seconds to make an integer of."""

_STATUSES = {
    "Created": OrderStatus.OPEN,
    "New": OrderStatus.OPEN,
    "PartiallyFilled": OrderStatus.OPEN,
    "Untriggered": OrderStatus.OPEN,
    "Triggered": OrderStatus.OPEN,
    "Filled": OrderStatus.FILLED,
    "Cancelled": OrderStatus.CANCELED,
    "PartiallyFilledCanceled": OrderStatus.CANCELED,
    "Deactivated": OrderStatus.CANCELED,
    "Rejected": OrderStatus.REJECTED,
}


class Unreadable(ValueError):
    """A row that lacks what it must have, or says something unheard of."""


def read_execution(row: Fields) -> Execution:
    """A row of the `execution` topic or of /v5/execution/list."""
    side = _SIDES.get(_text(row, "side"))
    if side is None:
        raise Unreadable("execution without a side")
    return Execution(
        exec_id=_word(row, "execId"),
        symbol=Symbol(_word(row, "symbol")),
        side=side,
        exec_type=_word(row, "execType"),
        price=Price(_number(row, "execPrice")),
        qty=Qty(_number(row, "execQty")),
        fee=Usdt(_number(row, "execFee", default=Decimal(0))),
        at=int(_number(row, "execTime")),
        order_link_id=_text(row, "orderLinkId"),
        exchange_order_id=_text(row, "orderId"),
        stop_order_type=_text(row, "stopOrderType"),
        create_type=_text(row, "createType"),
    )


def read_order(row: Fields) -> OrderReported | None:
    """A row of the `order` topic or of /v5/order/realtime and history; None for an order that carries no id of ours."""
    link_id = _text(row, "orderLinkId")
    if not link_id:
        return None
    status = _STATUSES.get(_text(row, "orderStatus"))
    if status is None:
        raise Unreadable(f"unknown orderStatus {row.get('orderStatus')!r}")
    filled = _number(row, "cumExecQty", default=Decimal(0))
    reject = _text(row, "rejectReason")
    return OrderReported(
        link_id=OrderLinkId(link_id),
        exchange_order_id=_text(row, "orderId"),
        status=status,
        filled_qty=filled,
        reason=reject if status is not OrderStatus.FILLED and reject not in ("", "EC_NoError") else None,
    )


def read_position(row: Fields, at: int) -> ExchangePosition:
    """A row of the `position` topic or of /v5/position/list, read or pushed at `at` (our clock, milliseconds).

    Flat only when it says size 0: one whose size or side is not understood is unreadable.
    """
    size = _number(row, "size")
    side = _SIDES.get(_text(row, "side"))
    if size < 0 or (size > 0 and side is None):
        raise Unreadable(f"position of size {row.get('size')!r} and side {row.get('side')!r}")
    stop = decimal_or_none(_text(row, "stopLoss"))
    return ExchangePosition(
        symbol=Symbol(_word(row, "symbol")),
        side=None if side is None or size == 0 else PositionSide.opened_by(side),
        size=size,
        entry_price=decimal_or_none(_text(row, "avgPrice")) or decimal_or_none(_text(row, "entryPrice")) or Decimal(0),
        mark_price=decimal_or_none(_text(row, "markPrice")) or Decimal(0),
        stop_loss=Price(stop) if stop is not None and stop > 0 else None,
        at=at,
    )


def read_equity(rows: list[Fields]) -> Decimal | None:
    """USDT equity from the `wallet` topic or /v5/account/wallet-balance."""
    for row in rows:
        for coin in row.get("coin") or ():
            if coin.get("coin") == "USDT":
                return decimal_or_none(str(coin.get("equity", "")))
    return None


def read_instrument(row: Fields) -> Instrument:
    """A row of /v5/market/instruments-info for a linear contract."""
    price, lot, leverage = row["priceFilter"], row["lotSizeFilter"], row["leverageFilter"]
    return Instrument(
        symbol=Symbol(_word(row, "symbol")),
        tick_size=_number(price, "tickSize"),
        qty_step=_number(lot, "qtyStep"),
        min_qty=Qty(_number(lot, "minOrderQty")),
        max_market_qty=Qty(_number(lot, "maxMktOrderQty")),
        min_notional=_number(lot, "minNotionalValue", default=Decimal(5)),
        max_leverage=_number(leverage, "maxLeverage"),
        tradable=row.get("status") == "Trading" and _text(row, "deliveryTime") in ("", "0"),
    )


def create_body(order: Order) -> dict[str, Any]:
    """The body of /v5/order/create for a market order, one-way mode."""
    body: dict[str, Any] = {
        "category": "linear",
        "symbol": order.symbol,
        "side": _SIDE_NAMES[order.side],
        "orderType": "Market",
        "qty": plain(order.qty),
        "positionIdx": 0,
        "orderLinkId": order.link_id,
    }
    if order.reduce_only:
        body["reduceOnly"] = True
    elif order.stop_loss is not None:
        body |= {
            "stopLoss": plain(order.stop_loss),
            "slTriggerBy": "LastPrice",
            "tpslMode": "Full",
            "slOrderType": "Market",
        }
    return body


def _text(row: Fields, key: str) -> str:
    value = row.get(key)
    return value if isinstance(value, str) else "" if value is None else str(value)


def _word(row: Fields, key: str) -> str:
    text = _text(row, key)
    if not text:
        raise Unreadable(f"row without {key}")
    return text


def _number(row: Fields, key: str, default: Decimal | None = None) -> Decimal:
    number = decimal_or_none(_text(row, key))
    if number is None or abs(number.adjusted()) > _MAGNITUDE_MOST:
        if default is None:
            raise Unreadable(f"{key} is not a number")
        return default
    return number
