"""The fill ledger against another one, kept by cash flow alone: no average price, nothing of the engine's arithmetic."""

from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from backstop.domain.execution import Execution
from backstop.domain.order import OrderStatus
from backstop.domain.side import Side
from tests.backstop.engine.bench import SLOT, Bot
from tests.backstop.engine.machine import quickly

QTYS = st.sampled_from(["0.061", "0.333", "1", "7.77"])
PRICES = st.sampled_from(["99.9", "100", "100.1", "123.4", "61.7"])
_CLOSE_TO = Fraction(1, 10**9)
"""A part of a position's cost is rounded to 1e-12; whole positions add up exactly."""


@dataclass
class Life:
    """A position from flat to flat."""

    size: Fraction = Fraction(0)
    """Above zero long."""
    cash: Fraction = Fraction(0)
    """What was received less what was paid, without fees."""
    cost: Fraction = Fraction(0)
    realised: Fraction = Fraction(0)
    fees: Fraction = Fraction(0)
    funding: Fraction = Fraction(0)


@dataclass
class Ledger:
    seen: set[str] = field(default_factory=set)
    lives: list[Life] = field(default_factory=list)
    elsewhere: Fraction = Fraction(0)
    """Funding that came while nothing was held."""

    def hear(self, execution: Execution) -> None:
        if execution.exec_id in self.seen:
            return
        self.seen.add(execution.exec_id)
        fee, qty, price = Fraction(execution.fee), Fraction(execution.qty), Fraction(execution.price)
        held = bool(self.lives) and self.lives[-1].size != 0
        if execution.exec_type == "Funding":
            if held:
                self.lives[-1].funding -= fee
            else:
                self.elsewhere -= fee
            return
        if execution.exec_type == "CorporateAction":
            return
        if not held:
            self.lives.append(Life())
        life = self.lives[-1]
        change = qty if execution.side is Side.BUY else -qty
        if life.size * change >= 0:
            life.cost += change * price
        else:
            part = life.cost * -change / life.size
            life.cost -= part
            life.realised += -change * price - part
        life.size += change
        life.cash -= change * price
        life.fees += fee


class FillLedger(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.bot = Bot()
        self.model = Ledger()
        self.told: list[Execution] = []

    @precondition(lambda self: self.bot.flat)
    @rule(action=st.sampled_from(["buy", "sell"]), qty=QTYS, prices=st.lists(PRICES, min_size=1, max_size=3))
    def opens(self, action: str, qty: str, prices: list[str]) -> None:
        self.bot.quotes("100")
        self.bot.signal(action, qty=qty)
        order = self.bot.last_order
        left = Decimal(qty)
        for number, price in enumerate(prices, 1):
            piece = left if number == len(prices) else (left / 2).quantize(Decimal("0.001"))
            if piece > 0:
                left -= piece
                self._tell(self.bot.execution(order.side, piece, price, order=order))
        self.bot.reports(OrderStatus.FILLED, qty, order)

    @precondition(lambda self: not self.bot.flat)
    @rule(
        price=PRICES,
        share=st.sampled_from(["0.25", "0.5", "1"]),
        how=st.sampled_from(["Trade", "AdlTrade", "BustTrade", "Settle"]),
    )
    def reduced(self, price: str, share: str, how: str) -> None:
        """By hand, by the exchange's stop, or by the exchange itself."""
        position = self.bot.position
        qty = max((position.qty * Decimal(share)).quantize(Decimal("0.001")), Decimal("0.001"))
        self._tell(self.bot.execution(position.side.exit, min(qty, position.qty), price, exec_type=how))

    @precondition(lambda self: not self.bot.flat)
    @rule(price=PRICES, portion=st.sampled_from(["0.5", "1"]))
    def closed_by_command(self, price: str, portion: str) -> None:
        sent = len(self.bot.sent)
        self.bot.close(portion)
        for order in self.bot.sent[sent:]:
            self._tell(self.bot.execution(order.side, order.qty, price, order=order))
            self.bot.reports(OrderStatus.FILLED, order.qty, order)

    @precondition(lambda self: not self.bot.flat)
    @rule(qty=QTYS, price=PRICES)
    def added_by_hand(self, qty: str, price: str) -> None:
        self._tell(self.bot.execution(self.bot.position.side.entry, qty, price))

    @rule(fee=st.sampled_from(["0.013", "-0.5", "0"]))
    def funding(self, fee: str) -> None:
        """The row carries the whole position as its quantity."""
        qty = self.bot.position.qty if not self.bot.flat else Decimal(1)
        self._tell(self.bot.execution(Side.BUY, qty, "100", exec_type="Funding", fee=fee))

    @rule(side=st.sampled_from(list(Side)))
    def unheard_of(self, side: Side) -> None:
        self._tell(self.bot.execution(side, "1", "100", exec_type="CorporateAction"))

    @precondition(lambda self: self.told)
    @rule(data=st.data(), times=st.integers(1, 3))
    def again(self, data: st.DataObject, times: int) -> None:
        execution = data.draw(st.sampled_from(self.told), label="execution")
        for _ in range(times):
            self._tell(execution)

    @rule()
    def process_ends(self) -> None:
        self.bot.restarts()

    @rule(ms=st.sampled_from([100, 3_000]))
    def wait(self, ms: int) -> None:
        self.bot.wait(ms)

    # ---- what must hold

    @invariant()
    def each_is_booked_once(self) -> None:
        booked = [line.execution.exec_id for line in self.bot.written.ledger]
        known = {execution.exec_id for execution in self.told if execution.exec_type != "CorporateAction"}
        assert sorted(booked) == sorted(known)

    @invariant()
    def the_quantity_is_theirs(self) -> None:
        position = self.bot.state.positions.get(SLOT)
        ours = Fraction(position.qty * position.side.sign) if position is not None else 0
        assert ours == (self.model.lives[-1].size if self.model.lives else 0)

    @invariant()
    def finished_trades_are_their_cash_flow(self) -> None:
        over = [life for life in self.model.lives if life.size == 0]
        ours = [(Fraction(t.gross_pnl), Fraction(t.fees), Fraction(t.funding)) for t in self.bot.written.trades]
        assert ours == [(life.cash, life.fees, life.funding) for life in over]

    @invariant()
    def an_open_position_has_realised_its_share(self) -> None:
        position = self.bot.state.positions.get(SLOT)
        if position is not None and position.qty > 0:
            life = self.model.lives[-1]
            assert abs(Fraction(position.gross_pnl) - life.realised) < _CLOSE_TO
            assert (Fraction(position.fees), Fraction(position.funding)) == (life.fees, life.funding)

    @invariant()
    def the_ledger_is_the_wallet(self) -> None:
        lines = self.bot.written.ledger
        fees = sum(line.execution.fee for line in lines if line.execution.exec_type != "Funding")
        ours = Fraction(sum((line.realised + line.funding for line in lines), Decimal(0)) - fees)
        lives = self.model.lives
        theirs = self.model.elsewhere + sum(life.realised - life.fees + life.funding for life in lives)
        assert abs(ours - theirs) < _CLOSE_TO
        if not lives or lives[-1].size == 0:
            assert ours == self.model.elsewhere + sum(life.cash - life.fees + life.funding for life in lives)

    def _tell(self, execution: Execution) -> None:
        self.told.append(execution)
        self.model.hear(execution)
        before = self.bot.state.positions.get(SLOT)
        self.bot.executes(execution)
        after = self.bot.state.positions.get(SLOT)
        if before is not None and after is not None and execution.side is before.side.exit:
            assert after.qty <= before.qty, "a close made the position larger"


FillLedger.TestCase.settings = quickly(80, 30)
TestFillLedger = FillLedger.TestCase
