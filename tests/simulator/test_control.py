"""The control port."""

from __future__ import annotations

from typing import Any

import aiohttp
import pytest

from simulator.server import Simulator, running_simulator
from tests.simulator.conftest import KEY, Rest, Socket


async def test_opening_an_account_again_leaves_its_wallet_alone(sim: Simulator, rest: Rest) -> None:
    await rest.order()
    body = {"api_key": KEY, "api_secret": "alice-secret", "balance": "5"}
    assert (await sim.control("POST", "accounts", body))["balance"] == "9999.67"
    assert (await sim.control("POST", "accounts", {"api_key": "bob", "api_secret": "b"}))["balance"] == "10000"


async def test_every_request_is_listed_with_what_became_of_it(sim: Simulator, rest: Rest) -> None:
    await rest.order(orderLinkId="a-1", stopLoss="59000")
    await rest.order(qty="100", orderLinkId="a-2")
    await rest.order("Sell", "0.01", orderLinkId="a-3", reduceOnly=True)
    items = (await sim.control("GET", "orders", api_key=KEY))["items"]
    assert [(item["order_link_id"], item["status"], item["ret_code"]) for item in items] == [
        ("a-1", "Filled", 0),
        ("a-2", "Rejected", 110007),
        ("a-3", "Filled", 0),
    ]
    assert items[0].keys() >= {"symbol", "side", "qty", "reduce_only", "stop_loss", "received_ns"}
    assert (items[0]["stop_loss"], items[2]["reduce_only"]) == ("59000", True)
    assert items[0]["received_ns"] < items[1]["received_ns"]
    assert (await sim.control("GET", "orders", api_key="bob"))["items"] == []


async def test_positions_and_manual_trades(sim: Simulator, rest: Rest, private: Socket) -> None:
    body = {"api_key": KEY, "symbol": "BTCUSDT", "side": "Sell", "qty": "0.02"}
    assert (await sim.control("POST", "manual", body))["avg_price"] == "60000"
    order = (await private.next(topic="order"))["data"][0]
    assert (order["orderLinkId"], order["createType"]) == ("", "CreateByUser")
    await sim.control("POST", "price", {"symbol": "BTCUSDT", "last": "59000"})
    (position,) = (await sim.control("GET", "positions", api_key=KEY))["items"]
    assert (position["side"], position["qty"], position["entry_price"], position["unrealised_pnl"]) == (
        "Sell",
        "0.02",
        "60000",
        "20",
    )
    assert len((await sim.control("GET", "executions", api_key=KEY))["items"]) == 1
    assert (await sim.control("GET", "orders"))["items"] == []


async def test_depth_limits_what_an_order_finds(sim: Simulator, rest: Rest) -> None:
    await sim.control("POST", "depth", {"symbol": "BTCUSDT", "qty": "0.003"})
    await rest.order()
    await sim.control("POST", "depth", {"symbol": "BTCUSDT", "qty": None})
    await rest.order()
    assert (await rest.position())["size"] == "0.013"


async def test_a_walk_moves_the_price_until_it_is_switched_off(sim: Simulator, public: Socket) -> None:
    await public.ask(op="subscribe", args=["tickers.BTCUSDT"])
    await public.next(type="snapshot")
    await sim.control("POST", "walk", {"symbol": "BTCUSDT", "on": True, "volatility": "0.01", "seed": 3})
    seen: set[str] = set()
    while len(seen) < 3:
        seen.add((await public.next(type="delta"))["data"].get("lastPrice", ""))
    await sim.control("POST", "walk", {"symbol": "BTCUSDT", "on": False})
    assert sim.venue.exchange.quote("BTCUSDT").walk is None


async def test_reset_starts_from_nothing(sim: Simulator, rest: Rest, private: Socket) -> None:
    await rest.order()
    await sim.control("POST", "faults", {"kind": "ban"})
    await sim.control("POST", "price", {"symbol": "BTCUSDT", "last": "61000"})
    await sim.control("POST", "reset")
    health = await sim.control("GET", "health")
    assert (health["status"], health["accounts"]) == ("ok", 0)
    assert (await sim.control("GET", "faults"))["items"] == []
    assert (await sim.control("GET", "orders"))["items"] == []
    assert (await rest.call("GET", "/v5/account/info"))["retCode"] == 10003
    ticker = await rest.call("GET", "/v5/market/tickers", category="linear", symbol="BTCUSDT")
    assert ticker["result"]["list"][0]["lastPrice"] == "60000.00"


@pytest.mark.parametrize(
    ("name", "field", "body"),
    [
        ("accounts", "api_key", {"api_secret": "s"}),
        ("accounts", "balance", {"api_key": "k", "api_secret": "s", "balance": "-1"}),
        ("price", "symbol", {"symbol": "X", "last": "1"}),
        ("price", "last", {"symbol": "BTCUSDT"}),
        ("price", "last", {"symbol": "BTCUSDT", "last": "0"}),
        ("price", "mark", {"symbol": "BTCUSDT", "last": "60000", "mark": "NaN"}),
        ("walk", "on", {"symbol": "BTCUSDT", "on": "yes"}),
        ("walk", "volatility", {"symbol": "BTCUSDT", "volatility": "2"}),
        ("depth", "qty", {"symbol": "BTCUSDT", "qty": "much"}),
        ("manual", "api_key", {"api_key": "nobody", "symbol": "BTCUSDT", "side": "Buy", "qty": "1"}),
        ("manual", "side", {"api_key": KEY, "symbol": "BTCUSDT", "side": "up", "qty": "1"}),
        ("manual", "qty", {"api_key": KEY, "symbol": "BTCUSDT", "side": "Buy", "qty": "0.0015"}),
        ("funding", "rate", {"symbol": "BTCUSDT", "rate": "5"}),
        ("faults", "symbol", {"kind": "no_fill", "symbol": "X"}),
        ("price", None, []),
    ],
)
async def test_what_is_wrong_is_named(sim: Simulator, name: str, field: str | None, body: Any) -> None:
    async with aiohttp.ClientSession() as session, session.post(f"{sim.rest_url}/sim/{name}", json=body) as response:
        answer = await response.json()
        assert 400 <= response.status < 500
        assert answer["field"] == field
        assert answer["error"]


async def test_two_simulators_of_one_seed_tell_the_same_story() -> None:
    stories = []
    for _ in range(2):
        async with running_simulator(seed=5, clock=lambda: 1_700_000_000_000) as sim:
            await sim.control("POST", "accounts", {"api_key": "k", "api_secret": "s"})
            body = {"api_key": "k", "symbol": "BTCUSDT", "side": "Buy", "qty": "0.02"}
            await sim.control("POST", "manual", body)
            stories.append(await sim.control("GET", "executions", api_key="k"))
    assert stories[0] == stories[1]


async def test_a_key_tells_what_it_was_made_to_tell(sim: Simulator, rest: Rest) -> None:
    told = {"api_key": KEY, "readOnly": 1, "ips": ["203.0.113.7"], "unifiedMarginStatus": 4}
    await sim.control("POST", "key", told)
    key = (await rest.call("GET", "/v5/user/query-api"))["result"]
    assert (key["readOnly"], key["ips"], key["permissions"]["Wallet"]) == (1, ["203.0.113.7"], [])
    assert (await rest.call("GET", "/v5/account/info"))["result"]["unifiedMarginStatus"] == 4
    with pytest.raises(RuntimeError, match="secret"):
        await sim.control("POST", "key", {"api_key": KEY, "secret": "x"})


async def test_an_account_is_set_up_by_hand(sim: Simulator, rest: Rest, private: Socket) -> None:
    body = {"api_key": KEY, "symbol": "BTCUSDT"}
    set_up = await sim.control(
        "POST", "modes", {**body, "hedge": True, "leverage": "7", "margin_mode": "ISOLATED_MARGIN"}
    )
    assert set_up == {"symbol": "BTCUSDT", "hedge": True, "leverage": "7", "margin_mode": "ISOLATED_MARGIN"}
    pushed = (await private.next(topic="position"))["data"]
    assert [(row["positionIdx"], row["leverage"]) for row in pushed] == [(1, "7"), (2, "7")]
    assert await sim.control("POST", "modes", body) == set_up
