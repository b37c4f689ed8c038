"""The private stream: login, topics, envelopes, and ccxt.pro on top."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import websockets

from simulator.auth import sign
from simulator.server import Simulator
from tests.simulator.conftest import BTC, KEY, Rest, Socket, until


async def test_topics_are_refused_before_login(sim: Simulator) -> None:
    async with websockets.connect(sim.private_ws_url) as wire:
        ack = await Socket(wire).ask(op="subscribe", args=["position"])
        assert (ack["success"], ack["ret_msg"]) == (False, "error:topic:position needs auth first")


async def test_login_takes_numbers_and_refuses_what_is_wrong(sim: Simulator) -> None:
    async with websockets.connect(sim.private_ws_url + "?max_active_time=30s") as wire:
        socket = Socket(wire)
        assert not (await socket.login("nobody"))["success"]
        assert not (await socket.login(secret="wrong"))["success"]
        past = time.time_ns() // 1_000_000 - 1
        assert not (await socket.ask(op="auth", args=[KEY, past, sign("alice-secret", f"GET/realtime{past}")]))[
            "success"
        ]
        expires = time.time_ns() // 1_000_000 + 5_000
        args = [KEY, expires, sign("alice-secret", f"GET/realtime{expires}")]
        ack = await socket.ask(op="auth", req_id="a1", args=args)
        assert {name: ack[name] for name in ("success", "ret_msg", "op", "req_id")} == {
            "success": True,
            "ret_msg": "",
            "op": "auth",
            "req_id": "a1",
        }


async def test_pong_has_the_private_shape(private: Socket) -> None:
    pong = await private.ask(op="ping", req_id="p1")
    assert set(pong) == {"req_id", "op", "args", "conn_id"}
    assert (pong["op"], pong["req_id"]) == ("pong", "p1")


async def test_a_market_order_is_told_on_every_topic(private: Socket, rest: Rest) -> None:
    answer = await rest.order(orderLinkId="a-1", stopLoss="59000")
    messages = [await private.next() for _ in range(4)]
    assert [message["topic"] for message in messages] == ["execution", "order", "position", "wallet"]
    assert all(set(message) == {"id", "topic", "creationTime", "data"} for message in messages)
    fill, order, position, wallet = (message["data"][0] for message in messages)
    assert order["orderId"] == fill["orderId"] == answer["result"]["orderId"]
    assert (order["orderStatus"], order["category"], order["avgPrice"]) == ("Filled", "linear", "60000")
    assert (fill["execType"], fill["execPnl"], fill["execFee"], fill["isLeverage"]) == ("Trade", "0", "0.33", "0")
    assert (position["entryPrice"], position["stopLoss"], position["seq"]) == ("60000", "59000", fill["seq"])
    assert "avgPrice" not in position
    assert wallet["coin"][0]["walletBalance"] == "9999.67"


async def test_there_is_no_snapshot_and_others_hear_nothing(sim: Simulator, private: Socket, rest: Rest) -> None:
    await sim.control("POST", "accounts", {"api_key": "bob", "api_secret": "b"})
    await sim.control("POST", "manual", {"api_key": "bob", "symbol": "BTCUSDT", "side": "Buy", "qty": "0.01"})
    assert (await private.ask(op="ping"))["op"] == "pong"
    await rest.order()
    assert (await private.next())["topic"] == "execution"


async def test_every_order_command_pushes_the_position(private: Socket, rest: Rest) -> None:
    limit = {"orderType": "Limit", "price": "50000"}
    order_id = (await rest.order(**limit))["result"]["orderId"]
    assert (await private.next(topic="position"))["data"][0]["size"] == "0"
    await rest.call("POST", "/v5/order/cancel", category="linear", symbol="BTCUSDT", orderId=order_id)
    order = (await private.next(topic="order"))["data"][0]
    assert (order["orderStatus"], order["cancelType"]) == ("Cancelled", "CancelByUser")
    assert (await private.next())["topic"] == "position"


async def test_categorised_and_fast_topics(sim: Simulator, rest: Rest) -> None:
    async with websockets.connect(sim.private_ws_url) as wire:
        socket = Socket(wire)
        await socket.login()
        assert not (await socket.ask(op="subscribe", args=["order", "order.linear"]))["success"]
        assert not (await socket.ask(op="subscribe", args=["nothing"]))["success"]
        many = await socket.ask(op="subscribe", args=["order"] * 11)
        assert many["ret_msg"] == "args size >10"
        assert (await socket.ask(op="subscribe", args=["order.linear", "execution.fast.linear"]))["success"]
        await rest.order(orderLinkId="a-1")
        fast = await socket.next()
        assert set(fast) == {"topic", "creationTime", "data"}
        assert fast["topic"] == "execution.fast.linear"
        assert set(fast["data"][0]) == {
            *("category", "symbol", "orderId", "isMaker", "orderLinkId", "execId"),
            *("execPrice", "execQty", "side", "execTime", "seq"),
        }
        assert (await socket.next())["topic"] == "order.linear"


async def test_funding_is_told_as_an_execution_that_changes_no_size(
    sim: Simulator, private: Socket, rest: Rest
) -> None:
    await rest.order()
    await private.next(topic="wallet")
    await sim.control("POST", "funding", {"symbol": "BTCUSDT", "rate": "0.0001"})
    fill = (await private.next(topic="execution"))["data"][0]
    assert (fill["execType"], fill["orderType"], fill["execQty"], fill["execFee"]) == (
        "Funding",
        "UNKNOWN",
        "0.01",
        "0.06",
    )
    assert (await private.next())["topic"] == "wallet"


async def test_ccxt_watches_orders_trades_positions_and_balance(sim: Simulator, bybit: Any) -> None:
    await bybit.load_markets()
    # Its first call answers from REST and subscribes to nothing yet.
    assert list(await bybit.watch_positions()) == []
    watches = [bybit.watch_orders(), bybit.watch_my_trades(), bybit.watch_balance(), bybit.watch_positions()]
    waiting = [asyncio.create_task(watch) for watch in watches]
    await until(lambda: any({"order", "execution", "wallet", "position"} <= one.topics for one in sim.venue.private))
    order = await bybit.create_order(BTC, "market", "buy", 0.01)
    orders, trades, balance, positions = await asyncio.gather(*waiting)
    assert (orders[-1]["id"], orders[-1]["status"]) == (order["id"], "closed")
    assert (trades[-1]["amount"], trades[-1]["order"]) == (0.01, order["id"])
    assert balance["USDT"]["total"] == 9_999.67
    assert (positions[-1]["side"], positions[-1]["contracts"]) == ("long", 0.01)
