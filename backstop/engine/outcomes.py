"""How an opening order that brought nothing, or less than it should, is told to the trader."""

from backstop.domain.money import plain
from backstop.domain.order import CancelReason, Order, OrderStatus
from backstop.domain.refusal import Refused
from backstop.domain.signal import SignalStatus

_WHY_CANCELED = {
    CancelReason.EXPIRED: (SignalStatus.EXPIRED, "entry_expired", "its time was over"),
    CancelReason.OVERTAKEN: (SignalStatus.SUPERSEDED, "entry_overtaken", "something newer was asked for the symbol"),
    CancelReason.CLOSING: (SignalStatus.SUPERSEDED, "position_closed", "the position was closed"),
    CancelReason.HALTED: (SignalStatus.REFUSED, "halted", "trading was halted"),
    CancelReason.FOREIGN_POSITION: (
        SignalStatus.REFUSED,
        "foreign_position",
        "a position that Backstop did not open is held on the symbol",
    ),
    CancelReason.STRATEGY_DISABLED: (SignalStatus.REFUSED, "strategy_disabled", "the strategy was switched off"),
}
_POST_ONLY = "PostOnly"
"""In the exchange's reason: it would have filled at once (Bybit V5, rejectReason)."""


def unfilled(order: Order) -> tuple[SignalStatus, Refused]:
    """The end of a signal whose opening order opened nothing."""
    if order.filled_qty > 0:
        why = (
            f"a position on the other side that Backstop did not open took all {plain(order.filled_qty)} {order.symbol}"
        )
        return SignalStatus.FAILED, Refused("foreign_position", why)
    if order.status is OrderStatus.REJECTED:
        return SignalStatus.FAILED, Refused("exchange_refused", order.reason or "the exchange refused the order")
    if order.cancel_reason is not None:
        status, code, why = _WHY_CANCELED[order.cancel_reason]
        return status, Refused(code, f"{_where(order)} was canceled with nothing filled: {why}")
    if order.post_only and order.reason is not None and _POST_ONLY in order.reason:
        message = f"{_where(order)} would have filled at once, which post-only forbids"
        return SignalStatus.FAILED, Refused("post_only", message)
    status = SignalStatus.EXPIRED if order.status is OrderStatus.EXPIRED else SignalStatus.FAILED
    return status, Refused(f"entry_{order.status}", order.reason or "the exchange filled nothing")


def partly_filled(order: Order) -> tuple[str | None, str | None]:
    """The code and reason of a signal whose limit order filled a part; nothing to say of one filled whole."""
    if order.limit_price is None or order.filled_qty >= order.qty:
        return None, None
    why = _WHY_CANCELED[order.cancel_reason][2] if order.cancel_reason is not None else "canceled at the exchange"
    return "partly_filled", f"{plain(order.filled_qty)} of {_where(order)} was filled, the rest canceled: {why}"


def _where(order: Order) -> str:
    return f"{plain(order.qty)} {order.symbol} at {plain(order.limit_price)}" if order.limit_price else order.symbol
