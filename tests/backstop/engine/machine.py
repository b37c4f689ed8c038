"""What the state machines share: an engine and an exchange whose requests and messages come when the machine says so."""

from collections.abc import Callable
from decimal import Decimal

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule

from backstop.domain.order import Order
from backstop.engine.effects import Commit, SaveOrder, SaveReversal, SendOrder
from backstop.engine.events import Executed, OrderAbsent, OrderReported, OrderUncertain, PositionReported, SnapshotTaken
from backstop.engine.reversal import Reversal
from tests.backstop.engine.bench import Bot, protection
from tests.backstop.engine.exchange import FakeExchange

SHARES = st.sampled_from([Decimal(0), Decimal("0.4"), Decimal(1), Decimal(1)])
PRICES = st.sampled_from(["97.5", "98.9", "100", "101.1", "103"])


def quickly(examples: int, steps: int) -> settings:
    """The same runs each time, without a clock."""
    return settings(
        max_examples=examples,
        stateful_step_count=steps,
        deadline=None,
        derandomize=True,
        database=None,
        phases=(Phase.generate, Phase.shrink),
        suppress_health_check=list(HealthCheck),
    )


class Account(RuleBasedStateMachine):
    """One account between a trader, who is the subclass, and an exchange."""

    def __init__(self) -> None:
        super().__init__()
        self.bot = Bot(protection=protection("1%"))
        self.exchange = FakeExchange()
        self.requests: list[Order] = []
        self._collected = 0

    # ---- what goes on

    @rule(price=PRICES)
    def tick(self, price: str) -> None:
        self.exchange.price = Decimal(price)
        self.bot.tick(price)
        self.collect()

    @rule(ms=st.sampled_from([10, 400, 2_000, 6_000]))
    def wait(self, ms: int) -> None:
        self.bot.wait(ms)
        self.collect()

    @precondition(lambda self: self.requests)
    @rule(data=st.data(), share=SHARES, pieces=st.integers(1, 3), answered=st.booleans())
    def request_arrives(self, data: st.DataObject, share: Decimal, pieces: int, answered: bool) -> None:
        order = data.draw(st.sampled_from(self.requests), label="request")
        self.requests.remove(order)
        answer = self.exchange.take(order, self.bot.now, share=share, pieces=pieces)
        self.bot.tell(answer if answered else OrderUncertain(order.link_id, "reply lost"))
        self.collect()

    @precondition(lambda self: self.requests)
    @rule(data=st.data())
    def request_is_lost(self, data: st.DataObject) -> None:
        order = data.draw(st.sampled_from(self.requests), label="request")
        self.requests.remove(order)
        self.bot.tell(OrderUncertain(order.link_id, "time-out"))
        self.collect()

    @precondition(lambda self: self.exchange.mail)
    @rule(data=st.data(), keep=st.booleans())
    def mail(self, data: st.DataObject, keep: bool) -> None:
        """Any message may come next, and come again."""
        index = data.draw(st.integers(0, len(self.exchange.mail) - 1), label="message")
        event = self.exchange.mail[index] if keep else self.exchange.mail.pop(index)
        self.bot.tell(event)
        self.collect()

    @rule()
    def all_arrives(self) -> None:
        """For a moment nothing is lost or late."""
        self._deliver()

    @rule()
    def look(self) -> None:
        """Whatever is unknown is looked up, and the exchange is read whole."""
        for order in tuple(self.bot.to_resolve.values()):
            self._resolve(order)
        for execution in tuple(self.exchange.executions):
            self.bot.tell(Executed(execution))
        positions = self.exchange.position(self.bot.now)
        for position in positions:
            self.bot.tell(PositionReported(position))
        self.bot.tell(SnapshotTaken(positions, self.bot.now))
        self.collect()

    # ---- for subclasses

    def collect(self) -> None:
        """Take up what was just sent, and have the exchange keep the stop it is asked to."""
        self.requests += self.bot.sent[self._collected :]
        self._collected = len(self.bot.sent)
        if self.bot.resident_asked and self.exchange.size != 0:
            self.exchange.stop = self.bot.resident_asked[-1]

    def settle(self) -> None:
        """Nothing is lost any more, and a minute passes."""
        for _ in range(40):
            self._deliver()
            self.look()
            self.wait(1_500)

    def _deliver(self) -> None:
        while self.requests or self.exchange.mail:
            if self.requests:
                self.bot.tell(self.exchange.take(self.requests.pop(0), self.bot.now))
            else:
                self.bot.tell(self.exchange.mail.pop(0))
            self.collect()

    def _resolve(self, order: Order) -> None:
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

    def saved(self) -> list[Order | Reversal]:
        """Every state an order or a reversal was written in, in order."""
        found: list[Order | Reversal] = []
        for _, _, effects in self.bot.history:
            for effect in effects:
                for change in effect.changes if isinstance(effect, Commit) else ():
                    if isinstance(change, SaveOrder):
                        found.append(change.order)
                    elif isinstance(change, SaveReversal):
                        found.append(change.reversal)
        return found

    def each_sending(self, look: Callable[[Order, list[Order]], None]) -> None:
        """`look` at each order sent, with the states of orders written before it."""
        written: list[Order] = []
        for _, _, effects in self.bot.history:
            for effect in effects:
                if isinstance(effect, Commit):
                    written += [change.order for change in effect.changes if isinstance(change, SaveOrder)]
                elif isinstance(effect, SendOrder):
                    look(effect.order, written)
