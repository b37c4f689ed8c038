"""One fill, known by its `exec_id`, which counts once."""

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from backstop.domain.ids import Symbol
from backstop.domain.money import ZERO, Price, Qty, Usdt
from backstop.domain.side import Side

POSITION_CHANGING = frozenset({"Trade", "AdlTrade", "BustTrade", "Settle", "Delivery"})
"""The only execTypes that change a position; `Funding` goes to the ledger, anything else to quarantine."""

FUNDING = "Funding"


class ExitReason(StrEnum):
    STOP_LOSS = "stop_loss"
    TAKE_PROFIT = "take_profit"
    TRAILING = "trailing"
    BREAK_EVEN = "break_even"
    TIME = "time"
    SIGNAL = "signal"
    REVERSE = "reverse"
    MANUAL = "manual"
    EXTERNAL = "external"
    LIQUIDATION = "liquidation"
    HALT = "halt"


@dataclass(frozen=True, slots=True)
class Booked:
    """What is remembered of an execution: when it was made, of which order it was part, and how much."""

    at: int
    link_id: str = ""
    qty: Decimal = ZERO
    value: Decimal = ZERO


@dataclass(frozen=True, slots=True)
class Execution:
    """`fee` above 0 was paid. `closed_qty`: the part of `qty` that reduced a position. `at` is the exchange's execTime,
    UTC milliseconds. `seq` rises with what happens on the symbol, and is told of its positions too; 0 where it is not.

    Source: Bybit V5, "Execution" stream and "Get Trade History".
    """

    exec_id: str
    symbol: Symbol
    side: Side
    exec_type: str
    price: Price
    qty: Qty
    fee: Usdt
    at: int
    order_link_id: str = ""
    exchange_order_id: str = ""
    stop_order_type: str = ""
    create_type: str = ""
    closed_qty: Decimal = ZERO
    seq: int = 0

    @property
    def booked(self) -> Booked:
        return Booked(self.at, self.order_link_id, self.qty, self.value)

    @property
    def value(self) -> Decimal:
        return self.price * self.qty


def foreign_exit_reason(execution: Execution) -> ExitReason:
    """Why a position shrank when the order was not ours: the exchange's own stop, a liquidation, or someone's hand."""
    if execution.exec_type in ("BustTrade", "AdlTrade") or "ByLiq" in execution.create_type:
        return ExitReason.LIQUIDATION
    for text, reason in (
        ("StopLoss", ExitReason.STOP_LOSS),
        ("TakeProfit", ExitReason.TAKE_PROFIT),
        ("TrailingStop", ExitReason.TRAILING),
        ("TrailingProfit", ExitReason.TRAILING),
    ):
        if text in execution.stop_order_type or text in execution.create_type:
            return reason
    return ExitReason.EXTERNAL
