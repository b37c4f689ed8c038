"""Reading and judging an order request, before anything is changed.

Source: Bybit V5, "Place Order" and "Error Codes"; texts as seen on the venue.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from simulator.exchange import Exchange
from simulator.instruments import INSTRUMENTS, Instrument
from simulator.margin import order_margin, summary
from simulator.matching import closable
from simulator.model import (
    PROTECTION,
    ZERO,
    Account,
    OrderType,
    PriceSource,
    Refusal,
    Side,
    StopKind,
    TimeInForce,
)
from simulator.numbers import is_multiple, parse
from simulator.protection import StopTerms, off_tick, wrong_side

MAX_ACTIVE_ORDERS = 500
MAX_CONDITIONAL_ORDERS = 10
MAX_LINK_ID = 36
_LINK_ID = re.compile(r"[A-Za-z0-9_-]+")


@dataclass(frozen=True, slots=True)
class OrderRequest:
    """A well-formed order/create. Quantities in coins, prices in USDT; None where nothing was given."""

    symbol: str
    side: Side
    order_type: OrderType
    qty: Decimal
    price: Decimal | None
    time_in_force: TimeInForce
    position_idx: int
    order_link_id: str
    reduce_only: bool
    close_on_trigger: bool
    trigger_price: Decimal | None
    trigger_direction: int
    trigger_by: PriceSource
    take_profit: Decimal | None
    stop_loss: Decimal | None
    tp_trigger_by: PriceSource
    sl_trigger_by: PriceSource
    tpsl_mode: str
    smp_type: str

    @property
    def closes_all(self) -> bool:
        """qty "0" with reduceOnly and closeOnTrigger: the whole position."""
        return self.qty == 0 and self.reduce_only and self.close_on_trigger


class MalformedError(Exception):
    """A parameter can't be read; carries the refusal."""

    def __init__(self, message: str, code: int = 10001) -> None:
        super().__init__(message)
        self.refusal = Refusal(code, message)


def read_order(params: Mapping[str, Any]) -> OrderRequest | Refusal:
    """Read an order/create body; unknown and spot-only fields are ignored."""
    try:
        return _read_order(params)
    except MalformedError as error:
        return error.refusal


def read_symbol(params: Mapping[str, Any]) -> str:
    """The symbol of a linear request.

    Raises:
        MalformedError: another category, or a symbol that does not trade here.
    """
    if params.get("category") != "linear":
        raise MalformedError("Illegal category")
    symbol = params.get("symbol")
    if symbol not in INSTRUMENTS:
        raise MalformedError(f"Not supported symbols {symbol}" if symbol else "params error: symbol required")
    return str(symbol)


def read_decimal(params: Mapping[str, Any], name: str) -> Decimal | None:
    """A decimal parameter; None when absent, null or "".

    Raises:
        MalformedError: present, but not a number.
    """
    value = params.get(name)
    if value is None or value == "":
        return None
    number = parse(value)
    if number is None or number < 0:
        raise MalformedError(f"params error: {name} invalid")
    return number


def read_source(params: Mapping[str, Any], name: str) -> PriceSource:
    """A trigger source; LastPrice when absent."""
    value = params.get(name)
    try:
        return PriceSource(value) if value else PriceSource.LAST
    except ValueError:
        raise MalformedError(f"params error: {name} invalid") from None


def read_position_idx(params: Mapping[str, Any]) -> int:
    """positionIdx, 0 when absent."""
    value = parse(params.get("positionIdx") or 0)
    if value not in {0, 1, 2}:
        raise MalformedError("params error: positionIdx invalid")
    return int(value)


def read_bool(params: Mapping[str, Any], name: str) -> bool:
    """A boolean; absent is false. Bybit takes true as a word too."""
    return params.get(name) in {True, "true", "True"}


def _read_order(params: Mapping[str, Any]) -> OrderRequest:
    symbol = read_symbol(params)
    try:
        side = Side(params.get("side") or "")
    except ValueError:
        raise MalformedError("Side invalid") from None
    try:
        order_type = OrderType(params.get("orderType") or "")
    except ValueError:
        raise MalformedError("OrderType invalid") from None
    try:
        time_in_force = TimeInForce(params.get("timeInForce") or "GTC")
    except ValueError:
        raise MalformedError("params error: timeInForce invalid") from None
    is_market = order_type is OrderType.MARKET
    qty = read_decimal(params, "qty")
    if qty is None:
        raise MalformedError("params error: qty required")
    price = None if is_market else read_decimal(params, "price")
    if not is_market and not price:
        raise MalformedError("params error: price required")
    tpsl_mode = params.get("tpslMode") or ""
    if tpsl_mode not in {"", "Full", "Partial"}:
        raise MalformedError("params error: tpslMode invalid")
    for name in ("slOrderType", "tpOrderType"):
        if params.get(name) and not tpsl_mode:
            raise MalformedError(f"{name} can not have a value when tpSlMode is empty")
    direction = parse(params.get("triggerDirection") or 0)
    position_idx = read_position_idx(params)
    return OrderRequest(
        symbol=symbol,
        side=side,
        order_type=order_type,
        qty=qty,
        price=price,
        time_in_force=TimeInForce.IOC if is_market else time_in_force,
        position_idx=position_idx,
        order_link_id=_read_link_id(params),
        reduce_only=read_bool(params, "reduceOnly") or closes_in_hedge(position_idx, side),
        close_on_trigger=read_bool(params, "closeOnTrigger"),
        trigger_price=read_decimal(params, "triggerPrice") or None,
        trigger_direction=int(direction) if direction in {1, 2} else 0,
        trigger_by=read_source(params, "triggerBy"),
        take_profit=read_decimal(params, "takeProfit") or None,
        stop_loss=read_decimal(params, "stopLoss") or None,
        tp_trigger_by=read_source(params, "tpTriggerBy"),
        sl_trigger_by=read_source(params, "slTriggerBy"),
        tpsl_mode=tpsl_mode,
        smp_type=str(params.get("smpType") or "None"),
    )


def closes_in_hedge(position_idx: int, side: Side) -> bool:
    """In hedge mode a sell on the long row and a buy on the short row can only close; they never flip."""
    return (position_idx, side) in {(1, Side.SELL), (2, Side.BUY)}


def _read_link_id(params: Mapping[str, Any]) -> str:
    link_id = params.get("orderLinkId") or ""
    if not isinstance(link_id, str) or (link_id and not _LINK_ID.fullmatch(link_id)):
        raise MalformedError("params error: orderLinkId invalid")
    if len(link_id) > MAX_LINK_ID:
        raise MalformedError(f"order link id is longer than {MAX_LINK_ID}")
    return link_id


def check_order(exchange: Exchange, account: Account, request: OrderRequest) -> Refusal | None:
    """Why the exchange does not take this order now; None when it does. Changes nothing."""
    instrument, quote = exchange.instrument(request.symbol), exchange.quote(request.symbol)
    if quote.status != "Trading":
        return Refusal(110074, "This contract is not live")
    if request.order_link_id in account.link_ids:
        return Refusal(110072, "OrderLinkedID is duplicate")
    if account.is_hedged(request.symbol) != (request.position_idx != 0):
        return Refusal(10001, "position idx not match position mode")
    return (
        _check_size(instrument, request)
        or _check_trigger(exchange, account, request)
        or _check_stops(exchange, request)
        or _check_reduce_only(account, request)
        or _check_counts(account, request)
        or check_margin(exchange, account, request)
    )


def _check_size(instrument: Instrument, request: OrderRequest) -> Refusal | None:
    qty, price = request.qty, request.price
    if price is not None and not (
        is_multiple(price, instrument.tick_size) and instrument.min_price <= price <= instrument.max_price
    ):
        return Refusal(110003, "price is invalid")
    if request.closes_all:
        return None
    if qty < instrument.min_qty:
        return Refusal(10001, "The number of contracts exceeds minimum limit allowed")
    if not is_multiple(qty, instrument.qty_step):
        return Refusal(10001, "Qty invalid")
    maximum = instrument.max_market_qty if request.order_type is OrderType.MARKET else instrument.max_qty
    if qty > maximum and not request.reduce_only:
        scaled, scaled_max = int(qty * 10**8), int(maximum * 10**8)
        text = "The number of contracts exceeds maximum limit allowed: too large"
        return Refusal(10001, f"{text}, order_qty:{scaled} > max_qty:{scaled_max}")
    return None


def _check_trigger(exchange: Exchange, account: Account, request: OrderRequest) -> Refusal | None:
    trigger, instrument = request.trigger_price, exchange.instrument(request.symbol)
    if trigger is None:
        return None
    if not is_multiple(trigger, instrument.tick_size):
        return Refusal(10001, "params error: triggerPrice invalid")
    if not request.trigger_direction:
        return Refusal(10001, "TriggerDirection invalid")
    current = exchange.quote(request.symbol).price(request.trigger_by)
    numbers = int(trigger * 10_000), int(current * 10_000)
    if request.trigger_direction == 1 and trigger <= current:
        text = f"expect Rising, but trigger_price[{numbers[0]}] <= current[{numbers[1]}]??{request.trigger_by}"
        return Refusal(110092, text)
    if request.trigger_direction == 2 and trigger >= current:
        text = f"expect Falling, but trigger_price[{numbers[0]}] >= current[{numbers[1]}]??{request.trigger_by}"
        return Refusal(110093, text)
    return None


def _check_stops(exchange: Exchange, request: OrderRequest) -> Refusal | None:
    stops = (
        StopTerms(StopKind.TAKE_PROFIT, request.take_profit, request.tp_trigger_by),
        StopTerms(StopKind.STOP_LOSS, request.stop_loss, request.sl_trigger_by),
    )
    given = [stop for stop in stops if stop.trigger_price is not None]
    if not given:
        return None
    if request.reduce_only:
        return Refusal(10001, "params error: takeProfit and stopLoss are not allowed with reduceOnly")
    if (refusal := off_tick(exchange, request.symbol, [stop.trigger_price for stop in given])) is not None:
        return refusal
    quote = exchange.quote(request.symbol)
    for stop in given:
        base = request.trigger_price or request.price or quote.price(stop.trigger_by)
        refusal = wrong_side(request.side, stop, base, stop.trigger_by)
        if refusal is not None:
            return refusal
    return None


def _check_reduce_only(account: Account, request: OrderRequest) -> Refusal | None:
    if account.position(request.symbol, request.position_idx).reduce_only and not request.reduce_only:
        return Refusal(110023, "Currently you can only reduce your position")
    if not request.reduce_only or request.trigger_price is not None:
        return None
    position = account.position(request.symbol, request.position_idx)
    if not position.size:
        return Refusal(110017, "current position is zero, cannot fix reduce-only order qty")
    if not closable(position, request.side):
        return Refusal(110017, "Reduce-only rule not satisfied")
    return None


def _check_counts(account: Account, request: OrderRequest) -> Refusal | None:
    mine = [order for order in account.open_orders.values() if order.symbol == request.symbol]
    if len(mine) >= MAX_ACTIVE_ORDERS:
        return Refusal(110020, "the number of active orders exceeds the limit of 500")
    conditional = [order for order in mine if order.is_conditional and order.stop_kind not in PROTECTION]
    if request.trigger_price is not None and len(conditional) >= MAX_CONDITIONAL_ORDERS:
        return Refusal(110009, "the number of stop orders exceeds the maximum allowable limit")
    return None


def check_margin(exchange: Exchange, account: Account, request: OrderRequest) -> Refusal | None:
    """Minimum value and free margin of the part that would open. Reduce-only orders need neither."""
    if request.reduce_only:
        return None
    price = request.price or request.trigger_price or exchange.quote(request.symbol).last
    minimum = exchange.instrument(request.symbol).min_notional
    if request.qty * price < minimum:
        return Refusal(110094, f"Order does not meet minimum order value {minimum}USDT")
    if request.trigger_price is not None:
        return None
    required = required_margin(exchange, account, request)
    if required and required > summary(account, exchange.quote).available:
        return Refusal(110007, "ab not enough for new order")
    return None


def required_margin(exchange: Exchange, account: Account, request: OrderRequest) -> Decimal:
    """Margin the opening part of an order takes, with the fees of both legs; 0 for a pure reduction."""
    held = closable(account.position(request.symbol, request.position_idx), request.side)
    opening = max(request.qty - held, ZERO)
    price = request.price or exchange.quote(request.symbol).last
    return order_margin(opening, price, account.leverage_of(request.symbol))
