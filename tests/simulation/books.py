"""What the simulated exchange keeps: markets, orders, the books of one account, its executions and its log.

Rows are written as Bybit V5 does.
"""

from collections import deque
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from backstop.domain.ids import Symbol
from backstop.domain.slot import Slot
from tests.simulation.listings import Listing

Row = dict[str, Any]

_ZERO = Decimal(0)


def text(number: Decimal) -> str:
    return format(number, "f")


@dataclass(slots=True, eq=False)
class ExchangeOrder:
    """`versions`: its rows, each with when it became so."""

    id: str
    link: str
    symbol: str
    buys: bool
    qty: Decimal
    reduce_only: bool
    stop: Decimal | None
    created: int
    stop_by: str = "LastPrice"
    limit: Decimal | None = None
    post_only: bool = False
    idx: int = 0
    status: str = "New"
    filled: Decimal = _ZERO
    reject: str = "EC_NoError"
    stop_type: str = ""
    create_type: str = "CreateByUser"
    closed_at: int | None = None
    closed_no: int = 0
    versions: list[tuple[int, Row]] = field(default_factory=list)

    @property
    def slot(self) -> Slot:
        return Slot(Symbol(self.symbol), self.idx)

    def row(self) -> Row:
        return {
            "category": "linear",
            "symbol": self.symbol,
            "positionIdx": self.idx,
            "orderId": self.id,
            "orderLinkId": self.link,
            "side": "Buy" if self.buys else "Sell",
            "orderType": "Market" if self.limit is None else "Limit",
            "price": "0" if self.limit is None else text(self.limit),
            "qty": text(self.qty),
            "cumExecQty": text(self.filled),
            "orderStatus": self.status,
            "rejectReason": self.reject,
            "reduceOnly": self.reduce_only,
            "stopOrderType": self.stop_type,
            "createType": self.create_type,
        }


@dataclass(slots=True, eq=False)
class Market:
    """One symbol: its prices, and what holds for all that the account has in it. `seq` counts its fills."""

    listing: Listing
    last: Decimal
    mark: Decimal
    index: Decimal
    seq: int = 0
    leverage: str | None = None
    tells_leverage: bool = False
    status: str = "Trading"
    delivers_at: int | None = None
    """Its end is announced: nothing may be opened any more."""
    value_cap: Decimal | None = None
    """The most that may be held, by its risk limit."""
    band: Decimal | None = None
    """How far from the mark price a limit may lie on its far side, a share."""

    @property
    def is_listed(self) -> bool:
        return self.status == "Trading"

    def row(self) -> Row:
        """As /v5/market/instruments-info has it."""
        return {**self.listing.row(), "status": self.status, "deliveryTime": str(self.delivers_at or 0)}

    def price_by(self, source: str) -> Decimal:
        return {"LastPrice": self.last, "MarkPrice": self.mark, "IndexPrice": self.index}[source]


@dataclass(slots=True, eq=False)
class Book:
    """What the account holds in one slot: `idx` as Bybit's positionIdx. `size` is signed; `cost` what it was traded for.

    `opened` is of the position held now, or of the last one when flat; `carried` is what was opened before, of one whose
    end need not be known: because an order that opened it opened this one, too, or by an execution nobody understands.
    """

    market: Market
    idx: int = 0
    size: Decimal = _ZERO
    cost: Decimal = _ZERO
    stop: Decimal | None = None
    stop_by: str = "LastPrice"
    opened: Decimal = _ZERO
    carried: Decimal = _ZERO
    before: Decimal = _ZERO
    """What was opened of the position before this one."""

    explained: bool = True
    """Whether the last position ended by an execution that can be understood."""

    flat_at: int = 0
    seq: int = 0
    versions: deque[tuple[int, Row, str]] = field(default_factory=lambda: deque(maxlen=64))
    """Its rows, each with when it became so and what its stop was compared with, which a row does not tell."""

    resting: list[ExchangeOrder] = field(default_factory=list)

    @property
    def listing(self) -> Listing:
        return self.market.listing

    @property
    def slot(self) -> Slot:
        return Slot(self.listing.symbol, self.idx)

    @property
    def value(self) -> Decimal:
        """What closing all at the mark price would gain."""
        return self.size * self.market.mark - (self.cost if self.size > 0 else -self.cost)

    def closes(self, buys: bool) -> bool:
        """Whether an order on this side can only close here: each slot of hedge mode has one side."""
        return buys if self.idx == 2 else self.idx == 1 and not buys

    def against(self, buys: bool) -> Decimal:
        """How much an order on this side finds to close."""
        return max(-self.size if buys else self.size, _ZERO)

    def row(self) -> Row:
        flat = self.size == 0
        price = "0" if flat else text(self.cost / abs(self.size))
        row = {
            "category": "linear",
            "symbol": self.listing.symbol,
            "positionIdx": self.idx,
            "side": "" if flat else "Buy" if self.size > 0 else "Sell",
            "size": text(abs(self.size)),
            "avgPrice": price,
            "entryPrice": price,
            "markPrice": text(self.market.mark),
            "stopLoss": "0" if self.stop is None else text(self.stop),
            "seq": self.seq,
        }
        if self.market.tells_leverage:
            row["leverage"] = self.market.leverage or "10"
        return row


@dataclass(frozen=True, slots=True)
class LogLine:
    """The transaction log: what one execution did to the wallet."""

    symbol: str
    exec_id: str
    exec_type: str
    pnl: Decimal
    fee: Decimal
    funding: Decimal


@dataclass(slots=True)
class Execution:
    at: int
    row: Row
