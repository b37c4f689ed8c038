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
from backstop.domain.margin import Funds
from backstop.domain.modes import AccountMode, MarginMode
from backstop.domain.money import Price, Qty, Usdt, decimal_or_none, plain
from backstop.domain.order import Order, OrderStatus
from backstop.domain.protection import PriceSource
from backstop.domain.side import PositionSide, Side
from backstop.domain.slot import Slot
from backstop.engine.events import ExchangePosition, OrderReported, WalletReported

Fields = Mapping[str, Any]

TRIGGER_NAMES = {
    PriceSource.LAST: "LastPrice",
    PriceSource.MARK: "MarkPrice",
    PriceSource.INDEX: "IndexPrice",
}
_TRIGGERS = {name: source for source, name in TRIGGER_NAMES.items()}

_MARGIN_MODES = {
    "ISOLATED_MARGIN": MarginMode.ISOLATED,
    "REGULAR_MARGIN": MarginMode.CROSS,
    "PORTFOLIO_MARGIN": MarginMode.PORTFOLIO,
}
_CLASSIC = "1"

_SIDES = {"Buy": Side.BUY, "Sell": Side.SELL}
_SIDE_NAMES = {Side.BUY: "Buy", Side.SELL: "Sell"}
_MAGNITUDE_MOST = 24
"""Powers of ten beyond which a number is none: `1e999999` is finite, and takes seconds to make an integer of."""

_DIGITS_MOST = 60
_SEQ_DIGITS = 18
"""What a database keeps as a number."""

_LATEST_MS = 32_503_680_000_000
"""The year 3000."""

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
        price=Price(_amount(row, "execPrice")),
        qty=Qty(_amount(row, "execQty")),
        fee=Usdt(_number(row, "execFee", default=Decimal(0))),
        at=_moment(row, "execTime"),
        order_link_id=_text(row, "orderLinkId"),
        exchange_order_id=_text(row, "orderId"),
        stop_order_type=_text(row, "stopOrderType"),
        create_type=_text(row, "createType"),
        closed_qty=_amount(row, "closedSize", default=Decimal(0)),
        seq=_sequence(row),
    )


def read_order(row: Fields) -> OrderReported | None:
    """A row of the `order` topic or of /v5/order/realtime and history; None for an order that carries no id of ours."""
    link_id = _text(row, "orderLinkId")
    if not link_id:
        return None
    status = _STATUSES.get(_text(row, "orderStatus"))
    if status is None:
        raise Unreadable(f"unknown orderStatus {row.get('orderStatus')!r}")
    filled = _amount(row, "cumExecQty", default=Decimal(0))
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
    size = _amount(row, "size")
    side = _SIDES.get(_text(row, "side"))
    if size > 0 and side is None:
        raise Unreadable(f"position of size {row.get('size')!r} and side {row.get('side')!r}")
    nothing = Decimal(0)
    stop = _amount(row, "stopLoss", default=nothing)
    return ExchangePosition(
        symbol=Symbol(_word(row, "symbol")),
        side=None if side is None or size == 0 else PositionSide.opened_by(side),
        size=size,
        entry_price=_amount(row, "avgPrice", default=nothing) or _amount(row, "entryPrice", default=nothing),
        mark_price=_amount(row, "markPrice", default=nothing),
        stop_loss=Price(stop) if stop > 0 else None,
        at=at,
        idx=_position_idx(row),
        seq=_sequence(row),
        leverage=_amount(row, "leverage", default=nothing) or None,
    )


def read_stop(row: Fields) -> tuple[Slot, Price, PriceSource] | None:
    """A row of /v5/order/realtime that is a whole position's stop-loss: its slot, price, and what that is compared
    with; None for any other order."""
    if _text(row, "stopOrderType") != "StopLoss":
        return None
    source = _TRIGGERS.get(_text(row, "triggerBy"))
    if source is None:
        raise Unreadable(f"stop compared with {row.get('triggerBy')!r}")
    return Slot(Symbol(_word(row, "symbol")), _position_idx(row)), Price(_positive(row, "triggerPrice")), source


def read_account_mode(row: Fields) -> AccountMode:
    """The answer of /v5/account/info."""
    margin = _MARGIN_MODES.get(_text(row, "marginMode"))
    if margin is None:
        raise Unreadable(f"unknown marginMode {row.get('marginMode')!r}")
    return AccountMode(margin, unified=_text(row, "unifiedMarginStatus") != _CLASSIC)


def _position_idx(row: Fields) -> int:
    idx = row.get("positionIdx", 0)
    if idx not in (0, 1, 2, "0", "1", "2"):
        raise Unreadable(f"positionIdx {idx!r}")
    return int(idx)


def _sequence(row: Fields) -> int:
    """`seq` of an execution or position; 0 when the row does not tell (-1: the symbol was never traded)."""
    seq = row.get("seq")
    if isinstance(seq, str):
        seq = int(seq) if seq.isdecimal() and len(seq) < _SEQ_DIGITS else 0
    return seq if isinstance(seq, int) and 0 <= seq < 10**_SEQ_DIGITS else 0


def read_equity(rows: list[Fields]) -> Decimal | None:
    """USDT equity from the `wallet` topic or /v5/account/wallet-balance; None when they do not tell."""
    for row in rows:
        coins = row.get("coin") if isinstance(row, Mapping) else None
        for coin in coins if isinstance(coins, list) else ():
            if isinstance(coin, Mapping) and coin.get("coin") == "USDT":
                return _number_or_none(coin, "equity")
    return None


def read_wallet(rows: list[Fields]) -> WalletReported | None:
    """Equity and free margin from the `wallet` topic or /v5/account/wallet-balance; None when they tell no equity.

    In isolated margin the account's totals mean nothing (Bybit V5, "Get Wallet Balance"): there it is the USDT that is
    tied up nowhere.
    """
    equity = read_equity(rows)
    if equity is None:
        return None
    row = next(row for row in rows if isinstance(row, Mapping) and read_equity([row]) is not None)
    usdt = next(coin for coin in row["coin"] if isinstance(coin, Mapping) and coin.get("coin") == "USDT")
    wallet = _number_or_none(usdt, "walletBalance")
    tied = (_number_or_none(usdt, key) for key in ("totalPositionIM", "totalOrderIM", "locked", "bonus"))
    isolated = wallet - sum((part for part in tied if part is not None), Decimal(0)) if wallet is not None else None
    return WalletReported(equity, Funds(_number_or_none(row, "totalAvailableBalance"), isolated))


def read_instrument(row: Fields) -> Instrument:
    """A row of /v5/market/instruments-info for a linear contract."""
    price, lot, leverage = (_inner(row, key) for key in ("priceFilter", "lotSizeFilter", "leverageFilter"))
    return Instrument(
        symbol=Symbol(_word(row, "symbol")),
        tick_size=_positive(price, "tickSize"),
        qty_step=_positive(lot, "qtyStep"),
        min_qty=Qty(_positive(lot, "minOrderQty")),
        max_market_qty=Qty(_positive(lot, "maxMktOrderQty")),
        min_notional=_amount(lot, "minNotionalValue", default=Decimal(5)),
        max_leverage=_positive(leverage, "maxLeverage"),
        tradable=row.get("status") == "Trading" and _text(row, "deliveryTime") in ("", "0"),
    )


def create_body(order: Order) -> dict[str, Any]:
    """The body of /v5/order/create. A quantity of 0 that reduces and closes on trigger stands for all that is held."""
    body: dict[str, Any] = {
        "category": "linear",
        "symbol": order.symbol,
        "side": _SIDE_NAMES[order.side],
        "orderType": "Market",
        "qty": plain(order.qty),
        "positionIdx": order.position_idx,
        "orderLinkId": order.link_id,
    }
    if order.limit_price is not None:
        time_in_force = "PostOnly" if order.post_only else "GTC"
        body |= {"orderType": "Limit", "price": plain(order.limit_price), "timeInForce": time_in_force}
    if order.whole:
        body |= {"qty": "0", "reduceOnly": True, "closeOnTrigger": True}
    elif order.reduce_only:
        body["reduceOnly"] = True
    elif order.stop_loss is not None:
        body |= {
            "stopLoss": plain(order.stop_loss),
            "slTriggerBy": TRIGGER_NAMES[order.stop_trigger_by],
            "tpslMode": "Full",
            "slOrderType": "Market",
        }
    return body


def _inner(row: Fields, key: str) -> Fields:
    value = row.get(key)
    if not isinstance(value, Mapping):
        raise Unreadable(f"row without {key}")
    return value


def _text(row: Fields, key: str) -> str:
    value = row.get(key)
    text = value if isinstance(value, str) else "" if value is None else str(value)
    if "\x00" in text:
        raise Unreadable(f"{key} holds a NUL")
    return text


def _word(row: Fields, key: str) -> str:
    text = _text(row, key)
    if not text:
        raise Unreadable(f"row without {key}")
    return text


def _number(row: Fields, key: str, default: Decimal | None = None) -> Decimal:
    number = _number_or_none(row, key)
    if number is not None:
        return number
    if default is None:
        raise Unreadable(f"{key} is not a number")
    return default


def _number_or_none(row: Fields, key: str) -> Decimal | None:
    text = _text(row, key)
    number = decimal_or_none(text) if len(text) <= _DIGITS_MOST else None
    return number if number is not None and abs(number.adjusted()) <= _MAGNITUDE_MOST else None


def _amount(row: Fields, key: str, default: Decimal | None = None) -> Decimal:
    number = _number(row, key, default)
    if number < 0:
        raise Unreadable(f"{key} is below 0")
    return number


def _positive(row: Fields, key: str) -> Decimal:
    number = _number(row, key)
    if number <= 0:
        raise Unreadable(f"{key} is not above 0")
    return number


def _moment(row: Fields, key: str) -> int:
    """UTC milliseconds of a time that a calendar knows."""
    number = _amount(row, key)
    if number > _LATEST_MS:
        raise Unreadable(f"{key} is not a time")
    return int(number)
