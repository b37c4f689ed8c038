"""An order's life, told in any order, late, doubled, or by halves: what is known of it only ever grows."""

from decimal import Decimal
from itertools import pairwise

from hypothesis import strategies as st
from hypothesis.stateful import invariant, precondition, rule

from backstop.domain.ids import OrderLinkId
from backstop.domain.order import Order, OrderStatus
from backstop.engine.events import (
    Event,
    OrderAbsent,
    OrderAccepted,
    OrderLapsed,
    OrderReported,
    OrderSent,
    OrderUncertain,
)
from tests.backstop.engine.machine import Account, quickly

OVER = {"filled", "canceled", "rejected", "expired"}
UNPROVEN = {"intended", "sent", "unknown"}


class OrderLives(Account):
    @rule(action=st.sampled_from(["buy", "sell", "close"]), qty=st.sampled_from(["1", "2.5"]))
    def signal(self, action: str, qty: str) -> None:
        self.bot.signal(action, qty=qty)
        self.collect()

    @precondition(lambda self: self.exchange.taken)
    @rule(data=st.data())
    def old_word(self, data: st.DataObject) -> None:
        """Any word the exchange may once have said of an order, whatever has become of it since."""
        known = sorted(self.exchange.taken)
        live = [link_id for link_id in known if link_id in self.bot.state.orders]
        taken = self.exchange.taken[data.draw(st.sampled_from(live or known), label="order")]
        link_id, number = taken.order.link_id, f"x-{taken.order.link_id}"
        filled = [
            sum((fill.qty for fill in taken.executions[:n]), Decimal(0)) for n in range(len(taken.executions) + 1)
        ]
        words: list[Event] = [
            OrderAccepted(link_id, number),
            OrderSent(link_id, self.bot.now),
            OrderUncertain(link_id, "a reply lost long ago"),
            *(OrderReported(link_id, number, OrderStatus.OPEN, part) for part in filled if part < taken.order.qty),
            taken.report,
        ]
        self.bot.tell(data.draw(st.sampled_from(words), label="word"))
        self.collect()

    @precondition(lambda self: self.bot.written.orders)
    @rule(data=st.data())
    def nobody_knows_it(self, data: st.DataObject) -> None:
        """An order that the exchange never saw and cannot see any more."""
        never = set(self.bot.written.orders) - set(self.exchange.taken) - {order.link_id for order in self.requests}
        if never:
            link_id = data.draw(st.sampled_from(sorted(never)), label="order")
            words: list[Event] = [OrderAbsent(link_id), OrderLapsed(link_id)]
            self.bot.tell(data.draw(st.sampled_from(words), label="how"))
            self.collect()

    # ---- what must hold

    @invariant()
    def what_is_over_stays_over_and_what_is_proven_stays_proven(self) -> None:
        """A cancel that lost against the last fill ends filled; nothing else comes back."""
        lives: dict[OrderLinkId, list[Order]] = {}
        for order in self.saved():
            if isinstance(order, Order):
                lives.setdefault(order.link_id, []).append(order)
        for life in lives.values():
            for before, after in pairwise(life):
                if before.status in OVER:
                    assert after.status == before.status or (before.status, after.status) == ("canceled", "filled")
                elif before.status not in UNPROVEN:
                    assert after.status not in UNPROVEN, (before, after)
                assert after.filled_qty >= before.filled_qty
                assert after.reported_qty >= before.reported_qty

    @invariant()
    def it_has_filled_what_was_booked_of_it(self) -> None:
        for link_id, order in self.bot.written.orders.items():
            booked = {
                line.execution.exec_id: line.execution.qty
                for line in self.bot.written.ledger
                if line.execution.order_link_id == link_id
            }
            assert order.filled_qty <= order.qty
            if order.is_entry or link_id in self.bot.state.orders:
                assert order.filled_qty == sum(booked.values()), order

    @invariant()
    def what_is_over_is_not_sent_again(self) -> None:
        def look(order: Order, written: list[Order]) -> None:
            states = [state.status for state in written if state.link_id == order.link_id]
            assert not OVER & set(states), (order, states)

        self.each_sending(look)

    def teardown(self) -> None:
        """Told everything, the books say of each order what the exchange says."""
        self.settle()
        for link_id, taken in self.exchange.taken.items():
            order = self.bot.written.orders[link_id]
            assert (order.status, order.filled_qty) == (taken.status, taken.filled), (order, taken)
        for link_id in set(self.bot.written.orders) - set(self.exchange.taken):
            order = self.bot.written.orders[link_id]
            assert order.filled_qty == 0 and order.status in ("rejected", "expired"), order
        assert not self.bot.state.orders


OrderLives.TestCase.settings = quickly(60, 30)
TestOrderLives = OrderLives.TestCase
