"""What the exchange does to a position by itself: funding, liquidation, ADL, settlement; and trades made by hand.

Liquidation is simplified, one risk tier and no ladder. Isolated: the position is taken over at its bankruptcy price
once mark reaches its liquidation price. Cross: when equity no longer covers the maintenance margin, every position of
the account is taken over at mark; the last one at the price that leaves the wallet at 0, if mark would leave it below.
Source: Bybit help, "Liquidation process", and V5 enums execType and createType.
"""

from __future__ import annotations

from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal

from simulator.exchange import Exchange, PrivateEvent, forget_oldest
from simulator.instruments import TAKER_FEE
from simulator.margin import bankruptcy_price, liquidation_price, summary
from simulator.matching import FillKind, execute, match
from simulator.model import (
    ZERO,
    Account,
    Execution,
    MarginMode,
    Order,
    OrderStatus,
    OrderType,
    Position,
    Side,
    StopKind,
    TimeInForce,
)
from simulator.numbers import to_money
from simulator.protection import drop
from simulator.rows import emit_position, emit_wallet, execution_event_row

_PRICE_GRID = Decimal("1e-8")


def fund(exchange: Exchange, symbol: str, rate: Decimal, now_ms: int, api_key: str = "") -> int:
    """Charge funding on every open position of a symbol (of one account, if a key is given).

    Longs pay size × mark × rate when the rate is above 0, shorts receive it. Returns how many positions it met.
    """
    count = 0
    for account in list(exchange.state.accounts.values()):
        if api_key and account.api_key != api_key:
            continue
        for position in [row for row in account.positions.values() if row.symbol == symbol and row.size]:
            _fund_position(exchange, account, position, rate, now_ms)
            count += 1
    return count


def _fund_position(exchange: Exchange, account: Account, position: Position, rate: Decimal, now_ms: int) -> None:
    mark, size, side = exchange.quote(position.symbol).mark, abs(position.size), position.side
    assert side is not None, position
    paid_rate = rate * side.sign
    paid = to_money(size * mark * paid_rate)
    execution = Execution(
        exec_id=exchange.new_id(),
        number=exchange.next_number(),
        seq=exchange.next_number(),
        symbol=position.symbol,
        order_id=exchange.new_id(),
        order_link_id="",
        side=side,
        order_type="UNKNOWN",
        stop_kind=StopKind.NONE,
        create_type="",
        order_price=ZERO,
        order_qty=ZERO,
        leaves_qty=ZERO,
        exec_type="Funding",
        price=mark,
        qty=size,
        fee=paid,
        fee_rate=paid_rate,
        pnl=ZERO,
        closed_size=ZERO,
        is_maker=False,
        time_ms=now_ms,
        mark_price=mark,
        position_idx=position.position_idx,
    )
    account.executions.append(execution)
    forget_oldest(account.executions)
    exchange.book(
        account,
        kind="SETTLEMENT",
        funding=-paid,
        now_ms=now_ms,
        symbol=position.symbol,
        side=side,
        qty=size,
        size=position.size,
        price=mark,
        fee_rate=paid_rate,
        trade_id=execution.exec_id,
        order_id=execution.order_id,
    )
    exchange.emit(PrivateEvent(account.api_key, "execution", execution_event_row(execution)))
    emit_wallet(exchange, account)


def liquidate(exchange: Exchange, account: Account, symbol: str, now_ms: int) -> None:
    """Take over what the marks no longer support: one position in isolated margin, all of them in cross."""
    held = [position for position in account.positions.values() if position.size]
    if not any(position.symbol == symbol for position in held):
        return
    if account.margin_mode is MarginMode.ISOLATED:
        for position in held:
            if position.symbol == symbol and _is_isolated_dead(exchange, account, position):
                leverage = account.leverage_of(symbol)
                price = bankruptcy_price(position.size, position.entry_price, leverage).quantize(_PRICE_GRID)
                take_over(exchange, account, position, now_ms, price=price)
        return
    totals = summary(account, exchange.quote)
    if totals.equity > totals.position_mm:
        return
    for number, position in enumerate(held, start=1):
        price = exchange.quote(position.symbol).mark
        if number == len(held):
            price = _price_emptying_wallet(account, position, price)
        take_over(exchange, account, position, now_ms, price=price)


def _is_isolated_dead(exchange: Exchange, account: Account, position: Position) -> bool:
    dead = liquidation_price(position, account.leverage_of(position.symbol))
    mark = exchange.quote(position.symbol).mark
    return dead is not None and (mark <= dead if position.size > 0 else mark >= dead)


def _price_emptying_wallet(account: Account, position: Position, mark: Decimal) -> Decimal:
    size = abs(position.size)
    if position.size > 0:
        floor = (position.entry_value - account.wallet) / (size * (1 - TAKER_FEE))
        return max(mark, floor.quantize(_PRICE_GRID, ROUND_CEILING))
    ceiling = (position.entry_value + account.wallet) / (size * (1 + TAKER_FEE))
    return min(mark, ceiling.quantize(_PRICE_GRID, ROUND_FLOOR))


def take_over(
    exchange: Exchange,
    account: Account,
    position: Position,
    now_ms: int,
    *,
    price: Decimal,
    exec_type: str = "BustTrade",
    qty: Decimal | None = None,
) -> None:
    """Close a position, or ``qty`` coins of it, by the exchange's own hand at a price.

    Args:
        exec_type: BustTrade cancels the symbol's orders first; AdlTrade and Settle leave them.
    """
    side = position.side
    assert side is not None, position
    create_type, ledger_type, status, cancel_type = _TAKEOVERS[exec_type]
    position.status = status
    if cancel_type:
        for order in [row for row in account.open_orders.values() if row.symbol == position.symbol]:
            drop(exchange, account, order, cancel_type, now_ms)
    amount = abs(position.size) if qty is None else min(qty, abs(position.size))
    order = _system_order(exchange, position, side.opposite, amount, price, create_type, now_ms)
    account.open_orders[order.order_id] = order
    execute(
        exchange,
        account,
        order,
        qty=amount,
        price=price,
        is_maker=False,
        now_ms=now_ms,
        kind=FillKind(exec_type, ledger_type),
    )
    if position.size:
        position.status = "Normal"
        emit_position(exchange, account, position.symbol, position.position_idx)


_TAKEOVERS = {
    "BustTrade": ("CreateByTakeOver_PassThrough", "LIQUIDATION", "Liq", "CancelAllBeforeLiq"),
    "AdlTrade": ("CreateByAdl_PassThrough", "ADL", "Adl", ""),
    "Settle": ("CreateBySettle", "DELIVERY", "Normal", "CancelBySettle"),
}


def trade_by_hand(
    exchange: Exchange,
    account: Account,
    *,
    symbol: str,
    side: Side,
    qty: Decimal,
    position_idx: int = 0,
    reduce_only: bool = False,
    now_ms: int,
) -> Order:
    """A market order placed outside the bot: no orderLinkId, filled at the last price like any other."""
    position = account.position(symbol, position_idx)
    order = _system_order(exchange, position, side, qty, exchange.quote(symbol).last, "CreateByUser", now_ms)
    order.reduce_only = reduce_only
    account.open_orders[order.order_id] = order
    match(exchange, account, order, now_ms)
    return order


def _system_order(
    exchange: Exchange, position: Position, side: Side, qty: Decimal, price: Decimal, create_type: str, now_ms: int
) -> Order:
    return Order(
        order_id=exchange.new_id(),
        number=exchange.next_number(),
        symbol=position.symbol,
        side=side,
        order_type=OrderType.MARKET,
        qty=qty,
        price=price,
        status=OrderStatus.NEW,
        created_ms=now_ms,
        updated_ms=now_ms,
        position_idx=position.position_idx,
        time_in_force=TimeInForce.IOC,
        create_type=create_type,
        last_price_on_created=exchange.quote(position.symbol).last,
    )
