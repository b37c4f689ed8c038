"""A one-symbol exchange that does only what it is told to, and remembers everything it did.

It takes an id once, caps what is reduce-only at the position, and puts what it has to say in `mail`, which is delivered in
whatever order the test likes.
"""

from dataclasses import dataclass, field
from decimal import Decimal

from backstop.domain.execution import Execution
from backstop.domain.ids import OrderLinkId
from backstop.domain.money import Price, Qty, Usdt
from backstop.domain.order import Order, OrderStatus
from backstop.domain.side import PositionSide, Side
from backstop.engine.events import (
    CancelAnswered,
    Event,
    ExchangePosition,
    Executed,
    OrderAccepted,
    OrderRefused,
    OrderReported,
    OrderUncertain,
    Verdict,
)
from tests.backstop.engine.bench import BTC


@dataclass(slots=True)
class Taken:
    """An order that the exchange has accepted, and what became of it."""

    order: Order
    status: OrderStatus
    filled: Decimal
    executions: list[Execution]

    @property
    def report(self) -> OrderReported:
        return OrderReported(self.order.link_id, f"x-{self.order.link_id}", self.status, self.filled)


@dataclass(slots=True)
class FakeExchange:
    price: Decimal = Decimal(100)
    size: Decimal = Decimal(0)
    """Above zero long, below zero short."""
    stop: Price | None = None
    taken: dict[OrderLinkId, Taken] = field(default_factory=dict)
    executions: list[Execution] = field(default_factory=list)
    mail: list[Event] = field(default_factory=list)

    @property
    def side(self) -> PositionSide | None:
        return None if self.size == 0 else PositionSide.LONG if self.size > 0 else PositionSide.SHORT

    def take(self, order: Order, now: int, *, share: Decimal = Decimal(1), pieces: int = 1) -> Event:
        """Accept an order and fill `share` of it in `pieces`; returns the answer to the request."""
        if order.link_id in self.taken:
            return OrderUncertain(order.link_id, "110072: duplicate")
        sign = 1 if order.side is Side.BUY else -1
        room = order.qty
        if order.reduce_only:
            if self.size * sign >= 0:
                return OrderRefused(order.link_id, Verdict.NOTHING_TO_REDUCE, 110017, "position is zero")
            room = Qty(min(order.qty, abs(self.size)))
        wanted = (room * share).quantize(Decimal("0.001"))
        taken = Taken(order, OrderStatus.OPEN, Decimal(0), [])
        self.taken[order.link_id] = taken
        self._fill(taken, wanted, now, pieces)
        return OrderAccepted(order.link_id, f"x-{order.link_id}")

    @property
    def resting(self) -> list[Taken]:
        """Limit orders that wait."""
        return [taken for taken in self.taken.values() if taken.status is OrderStatus.OPEN]

    def fill_resting(self, taken: Taken, share: Decimal, now: int) -> None:
        """The price comes to a limit order: `share` of what it still wants."""
        rest = taken.order.qty - taken.filled
        self._fill(taken, taken.filled + (rest * share).quantize(Decimal("0.001")), now)

    def cancel(self, link_id: OrderLinkId) -> CancelAnswered:
        taken = self.taken.get(link_id)
        if taken is None or taken.status is not OrderStatus.OPEN:
            return CancelAnswered(link_id, taken=False)
        taken.status = OrderStatus.CANCELED
        self.mail.append(taken.report)
        return CancelAnswered(link_id, taken=True)

    def _fill(self, taken: Taken, up_to: Decimal, now: int, pieces: int = 1) -> None:
        """A market order ends with it; a limit order waits with the rest."""
        order = taken.order
        piece = max(((up_to - taken.filled) / pieces).quantize(Decimal("0.001")), Decimal("0.001"))
        while up_to > taken.filled:
            qty = min(piece, up_to - taken.filled)
            taken.executions.append(self._trade(order.side, qty, now, link_id=order.link_id))
            taken.filled += qty
        if taken.filled == order.qty:
            taken.status = OrderStatus.FILLED
        elif order.limit_price is None:
            taken.status = OrderStatus.CANCELED
        self.mail.append(taken.report)
        if not order.reduce_only and taken.filled > 0:
            self.stop = order.stop_loss

    def stop_fires(self, now: int, share: Decimal = Decimal(1)) -> None:
        """The exchange's own stop closes the position."""
        qty = (abs(self.size) * share).quantize(Decimal("0.001"))
        if qty > 0:
            self._trade(Side.SELL if self.size > 0 else Side.BUY, qty, now, stop_order_type="StopLoss")
        self.stop = None

    def by_hand(self, side: Side, qty: Decimal, now: int) -> None:
        self._trade(side, qty, now)

    def evidence(self, link_id: OrderLinkId) -> list[Event]:
        """What the witnesses say of an order: its executions, then its report."""
        taken = self.taken.get(link_id)
        return [] if taken is None else [*(Executed(execution) for execution in taken.executions), taken.report]

    def position(self, now: int) -> tuple[ExchangePosition, ...]:
        if self.side is None:
            return ()
        return (ExchangePosition(BTC, self.side, abs(self.size), self.price, self.price, self.stop, now),)

    def _trade(self, side: Side, qty: Decimal, now: int, *, link_id: str = "", stop_order_type: str = "") -> Execution:
        execution = Execution(
            exec_id=f"x{len(self.executions) + 1}",
            symbol=BTC,
            side=side,
            exec_type="Trade",
            price=Price(self.price),
            qty=Qty(qty),
            fee=Usdt(self.price * qty * Decimal("0.00055")),
            at=now,
            order_link_id=link_id,
            stop_order_type=stop_order_type,
        )
        self.executions.append(execution)
        self.mail.append(Executed(execution))
        self.size += qty if side is Side.BUY else -qty
        if self.size == 0:
            self.stop = None
        return execution
