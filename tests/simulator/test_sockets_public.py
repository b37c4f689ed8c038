"""The public stream: acks, snapshots, deltas, and ccxt.pro on top."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
import websockets

from simulator.server import Simulator
from tests.simulator.conftest import BTC, Socket

TICKER = "tickers.BTCUSDT"


async def test_a_subscription_is_acknowledged_and_starts_with_a_whole_ticker(public: Socket) -> None:
    ack = await public.ask(op="subscribe", req_id="s1", args=[TICKER])
    assert set(ack) == {"success", "ret_msg", "conn_id", "req_id", "op"}
    assert (ack["success"], ack["ret_msg"], ack["req_id"], ack["op"]) == (True, "", "s1", "subscribe")
    first = await public.next()
    assert (first["topic"], first["type"], first["data"]["lastPrice"]) == (TICKER, "snapshot", "60000.00")
    assert {"fundingRate", "nextFundingTime", "markPrice", "indexPrice", "bid1Size"} <= set(first["data"])
    assert isinstance(first["cs"], int)


async def test_a_price_gives_a_delta_with_only_what_changed(sim: Simulator, public: Socket) -> None:
    await public.ask(op="subscribe", args=[TICKER])
    await public.next(type="snapshot")
    await sim.control("POST", "price", {"symbol": "BTCUSDT", "last": "60000", "mark": "59990", "index": "60000"})
    while "markPrice" not in (delta := await public.next(topic=TICKER))["data"]:
        pass
    assert delta["type"] == "delta"
    assert delta["data"]["markPrice"] == "59990.00"
    assert "lastPrice" not in delta["data"]
    assert "indexPrice" not in delta["data"]


async def test_a_quiet_ticker_shows_that_it_lives(public: Socket) -> None:
    await public.ask(op="subscribe", args=[TICKER])
    await public.next(type="snapshot")
    for _ in range(2):
        delta = await public.next()
        assert set(delta["data"]) == {"symbol", "bid1Size"}


async def test_pong_repeats_the_op(public: Socket) -> None:
    pong = await public.ask(op="ping", req_id=7)
    assert (pong["success"], pong["ret_msg"], pong["op"], pong["req_id"]) == (True, "pong", "ping", "7")


@pytest.mark.parametrize(
    "topic", ["publicTrade.NOTASYMBOL", "tickers.", "orderbook.500.BTCUSDT", "kline.2.BTCUSDT", "x"]
)
async def test_an_unknown_topic_is_refused(public: Socket, topic: str) -> None:
    ack = await public.ask(op="subscribe", args=[topic])
    assert (ack["success"], ack["ret_msg"]) == (False, f"error:handler not found,topic:{topic}")


async def test_a_second_subscription_is_refused_and_unsubscribing_frees_the_topic(public: Socket) -> None:
    await public.ask(op="subscribe", args=[TICKER])
    await public.send(op="subscribe", args=[TICKER])
    refused = await public.next(success=False)
    assert refused["ret_msg"] == f"error:already subscribed,topic:{TICKER}"
    await public.send(op="unsubscribe", args=[TICKER])
    assert (await public.next(op="unsubscribe"))["success"]
    assert (await public.ask(op="subscribe", args=[TICKER]))["success"]


async def test_garbage_is_answered_and_the_connection_lives(public: Socket) -> None:
    await public.wire.send("{")
    assert not (await public.next())["success"]
    assert not (await public.ask(op="fly"))["success"]
    assert (await public.ask(op="ping"))["success"]


async def test_books_trades_and_candles_are_streamed(sim: Simulator, public: Socket) -> None:
    topics = ["orderbook.1.BTCUSDT", "orderbook.50.BTCUSDT", "publicTrade.BTCUSDT", "kline.1.BTCUSDT"]
    await public.ask(op="subscribe", args=topics)
    first = {message["topic"]: message for message in [await public.next() for _ in range(3)]}
    assert len(first["orderbook.50.BTCUSDT"]["data"]["b"]) == 50
    assert first["kline.1.BTCUSDT"]["data"][0]["confirm"] is False
    trade = {"api_key": "alice", "symbol": "BTCUSDT", "side": "Sell", "qty": "0.01"}
    await sim.control("POST", "manual", trade)
    message = await public.next(topic="publicTrade.BTCUSDT")
    assert [(row["S"], row["v"], row["p"]) for row in message["data"]] == [("Sell", "0.01", "60000.00")]
    await sim.control("POST", "price", {"symbol": "BTCUSDT", "last": "60500"})
    book = await public.next(topic="orderbook.1.BTCUSDT")
    assert book["data"]["a"][0][0] == "60500.00"


async def test_compression_is_optional(sim: Simulator) -> None:
    for compression in ("deflate", None):
        async with websockets.connect(sim.public_ws_url, compression=compression) as wire:
            assert (await Socket(wire).ask(op="subscribe", args=[TICKER]))["success"]


async def test_ccxt_watches_the_ticker_and_reconnects_after_a_cut(sim: Simulator, bybit: Any) -> None:
    assert (await bybit.watch_ticker(BTC))["last"] == 60_000
    await sim.control("POST", "faults", {"kind": "disconnect_public"})
    await sim.control("POST", "price", {"symbol": "BTCUSDT", "last": "61000"})
    last = 0.0
    while last != 61_000:
        try:
            last = (await bybit.watch_ticker(BTC))["last"]
        except Exception as error:  # noqa: BLE001 - ccxt reports the cut once, by several names
            assert "closed" in str(error).lower(), error
    assert len(sim.venue.public) == 1


async def test_many_prices_arrive_in_order(sim: Simulator, public: Socket) -> None:
    await public.ask(op="subscribe", args=[TICKER])
    await public.next(type="snapshot")

    async def push() -> None:
        for step in range(1, 201):
            body = {"symbol": "BTCUSDT", "last": str(60_000 + step)}
            await sim.control("POST", "price", body)

    pushing = asyncio.create_task(push())
    seen: list[str] = []
    while not seen or seen[-1] != "60200.00":
        data = (await public.next(topic=TICKER))["data"]
        seen += [data["lastPrice"]] if "lastPrice" in data else []
    await pushing
    assert seen == [f"{60_000 + step}.00" for step in range(1, 201)]
