"""The trade socket."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
import websockets

from simulator.server import Simulator
from tests.simulator.conftest import BTC, KEY, SECRET, Rest, Socket, stop_clock, ws_order


async def test_commands_need_a_login(sim: Simulator) -> None:
    async with websockets.connect(sim.trade_ws_url) as wire:
        answer = await Socket(wire).ask(**ws_order("o-1"))
        assert (answer["reqId"], answer["retCode"] != 0) == ("o-1", True)


async def test_login_and_pong_are_camel_case(sim: Simulator) -> None:
    async with websockets.connect(sim.trade_ws_url) as wire:
        socket = Socket(wire)
        ack = await socket.login()
        assert (ack["retCode"], ack["op"], "connId" in ack) == (0, "auth", True)
        assert (await socket.login())["retCode"] == 20001
        pong = await socket.ask(op="ping")
        assert (pong["op"], pong["retMsg"], len(pong["data"])) == ("pong", "OK", 1)


async def test_an_order_is_created_amended_and_cancelled(trade: Socket, rest: Rest) -> None:
    answer = await trade.ask(**ws_order("o-1", orderType="Limit", price="50000", orderLinkId="l-1"))
    assert set(answer) == {"reqId", "retCode", "retMsg", "op", "data", "retExtInfo", "header", "connId"}
    assert (answer["retCode"], answer["op"], answer["data"]["orderLinkId"]) == (0, "order.create", "l-1")
    assert {"X-Bapi-Limit", "X-Bapi-Limit-Status", "Traceid", "Timenow"} <= set(answer["header"])
    target = {"category": "linear", "symbol": "BTCUSDT", "orderLinkId": "l-1"}
    amend = ws_order("o-2") | {"op": "order.amend", "args": [{**target, "price": "51000"}]}
    assert (await trade.ask(**amend))["retCode"] == 0
    assert (await rest.rows("/v5/order/realtime", symbol="BTCUSDT"))[0]["price"] == "51000"
    cancel = ws_order("o-3") | {"op": "order.cancel", "args": [target]}
    assert (await trade.ask(**cancel))["retCode"] == 0
    again = await trade.ask(**(cancel | {"reqId": "o-4"}))
    assert (again["retCode"], again["retMsg"], again["data"]) == (110001, "order not exists or too late to cancel", {})


@pytest.mark.parametrize(
    ("code", "change"),
    [
        (20006, {"reqId": "o-0"}),
        (10001, {"reqId": "x" * 37}),
        (10002, {"header": {"X-BAPI-TIMESTAMP": 1}}),
        (10001, {"header": None}),
        (10001, {"args": []}),
        (10404, {"op": "order.fly"}),
        (110007, {"args": ws_order("", qty="10")["args"]}),
    ],
)
async def test_what_is_wrong_is_refused(trade: Socket, code: int, change: dict[str, Any]) -> None:
    await trade.ask(**ws_order("o-0"))
    assert (await trade.ask(**(ws_order("o-1") | change)))["retCode"] == code


async def test_it_shares_the_order_budget_with_rest(sim: Simulator, trade: Socket, rest: Rest) -> None:
    await sim.control("POST", "accounts", {"api_key": KEY, "api_secret": SECRET, "order_rate": 2})
    stop_clock(sim)
    assert (await rest.order("Buy", "0.001"))["retCode"] == 0
    codes = [(await trade.ask(**ws_order(f"o-{n}")))["retCode"] for n in range(2)]
    assert codes == [0, 10006]


async def test_ccxt_orders_over_the_socket(sim: Simulator, bybit: Any) -> None:
    await bybit.load_markets()
    orders = await asyncio.gather(*(bybit.create_order_ws(BTC, "market", "buy", 0.001) for _ in range(5)))
    assert len({order["id"] for order in orders}) == 5
    items = (await sim.control("GET", "orders", api_key=KEY))["items"]
    assert [(item["via"], item["status"]) for item in items] == [("trade_ws", "Filled")] * 5
