"""The reversal's saga against a model of it: each step once and in order, nothing opened before all is closed, and an end
that says why.
"""

from decimal import Decimal
from itertools import pairwise
from uuid import UUID

from hypothesis import strategies as st
from hypothesis.stateful import invariant, precondition, rule

from backstop.domain.execution import Execution
from backstop.domain.ids import order_link_id
from backstop.domain.side import Side
from backstop.engine.effects import BookExecution, Commit, SendOrder
from backstop.engine.events import OrderRefused, Verdict
from backstop.engine.reversal import Reversal
from tests.backstop.engine.bench import SLOT
from tests.backstop.engine.machine import Account, quickly

ORDER = ["closing", "opening", "reversed", "flat_expired", "flat_failed"]
ENDS = {"reversed", "flat_expired", "flat_failed"}


class Reversals(Account):
    @rule(action=st.sampled_from(["buy", "sell", "reverse"]), age_ms=st.sampled_from([0, 0, 29_000]))
    def signal(self, action: str, age_ms: int) -> None:
        self.bot.signal(action, age_ms=age_ms)
        self.collect()

    @precondition(lambda self: not self.bot.flat)
    @rule()
    def command(self) -> None:
        self.bot.reverse()
        self.collect()

    @precondition(lambda self: self.requests)
    @rule(data=st.data(), verdict=st.sampled_from([Verdict.FINAL, Verdict.RETRY]))
    def request_is_refused(self, data: st.DataObject, verdict: Verdict) -> None:
        entries = [order for order in self.requests if order.is_entry]
        order = data.draw(st.sampled_from(entries or self.requests), label="request")
        if order.link_id not in self.exchange.taken:
            self.requests.remove(order)
            self.bot.tell(OrderRefused(order.link_id, verdict, 1, "no"))
            self.collect()

    @rule(price=st.sampled_from(["97.5", "100"]), mid_step=st.booleans())
    def process_ends(self, price: str, mid_step: bool) -> None:
        """Between two steps, or before the next commit of anything."""
        self.bot.dies_before_commit = mid_step
        if mid_step:
            self.tick(price)
            if self.exchange.mail:
                self.bot.tell(self.exchange.mail[0])
        if not mid_step or self.bot.dies_before_commit:
            self.bot.restarts()
        self.collect()
        self.look()
        self.bot.claims_again()
        self.collect()

    # ---- what must hold

    @invariant()
    def steps_come_once_and_in_order(self) -> None:
        sagas: dict[UUID, list[Reversal]] = {}
        for saved in self.saved():
            if isinstance(saved, Reversal):
                sagas.setdefault(saved.plan.cause_id, []).append(saved)
        for saga in sagas.values():
            steps = [one.step.value for one in saga]
            assert steps[0] == "closing"
            for before, after in pairwise(steps):
                assert before not in ENDS, steps
                assert ORDER.index(after) >= ORDER.index(before), steps
            assert len({one.position_id for one in saga}) == 1
            assert all(one.reason for one in saga if one.step.value.startswith("flat")), saga

    @invariant()
    def the_second_half_waits_for_the_first(self) -> None:
        """When an opening order leaves, the fills booked of all but itself add up to nothing; and it carries its stop."""
        booked: dict[str, tuple[str, Decimal]] = {}
        for _, _, effects in self.bot.history:
            for effect in effects:
                if isinstance(effect, Commit):
                    fills = [change.execution for change in effect.changes if isinstance(change, BookExecution)]
                    booked |= {fill.exec_id: (fill.order_link_id, _signed(fill)) for fill in fills}
                elif isinstance(effect, SendOrder) and effect.order.is_entry:
                    others = [qty for link_id, qty in booked.values() if link_id != effect.order.link_id]
                    assert sum(others) == 0, effect.order
                    assert effect.order.stop_loss is not None

    @invariant()
    def at_most_one_opening_is_under_way(self) -> None:
        assert len([order for order in self.bot.state.orders.values() if order.is_entry]) <= 1

    def teardown(self) -> None:
        self.settle()
        assert not self.bot.state.reversals
        taken = self.exchange.taken
        for reversal in self.bot.written.reversals.values():
            cause = reversal.plan.cause_id
            assert reversal.step.value in ENDS, reversal
            opened = taken.get(order_link_id(cause, "o"))
            filled = opened.filled if opened is not None else 0
            assert (reversal.step.value == "reversed") == (filled > 0), (reversal, opened)
            if reversal.plan.signal_id is not None:
                status = self.bot.written.signals[reversal.plan.signal_id].status.value
                assert (status == "executed") == (filled > 0), (status, reversal)
            closed = self.bot.written.positions[reversal.position_id]
            assert closed.status.value == "closed", closed
        held = self.bot.state.positions.get(SLOT)
        assert (held.qty * held.side.sign if held is not None else 0) == self.exchange.size


def _signed(fill: Execution) -> Decimal:
    return fill.qty if fill.side is Side.BUY else -fill.qty


Reversals.TestCase.settings = quickly(100, 40)
TestReversals = Reversals.TestCase
