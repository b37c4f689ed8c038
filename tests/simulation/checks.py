"""The invariants that hold at every step. Each is a named function; the number is the one in the reliability reference.

Counted on the exchange's side wherever that is possible: what a streamer believes proves nothing.
"""

import re
from collections import Counter, deque
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from uuid import UUID

from backstop.domain.ids import OrderLinkId, PositionId, cause_of, order_link_id
from backstop.domain.money import Price
from backstop.domain.order import OrderStatus
from backstop.domain.position import PositionStatus
from backstop.domain.protection import Level, LevelStatus
from backstop.engine.effects import BookExecution, Change, Notice, SaveOrder, SavePosition, SaveReversal
from backstop.engine.events import LevelCrossed
from backstop.engine.prices import DRIFT_SHARE
from tests.simulation.actor import SimActor, Spy
from tests.simulation.books import Book, ExchangeOrder
from tests.simulation.process import Process

if TYPE_CHECKING:
    from tests.simulation.world import World

PRICE_MAX_AGE_MS = 3_000
CLOCKS_DIFFER_MS = 500
UNDER_WAY_MS = 10_000
SENDS_PER_10S = 15
NOTICES_PER_MINUTE = 15

_PARTICULARS = re.compile(r"[0-9a-z]{20,}\S*|[A-Z]+USDT|-?\d[\d.]*|long|short")


@dataclass(frozen=True, slots=True)
class Violation:
    invariant: str
    at: int
    text: str

    @property
    def kind(self) -> str:
        """The same for all violations that are told alike."""
        return f"{self.invariant}: {_PARTICULARS.sub('…', self.text)}"


class Checks(Spy):
    def __init__(self, world: "World") -> None:
        self._world = world
        self.done: Counter[str] = Counter()
        self.violations: list[Violation] = []
        self.unknowable: set[str] = set()
        """Symbols on which something happened that no execution we know of explains."""
        self._seen_text: set[tuple[str, str]] = set()
        self._openings: Counter[object] = Counter()
        self._first_sent: set[str] = set()
        self._sent_at: dict[str, deque[int]] = {}
        self._position_sums: dict[PositionId, list[Decimal]] = {}
        self._order_sums: dict[OrderLinkId, Decimal] = {}
        self._booked: set[str] = set()
        self._decided_on: dict[str, tuple[int, Price]] = {}
        self._reversing: dict[UUID, int] = {}
        self._noticed: dict[str, deque[int]] = {}
        self._late: dict[str, tuple[str, ...]] = {}

    def fail(self, invariant: str, text: str, key: str = "") -> None:
        """Kept once for each `key`; the run goes on."""
        if (invariant, key or text) not in self._seen_text:
            self._seen_text.add((invariant, key or text))
            violation = Violation(invariant, self._world.heap.now, text)
            self.violations.append(violation)
            self._world.trace.note("check", f"✗ {invariant}: {text}")

    def broke(self, holder: str, error: Exception) -> None:
        """The engine never raises."""
        where = ""
        trace = error.__traceback__
        while trace is not None:
            where = f"{trace.tb_frame.f_code.co_name}:{trace.tb_lineno}"
            trace = trace.tb_next
        self.fail("0 the engine does not raise", f"{type(error).__name__}: {error} at {where}", where)

    # ---- at the exchange

    def order_accepted(self, order: ExchangeOrder) -> None:
        if order.stop_type:
            return
        self.one_opening_per_cause(order)
        self.closes_only_reduce(order)

    def one_opening_per_cause(self, order: ExchangeOrder) -> None:
        name = "1 one effective opening per signal"
        self.done[name] += 1
        if order.reduce_only:
            return
        cause = cause_of(order.link)
        if cause is None:
            self.fail(name, f"an order without an id of ours was accepted: {order.link!r}")
            return
        self._openings[cause] += 1
        if self._openings[cause] > 1:
            self.fail(name, f"{self._openings[cause]} opening orders for one cause, the last {order.link}")

    def closes_only_reduce(self, order: ExchangeOrder) -> None:
        name = "4 no close increases or flips"
        self.done[name] += 1
        book = self._world.exchange.books[order.slot]
        leg = _leg(order.link)
        if leg.startswith("o"):
            cap = self._cap(order)
            if cap is not None and order.qty > cap:
                self.fail(name, f"{order.link} opens {order.qty}, more than {cap}", order.link)
            return
        if not order.reduce_only:
            self.fail(name, f"{order.link} closes without reduceOnly", order.link)
        held = book.opened + book.carried
        if order.created - book.flat_at < UNDER_WAY_MS:
            held = max(held, book.before)  # it was on its way while the position before was closed
        if order.qty > held:
            self.fail(name, f"{order.link} closes {order.qty}, more than the {held} opened", order.link)
        if leg.startswith("t"):
            self._target_closes_its_part(name, order, book)

    def _target_closes_its_part(self, name: str, order: ExchangeOrder, book: Book) -> None:
        first = f"{order.link.rpartition('-')[0]}-1"
        row = self._world.store.levels.get(OrderLinkId(first))
        if row is None:
            return
        part = max(row.level.portion * (book.opened + book.carried), book.listing.least)
        # What the streamer knows, which the database may not yet: the last rung takes all that is left.
        leader = self._world.leader()
        position = leader.actor.state.position(row.level.position_id) if leader and leader.actor else None
        if position is None or position.id != row.level.position_id or position.status is not PositionStatus.OPEN:
            return
        if order.qty > part:
            self.fail(name, f"{order.link} closes {order.qty}, its part is {part}", order.link)

    def _cap(self, order: ExchangeOrder) -> Decimal | None:
        intent = self._world.store.orders.get(OrderLinkId(order.link))
        if intent is None or intent.signal_id is None:
            return None
        row = self._world.store.signals.get(intent.signal_id)
        return row.signal.qty if row is not None else None

    # ---- when it is sent

    def order_signed(self, process: Process, body: Mapping[str, Any]) -> None:
        """Signed, a request can be stopped on its way and sent later: what holds of an opening must hold when it is."""
        link = str(body.get("orderLinkId", ""))
        if link not in self._first_sent and not body.get("reduceOnly") and _leg(link).startswith("o"):
            self._late[link] = self._why_late(process, link)

    def order_sent(self, process: Process, body: Mapping[str, Any]) -> None:
        link = str(body.get("orderLinkId", ""))
        self._no_storm(link)
        first = link not in self._first_sent
        self._first_sent.add(link)
        if not first:
            return
        self.intent_before_request(process, link, body)
        if _leg(link).startswith("o"):
            self.reversal_opens_from_flat(link)
        if link in self._late:
            self.no_late_open(link)

    def reversal_opens_from_flat(self, link: str) -> None:
        """Counted at the exchange: the book it reverses has been flat since the reversal began."""
        name = "4 a reversal opens from flat"
        cause = cause_of(link)
        reversal = self._world.store.reversals.get(cause) if cause is not None else None
        if cause is None or reversal is None:
            return
        self.done[name] += 1
        # A symbol whose mode was switched since was flat then.
        book = self._world.exchange.books.get(self._world.store.positions[reversal.position_id].slot)
        if book is not None and book.size != 0 and book.flat_at < self._reversing.get(cause, 0):
            self.fail(name, f"{link} is sent while {book.size} is held of what it reverses", link)

    def _no_storm(self, link: str) -> None:
        name = "14 no retry in a storm"
        self.done[name] += 1
        recent = self._sent_at.setdefault(link, deque())
        now = self._world.heap.now
        recent.append(now)
        while recent[0] < now - 10_000:
            recent.popleft()
        if len(recent) > SENDS_PER_10S:
            self.fail(name, f"{link} was sent {len(recent)} times in 10 s", link)

    def intent_before_request(self, process: Process, link: str, body: Mapping[str, Any]) -> None:
        name = "2 intent before request"
        self.done[name] += 1
        store = self._world.store
        intent = store.orders.get(OrderLinkId(link))
        if _leg(link).startswith("o"):
            if intent is None:
                self.fail(name, f"{link} is sent and not written down", link)
                return
            said = (
                body["symbol"],
                body["side"].lower(),
                Decimal(body["qty"]),
                body.get("stopLoss"),
                body.get("price"),
                body.get("timeInForce"),
            )
            stop = None if intent.stop_loss is None else _plain(format(intent.stop_loss, "f"))
            limit = None if intent.limit_price is None else _plain(format(intent.limit_price, "f"))
            force = None if limit is None else "PostOnly" if intent.post_only else "GTC"
            stored = (intent.symbol, intent.side.value, intent.qty, stop, limit, force)
            if said != stored:
                self.fail(name, f"{link} says {said}, its intent {stored}", link)
            return
        cause = cause_of(link)
        known = (
            intent is not None
            or OrderLinkId(f"{link.rpartition('-')[0]}-1") in store.levels
            or cause in store.positions
            or cause in store.signals
            or cause in store.commands
        )
        if not known and not any(link in repr(change) for change in self._unwritten(process)):
            self.fail(name, f"{link} follows from nothing written down", link)

    def _unwritten(self, process: Process) -> tuple[Change, ...]:
        for streamer in self._world.streamers.values():
            if streamer is not None and streamer.process is process and streamer.journal is not None:
                return streamer.journal.unwritten()
        return ()

    def no_late_open(self, link: str) -> None:
        name = "7 no late open"
        self.done[name] += 1
        for why in self._late[link]:
            self.fail(name, f"{link} is first sent {why}", why)

    def _why_late(self, process: Process, link: str) -> tuple[str, ...]:
        intent = self._world.store.orders.get(OrderLinkId(link))
        if intent is None:
            return ()
        found = []
        row = self._world.store.signals.get(intent.signal_id) if intent.signal_id is not None else None
        if row is not None:
            allowed = self._world.store.strategies[row.signal.strategy_id].max_age_ms
            age = self._world.heap.now - row.signal.at
            if age - allowed - CLOCKS_DIFFER_MS * 2 > 0:
                found.append(f"{age} ms after its alert, allowed {allowed}")
        seller = next(s for s in self._world.streamers.values() if s is not None and s.process is process)
        quote, decided = seller.market.quote(intent.symbol), self._decided_on.get(link)
        if quote is None or process.clock() - quote.at > PRICE_MAX_AGE_MS:
            how = "none" if quote is None else f"{process.clock() - quote.at} ms old"
            found.append(f"while the newest price is {how}")
        elif (
            intent.limit_price is None
            and decided is not None
            and abs(quote.last - decided[1]) > decided[1] * DRIFT_SHARE
        ):
            found.append(f"as decided on at {decided[1]}, while the price is {quote.last}")
        return tuple(found)

    # ---- in the streamer

    def decided(self, actor: SimActor, changes: tuple[Change, ...]) -> None:
        for change in changes:
            if isinstance(change, SaveReversal):
                self._reversing.setdefault(change.reversal.plan.cause_id, self._world.heap.now)
            if isinstance(change, SaveOrder) and change.order.is_entry and change.order.status is OrderStatus.INTENDED:
                quote, before = actor.market.quote(change.order.symbol), self._decided_on.get(change.order.link_id)
                # Decided anew when what was decided before was never written down.
                if quote is not None and (before is None or before[0] != change.order.created_at):
                    self._decided_on[change.order.link_id] = change.order.created_at, quote.last

    def crossed(self, event: LevelCrossed, before: Level | None, after: Level | None) -> None:
        """A level that was moved may be reached where it was: then it is armed anew, and nothing else comes of it."""
        name = "8 only sane prices trigger"
        self.done[name] += 1
        now = self._world.heap.now
        level = before
        if level is None:
            return
        true = self._world.feed.true[event.symbol, level.trigger_by]
        since = now - PRICE_MAX_AGE_MS - CLOCKS_DIFFER_MS
        # The price of a moment holds until the next, so that the last one before the window counts too.
        held = [price for at, price in true if at < since][-1:]
        recent = [*held, *(price for at, price in true if at >= since)]
        key = str(event.close_id)
        if event.price not in recent:
            self.fail(name, f"{event.symbol} level {level.price} fired at {event.price}; it never was there", key)
        elif level.status is LevelStatus.ARMED and not level.crossed_by(event.price) and after != level:
            self.fail(name, f"{event.symbol} {level.kind} at {level.price} fired at {event.price}, short of it", key)

    # ---- at each commit

    def committed(self, epoch: int, changes: list[Change]) -> None:
        self.newest_epoch_commits(epoch)
        touched: dict[PositionId, None] = {}
        orders: dict[OrderLinkId, None] = {}
        for change in changes:
            match change:
                case Notice():
                    self.no_notice_in_a_storm(change)
                case BookExecution(execution=execution, position_id=position_id) if execution.exec_type != "Funding":
                    self._sum(change)
                    if position_id is not None:
                        touched[position_id] = None
                    if execution.order_link_id:
                        orders[OrderLinkId(execution.order_link_id)] = None
                case SavePosition(position=position):
                    touched[position.id] = None
                case SaveOrder(order=order):
                    orders[order.link_id] = None
                case _:
                    pass
        self.fills_move_all_rows_together(touched, orders)
        self.one_open_intent_per_signal(changes)

    def no_notice_in_a_storm(self, notice: Notice) -> None:
        """Each may become a message on its owner's phone."""
        name = "14 no notice in a storm"
        self.done[name] += 1
        recent = self._noticed.setdefault(notice.code, deque())
        recent.append(self._world.heap.now)
        while recent[0] < self._world.heap.now - 60_000:
            recent.popleft()
        if len(recent) > NOTICES_PER_MINUTE:
            self.fail(name, f"{notice.code} was told {len(recent)} times in a minute: {notice.message}", notice.code)

    def newest_epoch_commits(self, epoch: int) -> None:
        name = "6 only the newest epoch commits"
        self.done[name] += 1
        lease = self._world.store.lease
        if lease is None or lease.epoch != epoch:
            self.fail(name, f"epoch {epoch} committed while {lease} holds")

    def _sum(self, booked: BookExecution) -> None:
        execution = booked.execution
        if execution.exec_id in self._booked:
            return
        self._booked.add(execution.exec_id)
        if booked.position_id is not None:
            position = self._world.store.positions[booked.position_id]
            sums = self._position_sums.setdefault(booked.position_id, [Decimal(0), Decimal(0)])
            leaves = execution.side is position.side.exit
            sums[leaves] += execution.qty if leaves else execution.qty - execution.closed_qty
        if execution.order_link_id:
            link = OrderLinkId(execution.order_link_id)
            self._order_sums[link] = self._order_sums.get(link, Decimal(0)) + execution.qty

    def fills_move_all_rows_together(
        self, positions: Mapping[PositionId, None], orders: Mapping[OrderLinkId, None]
    ) -> None:
        name = "3 each execution counts once, in one transaction"
        self.done[name] += 1
        store = self._world.store
        for position_id in positions:
            position = store.positions[position_id]
            entered, left = self._position_sums.get(position_id, (Decimal(0), Decimal(0)))
            if position.entry_qty != entered or position.exit_qty != min(entered, left):
                self.fail(
                    name,
                    f"{position.symbol} row says in {position.entry_qty} out {position.exit_qty}, "
                    f"its executions in {entered} out {left}",
                    str(position_id),
                )
        for link in orders:
            order = store.orders.get(link)
            filled = self._order_sums.get(link, Decimal(0))
            if order is not None and order.filled_qty != filled:
                self.fail(name, f"order {link} says filled {order.filled_qty}, its executions {filled}", link)

    def one_open_intent_per_signal(self, changes: list[Change]) -> None:
        name = "1 one live open intent per signal"
        self.done[name] += 1
        for change in changes:
            if isinstance(change, SaveOrder) and change.order.is_entry:
                order = change.order
                cause = order.signal_id or order.position_id
                if cause is None or order.link_id != order_link_id(cause, "o"):
                    self.fail(name, f"{order.link_id} is a second opening intent", order.link_id)


def _leg(link: str) -> str:
    parts = link.split("-")
    return parts[1] if len(parts) == 3 else ""


def _plain(number: str) -> str:
    return number.rstrip("0").rstrip(".") if "." in number else number
