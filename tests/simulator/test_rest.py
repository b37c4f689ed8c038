"""REST as an unmodified ccxt and a hand-signed client see it."""

from __future__ import annotations

import json
from itertools import pairwise
from typing import Any

import aiohttp
import ccxt
import pytest

from simulator.dispatch import ENDPOINTS
from simulator.instruments import INSTRUMENTS
from simulator.server import Simulator
from tests.simulator.conftest import BTC, KEY, SECRET, Rest, stop_clock


async def price(sim: Simulator, last: object, **more: Any) -> None:
    """Set the price of BTCUSDT."""
    await sim.control("POST", "price", {"symbol": "BTCUSDT", "last": str(last), **more})


async def test_ccxt_loads_the_markets_with_their_filters(bybit: Any) -> None:
    markets = await bybit.load_markets()
    assert len(markets) == len(INSTRUMENTS) >= 12
    market = markets[BTC]
    assert (market["precision"]["price"], market["precision"]["amount"]) == (0.1, 0.001)
    assert (market["limits"]["amount"]["min"], market["active"], market["swap"]) == (0.001, True, True)
    assert "1000PEPE/USDT:USDT" in markets


async def test_ccxt_loads_all_categories_without_our_options(sim: Simulator) -> None:
    options = sim.ccxt_options() | {"options": {}}
    client = ccxt.async_support.bybit({"apiKey": KEY, "secret": SECRET, **options})
    try:
        assert len(await client.load_markets()) == len(INSTRUMENTS)
        assert (await client.fetch_balance())["USDT"]["total"] == 10_000
    finally:
        await client.close()


async def test_ccxt_opens_reads_and_closes_a_position(sim: Simulator, bybit: Any) -> None:
    params = {"clientOrderId": "e-1", "stopLoss": {"triggerPrice": 59000}, "takeProfit": {"triggerPrice": 63000}}
    order = await bybit.create_order(BTC, "market", "buy", 0.01, None, params)
    position = await bybit.fetch_position(BTC)
    assert (position["side"], position["contracts"], position["entryPrice"]) == ("long", 0.01, 60_000)
    assert (position["stopLossPrice"], position["takeProfitPrice"]) == (59_000, 63_000)
    found = await bybit.fetch_order(order["id"], BTC, {"acknowledged": True})
    assert (found["status"], found["filled"], found["average"]) == ("closed", 0.01, 60_000)
    await price(sim, 61_000)
    await bybit.create_order(BTC, "market", "sell", 0.01, None, {"reduceOnly": True})
    assert await bybit.fetch_positions() == []
    trades = await bybit.fetch_my_trades(BTC)
    assert [trade["side"] for trade in trades] == ["buy", "sell"]
    assert trades[0]["fee"] == {"cost": 0.33, "currency": "USDT", "rate": 0.00055}
    history = await bybit.fetch_positions_history([BTC])
    assert history[0]["realizedPnl"] == pytest.approx(10 - 0.33 - 0.3355)
    balance = await bybit.fetch_balance()
    assert balance["USDT"]["total"] == pytest.approx(10_000 + 10 - 0.33 - 0.3355)
    rows = await bybit.fetch_ledger("USDT")
    assert [row["info"]["change"] for row in rows] == ["10000", "-0.33", "9.6645"]


async def test_ccxt_closes_all_with_quantity_zero(bybit: Any) -> None:
    await bybit.create_order(BTC, "market", "sell", 0.013)
    params = {"qty": "0", "reduceOnly": True, "closeOnTrigger": True}
    await bybit.create_order(BTC, "market", "buy", 0, None, params)
    assert await bybit.fetch_positions() == []


async def test_ccxt_amends_and_cancels(bybit: Any) -> None:
    first = await bybit.create_order(BTC, "limit", "buy", 0.01, 50_000, {"clientOrderId": "l-1"})
    await bybit.create_order(BTC, "limit", "buy", 0.01, 51_000)
    await bybit.edit_order(first["id"], BTC, "limit", "buy", 0.02, 50_500)
    opened = {order["id"]: order for order in await bybit.fetch_open_orders(BTC)}
    assert (opened[first["id"]]["price"], opened[first["id"]]["amount"], len(opened)) == (50_500, 0.02, 2)
    await bybit.cancel_order(None, BTC, {"orderLinkId": "l-1"})
    with pytest.raises(ccxt.OrderNotFound):
        await bybit.cancel_order(first["id"], BTC)
    await bybit.cancel_all_orders(BTC)
    assert await bybit.fetch_open_orders(BTC) == []
    assert len(await bybit.fetch_canceled_orders(BTC)) == 2


async def test_ccxt_changes_the_settings_and_meets_the_harmless_codes(bybit: Any) -> None:
    await bybit.set_leverage(20, BTC)
    with pytest.raises(ccxt.BadRequest, match="110043"):
        await bybit.set_leverage(20, BTC)
    await bybit.set_position_mode(True, BTC)
    with pytest.raises(ccxt.ExchangeError, match="110025"):
        await bybit.set_position_mode(True, BTC)
    with pytest.raises(ccxt.BadRequest, match="position idx not match position mode"):
        await bybit.create_order(BTC, "market", "buy", 0.01)
    await bybit.create_order(BTC, "market", "buy", 0.01, None, {"positionIdx": 1})
    rows = (await bybit.private_get_v5_position_list({"category": "linear", "symbol": "BTCUSDT"}))["result"]["list"]
    assert [(row["positionIdx"], row["side"]) for row in rows] == [(1, "Buy"), (2, "")]
    with pytest.raises(ccxt.BadRequest, match="110024"):
        await bybit.set_position_mode(False, BTC)
    with pytest.raises(ccxt.ExchangeError, match="3400045"):
        await bybit.set_margin_mode("isolated")


async def test_ccxt_reads_the_market(sim: Simulator, bybit: Any) -> None:
    await price(sim, "60123.4", mark="60120", index="60110")
    ticker = await bybit.fetch_ticker(BTC)
    assert (ticker["last"], ticker["bid"], ticker["ask"], ticker["markPrice"]) == (60_123.4, 60_123.4, 60_123.4, 60_120)
    candles = await bybit.fetch_ohlcv(BTC, "1m", limit=5)
    assert len(candles) == 5
    assert [second[0] - first[0] for first, second in pairwise(candles)] == [60_000] * 4
    assert candles[-1][4] == 60_123.4
    book = await bybit.fetch_order_book(BTC, 3)
    assert (book["bids"][0][0], len(book["asks"])) == (60_123.4, 3)
    assert (await bybit.fetch_trading_fee(BTC))["taker"] == 0.00055
    assert abs(await bybit.fetch_time() - bybit.milliseconds()) < 60_000


async def test_the_key_may_trade_and_not_withdraw(rest: Rest) -> None:
    info = (await rest.call("GET", "/v5/user/query-api"))["result"]
    assert (info["readOnly"], info["permissions"]["ContractTrade"]) == (0, ["Order", "Position"])
    assert "Withdraw" not in info["permissions"]["Wallet"]
    account = (await rest.call("GET", "/v5/account/info"))["result"]
    assert (account["unifiedMarginStatus"], account["marginMode"]) == (6, "REGULAR_MARGIN")


async def test_signature_key_and_window_are_checked(rest: Rest) -> None:
    path = "/v5/account/info"
    assert (await rest.call("GET", path))["retCode"] == 0
    assert (await rest.call("GET", path, skew_ms=-60_000))["retCode"] == 10002
    assert (await rest.call("GET", path, skew_ms=60_000))["retCode"] == 10002
    assert (await rest.call("GET", path, skew_ms=-60_000, window="100000"))["retCode"] == 0
    rest.secret = "wrong"
    assert (await rest.call("GET", path))["retCode"] == 10004
    rest.key = "nobody"
    assert (await rest.call("GET", path))["retCode"] == 10003


async def test_an_order_answer_is_an_acknowledgement_and_nothing_more(rest: Rest) -> None:
    answer = await rest.order(orderLinkId="a-1")
    assert set(answer) == {"retCode", "retMsg", "result", "retExtInfo", "time"}
    assert set(answer["result"]) == {"orderId", "orderLinkId"}
    assert isinstance(answer["time"], int)
    assert (await rest.order(orderLinkId="a-1"))["retCode"] == 110072


async def test_the_eleventh_order_of_a_second_is_refused_with_its_headers(sim: Simulator, rest: Rest) -> None:
    await sim.control("POST", "accounts", {"api_key": KEY, "api_secret": SECRET, "order_rate": 2})
    now = stop_clock(sim)
    codes = [(await rest.order("Buy", "0.001"))["retCode"] for _ in range(3)]
    assert codes == [0, 0, 10006]
    assert rest.last_headers["X-Bapi-Limit"] == "2"
    assert rest.last_headers["X-Bapi-Limit-Status"] == "0"
    assert int(rest.last_headers["X-Bapi-Limit-Reset-Timestamp"]) == now + 1000


async def test_rows_carry_every_field_strict_clients_ask_for(rest: Rest) -> None:
    await rest.order(stopLoss="59000")
    order = (await rest.rows("/v5/order/history"))[0]
    assert {"orderIv", "placeType", "feeCurrency", "smpOrderId", "blockTradeId", "tpLimitPrice"} <= set(order)
    assert order["cumFeeDetail"] == {"USDT": "0.33"}
    assert [type(order[name]) for name in ("positionIdx", "smpGroup", "reduceOnly")] == [int, int, bool]
    fill = (await rest.rows("/v5/execution/list"))[0]
    assert {"tradeIv", "markIv", "underlyingPrice", "indexPrice", "closedSize", "feeCurrency"} <= set(fill)
    position = await rest.position()
    assert {"tradeMode", "positionBalance", "bustPrice", "riskLimitValue", "seq"} <= set(position)
    assert (position["tradeMode"], position["tpslMode"], position["positionBalance"]) == (0, "Full", "0")
    wallet = (await rest.call("GET", "/v5/account/wallet-balance", accountType="UNIFIED"))["result"]["list"][0]
    assert {"accountLTV", "totalPerpUPL"} <= set(wallet)
    assert {"bonus", "spotHedgingQty", "availableToWithdraw", "availableToBorrow"} <= set(wallet["coin"][0])


async def test_pages_of_one_walk_through_all_executions_once(rest: Rest) -> None:
    for _ in range(4):
        await rest.order("Buy", "0.001")
    seen: list[str] = []
    cursor = ""
    while True:
        params: dict[str, Any] = {"category": "linear", "limit": "1"} | (
            {"cursor": cursor.replace("%", "%25")} if cursor else {}
        )
        result = (await rest.call("GET", "/v5/execution/list", **params))["result"]
        seen += [row["execId"] for row in result["list"]]
        cursor = result["nextPageCursor"]
        if not cursor:
            break
    everything = [row["execId"] for row in await rest.rows("/v5/execution/list")]
    assert (seen, len(set(seen))) == (everything, 4)


async def test_an_id_outranks_the_other_filters(rest: Rest) -> None:
    await rest.order(orderLinkId="a-1")
    for path in ("/v5/order/realtime", "/v5/order/history", "/v5/execution/list"):
        rows = await rest.rows(path, symbol="BTCUSDT-LINEAR", orderLinkId="a-1")
        assert [row["orderLinkId"] for row in rows] == ["a-1"]
    closed = await rest.rows("/v5/order/realtime", symbol="BTCUSDT", openOnly=1)
    assert len(closed) == 1
    assert await rest.rows("/v5/order/realtime", symbol="BTCUSDT") == []


async def test_a_time_range_of_more_than_a_week_is_refused(rest: Rest) -> None:
    answer = await rest.call("GET", "/v5/execution/list", category="linear", startTime=1, endTime=8 * 86_400_000)
    assert answer["retCode"] == 10001


async def test_a_batch_answers_for_each_order(rest: Rest) -> None:
    orders = [{"symbol": "BTCUSDT", "side": "Buy", "orderType": "Market", "qty": qty} for qty in ("0.01", "0")]
    answer = await rest.call("POST", "/v5/order/create-batch", category="linear", request=orders)
    assert [item["code"] for item in answer["retExtInfo"]["list"]] == [0, 10001]
    assert len(answer["result"]["list"]) == 2
    assert (await rest.position())["size"] == "0.01"


async def test_unknown_paths_and_methods_are_http_errors(sim: Simulator) -> None:
    async with aiohttp.ClientSession() as session:
        async with session.get(f"{sim.rest_url}/v5/nothing") as response:
            assert response.status == 404
        async with session.get(f"{sim.rest_url}/v5/order/create") as response:
            assert response.status == 405


@pytest.mark.parametrize("body", ["", "[]", "{", '"x"', '{"category":7,"symbol":[],"qty":{}}', "\xff"])
async def test_garbage_is_refused_and_not_an_error(sim: Simulator, rest: Rest, body: str) -> None:
    for path, endpoint in ENDPOINTS.items():
        if endpoint.method == "POST":
            async with rest.session.post(f"{sim.rest_url}{path}", data=body) as response:
                assert response.status == 200
                assert json.loads(await response.text())["retCode"] != 0


@pytest.mark.parametrize("value", ["x", "-1", "NaN", "1e999", "", "null"])
async def test_odd_parameters_are_refused_and_not_an_error(rest: Rest, value: str) -> None:
    names = ("limit", "cursor", "startTime", "endTime", "symbol", "interval", "start", "openOnly", "category")
    for path, endpoint in ENDPOINTS.items():
        if endpoint.method == "GET":
            for name in names:
                params: dict[str, Any] = {"category": "linear", "symbol": "BTCUSDT"} | {name: value}
                answer = await rest.call("GET", path, **params)
                assert "retCode" in answer, (path, name)
    for name in ("qty", "price", "stopLoss", "triggerPrice", "positionIdx", "orderLinkId", "triggerDirection"):
        assert "retCode" in await rest.order(**{name: value})


async def test_the_price_limit_is_told(rest: Rest) -> None:
    limit = (await rest.call("GET", "/v5/market/price-limit", category="linear", symbol="BTCUSDT"))["result"]
    assert (limit["symbol"], limit["buyLmt"], limit["sellLmt"]) == ("BTCUSDT", "60600.00", "59400.00")
