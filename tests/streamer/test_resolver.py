"""What became of an order nobody answered for."""

from dataclasses import dataclass, field
from decimal import Decimal
from typing import cast

import pytest

from backstop.domain.execution import Execution
from backstop.domain.ids import OrderLinkId, Symbol
from backstop.domain.money import Price, Qty, Usdt
from backstop.domain.order import Order, OrderStatus, Purpose
from backstop.domain.side import Side
from backstop.engine.events import Event, Executed, OrderAbsent, OrderReported
from streamer.bybit.answers import NoAnswer, Refusal
from streamer.bybit.rest import BybitRest
from streamer.bybit.transport import RECV_WINDOW_MS
from streamer.resolver import SLACK_MS, resolve

BTC = Symbol("BTCUSDT")
ID = OrderLinkId("a-o-1")
SENT = 1_000_000
OPEN = OrderReported(ID, "x", OrderStatus.OPEN, Decimal(0))
FILLED = OrderReported(ID, "x", OrderStatus.FILLED, Decimal("0.01"))
FILL = Execution(
    "e1", BTC, Side.BUY, "Trade", Price(Decimal(60000)), Qty(Decimal("0.01")), Usdt(Decimal(0)), SENT, order_link_id=ID
)
ORDER = Order(ID, BTC, Side.BUY, Purpose.ENTRY, Qty(Decimal("0.01")), SENT, sent_at=SENT)


@dataclass
class Exchange:
    """Three witnesses and a clock that moves only in sleep."""

    open: OrderReported | None = None
    past: OrderReported | None = None
    fills: list[Execution] = field(default_factory=list)
    silent: dict[str, Exception] = field(default_factory=dict)
    """Witnesses that do not answer until `answers_at`."""
    answers_at: int = 0
    found_at: int = 0
    now: int = SENT
    rounds: list[int] = field(default_factory=list)

    def _ask(self, witness: str) -> bool:
        if witness in self.silent and self.now < self.answers_at:
            raise self.silent[witness]
        return self.now >= self.found_at

    async def executions_of(self, link_id: OrderLinkId) -> list[Execution]:
        assert link_id == ID
        self.rounds.append(self.now)
        return self.fills if self._ask("executions") else []

    async def open_order(self, link_id: OrderLinkId) -> OrderReported | None:
        assert link_id == ID
        return self.open if self._ask("open") else None

    async def past_order(self, link_id: OrderLinkId) -> OrderReported | None:
        assert link_id == ID
        return self.past if self._ask("past") else None

    async def sleep(self, seconds: float) -> None:
        self.now += round(seconds * 1000)

    async def resolves(self) -> tuple[Event, ...]:
        return await resolve(cast("BybitRest", self), ORDER, clock=lambda: self.now, sleep=self.sleep)


@pytest.mark.parametrize(
    ("exchange", "events"),
    [
        (Exchange(open=OPEN), (OPEN,)),
        (Exchange(past=FILLED), (FILLED,)),
        (Exchange(open=OPEN, past=FILLED), (FILLED,)),
        (Exchange(fills=[FILL]), (Executed(FILL),)),
        (Exchange(fills=[FILL], past=FILLED), (Executed(FILL), FILLED)),
    ],
)
@pytest.mark.fault(9)
async def test_any_witness_is_evidence_at_once(exchange: Exchange, events: tuple[Event, ...]) -> None:
    assert await exchange.resolves() == events
    assert exchange.rounds == [SENT]


@pytest.mark.fault(10)
async def test_absence_is_proven_by_two_empty_rounds_after_the_request_can_no_longer_arrive() -> None:
    exchange = Exchange()
    assert await exchange.resolves() == (OrderAbsent(ID),)
    after = [at for at in exchange.rounds if at > SENT + RECV_WINDOW_MS + SLACK_MS]
    assert len(after) == 2


@pytest.mark.fault(11)
async def test_order_that_arrives_at_the_last_moment_is_found() -> None:
    exchange = Exchange(past=FILLED, found_at=SENT + RECV_WINDOW_MS + SLACK_MS)
    assert await exchange.resolves() == (FILLED,)


@pytest.mark.parametrize("witness", ["executions", "open", "past"])
@pytest.mark.parametrize("error", [NoAnswer("lost"), Refusal(10006, "too many")])
async def test_error_is_not_an_empty_answer(witness: str, error: Exception) -> None:
    hour = SENT + 3_600_000
    exchange = Exchange(silent={witness: error}, answers_at=hour)
    assert await exchange.resolves() == (OrderAbsent(ID),)
    assert len([at for at in exchange.rounds if at >= hour]) == 2


async def test_evidence_behind_a_silent_witness_is_waited_for() -> None:
    exchange = Exchange(past=FILLED, silent={"past": NoAnswer("lost")}, answers_at=SENT + 60_000)
    assert await exchange.resolves() == (FILLED,)
