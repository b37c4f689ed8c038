"""Faults: each does its damage, to whom it is meant for, as often as it is told."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any

import aiohttp
import ccxt
import pytest
import websockets

from simulator import faults as module
from simulator.faults import IMMEDIATE, STANDING, FaultError, Faults, read_fault
from simulator.server import Simulator
from tests.simulator.conftest import BTC, KEY, Rest, Socket, ws_order

SHORT = aiohttp.ClientTimeout(total=0.2)


async def fault(sim: Simulator, kind: str, **params: Any) -> None:
    """Switch a fault on."""
    await sim.control("POST", "faults", {"kind": kind, **params})


async def statuses(sim: Simulator) -> list[tuple[str, str]]:
    """Link id and status of every create request."""
    return [(item["order_link_id"], item["status"]) for item in (await sim.control("GET", "orders"))["items"]]


def test_every_kind_is_documented_with_its_parameters() -> None:
    lines = (module.__doc__ or "").splitlines()
    for kind, params in (STANDING | IMMEDIATE).items():
        line = next(line for line in lines if line.strip().startswith(f"{kind} {{"))
        for name in params:
            assert name in line or kind in {"settle", "bust"}, (kind, name)


@pytest.mark.parametrize(
    ("field", "body"),
    [
        ("kind", {"kind": "nothing"}),
        ("kind", {}),
        ("ms", {"kind": "ack_delay"}),
        ("ms", {"kind": "ack_delay", "ms": "long"}),
        ("fraction", {"kind": "partial_fill", "fraction": "1.1"}),
        ("how", {"kind": "ack_lost", "how": "maybe"}),
        ("status", {"kind": "http_status", "status": 200}),
        ("status", {"kind": "instrument_status", "symbol": "BTCUSDT", "status": 500}),
        ("times", {"kind": "no_fill", "times": 0}),
        ("colour", {"kind": "no_fill", "colour": "red"}),
        ("symbol", {"kind": "ticker_snapshot"}),
        ("api_key", {"kind": "adl", "symbol": "BTCUSDT"}),
        ("fields", {"kind": "bad_ticker", "symbol": "BTCUSDT", "fields": "0"}),
    ],
)
def test_a_fault_that_makes_no_sense_is_refused_by_its_field(field: str, body: dict[str, Any]) -> None:
    with pytest.raises(FaultError) as refused:
        read_fault(1, body)
    assert refused.value.field == field


def test_a_fault_strikes_where_it_is_meant_to_and_as_often() -> None:
    active = Faults()
    active.add({"kind": "no_fill", "times": 2, "api_key": "a", "symbol": "BTCUSDT"})
    assert active.take("no_fill", "b", "BTCUSDT") is None
    assert active.take("no_fill", "a", "ETHUSDT") is None
    assert active.take("partial_fill", "a", "BTCUSDT") is None
    struck = [active.take("no_fill", "a", "BTCUSDT") is not None for _ in range(3)]
    assert struck == [True, True, False]
    assert active.view() == []


@pytest.mark.parametrize("how", ["drop", "hang"])
async def test_a_lost_answer_leaves_an_order_behind(sim: Simulator, rest: Rest, how: str) -> None:
    await fault(sim, "ack_lost", how=how, times=1)
    rest.session._timeout = SHORT
    with pytest.raises((aiohttp.ClientError, TimeoutError)):
        await rest.order(orderLinkId="a-1")
    rest.session._timeout = aiohttp.ClientTimeout(total=20)
    assert (await rest.order(orderLinkId="a-1"))["retCode"] == 110072
    assert (await rest.rows("/v5/order/realtime", orderLinkId="a-1"))[0]["orderStatus"] == "Filled"
    assert (await rest.position())["size"] == "0.01"


@pytest.mark.parametrize("how", ["drop", "hang"])
async def test_a_dropped_request_leaves_nothing_but_a_note(sim: Simulator, rest: Rest, how: str) -> None:
    await fault(sim, "drop_request", how=how, times=1)
    rest.session._timeout = SHORT
    with pytest.raises((aiohttp.ClientError, TimeoutError)):
        await rest.order(orderLinkId="a-1")
    rest.session._timeout = aiohttp.ClientTimeout(total=20)
    assert await rest.rows("/v5/order/realtime", orderLinkId="a-1") == []
    assert (await rest.order(orderLinkId="a-1"))["retCode"] == 0
    assert await statuses(sim) == [("a-1", "Lost"), ("a-1", "Filled")]


async def test_on_the_trade_socket_a_lost_answer_cuts_the_connection(sim: Simulator, trade: Socket, rest: Rest) -> None:
    await fault(sim, "ack_lost")
    await trade.send(**ws_order("o-1", orderLinkId="a-1"))
    with pytest.raises(websockets.ConnectionClosed):
        await trade.next()
    assert await statuses(sim) == [("a-1", "Filled")]


async def test_a_late_answer_is_overtaken_by_the_stream(sim: Simulator, rest: Rest, private: Socket) -> None:
    await fault(sim, "ack_delay", ms=150)
    ordering = asyncio.create_task(rest.order(orderLinkId="a-1"))
    fill = await private.next(topic="execution")
    assert not ordering.done()
    assert (await ordering)["result"]["orderId"] == fill["data"][0]["orderId"]


async def test_a_late_request_is_judged_when_it_arrives(sim: Simulator, rest: Rest, trade: Socket) -> None:
    await fault(sim, "request_delay", ms=120)
    answer = await rest.call("POST", "/v5/order/create", window="60", category="linear", symbol="BTCUSDT")
    assert answer["retCode"] == 10002
    header = ws_order("")["header"] | {"X-BAPI-RECV-WINDOW": "60"}
    assert (await trade.ask(**(ws_order("o-1") | {"header": header})))["retCode"] == 10002


async def test_http_errors_and_broken_answers(sim: Simulator, rest: Rest) -> None:
    await fault(sim, "http_status", status=502, path="/v5/position/list", times=2)
    call: dict[str, Any] = {"category": "linear", "symbol": "BTCUSDT"}
    answers = [await rest.call("GET", "/v5/position/list", **call) for _ in range(3)]
    assert [answer.get("status") for answer in answers] == [502, 502, None]
    assert (await rest.call("GET", "/v5/account/info"))["retCode"] == 0
    await fault(sim, "broken_json", times=1)
    with pytest.raises(ValueError, match="Unterminated string"):
        await rest.call("GET", "/v5/account/info")


async def test_business_codes_limits_and_bans(sim: Simulator, rest: Rest, trade: Socket) -> None:
    await fault(sim, "ret_code", code=10016, message="System error", path="/v5/order/create", times=2)
    assert [(await rest.order())["retCode"], (await trade.ask(**ws_order("o-1")))["retCode"]] == [10016, 10016]
    assert (await rest.position())["size"] == "0"
    await fault(sim, "rate_limited", times=1)
    assert (await rest.call("GET", "/v5/account/info"))["retCode"] == 10006
    assert "X-Bapi-Limit-Reset-Timestamp" in rest.last_headers
    await fault(sim, "rate_limited", times=1, reset_header=False)
    assert (await rest.call("GET", "/v5/account/info"))["retCode"] == 10006
    assert "X-Bapi-Limit-Reset-Timestamp" not in rest.last_headers
    await fault(sim, "ban")
    assert await rest.call("GET", "/v5/account/info") == {"status": 403}
    await sim.control("DELETE", "faults")
    assert (await rest.call("GET", "/v5/account/info"))["retCode"] == 0


async def test_a_skewed_clock_refuses_honest_requests(sim: Simulator, rest: Rest) -> None:
    await fault(sim, "clock_skew", ms=-6_000)
    assert (await rest.order())["retCode"] == 10002
    time_ms = (await rest.call("GET", "/v5/market/time"))["time"]
    assert (await rest.order(orderLinkId="x"))["time"] >= time_ms
    await sim.control("DELETE", "faults")
    await fault(sim, "clock_skew", ms=4_000)
    assert (await rest.order())["retCode"] == 0


async def test_stale_reads_show_the_past(sim: Simulator, rest: Rest) -> None:
    await fault(sim, "stale_reads", ms=60_000)
    await rest.order(orderLinkId="a-1")
    assert (await rest.position())["size"] == "0"
    assert await rest.rows("/v5/order/realtime", orderLinkId="a-1") == []
    assert await rest.rows("/v5/execution/list") == []
    await sim.control("DELETE", "faults")
    assert (await rest.position())["size"] == "0.01"


async def test_partial_and_empty_books(sim: Simulator, rest: Rest) -> None:
    await fault(sim, "partial_fill", fraction="0.4", times=1)
    await rest.order(orderLinkId="a-1")
    row = (await rest.rows("/v5/order/history", orderLinkId="a-1"))[0]
    assert (row["orderStatus"], row["cumExecQty"], row["leavesQty"]) == ("Cancelled", "0.004", "0")
    await fault(sim, "no_fill", times=1)
    await rest.order(orderLinkId="a-2")
    row = (await rest.rows("/v5/order/history", orderLinkId="a-2"))[0]
    assert (row["orderStatus"], row["cumExecQty"], row["rejectReason"]) == ("Cancelled", "0", "EC_NoImmediateQtyToFill")
    await rest.order(orderLinkId="a-3")
    assert (await rest.position())["size"] == "0.014"


async def test_private_messages_are_lost_doubled_delayed_and_reordered(
    sim: Simulator, rest: Rest, private: Socket
) -> None:
    await fault(sim, "drop_private", topic="execution", times=1)
    await rest.order()
    assert [(await private.next())["topic"] for _ in range(3)] == ["order", "position", "wallet"]
    await fault(sim, "duplicate_private", topic="execution", times=1)
    await rest.order()
    first, second = [await private.next() for _ in range(2)]
    assert first == second
    await private.next(topic="wallet")
    await fault(sim, "reorder", times=1)
    await rest.order()
    assert [(await private.next())["topic"] for _ in range(4)] == ["position", "order", "execution", "wallet"]
    await fault(sim, "private_delay", ms=100, topic="execution", times=1)
    await rest.order()
    assert [(await private.next())["topic"] for _ in range(4)] == ["order", "position", "wallet", "execution"]
    await fault(sim, "unknown_exec_type", times=1)
    await rest.order()
    assert (await private.next())["data"][0]["execType"] == "NewKindOfFill"


async def test_a_mute_stream_pongs_and_says_nothing(
    sim: Simulator, rest: Rest, private: Socket, public: Socket
) -> None:
    await public.ask(op="subscribe", args=["tickers.BTCUSDT"])
    await public.next(type="snapshot")
    await fault(sim, "mute_private", api_key=KEY)
    await fault(sim, "mute_public")
    await rest.order()
    await sim.control("POST", "price", {"symbol": "BTCUSDT", "last": "61000"})
    assert (await private.ask(op="ping"))["op"] == "pong"
    await public.send(op="ping")
    assert (await public.next())["op"] == "ping"
    await sim.control("DELETE", "faults")
    again = await public.next(topic="tickers.BTCUSDT")
    assert (again["type"], again["data"]["lastPrice"]) == ("snapshot", "61000.00")


async def test_a_half_open_socket_does_not_pong(sim: Simulator, private: Socket) -> None:
    await fault(sim, "no_pong", scope="private")
    await private.send(op="ping")
    await sim.control("DELETE", "faults")
    assert (await private.ask(op="ping", req_id="2"))["req_id"] == "2"


@pytest.mark.parametrize(("params", "code"), [({"code": 1012}, 1012), ({"abort": True}, 1006)])
async def test_sockets_are_closed_or_cut(
    sim: Simulator, private: Socket, public: Socket, params: dict[str, Any], code: int
) -> None:
    await fault(sim, "disconnect_private", api_key="someone else", **params)
    assert (await private.ask(op="ping"))["op"] == "pong"
    await fault(sim, "disconnect_private", **params)
    await fault(sim, "disconnect_public", **params)
    for socket in (private, public):
        with pytest.raises(websockets.ConnectionClosed):
            await socket.next()
        assert (socket.wire.close_code or 1006) == code


async def test_logins_subscriptions_and_connections_are_refused(sim: Simulator, public: Socket) -> None:
    await fault(sim, "refuse_private", times=1)
    with pytest.raises(websockets.InvalidStatus):
        await websockets.connect(sim.private_ws_url)
    await fault(sim, "auth_rejected", times=1)
    async with websockets.connect(sim.private_ws_url) as wire:
        assert not (await Socket(wire).login())["success"]
        assert (await Socket(wire).login())["success"]
    await fault(sim, "subscribe_rejected", topic="tickers.BTCUSDT", times=1)
    assert not (await public.ask(op="subscribe", args=["tickers.BTCUSDT"]))["success"]
    assert (await public.ask(op="subscribe", args=["tickers.BTCUSDT"]))["success"]


async def test_a_bad_ticker_is_pushed_as_it_is_and_put_right_by_the_next(sim: Simulator, public: Socket) -> None:
    await public.ask(op="subscribe", args=["tickers.BTCUSDT"])
    await public.next(type="snapshot")
    await fault(sim, "bad_ticker", symbol="BTCUSDT", fields={"lastPrice": "0"})
    prices: list[str] = []
    while len(prices) < 2:
        data = (await public.next(type="delta"))["data"]
        prices += [data["lastPrice"]] if "lastPrice" in data else []
    assert prices == ["0", "60000.00"]
    await fault(sim, "ticker_snapshot", symbol="BTCUSDT")
    assert (await public.next(type="snapshot"))["data"]["lastPrice"] == "60000.00"


@pytest.mark.parametrize(
    ("kind", "exec_type", "create_type"),
    [
        ("adl", "AdlTrade", "CreateByAdl_PassThrough"),
        ("bust", "BustTrade", "CreateByTakeOver_PassThrough"),
        ("settle", "Settle", "CreateBySettle"),
    ],
)
async def test_the_exchange_closes_a_position_by_itself(
    sim: Simulator, rest: Rest, private: Socket, kind: str, exec_type: str, create_type: str
) -> None:
    with pytest.raises(RuntimeError, match="holds no BTCUSDT"):
        await fault(sim, kind, api_key=KEY, symbol="BTCUSDT")
    await rest.order(stopLoss="59000")
    await private.next(topic="wallet")
    await fault(sim, kind, api_key=KEY, symbol="BTCUSDT")
    fill = (await private.next(topic="execution"))["data"][0]
    assert (fill["execType"], fill["createType"], fill["orderLinkId"]) == (exec_type, create_type, "")
    assert (await rest.position())["size"] == "0"
    assert await rest.rows("/v5/order/realtime", symbol="BTCUSDT") == []


async def test_a_settlement_is_a_trade_without_an_order(sim: Simulator, rest: Rest) -> None:
    await rest.order()
    await fault(sim, "settle", api_key=KEY, symbol="BTCUSDT")
    settled = (await rest.rows("/v5/execution/list"))[0]
    assert settled["execType"] == "Settle"
    assert await rest.rows("/v5/order/realtime", orderId=settled["orderId"]) == []


async def test_instruments_close_and_risk_limits_are_cut(sim: Simulator, rest: Rest) -> None:
    await rest.order()
    await fault(sim, "reduce_only_position", api_key=KEY, symbol="BTCUSDT")
    assert (await rest.position())["isReduceOnly"] is True
    assert (await rest.order())["retCode"] == 110023
    assert (await rest.order("Sell", reduceOnly=True))["retCode"] == 0
    await fault(sim, "instrument_status", symbol="BTCUSDT", status="Closed")
    assert (await rest.order())["retCode"] == 110074
    listed = (await rest.call("GET", "/v5/market/instruments-info", category="linear"))["result"]["list"]
    assert "BTCUSDT" not in {row["symbol"] for row in listed}


async def test_a_service_restart_wipes_the_closed_list_and_not_the_history(sim: Simulator, rest: Rest) -> None:
    await rest.order(orderLinkId="a-1")
    await fault(sim, "service_restart")
    assert await rest.rows("/v5/order/realtime", orderLinkId="a-1") == []
    assert len(await rest.rows("/v5/order/history", orderLinkId="a-1")) == 1


async def test_ccxt_meets_a_lost_answer_as_a_network_error(sim: Simulator, bybit: Any) -> None:
    await bybit.load_markets()
    await fault(sim, "ack_lost", times=1)
    with pytest.raises(ccxt.NetworkError):
        await bybit.create_order(BTC, "market", "buy", 0.01, None, {"clientOrderId": "a-1"})
    with contextlib.suppress(ccxt.NetworkError):
        await bybit.fetch_positions()
    with pytest.raises(ccxt.InvalidOrder, match="110072"):
        await bybit.create_order(BTC, "market", "buy", 0.01, None, {"clientOrderId": "a-1"})


async def test_rows_are_altered_and_fields_left_out(sim: Simulator, rest: Rest, private: Socket) -> None:
    await fault(sim, "alter_private", topic="order", fields={"orderStatus": "Dreaming", "avgPrice": None})
    await rest.order()
    row = (await private.next(topic="order"))["data"][0]
    assert row["orderStatus"] == "Dreaming"
    assert "avgPrice" not in row
    assert row["symbol"] == "BTCUSDT"
    assert (await rest.rows("/v5/order/history"))[0]["orderStatus"] == "Filled"
