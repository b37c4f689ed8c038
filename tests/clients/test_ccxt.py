"""ccxt as it comes, REST and pro, pointed here by its `urls` option."""

import asyncio
from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any

import ccxt
import ccxt.pro
import pytest

from simulator.server import Simulator
from tests.clients.conftest import until
from tests.clients.trade import (
    KEY,
    LEVERAGE,
    MOVED_STOP,
    NET,
    QTY,
    SECRET,
    SOLD,
    STOP,
    check_closed_pnl,
    check_ledger,
)
from tests.simulator.ccxt_client import ccxt_client

BTC = "BTC/USDT:USDT"


@pytest.fixture
async def bybit(sim: Simulator) -> AsyncIterator[Any]:
    async with ccxt_client(sim, KEY, SECRET) as client:
        yield client


async def moves_stop(bybit: Any) -> None:
    """trading-stop of the whole position."""
    where = {"stopLossPrice": str(MOVED_STOP), "tradingStopEndpoint": True}
    await bybit.create_order(BTC, "market", "sell", 0, None, where)
    position = await bybit.fetch_position(BTC)
    assert Decimal(position["info"]["stopLoss"]) == MOVED_STOP


async def is_booked(bybit: Any) -> None:
    """Flat, with the profit in closed-pnl and in the transaction log."""
    assert await bybit.fetch_positions([BTC]) == [] or (await bybit.fetch_position(BTC))["contracts"] in {None, 0.0}
    [closed] = await bybit.fetch_positions_history([BTC])
    check_closed_pnl(closed["info"])
    check_ledger([row["info"] for row in await bybit.fetch_ledger("USDT")])
    assert Decimal(str((await bybit.fetch_balance())["USDT"]["total"])) == 10000 + NET


async def test_rest_opens_with_a_stop_moves_it_and_closes(sim: Simulator, bybit: Any) -> None:
    markets = await bybit.load_markets()
    assert markets[BTC]["precision"]["amount"] == 0.001
    await bybit.set_leverage(LEVERAGE, BTC)
    opened = await bybit.create_order(
        BTC, "market", "buy", float(QTY), None, {"clientOrderId": "in-1", "stopLoss": {"triggerPrice": str(STOP)}}
    )
    position = await bybit.fetch_position(BTC)
    assert (position["side"], position["contracts"], position["leverage"]) == ("long", float(QTY), float(LEVERAGE))
    assert Decimal(position["info"]["stopLoss"]) == STOP
    order = await bybit.fetch_order(opened["id"], BTC, {"acknowledged": True})
    assert (order["status"], order["clientOrderId"], order["filled"]) == ("closed", "in-1", float(QTY))
    await moves_stop(bybit)
    await sim.control("POST", "price", {"symbol": "BTCUSDT", "last": str(SOLD)})
    await bybit.create_order(BTC, "market", "sell", float(QTY), None, {"reduceOnly": True})
    assert [row["amount"] for row in await bybit.fetch_my_trades(BTC)] == [float(QTY)] * 2
    await is_booked(bybit)


async def test_pro_trades_over_the_sockets_and_hears_of_it(sim: Simulator, bybit: Any) -> None:
    await bybit.load_markets()
    await bybit.set_leverage(LEVERAGE, BTC)
    ticker = await bybit.watch_ticker(BTC)
    assert ticker["last"] == 60000.0
    await bybit.watch_positions([BTC])  # the first only reads what is held over REST
    heard = [
        asyncio.create_task(watch)
        for watch in (bybit.watch_orders(BTC), bybit.watch_my_trades(BTC), bybit.watch_positions([BTC]))
    ]
    await until(lambda: sum(len(one.topics) for one in sim.venue.private) == 3)
    wanted = {"clientOrderId": "in-1", "stopLoss": {"triggerPrice": str(STOP)}}
    await bybit.create_order_ws(BTC, "market", "buy", float(QTY), None, wanted)
    orders, trades, positions = await asyncio.gather(*heard)
    assert "in-1" in {order["clientOrderId"] for order in orders}
    assert (trades[-1]["side"], trades[-1]["amount"], trades[-1]["price"]) == ("buy", float(QTY), 60000.0)
    assert (positions[-1]["side"], positions[-1]["contracts"]) == ("long", float(QTY))
    await moves_stop(bybit)
    await sim.control("POST", "price", {"symbol": "BTCUSDT", "last": str(SOLD)})
    closing = asyncio.create_task(bybit.watch_my_trades(BTC))
    await bybit.create_order_ws(BTC, "market", "sell", float(QTY), None, {"reduceOnly": True})
    assert (await closing)[-1]["side"] == "sell"
    await is_booked(bybit)


async def test_pro_amends_and_cancels_over_the_trade_socket(bybit: Any) -> None:
    await bybit.load_markets()
    order = await bybit.create_order_ws(BTC, "limit", "buy", float(QTY), 59900)
    await bybit.edit_order_ws(order["id"], BTC, "limit", "buy", float(QTY), 59800)
    [resting] = await bybit.fetch_open_orders(BTC)
    assert resting["price"] == 59800.0
    await bybit.cancel_order_ws(order["id"], BTC)
    assert await bybit.fetch_open_orders(BTC) == []
    with pytest.raises(ccxt.OrderNotFound):
        await bybit.cancel_order_ws(order["id"], BTC)
