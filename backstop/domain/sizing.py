"""How much to buy or sell."""

from decimal import Decimal

from backstop.domain.instrument import Instrument, fit_quantity
from backstop.domain.margin import margin_share
from backstop.domain.money import Price, Qty
from backstop.domain.refusal import Refused
from backstop.domain.strategy import Sizing, SizingMode


def size_entry(
    sizing: Sizing,
    *,
    price: Price,
    stop: Price | None,
    equity: Decimal | None,
    available: Decimal | None = None,
    leverage: Decimal,
    instrument: Instrument,
) -> Qty | Refused:
    """The quantity to open at about `price`, in base coins, rounded down to the lot step.

    `stop` is where the position would be closed at a loss, `equity` the account's USDT; a mode that needs one that is
    not there is refused. With `risk_pct` a fill at `price` stopped at `stop` loses at most that share of equity,
    before fees and slippage. The notional never exceeds equity × leverage while equity is known; sized by equity, it never
    exceeds what the `available` USDT pay margin and fees for.
    """
    wanted = _wanted(sizing, price, stop, equity)
    if isinstance(wanted, Refused):
        return wanted
    if equity is not None and wanted * price > equity * leverage:
        if sizing.mode in (SizingMode.QTY, SizingMode.QUOTE):
            return Refused(
                "above_equity",
                f"{wanted * price:.2f} USDT is more than equity × leverage, {equity * leverage:.2f} USDT",
                {"got": f"{wanted * price:.2f}", "maximum": f"{equity * leverage:.2f}"},
            )
        wanted = equity * leverage / price
    if available is not None and sizing.mode in (SizingMode.EQUITY_PCT, SizingMode.RISK_PCT):
        wanted = min(wanted, max(available, Decimal(0)) / margin_share(leverage) / price)
    return fit_quantity(wanted, price, instrument)


def _wanted(sizing: Sizing, price: Price, stop: Price | None, equity: Decimal | None) -> Decimal | Refused:
    match sizing.mode:
        case SizingMode.QTY:
            return sizing.value
        case SizingMode.QUOTE:
            return sizing.value / price
        case SizingMode.EQUITY_PCT | SizingMode.RISK_PCT:
            if equity is None or equity <= 0:
                return Refused("equity_unknown", "sizing by equity needs the account's equity, which is not known yet")
            share = equity * sizing.value / 100
            if sizing.mode is SizingMode.EQUITY_PCT:
                return share / price
            if stop is None or stop == price:
                return Refused("no_stop", "sizing by risk needs a stop-loss away from the entry price")
            return share / abs(price - stop)
