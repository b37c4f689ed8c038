"""The simulated exchange's books: orders, fills, positions, the wallet and its log, of one account.

It shares no rule with what it tests: quantities, profit and protection are its own. In hedge mode a symbol has two books,
in which nothing is ever traded past zero.
"""

from bisect import bisect_right
from collections.abc import Callable, Collection
from decimal import ROUND_FLOOR, Decimal
from random import Random
from typing import Protocol

from backstop.domain.ids import Symbol
from backstop.domain.slot import Slot
from tests.simulation.books import Book, ExchangeOrder, Execution, LogLine, Market, Row, text
from tests.simulation.clock import Heap
from tests.simulation.faults import Dice, Kind
from tests.simulation.listings import Listing

TAKER = Decimal("0.00055")
_CENT = Decimal("0.00000001")
_ZERO = Decimal(0)


class Watcher(Protocol):
    """Who looks over the exchange's shoulder."""

    def order_accepted(self, order: ExchangeOrder) -> None: ...


class Exchange:
    def __init__(
        self,
        heap: Heap,
        random: Random,
        dice: Dice,
        listings: tuple[Listing, ...],
        balance: Decimal,
        hedged: Collection[Symbol] = (),
        *,
        tells_leverage: bool = False,
    ) -> None:
        self.heap = heap
        self.dice = dice
        self.markets = {str(it.symbol): Market(it, it.first, it.first, it.first) for it in listings}
        for market in self.markets.values():
            market.tells_leverage = tells_leverage
        self.books = {
            Slot(it.symbol, idx): Book(self.markets[it.symbol], idx)
            for it in listings
            for idx in ((1, 2) if it.symbol in hedged else (0,))
        }
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

    def of(self, symbol: str) -> list[Book]:
        """Its books: one, or in hedge mode two."""
        return [book for slot, book in self.books.items() if slot.symbol == symbol]

    # ---- orders

    def place(
        self,
        slot: Slot,
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
            symbol=slot.symbol,
            idx=slot.idx,
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
        book = self.books[order.slot]
        ours = bool(order.link)
        if order.closed_at is not None:
            return None
        if ours and self.dice.hits(Kind.ASYNC_REJECT):
            return self._close(order, "Rejected", "EC_RejectedByRiskControl")
        if order.limit is not None:
            return self._match_limit(book, order)
        wanted = order.qty
        if order.reduce_only or book.closes(order.buys):
            wanted = min(wanted, book.against(order.buys))
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
        last = book.market.last
        if last <= order.limit if order.buys else last >= order.limit:
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
        return max(book.market.last + ticks * book.listing.tick, book.listing.tick)

    @staticmethod
    def _on_step(book: Book, qty: Decimal) -> Decimal:
        return (qty / book.listing.step).to_integral_value(ROUND_FLOOR) * book.listing.step

    def _close(self, order: ExchangeOrder, status: str, reject: str) -> None:
        order.status, order.reject, order.closed_at = status, reject, self.heap.now
        book = self.books[order.slot]
        if order in book.resting:
            book.resting.remove(order)
        self.closed += 1
        order.closed_no = self.closed
        self._moved(order, tell=True)
        self._tell_position(book)

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
            assert not book.closes(buys), f"{book.slot} traded past zero"
            if book.size == 0:
                book.before = book.opened + book.carried
                opening = any(order.filled > 0 for order in book.resting)
                book.carried = book.before if opening or not book.explained else _ZERO
                book.opened, book.cost, book.stop = _ZERO, _ZERO, None
            book.size += rest
            book.cost += abs(rest) * price
            book.opened += abs(rest)
        if book.size == 0:
            book.stop, book.cost, book.flat_at = None, _ZERO, self.heap.now
            book.explained = exec_type != "CorporateAction"
        if order is not None:
            order.filled += qty
        book.market.seq += 1
        book.seq = book.market.seq
        row = self._execution(book, "Buy" if buys else "Sell", qty, price, fee, exec_type, order, closing)
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
        closing: Decimal = _ZERO,
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
            "closedSize": text(closing),
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
        return self.wallet + sum((book.value for book in self.books.values()), _ZERO)

    def executions_until(self, at: int) -> int:
        """How many executions there were at `at`."""
        return bisect_right(self._times, at)

    # ---- what happens without anybody's request

    def price_moved(self, symbol: str, last: Decimal, mark: Decimal, index: Decimal) -> None:
        market = self.markets[symbol]
        market.last, market.mark, market.index = last, mark, index
        for book in self.of(symbol):
            for order in tuple(book.resting):
                if order.limit is not None and (last <= order.limit if order.buys else last >= order.limit):
                    self._fill_limit(book, order, order.limit)
            self._look_at_stop(book)

    def _look_at_stop(self, book: Book) -> None:
        price = book.market.price_by(book.stop_by)
        if book.stop is not None and (price <= book.stop if book.size > 0 else price >= book.stop):
            self.place(
                book.slot,
                buys=book.size < 0,
                qty=abs(book.size),
                reduce_only=True,
                stop_type="StopLoss",
                create_type="CreateByStopLoss",
            )

    def set_stop(self, slot: Slot, stop: Decimal | None, stop_by: str = "LastPrice") -> None:
        book = self.books[slot]
        book.stop, book.stop_by = stop, stop_by
        self._tell_position(book)

    def switch_mode(self, symbol: str, *, tell: bool) -> bool:
        """To hedge mode or back, while nothing is held and nothing ordered; whether it was done."""
        before = self.of(symbol)
        ordered = any(order.symbol == symbol and order.closed_at is None for order in self.orders.values())
        if ordered or any(book.size != 0 for book in before):
            return False
        for book in before:
            del self.books[book.slot]
        for idx in (1, 2) if len(before) == 1 else (0,):
            book = Book(self.markets[symbol], idx)
            self.books[book.slot] = book
            self._remember(book)
            if tell:
                self._tell_position(book)
        return True

    def deliver(self, symbol: str) -> None:
        """The end of a symbol: orders are canceled, what is held is settled."""
        self.markets[symbol].status = "Closed"
        for order in [it for it in self.orders.values() if it.symbol == symbol and it.closed_at is None]:
            self._close(order, "Cancelled", "EC_CancelByDelivery")
        for book in self.of(symbol):
            if book.size != 0:
                self.settle(book.slot)

    def set_leverage(self, symbol: str, leverage: str) -> None:
        market = self.markets[symbol]
        market.leverage = leverage
        if market.tells_leverage:
            for book in self.of(symbol):
                self._tell_position(book)

    def fund(self, rate: Decimal) -> None:
        for book in self.books.values():
            if book.size == 0:
                continue
            paid = (book.size * book.market.mark * rate).quantize(_CENT)
            row = self._execution(
                book, "Buy" if book.size > 0 else "Sell", abs(book.size), book.market.mark, paid, "Funding", None
            )
            self._book(LogLine(book.listing.symbol, row["execId"], "Funding", _ZERO, _ZERO, -paid))
            if self._random.random() < 0.5:
                self.publish("execution", row)
            self._tell_wallet()

    def by_hand(self, slot: Slot, signed: Decimal) -> None:
        """A trade somebody makes at the exchange; it fills at once."""
        book = self.books[slot]
        order = self._others(book, signed > 0, abs(signed))
        self._trade(book, signed > 0, abs(signed), self._slipped(book, signed > 0), "Trade", order)

    def taken_over(self, slot: Slot, qty: Decimal, exec_type: str, create_type: str) -> None:
        """Auto-deleveraging, a liquidation, or something newer than our knowledge, at the mark price."""
        book = self.books[slot]
        order = self._others(book, book.size < 0, qty)
        order.create_type = create_type
        self._trade(book, book.size < 0, qty, book.market.mark, exec_type, order)

    def _others(self, book: Book, buys: bool, qty: Decimal) -> ExchangeOrder:
        """An order that nobody sent to us."""
        return ExchangeOrder(
            id=f"o{self._next()}",
            link="",
            symbol=book.listing.symbol,
            buys=buys,
            qty=qty,
            reduce_only=False,
            stop=None,
            created=self.heap.now,
            idx=book.idx,
        )

    def settle(self, slot: Slot) -> None:
        """Settled at the mark price: a trade that no order stands behind."""
        book = self.books[slot]
        self._trade(book, book.size < 0, abs(book.size), book.market.mark, "Settle", None)

    def _next(self) -> int:
        self._number += 1
        return self._number
