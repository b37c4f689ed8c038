"""One row that is not understood, among many that are."""

from dataclasses import replace
from typing import Any

import pytest

from backstop.domain.ids import OrderLinkId
from simulator.server import Simulator
from streamer.bybit.answers import NoAnswer
from streamer.bybit.rest import BybitRest
from streamer.clock import now_ms
from tests.streamer.bybit.conftest import CREDENTIALS


async def by_hand(sim: Simulator, side: str) -> None:
    trade = {"api_key": CREDENTIALS.api_key, "symbol": "BTCUSDT", "side": side, "qty": "0.01"}
    await sim.control("POST", "manual", trade)


def spoil_newest(sim: Simulator, **fields: Any) -> None:
    account = sim.venue.exchange.account(CREDENTIALS.api_key)
    assert account is not None
    account.executions[-1] = replace(account.executions[-1], **fields)


async def test_an_execution_nobody_understands_is_set_aside_once_and_the_others_are_read(
    sim: Simulator, rest: BybitRest
) -> None:
    aside: list[tuple[str, str, str]] = []
    rest.on_unreadable = lambda *what: aside.append(what)
    since = now_ms() - 60_000
    await by_hand(sim, "Buy")
    await by_hand(sim, "Buy")
    spoil_newest(sim, side="Sideways")
    await by_hand(sim, "Sell")
    assert len(await rest.executions(since)) == 2
    assert len(await rest.executions(since)) == 2
    (what,) = aside
    assert what[0] == "execution"
    assert "Sideways" in what[2]


async def test_evidence_that_is_not_understood_is_no_evidence(sim: Simulator, rest: BybitRest) -> None:
    """Of one order every row counts: what is left of them could be taken for all."""
    await by_hand(sim, "Buy")
    spoil_newest(sim, side="Sideways", order_link_id="a-o-1")
    with pytest.raises(NoAnswer):
        await rest.executions_of(OrderLinkId("a-o-1"))
