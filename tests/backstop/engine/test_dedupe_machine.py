"""Everything may be said again, at any time: signals and commands until they have an outcome, fills and reports for ever.
Said again it changes nothing.
"""

from collections import Counter
from decimal import Decimal

from hypothesis import strategies as st
from hypothesis.stateful import invariant, precondition, rule

from backstop.domain.ids import cause_of
from backstop.domain.order import Order
from backstop.engine.effects import BookExecution, Commit, SaveTrade, SettleCommand, SettleSignal
from backstop.engine.events import CommandReceived, Event, Executed, OrderReported, SignalReceived
from tests.backstop.engine.bench import SLOT
from tests.backstop.engine.machine import Account, quickly

OUTCOMES = {"executed", "refused", "expired", "failed", "superseded"}


class Repetitions(Account):
    def __init__(self) -> None:
        super().__init__()
        self.asked: list[SignalReceived | CommandReceived] = []

    @rule(action=st.sampled_from(["buy", "sell", "close", "reverse"]))
    def signal(self, action: str) -> None:
        self._asks(lambda: self.bot.signal(action))

    @precondition(lambda self: not self.bot.flat)
    @rule(portion=st.sampled_from(["0.5", "1"]))
    def close(self, portion: str) -> None:
        self._asks(lambda: self.bot.close(portion))

    @precondition(lambda self: not self.bot.flat)
    @rule()
    def reverse(self) -> None:
        self._asks(self.bot.reverse)

    @precondition(lambda self: self.asked)
    @rule(data=st.data())
    def asked_again(self, data: st.DataObject) -> None:
        """A claim whose answer was lost is made again, as long as nothing was written of it."""
        open_ = [event for event in self.asked if self._written(event) is None]
        if open_:
            event = data.draw(st.sampled_from(open_), label="asked")
            sent = len(self.bot.sent)
            self.bot.tell(event)
            assert len(self.bot.sent) == sent, "an order for what was asked before"
            self.collect()

    @precondition(lambda self: self.exchange.executions)
    @rule(data=st.data())
    def filled_again(self, data: st.DataObject) -> None:
        execution = data.draw(st.sampled_from(self.exchange.executions), label="execution")
        if execution.exec_id in self.bot.state.seen:
            self._changes_nothing(Executed(execution))

    @precondition(lambda self: any(order.status.final for order in self.bot.written.orders.values()))
    @rule(data=st.data())
    def reported_again(self, data: st.DataObject) -> None:
        done = [taken for taken in self.exchange.taken.values() if taken.order.link_id not in self.bot.state.orders]
        if done:
            report = data.draw(st.sampled_from([taken.report for taken in done]), label="report")
            self._changes_nothing(report)
            self._changes_nothing(OrderReported(report.link_id, report.exchange_order_id, report.status, Decimal(0)))

    @rule()
    def process_ends(self) -> None:
        self.bot.restarts()
        self.collect()
        self.look()
        self.bot.claims_again()
        self.collect()

    # ---- what must hold

    @invariant()
    def each_has_one_outcome(self) -> None:
        outcomes: dict[object, SettleSignal | SettleCommand] = {}
        for change in self._changes():
            if isinstance(change, SettleSignal | SettleCommand) and change.status.value in OUTCOMES:
                asked = change.signal_id if isinstance(change, SettleSignal) else change.command_id
                assert asked not in outcomes, (outcomes[asked], change)
                outcomes[asked] = change

    @invariant()
    def each_opens_once(self) -> None:
        """However often it is asked for and sent, the exchange gets one opening order of a cause."""
        taken = [one.order for one in self.exchange.taken.values() if one.order.is_entry]
        assert all(number == 1 for number in Counter(cause_of(order.link_id) for order in taken).values())

    @invariant()
    def each_fill_and_trade_is_written_once(self) -> None:
        written = Counter(
            change.execution.exec_id if isinstance(change, BookExecution) else change.trade.id
            for change in self._changes()
            if isinstance(change, BookExecution | SaveTrade)
        )
        assert all(number == 1 for number in written.values()), written

    @invariant()
    def no_close_is_for_more_than_there_is(self) -> None:
        def look(order: Order, _: list[Order]) -> None:
            if not order.is_entry:
                assert order.position_id is not None and order.reduce_only
                position = self.bot.written.positions[order.position_id]
                assert order.qty <= position.entry_qty and order.side is position.side.exit

        self.each_sending(look)

    def teardown(self) -> None:
        self.settle()
        for event in self.asked:
            assert self._written(event) in OUTCOMES, event
        held = self.bot.state.positions.get(SLOT)
        assert (held.qty * held.side.sign if held is not None else 0) == self.exchange.size
        assert len(self.bot.written.ledger) == len(self.exchange.executions)

    # ---- helpers

    def _asks(self, ask: object) -> None:
        assert callable(ask)
        before = len(self.bot.history)
        ask()
        self.asked += [
            event for event, _, _ in self.bot.history[before:] if isinstance(event, SignalReceived | CommandReceived)
        ]
        self.collect()

    def _written(self, event: SignalReceived | CommandReceived) -> str | None:
        written = self.bot.written
        settled = (
            written.signals.get(event.signal.id)
            if isinstance(event, SignalReceived)
            else written.commands.get(event.command.id)
        )
        return settled.status.value if settled is not None else None

    def _changes(self) -> list[object]:
        return [
            change
            for _, _, effects in self.bot.history
            for effect in effects
            if isinstance(effect, Commit)
            for change in effect.changes
        ]

    def _changes_nothing(self, event: Event) -> None:
        before, sent = self.bot.state, len(self.bot.sent)
        self.bot.tell(event)
        after = self.bot.state
        assert len(self.bot.sent) == sent
        assert (after.positions, after.orders, after.reversals, after.waiting, after.seen) == (
            before.positions,
            before.orders,
            before.reversals,
            before.waiting,
            before.seen,
        )


Repetitions.TestCase.settings = quickly(100, 40)
TestRepetitions = Repetitions.TestCase
