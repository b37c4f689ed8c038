"""Two traders at one exchange: each has what is his, and only that."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from simulator.server import Simulator
from tests.simulator.conftest import Rest
from tests.simulator.test_faults import fault


@pytest.fixture
async def bob(sim: Simulator) -> AsyncIterator[Rest]:
    await sim.control("POST", "accounts", {"api_key": "bob", "api_secret": "bobs-secret", "balance": "500"})
    async with aiohttp.ClientSession() as session:
        yield Rest(sim.rest_url, session, "bob", "bobs-secret")


async def wallet(rest: Rest) -> str:
    answer = await rest.call("GET", "/v5/account/wallet-balance", accountType="UNIFIED")
    balance: str = answer["result"]["list"][0]["coin"][0]["walletBalance"]
    return balance


async def test_positions_orders_and_money_are_apart(rest: Rest, bob: Rest) -> None:
    await rest.order("Buy", "0.02", orderLinkId="same-id")
    await bob.order("Sell", "0.005", orderLinkId="same-id")
    assert ((await rest.position())["side"], (await rest.position())["size"]) == ("Buy", "0.02")
    assert ((await bob.position())["side"], (await bob.position())["size"]) == ("Sell", "0.005")
    for trader in (rest, bob):
        rows = await trader.rows("/v5/execution/list", orderLinkId="same-id")
        assert len(rows) == 1
    ids = [(await one.rows("/v5/order/history", orderLinkId="same-id"))[0]["orderId"] for one in (rest, bob)]
    assert ids[0] != ids[1]
    assert await bob.rows("/v5/order/history", orderId=ids[0]) == []
    assert (await wallet(rest), await wallet(bob)) == ("9999.34", "499.835")


async def test_each_has_a_budget_and_settings_of_his_own(rest: Rest, bob: Rest) -> None:
    for _ in range(10):
        assert (await bob.order(qty="0.001"))["retCode"] == 0
    assert (await bob.order(qty="0.001"))["retCode"] == 10006
    assert (await rest.order())["retCode"] == 0
    leverage: dict[str, Any] = {"category": "linear", "symbol": "BTCUSDT", "buyLeverage": "3", "sellLeverage": "3"}
    assert (await rest.call("POST", "/v5/position/set-leverage", **leverage))["retCode"] == 0
    assert ((await rest.position())["leverage"], (await bob.position())["leverage"]) == ("3", "10")


async def test_a_price_stops_out_whom_it_reaches_and_liquidates_whom_it_must(
    sim: Simulator, rest: Rest, bob: Rest
) -> None:
    await rest.order("Buy", "0.01", stopLoss="55000")
    await bob.order("Buy", "0.05")  # 3000 USDT on a balance of 500
    await sim.control("POST", "price", {"symbol": "BTCUSDT", "last": "54000"})
    assert (await rest.position())["size"] == "0"
    assert [row["execType"] for row in await rest.rows("/v5/execution/list", symbol="BTCUSDT")] == ["Trade", "Trade"]
    await sim.control("POST", "price", {"symbol": "BTCUSDT", "last": "49000"})
    assert (await bob.position())["size"] == "0"
    assert {row["execType"] for row in await bob.rows("/v5/execution/list", symbol="BTCUSDT")} == {"Trade", "BustTrade"}
    assert float(await wallet(bob)) >= 0
    assert float(await wallet(rest)) > 9_900


async def test_a_fault_meant_for_one_spares_the_other(sim: Simulator, rest: Rest, bob: Rest) -> None:
    await fault(sim, "ret_code", code=33004, message="Your api key has expired.", api_key="bob")
    assert (await bob.order())["retCode"] == 33004
    assert (await rest.order())["retCode"] == 0


async def test_an_address_that_asks_too_much_is_banned_with_all_its_accounts(
    sim: Simulator, rest: Rest, bob: Rest
) -> None:
    await sim.control("POST", "limits", {"requests_per_5s": 5, "ban_s": 600})
    answers = [await trader.call("GET", "/v5/account/info") for trader in (rest, bob) for _ in range(3)]
    assert [answer.get("retCode", answer.get("status")) for answer in answers] == [0, 0, 0, 0, 0, 403]
    now = sim.venue.clock
    sim.venue.clock = lambda: now() + 599_000
    assert (await rest.call("GET", "/v5/market/time"))["status"] == 403
    sim.venue.clock = lambda: now() + 601_000
    assert (await rest.call("GET", "/v5/market/time"))["retCode"] == 0
    await sim.control("POST", "limits", {"requests_per_5s": None})
    sim.venue.clock = now
    assert [(await rest.call("GET", "/v5/market/time"))["retCode"] for _ in range(20)] == [0] * 20


async def test_pages_may_be_as_short_as_one_row(sim: Simulator, rest: Rest) -> None:
    for _ in range(3):
        await rest.order()
    await fault(sim, "page_limit", limit=1)
    answer = await rest.call("GET", "/v5/execution/list", category="linear", limit=100)
    assert len(answer["result"]["list"]) == 1
    assert answer["result"]["nextPageCursor"]
