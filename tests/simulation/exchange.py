"""The simulated exchange's books: orders, fills, positions, the wallet and its log. One account, one-way mode.

It writes rows as Bybit V5 does and shares no rule with what it tests: quantities, profit and protection are its own.
"""

from bisect import bisect_right
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import ROUND_FLOOR, Decimal
from random import Random
from typing import Any, Protocol

from tests.simulation.clock import Heap
from tests.simulation.faults import Dice, Kind
from tests.simulation.listings import Listing

Row = dict[str, Any]

TAKER = Decimal("0.00055")
_CENT = Decimal("0.00000001")
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
    status: str = "New"
    filled: Decimal = _ZERO
    reject: str = "EC_NoError"
    stop_type: str = ""
    create_type: str = "CreateByUser"
    closed_at: int | None = None
    closed_no: int = 0
    versions: list[tuple[int, Row]] = field(default_factory=list)

    def row(self) -> Row:
        return {
            "category": "linear",
            "symbol": self.symbol,
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
class Book:
    """One symbol: its prices and what the account holds of it. `size` is signed; `cost` what it was traded for.

    `opened` is of the position held now, or of the last one when flat; `carried` is what was opened before, of one whose
    end need not be known: because an order that opened it opened this one, too, or by an execution nobody understands.
    """

    listing: Listing
    last: Decimal
    mark: Decimal
    index: Decimal
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

    def price_by(self, source: str) -> Decimal:
        return {"LastPrice": self.last, "MarkPrice": self.mark, "IndexPrice": self.index}[source]

    def row(self) -> Row:
        flat = self.size == 0
        price = "0" if flat else text(self.cost / abs(self.size))
        return {
            "category": "linear",
            "symbol": self.listing.symbol,
            "positionIdx": 0,
            "side": "" if flat else "Buy" if self.size > 0 else "Sell",
            "size": text(abs(self.size)),
            "avgPrice": price,
            "entryPrice": price,
            "markPrice": text(self.mark),
            "stopLoss": "0" if self.stop is None else text(self.stop),
            "seq": self.seq,
        }


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


class Watcher(Protocol):
    """Who looks over the exchange's shoulder."""

    def order_accepted(self, order: ExchangeOrder) -> None: ...


class Exchange:
    def __init__(self, heap: Heap, random: Random, dice: Dice, listings: tuple[Listing, ...], balance: Decimal) -> None:
        self.heap = heap
        self.dice = dice
        self.books = {str(it.symbol): Book(it, it.first, it.first, it.first) for it in listings}
        self.start_balance = balance
        self.wallet = balance
        self.log: list[LogLine] = []
        self.orders: dict[str, ExchangeOrder] = {}
        self.executions: list[Execution] = []
        self.executions_of: dict[str, list[Execution]] = {}
        self.closed = 0
        self.wiped_at = 0
        self.publish: Callable[[str, Row], None] = lambda _topic, _row: None
        self.watcher: Watcher | None = None
        self._random = random
        self._times: list[int] = []
        self._number = 0
        for book in self.books.values():
            self._remember(book)

    # ---- orders

    def place(
        self,
        symbol: str,
        *,
        buys: bool,
        qty: Decimal,
        reduce_only: bool,
        link: str = "",
        stop: Decimal | None = None,
        stop_by: str = "LastPrice",
        limit: Decimal | None = None,
        post_only: bool = False,
        stop_type: str = "",
        create_type: str = "CreateByUser",
    ) -> ExchangeOrder:
        """Accept an order; it is matched a little later."""
        order = ExchangeOrder(
            id=f"o{self._next()}",
            link=link,
            symbol=symbol,
            buys=buys,
            qty=qty,
            reduce_only=reduce_only,
            stop=stop,
            created=self.heap.now,
            stop_by=stop_by,
            limit=limit,
            post_only=post_only,
            stop_type=stop_type,
            create_type=create_type,
        )
        self.orders[link or order.id] = order
        self._moved(order, tell=False)
        if self.watcher is not None:
            self.watcher.order_accepted(order)
        delay = self._random.randint(1, 60) if self._random.random() < 0.97 else self._random.randint(200, 2_500)
        self.heap.after(delay, self._match, order)
        return order

    def _match(self, order: ExchangeOrder) -> None:
        book = self.books[order.symbol]
        ours = bool(order.link)
        if order.closed_at is not None:
            return None
        if ours and self.dice.hits(Kind.ASYNC_REJECT):
            return self._close(order, "Rejected", "EC_RejectedByRiskControl")
        if order.limit is not None:
            return self._match_limit(book, order)
        wanted = order.qty
        if order.reduce_only:
            against = book.size if not order.buys else -book.size
            wanted = min(wanted, max(against, _ZERO))
            if wanted == 0:
                return self._close(order, "Cancelled", "EC_ReduceOnlyNothingLeft")
        fill = wanted
        if ours or order.stop_type:
            if self.dice.hits(Kind.BOOK_EMPTY):
                fill = _ZERO
            elif self.dice.hits(Kind.BOOK_THIN):
                share = Decimal(self.dice.of(Kind.BOOK_THIN).randint(5, 95)) / 100
                fill = self._on_step(book, wanted * share)
        for part in self._parts(book, fill):
            self._trade(book, order.buys, part, self._slipped(book, order.buys), "Trade", order)
        self._attach_stop(book, order)
        if fill >= order.qty:
            return self._close(order, "Filled", "EC_NoError")
        if fill > 0:
            return self._close(order, "PartiallyFilledCanceled", "EC_NoImmediateQtyToFill")
        return self._close(order, "Cancelled", "EC_NoImmediateQtyToFill")

    def _attach_stop(self, book: Book, order: ExchangeOrder) -> None:
        """The stop an order brings along becomes the whole position's with its first fill."""
        if order.stop is not None and order.filled > 0 and book.size != 0 and (book.size > 0) is order.buys:
            book.stop, book.stop_by, order.stop = order.stop, order.stop_by, None

    def _match_limit(self, book: Book, order: ExchangeOrder) -> None:
        """As it comes: it takes what is at its price, and waits with the rest."""
        assert order.limit is not None
        if book.last <= order.limit if order.buys else book.last >= order.limit:
            if order.post_only:
                return self._close(order, "Cancelled", "EC_PostOnlyWillTakeLiquidity")
            slipped = self._slipped(book, order.buys)
            self._fill_limit(book, order, min(slipped, order.limit) if order.buys else max(slipped, order.limit))
        if order.closed_at is None:
            book.resting.append(order)
            self._moved(order, tell=True)
            self._tell_position(book)
        return None

    def _fill_limit(self, book: Book, order: ExchangeOrder, price: Decimal) -> None:
        left = order.qty - order.filled
        if self.dice.hits(Kind.BOOK_THIN):
            share = Decimal(self.dice.of(Kind.BOOK_THIN).randint(5, 95)) / 100
            left = self._on_step(book, left * share)
        for part in self._parts(book, left):
            self._trade(book, order.buys, part, price, "Trade", order)
        self._attach_stop(book, order)
        if order.filled >= order.qty:
            self._close(order, "Filled", "EC_NoError")
        elif order.filled > 0:
            order.status = "PartiallyFilled"
            self._moved(order, tell=True)

    def cancel(self, link: str) -> bool:
        """Whether there is something to cancel; it is done a little later, and a fill may come before."""
        order = self.orders.get(link)
        if order is None or order.closed_at is not None:
            return False
        self.heap.after(self._random.randint(1, 60), self._cancel, order)
        return True

    def _cancel(self, order: ExchangeOrder) -> None:
        if order.closed_at is None:
            self._close(order, "Cancelled", "EC_PerCancelRequest")

    def _parts(self, book: Book, fill: Decimal) -> list[Decimal]:
        """A fill in one to three executions."""
        parts = []
        for _ in range(self._random.choice((1, 1, 1, 2, 3)) - 1):
            part = self._on_step(book, fill * Decimal(self._random.randint(20, 80)) / 100)
            if 0 < part < fill:
                parts.append(part)
                fill -= part
        return [*parts, fill] if fill > 0 else parts

    def _slipped(self, book: Book, buys: bool) -> Decimal:
        ticks = self._random.randint(0, 5) * (1 if buys else -1)
        return max(book.last + ticks * book.listing.tick, book.listing.tick)

    @staticmethod
    def _on_step(book: Book, qty: Decimal) -> Decimal:
        return (qty / book.listing.step).to_integral_value(ROUND_FLOOR) * book.listing.step

    def _close(self, order: ExchangeOrder, status: str, reject: str) -> None:
        order.status, order.reject, order.closed_at = status, reject, self.heap.now
        resting = self.books[order.symbol].resting
        if order in resting:
            resting.remove(order)
        self.closed += 1
        order.closed_no = self.closed
        self._moved(order, tell=True)
        self._tell_position(self.books[order.symbol])

    def _moved(self, order: ExchangeOrder, *, tell: bool) -> None:
        row = order.row()
        order.versions.append((self.heap.now, row))
        if tell:
            self.publish("order", row)

    # ---- fills

    def _trade(
        self, book: Book, buys: bool, qty: Decimal, price: Decimal, exec_type: str, order: ExchangeOrder | None
    ) -> None:
        signed = qty if buys else -qty
        fee = (qty * price * TAKER).quantize(_CENT)
        pnl = closing = _ZERO
        rest = signed
        if book.size * signed < 0:
            closing = min(qty, abs(book.size))
            released = book.cost if closing == abs(book.size) else book.cost * closing / abs(book.size)
            pnl = (price * closing - released) * (1 if book.size > 0 else -1)
            book.cost -= released
            book.size += closing if buys else -closing
            rest = signed - (closing if buys else -closing)
        if rest != 0:
            if book.size == 0:
                book.before = book.opened + book.carried
                opening = any(order.filled > 0 for order in book.resting)
                book.carried = book.opened if opening or not book.explained else _ZERO
                book.opened, book.cost, book.stop = _ZERO, _ZERO, None
            book.size += rest
            book.cost += abs(rest) * price
            book.opened += abs(rest)
        if book.size == 0:
            book.stop, book.cost, book.flat_at = None, _ZERO, self.heap.now
            book.explained = exec_type != "CorporateAction"
        if order is not None:
            order.filled += qty
        book.seq += 1
        row = self._execution(book, "Buy" if buys else "Sell", qty, price, fee, exec_type, order)
        row["closedSize"] = text(closing)
        self._book(LogLine(book.listing.symbol, row["execId"], exec_type, pnl, fee, _ZERO))
        self.publish("execution", row)
        self._tell_position(book)
        self._tell_wallet()

    def _execution(
        self,
        book: Book,
        side: str,
        qty: Decimal,
        price: Decimal,
        fee: Decimal,
        exec_type: str,
        order: ExchangeOrder | None,
    ) -> Row:
        row: Row = {
            "category": "linear",
            "symbol": book.listing.symbol,
            "execId": f"x{self._next()}",
            "execType": exec_type,
            "side": side,
            "execQty": text(qty),
            "execPrice": text(price),
            "execFee": text(fee),
            "execTime": str(self.heap.now),
            "orderId": order.id if order is not None else "",
            "orderLinkId": order.link if order is not None else "",
            "stopOrderType": order.stop_type if order is not None else "UNKNOWN",
            "createType": order.create_type if order is not None else "",
            "seq": book.seq,
        }
        execution = Execution(self.heap.now, row)
        self.executions.append(execution)
        self._times.append(execution.at)
        if order is not None and order.link:
            self.executions_of.setdefault(order.link, []).append(execution)
        return row

    def _book(self, line: LogLine) -> None:
        self.wallet += line.pnl - line.fee + line.funding
        self.log.append(line)

    def _tell_position(self, book: Book) -> None:
        self._remember(book)
        self.publish("position", book.versions[-1][1])

    def _remember(self, book: Book) -> None:
        book.versions.append((self.heap.now, book.row(), book.stop_by))

    def _tell_wallet(self) -> None:
        self.publish("wallet", self.wallet_row())

    def wallet_row(self) -> Row:
        return {"accountType": "UNIFIED", "coin": [{"coin": "USDT", "equity": text(self.equity())}]}

    def equity(self) -> Decimal:
        return self.wallet + sum(
            (book.size * book.mark - (book.cost if book.size > 0 else -book.cost) for book in self.books.values()),
            _ZERO,
        )

    def executions_until(self, at: int) -> int:
        """How many executions there were at `at`."""
        return bisect_right(self._times, at)

    # ---- what happens without anybody's request

    def price_moved(self, symbol: str, last: Decimal, mark: Decimal, index: Decimal) -> None:
        book = self.books[symbol]
        book.last, book.mark, book.index = last, mark, index
        for order in tuple(book.resting):
            if order.limit is not None and (last <= order.limit if order.buys else last >= order.limit):
                self._fill_limit(book, order, order.limit)
        price = book.price_by(book.stop_by)
        if book.stop is not None and (price <= book.stop if book.size > 0 else price >= book.stop):
            self.place(
                symbol,
                buys=book.size < 0,
                qty=abs(book.size),
                reduce_only=True,
                stop_type="StopLoss",
                create_type="CreateByStopLoss",
            )

    def set_stop(self, symbol: str, stop: Decimal | None, stop_by: str = "LastPrice") -> None:
        book = self.books[symbol]
        book.stop, book.stop_by = stop, stop_by
        self._tell_position(book)

    def fund(self, rate: Decimal) -> None:
        for book in self.books.values():
            if book.size == 0:
                continue
            paid = (book.size * book.mark * rate).quantize(_CENT)
            row = self._execution(
                book, "Buy" if book.size > 0 else "Sell", abs(book.size), book.mark, paid, "Funding", None
            )
            self._book(LogLine(book.listing.symbol, row["execId"], "Funding", _ZERO, _ZERO, -paid))
            if self._random.random() < 0.5:
                self.publish("execution", row)
            self._tell_wallet()

    def by_hand(self, symbol: str, signed: Decimal) -> None:
        """A trade somebody makes at the exchange; it fills at once."""
        book = self.books[symbol]
        order = ExchangeOrder(f"o{self._next()}", "", symbol, signed > 0, abs(signed), False, None, self.heap.now)
        self._trade(book, signed > 0, abs(signed), self._slipped(book, signed > 0), "Trade", order)

    def taken_over(self, symbol: str, qty: Decimal, exec_type: str, create_type: str, price: Decimal) -> None:
        """Auto-deleveraging, a liquidation, or something newer than our knowledge."""
        book = self.books[symbol]
        order = ExchangeOrder(
            f"o{self._next()}", "", symbol, book.size < 0, qty, False, None, self.heap.now, create_type=create_type
        )
        self._trade(book, book.size < 0, qty, price, exec_type, order)

    def settle(self, symbol: str) -> None:
        """Settled at the mark price: a trade that no order stands behind."""
        book = self.books[symbol]
        self._trade(book, book.size < 0, abs(book.size), book.mark, "Settle", None)

    def _next(self) -> int:
        self._number += 1
        return self._number
