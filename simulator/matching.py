"""Fills: what a fill does to a position, and which orders fill at the touch.

Source: Bybit V5, "Place Order" and "Execution"; average entry and profit per Bybit help, "P&L calculations (USDT
contract)".
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from simulator.exchange import Exchange, Traded, close_order, forget_oldest
from simulator.exchange import PrivateEvent as _Private
from simulator.instruments import MAKER_FEE, TAKER_FEE, Instrument
from simulator.margin import order_margin
from simulator.model import (
    ZERO,
    Account,
    ClosedPnl,
    Execution,
    Order,
    OrderStatus,
    OrderType,
    Position,
    Side,
    TimeInForce,
)
from simulator.numbers import floor_to, to_money
from simulator.protection import attach, clear, drop, resize
from simulator.rows import emit_order, emit_position, emit_wallet, execution_event_row

_MARKET_BOUND = Decimal("0.01")


@dataclass(frozen=True, slots=True)
class FillKind:
    """Bybit's execType of a fill, and the type of its row in the transaction log."""

    exec_type: str
    ledger_type: str


TRADE = FillKind("Trade", "TRADE")


@dataclass(frozen=True, slots=True)
class FillEffect:
    """What a fill does: coins closed and opened, what closing realised, the entry value it took out."""

    closed: Decimal
    opened: Decimal
    pnl: Decimal
    cost: Decimal
    open_fee: Decimal


def fill_effect(position: Position, side: Side, qty: Decimal, price: Decimal) -> FillEffect:
    """Split a fill into the part that reduces the position and the part that opens.

    ``pnl`` is gross. Cost is taken out in proportion and rounded to 1e-10 USDT; the last reduction takes all that is
    left, so that over a round trip the sum of ``pnl`` is exactly the cash that moved.
    """
    size = abs(position.size)
    closed = min(qty, size) if position.side is side.opposite else ZERO
    if not closed:
        return FillEffect(ZERO, qty, ZERO, ZERO, ZERO)
    share = closed / size
    cost = position.entry_value if closed == size else to_money(position.entry_value * share)
    open_fee = position.open_fees if closed == size else to_money(position.open_fees * share)
    value = closed * price
    pnl = value - cost if side is Side.SELL else cost - value
    return FillEffect(closed, qty - closed, pnl, cost, open_fee)


def apply_fill(position: Position, side: Side, price: Decimal, effect: FillEffect, fee: Decimal, now_ms: int) -> None:
    """Book a fill on a position. The fee is shared between the closed and the opened part by quantity."""
    qty = effect.closed + effect.opened
    opening_fee = to_money(fee * effect.opened / qty)
    position.size += side.sign * qty
    position.entry_value += effect.opened * price - effect.cost
    position.open_fees += opening_fee - effect.open_fee
    position.cum_realised += effect.pnl - fee
    position.cur_realised += effect.pnl - (fee - opening_fee)
    if effect.opened and abs(position.size) == effect.opened:
        position.cur_realised = ZERO
        position.opened_ms = now_ms
    position.cur_realised -= opening_fee
    if not position.size:
        position.opened_ms = 0
        position.cur_realised = ZERO
        position.status = "Normal"
    position.created_ms = position.created_ms or now_ms
    position.updated_ms = now_ms


def market_bound(last: Decimal, side: Side, instrument: Instrument) -> Decimal:
    """Worst price a market order shows as its limit: 1 % beyond the last price, on the tick."""
    return floor_to(last * (1 + side.sign * _MARKET_BOUND), instrument.tick_size)


def closable(position: Position, side: Side) -> Decimal:
    """Coins an order of that side could close."""
    return abs(position.size) if position.side is side.opposite else ZERO


def match(exchange: Exchange, account: Account, order: Order, now_ms: int) -> None:
    """Fill a new or amended order at the touch, as far as there is liquidity; the rest waits or is cancelled."""
    if order.status not in {OrderStatus.NEW, OrderStatus.PARTIALLY_FILLED}:
        return
    touch = exchange.quote(order.symbol).last
    if not _is_marketable(order, touch):
        if order.time_in_force in {TimeInForce.IOC, TimeInForce.FOK}:
            _end_unfilled(exchange, account, order, "EC_NoImmediateQtyToFill", now_ms)
        else:
            _rest(exchange, account, order, now_ms)
        return
    if order.time_in_force is TimeInForce.POST_ONLY:
        _end_unfilled(exchange, account, order, "EC_PostOnlyWillTakeLiquidity", now_ms)
        return
    wanted = _wanted(account, order)
    if not wanted:
        _end_reduce_only(exchange, account, order, now_ms)
        return
    available = _available(exchange, account, order, wanted)
    if order.time_in_force is TimeInForce.FOK and available < wanted:
        _end_unfilled(exchange, account, order, "EC_CancelForNoFullFill", now_ms)
        return
    if available:
        execute(exchange, account, order, qty=available, price=touch, is_maker=False, now_ms=now_ms)
    if order.order_id not in account.open_orders:
        return
    if order.order_type is OrderType.MARKET or order.time_in_force is TimeInForce.IOC:
        if available == wanted:
            _end_reduce_only(exchange, account, order, now_ms)
        else:
            _end_unfilled(exchange, account, order, "EC_NoImmediateQtyToFill", now_ms)
    else:
        _rest(exchange, account, order, now_ms)


def fill_resting(exchange: Exchange, account: Account, order: Order, now_ms: int) -> None:
    """Fill a resting limit order that the price has reached: all of it, as maker, at its own price."""
    wanted = _wanted(account, order)
    if not wanted:
        _end_reduce_only(exchange, account, order, now_ms)
        return
    execute(exchange, account, order, qty=wanted, price=order.price, is_maker=True, now_ms=now_ms)
    if order.status is not OrderStatus.FILLED:
        _end_reduce_only(exchange, account, order, now_ms)


def is_reached(order: Order, last: Decimal) -> bool:
    """Whether a resting limit order would trade at that price."""
    return last <= order.price if order.side is Side.BUY else last >= order.price


def execute(
    exchange: Exchange,
    account: Account,
    order: Order,
    *,
    qty: Decimal,
    price: Decimal,
    is_maker: bool,
    now_ms: int,
    kind: FillKind = TRADE,
) -> Execution:
    """Book one fill: order, position, wallet, ledger, closed P&L, and the events of all of them."""
    position = account.position(order.symbol, order.position_idx)
    effect = fill_effect(position, order.side, qty, price)
    rate = MAKER_FEE if is_maker else TAKER_FEE
    fee = to_money(qty * price * rate)
    apply_fill(position, order.side, price, effect, fee, now_ms)

    order.cum_exec_qty += qty
    order.cum_exec_value += qty * price
    order.cum_exec_fee += fee
    is_filled = order.cum_exec_qty >= order.qty
    order.status = OrderStatus.FILLED if is_filled else OrderStatus.PARTIALLY_FILLED
    if is_filled:
        order.margin_reserved = ZERO
    elif order.margin_reserved:
        leverage = account.leverage_of(order.symbol)
        order.margin_reserved = order_margin(order.qty - order.cum_exec_qty, order.price, leverage)

    seq = exchange.next_number()
    position.seq = seq
    execution = Execution(
        exec_id=exchange.new_id(),
        number=exchange.next_number(),
        seq=seq,
        symbol=order.symbol,
        order_id=order.order_id,
        order_link_id=order.order_link_id,
        side=order.side,
        order_type=order.order_type,
        stop_kind=order.stop_kind,
        create_type=order.create_type,
        order_price=order.price,
        order_qty=order.qty,
        leaves_qty=order.leaves_qty,
        exec_type=kind.exec_type,
        price=price,
        qty=qty,
        fee=fee,
        fee_rate=rate,
        pnl=effect.pnl,
        closed_size=effect.closed,
        is_maker=is_maker,
        time_ms=now_ms,
        mark_price=exchange.quote(order.symbol).mark,
        position_idx=order.position_idx,
    )
    account.executions.append(execution)
    forget_oldest(account.executions)
    if effect.closed:
        order.closed_pnl += _book_closed_pnl(exchange, account, order, execution, effect)
    exchange.book(
        account,
        kind=kind.ledger_type,
        cash_flow=effect.pnl,
        fee=fee,
        now_ms=now_ms,
        symbol=order.symbol,
        side=order.side,
        qty=qty,
        size=position.size,
        price=price,
        fee_rate=rate,
        trade_id=execution.exec_id,
        order_id=order.order_id,
        order_link_id=order.order_link_id,
    )
    _publish(exchange, account, order, execution)
    if order.create_type == "CreateBySettle":
        # A settlement is recorded as a trade but not as an order.
        account.open_orders.pop(order.order_id, None)
    elif is_filled:
        close_order(account, order)
        emit_order(exchange, account, order, now_ms)
    _update_protection(exchange, account, position, order, effect, now_ms)
    emit_position(exchange, account, order.symbol, order.position_idx)
    emit_wallet(exchange, account)
    return execution


def _publish(exchange: Exchange, account: Account, order: Order, execution: Execution) -> None:
    exchange.emit(_Private(account.api_key, "execution", execution_event_row(execution)))
    quote = exchange.quote(order.symbol)
    quote.volume += execution.qty
    quote.turnover += execution.qty * execution.price
    taker = order.side.opposite if execution.is_maker else order.side
    exchange.emit(
        Traded(order.symbol, taker, execution.qty, execution.price, execution.time_ms, execution.exec_id, execution.seq)
    )


def _update_protection(
    exchange: Exchange, account: Account, position: Position, order: Order, effect: FillEffect, now_ms: int
) -> None:
    flipped = effect.closed and effect.opened
    if not position.size or flipped:
        clear(exchange, account, position, now_ms)
    else:
        resize(exchange, account, position, now_ms)
    if effect.opened:
        attach(exchange, account, position, order, effect.opened, now_ms)


def _book_closed_pnl(
    exchange: Exchange, account: Account, order: Order, execution: Execution, effect: FillEffect
) -> Decimal:
    record = next((row for row in reversed(account.closed_pnl) if row.order_id == order.order_id), None)
    if record is None:
        record = ClosedPnl(
            order_id=order.order_id,
            number=exchange.next_number(),
            symbol=order.symbol,
            side=order.side,
            order_type=order.order_type,
            order_price=order.price,
            exec_type=execution.exec_type,
            qty=order.qty,
            leverage=account.leverage_of(order.symbol),
            created_ms=execution.time_ms,
            updated_ms=execution.time_ms,
        )
        account.closed_pnl.append(record)
        forget_oldest(account.closed_pnl)
    close_fee = to_money(execution.fee * effect.closed / execution.qty)
    net = effect.pnl - effect.open_fee - close_fee
    record.closed_size += effect.closed
    record.entry_value += effect.cost
    record.exit_value += effect.closed * execution.price
    record.open_fee += effect.open_fee
    record.close_fee += close_fee
    record.pnl += net
    record.fill_count += 1
    record.updated_ms = execution.time_ms
    return net


def _is_marketable(order: Order, touch: Decimal) -> bool:
    return order.order_type is OrderType.MARKET or is_reached(order, touch)


def _wanted(account: Account, order: Order) -> Decimal:
    leaves = order.qty - order.cum_exec_qty
    if not order.reduce_only:
        return leaves
    return min(leaves, closable(account.position(order.symbol, order.position_idx), order.side))


def _available(exchange: Exchange, account: Account, order: Order, wanted: Decimal) -> Decimal:
    depth = exchange.quote(order.symbol).depth
    visible = wanted if depth is None else min(wanted, depth)
    return floor_to(exchange.liquidity(account, order, visible), exchange.instrument(order.symbol).qty_step)


def _rest(exchange: Exchange, account: Account, order: Order, now_ms: int) -> None:
    order.rests = True
    emit_order(exchange, account, order, now_ms)
    emit_position(exchange, account, order.symbol, order.position_idx)


def _end_unfilled(exchange: Exchange, account: Account, order: Order, reason: str, now_ms: int) -> None:
    order.reject_reason = reason
    drop(exchange, account, order, "UNKNOWN", now_ms)
    emit_position(exchange, account, order.symbol, order.position_idx)


def _end_reduce_only(exchange: Exchange, account: Account, order: Order, now_ms: int) -> None:
    drop(exchange, account, order, "CancelByReduceOnly", now_ms)
    emit_position(exchange, account, order.symbol, order.position_idx)
