"""Margin, break-even and liquidation prices, all pure. Amounts in USDT.

Source: Bybit help centre, "Initial margin / maintenance margin (USDT contract)", rules from 2025-09-02; one risk tier.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from decimal import Decimal

from simulator.instruments import MAINTENANCE_RATE, TAKER_FEE
from simulator.market import Quote
from simulator.model import ZERO, Account, MarginMode, Position
from simulator.numbers import to_money


@dataclass(frozen=True, slots=True)
class MarginSummary:
    """Account totals."""

    unrealised: Decimal
    position_im: Decimal
    position_mm: Decimal
    order_im: Decimal
    equity: Decimal
    available: Decimal


def unrealised_pnl(position: Position, mark: Decimal) -> Decimal:
    """size × (mark - entry), signed; before fees."""
    value = abs(position.size) * mark
    return value - position.entry_value if position.size >= 0 else position.entry_value - value


def fee_to_close(size: Decimal, entry_price: Decimal, leverage: Decimal) -> Decimal:
    """Taker fee of closing at the bankruptcy price; ``size`` is signed."""
    return abs(size) * bankruptcy_price(size, entry_price, leverage) * TAKER_FEE


def bankruptcy_price(size: Decimal, entry_price: Decimal, leverage: Decimal) -> Decimal:
    """Price at which the initial margin is gone: entry × (1 ∓ 1/leverage)."""
    return entry_price * (1 - 1 / leverage) if size > 0 else entry_price * (1 + 1 / leverage)


def initial_margin(position: Position, price: Decimal, leverage: Decimal) -> Decimal:
    """value/leverage plus the fee to close, at the given price (mark in cross, entry in isolated)."""
    if not position.size:
        return ZERO
    fee = fee_to_close(position.size, position.entry_price, leverage)
    return to_money(abs(position.size) * price / leverage + fee)


def maintenance_margin(position: Position, mark: Decimal, leverage: Decimal) -> Decimal:
    """value × maintenance rate plus the fee to close."""
    if not position.size:
        return ZERO
    fee = fee_to_close(position.size, position.entry_price, leverage)
    return to_money(abs(position.size) * mark * MAINTENANCE_RATE + fee)


def order_margin(opening_qty: Decimal, price: Decimal, leverage: Decimal) -> Decimal:
    """What an order that opens ``opening_qty`` coins reserves: margin and the fees of both legs."""
    value = opening_qty * price
    return to_money(value / leverage + 2 * value * TAKER_FEE)


def liquidation_price(position: Position, leverage: Decimal) -> Decimal | None:
    """Isolated: the mark price at which the margin falls to the maintenance margin; None when flat.

    Uses mark-based maintenance: (size·entry·(1 ∓ 1/leverage)) / (size·(1 ∓ rate)).
    """
    if not position.size:
        return None
    bankrupt = bankruptcy_price(position.size, position.entry_price, leverage)
    return bankrupt / (1 - MAINTENANCE_RATE) if position.size > 0 else bankrupt / (1 + MAINTENANCE_RATE)


def break_even_price(position: Position) -> Decimal | None:
    """Price at which closing now nets zero after what is realised; None when flat.

    Source: Bybit: (entry·qty - realised) / (qty - |qty|·taker), qty signed.
    """
    if not position.size:
        return None
    signed_value = position.entry_value if position.size > 0 else -position.entry_value
    return (signed_value - position.cur_realised) / (position.size - abs(position.size) * TAKER_FEE)


def summary(account: Account, quote_of: Callable[[str], Quote]) -> MarginSummary:
    """Totals over the account.

    Cross: available = equity - all initial margins. Isolated: available = wallet - all initial margins.
    """
    held: Iterable[Position] = [position for position in account.positions.values() if position.size]
    unrealised = position_im = position_mm = ZERO
    isolated = account.margin_mode is MarginMode.ISOLATED
    for position in held:
        mark = quote_of(position.symbol).mark
        leverage = account.leverage_of(position.symbol)
        unrealised += unrealised_pnl(position, mark)
        position_im += initial_margin(position, position.entry_price if isolated else mark, leverage)
        position_mm += maintenance_margin(position, mark, leverage)
    order_im = sum((order.margin_reserved for order in account.open_orders.values()), ZERO)
    equity = account.wallet + unrealised
    base = account.wallet if isolated else equity
    return MarginSummary(unrealised, position_im, position_mm, order_im, equity, base - position_im - order_im)
