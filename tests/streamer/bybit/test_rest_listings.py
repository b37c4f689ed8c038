"""One row that is not understood, among many that are."""

from dataclasses import replace
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from backstop.domain.ids import OrderLinkId
from simulator.server import Simulator
from streamer.bybit.answers import NoAnswer
from streamer.bybit.hosts import Hosts
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


async def test_an_order_whose_status_nobody_knows_is_set_aside_once(
    hosts: Hosts, session: aiohttp.ClientSession
) -> None:
    row = {"orderLinkId": "a-o-1", "orderId": "x", "orderStatus": "Dreaming", "cumExecQty": "0"}

    async def orders(_: web.Request) -> web.Response:
        return web.json_response({"retCode": 0, "retMsg": "OK", "result": {"list": [row]}, "time": now_ms()})

    app = web.Application()
    app.router.add_get("/v5/order/realtime", orders)
    async with TestServer(app) as server:
        rest = BybitRest(replace(hosts, rest=str(server.make_url("")).rstrip("/")), CREDENTIALS, session, now_ms)
        aside: list[tuple[str, str, str]] = []
        rest.on_unreadable = lambda *what: aside.append(what)
        for _ in range(2):
            with pytest.raises(NoAnswer):
                await rest.open_order(OrderLinkId("a-o-1"))
        ((topic, reason, text),) = aside
        assert (topic, "Dreaming" in reason, "Dreaming" in text) == ("order", True, True)
        await rest.close()


async def test_thousands_of_executions_are_all_read(sim: Simulator, rest: BybitRest) -> None:
    """More than fifty pages of a hundred, all within one window of seven days."""
    await by_hand(sim, "Buy")
    account = sim.venue.exchange.account(CREDENTIALS.api_key)
    assert account is not None
    (one,) = account.executions
    account.executions[:] = [
        replace(one, exec_id=f"e{number}", number=one.number + number, time_ms=one.time_ms - 6_000 + number)
        for number in range(6_000)
    ]
    found = await rest.executions(now_ms() - 3_600_000)
    assert len({execution.exec_id for execution in found}) == len(found) == 6_000
    assert [execution.at for execution in found] == sorted(execution.at for execution in found)


async def test_pages_that_go_round_in_circles_are_no_answer(sim: Simulator, hosts: Hosts) -> None:
    """A cursor that leads back to a page already read would otherwise be followed for ever."""
    pages = {"": "a", "a": "b", "b": "a"}

    async def page(request: web.Request) -> web.Response:
        cursor = pages[request.query.get("cursor", "")]
        return web.json_response(
            {"retCode": 0, "retMsg": "OK", "result": {"list": [{}], "nextPageCursor": cursor}, "time": now_ms()}
        )

    app = web.Application()
    app.router.add_get("/v5/position/list", page)
    async with TestServer(app) as server, aiohttp.ClientSession() as session:
        rest = BybitRest(replace(hosts, rest=str(server.make_url("")).rstrip("/")), CREDENTIALS, session, now_ms)
        with pytest.raises(NoAnswer, match="circles"):
            await rest.positions()
        await rest.close()
