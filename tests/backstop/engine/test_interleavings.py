"""Whatever the exchange does and in whatever order it tells: the engine stays safe at every step and ends up right.

A state machine plays signals, commands, ticks and trades by hand against an exchange that accepts, loses answers, fills in
parts, cancels, repeats itself and swaps its messages.
"""

from decimal import Decimal

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from backstop.domain.ids import OrderLinkId
from backstop.domain.limits import HaltLevel
from backstop.domain.order import Order
from backstop.domain.position import PositionStatus
from backstop.domain.protection import LevelKind
from backstop.domain.side import Side
from backstop.engine.events import (
    CancelAnswered,
    Executed,
    OrderAbsent,
    OrderRefused,
    OrderReported,
    OrderUncertain,
    PositionReported,
    SnapshotTaken,
    Verdict,
)
from backstop.engine.state import AccountState
from backstop.engine.step import step
from tests.backstop.engine.bench import BTC, INSTRUMENT, SLOT, Bot, limit, protection
from tests.backstop.engine.exchange import FakeExchange

SHARES = st.sampled_from([Decimal(0), Decimal("0.3"), Decimal("0.7"), Decimal(1), Decimal(1)])
PRICES = st.sampled_from(["97.5", "98.4", "99", "99.5", "100", "100.5", "101", "102"])


class Interleavings(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.bot = Bot(protection=protection("1%", ("1%", "0.5"), ("2%", "0.5")), max_entries=3)
        self.first = AccountState(
            instruments={BTC: INSTRUMENT}, strategies={self.bot.strategy.id: self.bot.strategy}, hedge={BTC: False}
        )
        self.exchange = FakeExchange()
        self.requests: list[Order] = []
        """Sent and not yet at the exchange, nor lost."""
        self.cancels: list[OrderLinkId] = []
        """Asked for and not yet at the exchange, nor lost."""
        self._seen_sent = 0
        self._seen_cancels = 0
        self._stops_asked = 0

    # ---- what the trader does

    @rule(action=st.sampled_from(["buy", "sell", "close", "reverse"]), qty=st.sampled_from(["1", "2.001"]))
    def signal(self, action: str, qty: str) -> None:
        self.bot.signal(action, qty=qty)
        self._collect()

    @rule(action=st.sampled_from(["buy", "sell"]), at=st.sampled_from(["0.5%", "99"]))
    def signal_by_limit(self, action: str, at: str) -> None:
        self.bot.signal(action, entry=limit(at, expires_s=20))
        self._collect()

    @rule(level=st.sampled_from(list(HaltLevel)))
    def halt(self, level: HaltLevel) -> None:
        self.bot.halts(level)
        self._collect()

    @precondition(lambda self: self.bot.state.halt is not None)
    @rule()
    def resume(self) -> None:
        self.bot.resumes()
        self._collect()

    @rule(wanted=st.sampled_from(["long", "short", "flat"]), qty=st.sampled_from([None, "0.5", "1.5", "3"]))
    def target(self, wanted: str, qty: str | None) -> None:
        self.bot.signal("target", target=wanted, qty=qty)
        self._collect()

    @precondition(lambda self: not self.bot.flat)
    @rule(portion=st.sampled_from(["1", "0.5", "0.25"]))
    def command_close(self, portion: str) -> None:
        self.bot.close(portion)
        self._collect()

    @precondition(lambda self: not self.bot.flat)
    @rule()
    def command_reverse(self) -> None:
        self.bot.reverse()
        self._collect()

    @precondition(lambda self: not self.bot.flat)
    @rule(stop=st.sampled_from(["0.5%", "2%"]))
    def command_protect(self, stop: str) -> None:
        self.bot.protect(stop)
        self._collect()

    # ---- what the market does

    @rule(price=PRICES)
    def tick(self, price: str) -> None:
        self.exchange.price = Decimal(price)
        self.bot.tick(price)
        self._collect()

    @rule(ms=st.sampled_from([10, 300, 1_500, 5_000]))
    def wait(self, ms: int) -> None:
        self.bot.wait(ms)
        self._collect()

    # ---- what the exchange does with a request

    @precondition(lambda self: self.requests)
    @rule(data=st.data(), share=SHARES, pieces=st.integers(1, 3), answered=st.booleans())
    def request_arrives(self, data: st.DataObject, share: Decimal, pieces: int, answered: bool) -> None:
        order = self._one_request(data)
        answer = self.exchange.take(order, self.bot.now, share=share, pieces=pieces)
        if not answered:
            answer = OrderUncertain(order.link_id, "reply lost")
        self.bot.tell(answer)
        self._collect()

    @precondition(lambda self: self.requests)
    @rule(data=st.data())
    def request_is_lost(self, data: st.DataObject) -> None:
        order = self._one_request(data)
        self.bot.tell(OrderUncertain(order.link_id, "time-out"))
        self._collect()

    @precondition(lambda self: self.requests)
    @rule(data=st.data())
    def request_is_late(self, data: st.DataObject) -> None:
        """No answer in time; the exchange may still take it."""
        order = data.draw(st.sampled_from(self.requests), label="request")
        self.bot.tell(OrderUncertain(order.link_id, "time-out"))
        self._collect()

    @precondition(lambda self: self.requests)
    @rule(data=st.data(), verdict=st.sampled_from([Verdict.FINAL, Verdict.RETRY]))
    def request_is_refused(self, data: st.DataObject, verdict: Verdict) -> None:
        order = self._one_request(data)
        if order.link_id in self.exchange.taken:
            self.bot.tell(self.exchange.take(order, self.bot.now))
        else:
            self.bot.tell(OrderRefused(order.link_id, verdict, 1, "no"))
        self._collect()

    @precondition(lambda self: self.exchange.resting)
    @rule(data=st.data(), share=SHARES)
    def limit_order_fills(self, data: st.DataObject, share: Decimal) -> None:
        resting = {taken.order.link_id: taken for taken in self.exchange.resting}
        link_id = data.draw(st.sampled_from(sorted(resting)), label="order")
        self.exchange.fill_resting(resting[link_id], share, self.bot.now)

    @precondition(lambda self: self.cancels)
    @rule(data=st.data(), arrives=st.booleans(), answered=st.booleans())
    def cancel_arrives(self, data: st.DataObject, arrives: bool, answered: bool) -> None:
        link_id = data.draw(st.sampled_from(self.cancels), label="cancel")
        self.cancels.remove(link_id)
        answer = self.exchange.cancel(link_id) if arrives else CancelAnswered(link_id, taken=False)
        if answered:
            self.bot.tell(answer)
            self._collect()

    @rule(price=PRICES)
    def all_is_well(self, price: str) -> None:
        """For a while nothing is lost or late, and the price moves."""
        self._deliver()
        self.tick(price)
        self._deliver()

    @rule(mid_step=st.booleans(), price=PRICES)
    def process_ends(self, mid_step: bool, price: str) -> None:
        """Between two steps, or in one: what was sent first is sent, and nothing is written."""
        self.bot.dies_before_commit = mid_step
        if mid_step:
            self.tick(price)
            self.bot.dies_before_commit = False
        else:
            self.bot.restarts()
        self._collect()
        self.audit()
        self.bot.claims_again()
        self._collect()

    @rule(action=st.sampled_from(["buy", "sell", "close", "reverse"]))
    def process_ends_in_a_signal(self, action: str) -> None:
        self.bot.dies_before_commit = True
        self.bot.signal(action)
        self.bot.dies_before_commit = False
        self._collect()
        self.audit()
        self.bot.claims_again()
        self._collect()

    @rule(share=SHARES)
    def resident_stop_fires(self, share: Decimal) -> None:
        self.exchange.stop_fires(self.bot.now, share)

    @rule(side=st.sampled_from(list(Side)), qty=st.sampled_from(["0.2", "1.5"]))
    def trade_by_hand(self, side: Side, qty: str) -> None:
        self.exchange.by_hand(side, Decimal(qty), self.bot.now)

    # ---- what it tells, and when

    @precondition(lambda self: self.exchange.mail)
    @rule(data=st.data(), keep=st.booleans())
    def mail(self, data: st.DataObject, keep: bool) -> None:
        """Any message may come next, and come again."""
        index = data.draw(st.integers(0, len(self.exchange.mail) - 1), label="message")
        event = self.exchange.mail[index]
        if not keep:
            del self.exchange.mail[index]
        self.bot.tell(event)
        self._collect()

    @rule()
    def position_is_pushed(self) -> None:
        for position in self.exchange.position(self.bot.now):
            self.bot.tell(PositionReported(position))
        self._collect()

    @rule()
    def audit(self) -> None:
        """All executions, then the positions as they were read before."""
        positions, at = self.exchange.position(self.bot.now), self.bot.now
        for execution in tuple(self.exchange.executions):
            self.bot.tell(Executed(execution))
        self.bot.tell(SnapshotTaken(positions, at))
        self._collect()

    @precondition(lambda self: self.bot.to_resolve)
    @rule(data=st.data())
    def look_up(self, data: st.DataObject) -> None:
        link_id = data.draw(st.sampled_from(sorted(self.bot.to_resolve)), label="order")
        self._resolve(self.bot.to_resolve[link_id])
        self._collect()

    # ---- what must hold

    @invariant()
    def every_execution_counts_once(self) -> None:
        booked = [line.execution.exec_id for line in self.bot.written.ledger]
        assert len(booked) == len(set(booked))

    @invariant()
    def an_open_position_is_watched(self) -> None:
        position = self.bot.state.positions.get(SLOT)
        if position is None or position.status is not PositionStatus.OPEN or position.qty == 0:
            return
        stops = [level for level in position.armed if level.kind is LevelKind.STOP_LOSS]
        assert stops and all(level.close_id in self.bot.armed for level in stops), position

    @invariant()
    def only_what_is_open_is_watched(self) -> None:
        position = self.bot.state.positions.get(SLOT)
        armed = {level.close_id for level in position.armed} if position is not None else set()
        assert set(self.bot.armed) <= armed

    @invariant()
    def the_ledger_is_what_trades_say(self) -> None:
        for trade in self.bot.written.trades:
            lines = [line for line in self.bot.written.ledger if line.position_id == trade.id]
            assert sum(line.realised for line in lines) == trade.gross_pnl
            assert sum(line.execution.fee for line in lines) == trade.fees
            assert trade.net_pnl == trade.gross_pnl - trade.fees + trade.funding

    @invariant()
    def an_id_is_never_two_orders(self) -> None:
        """An entry is repeated as it was; a close decided again after a crash may have another quantity."""
        by_id: dict[str, tuple[object, ...]] = {}
        for order in self.bot.sent:
            what = (order.side, order.reduce_only, order.position_id, order.qty if order.is_entry else None)
            assert by_id.setdefault(order.link_id, what) == what, order

    def teardown(self) -> None:
        self._settle()
        self._check_at_rest()
        self._check_same_again()

    # ---- helpers

    def _collect(self) -> None:
        """Requests that have just left; and what the exchange's stop is asked to be."""
        for order in self.bot.sent[self._seen_sent :]:
            if not order.is_entry:
                position = self.bot.written.positions[order.position_id] if order.position_id is not None else None
                assert position is not None and order.side is position.side.exit, order
            self.requests.append(order)
        self._seen_sent = len(self.bot.sent)
        self.cancels += self.bot.cancels[self._seen_cancels :]
        self._seen_cancels = len(self.bot.cancels)
        for price in self.bot.resident_asked[self._stops_asked :]:
            if self.exchange.size != 0:
                self.exchange.stop = price
        self._stops_asked = len(self.bot.resident_asked)
        entries = [order for order in self.bot.state.orders.values() if order.is_entry]
        assert len(entries) <= 1, entries

    def _one_request(self, data: st.DataObject) -> Order:
        order = data.draw(st.sampled_from(self.requests), label="request")
        self.requests.remove(order)
        return order

    def _resolve(self, order: Order) -> None:
        """As the streamer does: evidence, or proof of absence once no request can arrive any more."""
        evidence = self.exchange.evidence(order.link_id)
        for event in evidence:
            if isinstance(event, Executed | OrderReported) or order.link_id in self.bot.state.orders:
                self.bot.tell(event)
        if evidence:
            self.bot.to_resolve.pop(order.link_id, None)
        elif all(request.link_id != order.link_id for request in self.requests):
            self.bot.to_resolve.pop(order.link_id, None)
            if order.link_id in self.bot.state.orders:
                self.bot.tell(OrderAbsent(order.link_id))

    def _settle(self) -> None:
        """The faults stop: everything sent arrives, everything said is heard, and a minute passes."""
        for _ in range(40):
            self._deliver()
            for order in tuple(self.bot.to_resolve.values()):
                self._resolve(order)
                self._collect()
            self.position_is_pushed()
            self.audit()
            self.wait(1_500)

    def _deliver(self) -> None:
        while self.requests or self.cancels or self.exchange.mail:
            if self.cancels and not self.requests:
                self.bot.tell(self.exchange.cancel(self.cancels.pop(0)))
            elif self.requests:
                order = self.requests.pop(0)
                self.bot.tell(self.exchange.take(order, self.bot.now))
            else:
                self.bot.tell(self.exchange.mail.pop(0))
            self._collect()

    def _check_at_rest(self) -> None:
        state, exchange = self.bot.state, self.exchange
        position = state.positions.get(SLOT)
        assert not state.orders, state.orders
        assert not state.reversals and not state.waiting and not state.early
        assert position is None or position.status is PositionStatus.OPEN, position
        ours = position.qty * position.side.sign if position is not None else Decimal(0)
        if SLOT in state.foreign:
            assert position is None or position.side is not exchange.side
        else:
            assert ours == exchange.size, (ours, exchange.size)
        for execution in exchange.executions:
            assert execution.exec_id in state.seen
        for order in self.bot.written.orders.values():
            assert order.status.final, order
        for settled in self.bot.written.signals.values():
            assert settled.status.value != "executing", settled

    def _check_same_again(self) -> None:
        """The same events give the same decisions."""
        state = self.first
        for event, now, effects in self.bot.history:
            if isinstance(event, AccountState):
                state = event
                continue
            state, again = step(state, event, now)
            assert again == effects
        assert state == self.bot.state


Interleavings.TestCase.settings = settings(
    max_examples=60,
    stateful_step_count=30,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=list(HealthCheck),
)
TestInterleavings = Interleavings.TestCase
