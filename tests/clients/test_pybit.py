"""pybit as it comes, at Bybit's own host names (`testnet=True`), which the doorway answers.

Nothing of it is set but what every user sets: keys and testnet; and whose certificates its HTTP session believes. It blocks
and runs threads, so the simulator has its own.
"""

import os
from collections.abc import Callable, Iterator
from decimal import Decimal
from queue import Queue
from typing import Any

import pytest

pytest.importorskip("pybit")

from pybit.exceptions import InvalidRequestError
from pybit.unified_trading import HTTP, WebSocket, WebSocketTrading

from tests.clients.conftest import Served
from tests.clients.trade import (
    BOUGHT,
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

BTC = {"category": "linear", "symbol": "BTCUSDT"}
KEYS: dict[str, Any] = {"testnet": True, "api_key": KEY, "api_secret": SECRET}
ORDER = {**BTC, "orderType": "Market", "qty": str(QTY)}
WITHIN_S = 20

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


@pytest.fixture
def http(served: Served) -> Iterator[HTTP]:
    one = HTTP(**KEYS)
    one.client.verify = os.environ["REQUESTS_CA_BUNDLE"]  # pybit prepares its requests itself, which passes over it
    yield one
    one.client.close()


@pytest.fixture
def private(served: Served) -> Iterator[dict[str, "Queue[dict[str, Any]]"]]:
    """The rows heard on each topic."""
    socket = WebSocket(channel_type="private", **KEYS)
    heard: dict[str, Queue[dict[str, Any]]] = {topic: Queue() for topic in ("order", "execution", "position", "wallet")}

    def listener(topic: str) -> Callable[[dict[str, Any]], None]:
        def listen(message: dict[str, Any]) -> None:
            for row in message["data"]:
                heard[topic].put(row)

        return listen

    for topic in heard:
        getattr(socket, f"{topic}_stream")(callback=listener(topic))
    subscribed(served, len(heard))
    yield heard
    socket.exit()


def subscribed(served: Served, topics: int) -> None:
    """Wait until the simulator has taken so many subscriptions."""
    connections = served.simulator.venue.private
    ticks: Queue[None] = Queue()
    while sum(len(one.topics) for one in connections) < topics:
        served.loop.call_soon_threadsafe(lambda: served.loop.call_later(0.01, ticks.put, None))
        ticks.get(timeout=WITHIN_S)


def first(rows: "Queue[dict[str, Any]]", **expected: object) -> dict[str, Any]:
    """The next row that looks like this."""
    while True:
        row = rows.get(timeout=WITHIN_S)
        if all(row[name] == value for name, value in expected.items()):
            return row


def is_booked(http: HTTP) -> None:
    held = http.get_positions(**BTC)["result"]["list"]
    assert [row["size"] for row in held] == ["0"]
    [closed] = http.get_closed_pnl(**BTC)["result"]["list"]
    check_closed_pnl(closed)
    check_ledger(http.get_transaction_log(accountType="UNIFIED", currency="USDT")["result"]["list"])
    [wallet] = http.get_wallet_balance(accountType="UNIFIED")["result"]["list"]
    assert Decimal(wallet["totalWalletBalance"]) == 10000 + NET


def test_http_opens_with_a_stop_moves_it_and_closes(served: Served, http: HTTP) -> None:
    assert int(http.get_server_time()["result"]["timeSecond"]) > 0
    markets = http.get_instruments_info(**BTC)["result"]["list"]
    assert markets[0]["lotSizeFilter"]["qtyStep"] == "0.001"
    http.set_leverage(**BTC, buyLeverage=str(LEVERAGE), sellLeverage=str(LEVERAGE))
    with pytest.raises(InvalidRequestError, match="110043"):
        http.set_leverage(**BTC, buyLeverage=str(LEVERAGE), sellLeverage=str(LEVERAGE))
    http.place_order(**ORDER, side="Buy", orderLinkId="in-1", stopLoss=str(STOP), tpslMode="Full")
    [order] = http.get_open_orders(category="linear", orderLinkId="in-1")["result"]["list"]
    assert order["orderStatus"] == "Filled"
    http.set_trading_stop(**BTC, tpslMode="Full", positionIdx=0, stopLoss=str(MOVED_STOP))
    [held] = http.get_positions(**BTC)["result"]["list"]
    assert (held["side"], Decimal(held["stopLoss"]), held["leverage"]) == ("Buy", MOVED_STOP, str(LEVERAGE))
    served.control("POST", "price", {"symbol": "BTCUSDT", "last": str(SOLD)})
    http.place_order(**ORDER, side="Sell", reduceOnly=True)
    assert len(http.get_executions(**BTC)["result"]["list"]) == 2
    is_booked(http)


def test_sockets_tell_what_happened_to_orders_of_the_trade_socket(
    served: Served, http: HTTP, private: dict[str, "Queue[dict[str, Any]]"]
) -> None:
    trade, answers = WebSocketTrading(recv_window=5000, **KEYS), Queue[dict[str, Any]]()
    refusals = Queue[dict[str, Any]]()
    try:
        trade.place_order(answers.put, refusals.put, **ORDER, side="Buy", orderLinkId="in-1", stopLoss=str(STOP))
        answer = answers.get(timeout=WITHIN_S)
        assert answer["data"]["orderLinkId"] == "in-1"
        assert {"X-Bapi-Limit", "X-Bapi-Limit-Status", "Timenow", "Traceid"} <= set(answer["header"])
        fill = first(private["execution"], orderLinkId="in-1")
        assert (fill["execPrice"], fill["execQty"], fill["execType"]) == (str(BOUGHT), str(QTY), "Trade")
        assert first(private["order"], orderLinkId="in-1", orderStatus="Filled")["cumExecQty"] == str(QTY)
        assert first(private["order"], stopOrderType="StopLoss")["triggerPrice"] == str(STOP)
        assert first(private["position"], size=str(QTY))["side"] == "Buy"
        http.set_trading_stop(**BTC, tpslMode="Full", positionIdx=0, stopLoss=str(MOVED_STOP))
        assert first(private["position"], stopLoss=str(MOVED_STOP))["size"] == str(QTY)
        served.control("POST", "price", {"symbol": "BTCUSDT", "last": str(SOLD)})
        trade.place_order(answers.put, refusals.put, **ORDER, side="Sell", reduceOnly=True, orderLinkId="out-1")
        assert answers.get(timeout=WITHIN_S)["retCode"] == 0
        assert first(private["position"], size="0")["side"] == ""
        assert first(private["wallet"])["accountType"] == "UNIFIED"
        trade.place_order(answers.put, refusals.put, **ORDER, side="Buy", orderLinkId="in-1")
        assert refusals.get(timeout=WITHIN_S)["retCode"] == 110072
        resting = {**ORDER, "orderType": "Limit", "side": "Buy", "price": "60300"}
        trade.place_order(answers.put, refusals.put, **resting, orderLinkId="rest-1")
        trade.amend_order(answers.put, refusals.put, **BTC, orderLinkId="rest-1", price="60200")
        trade.cancel_order(answers.put, refusals.put, **BTC, orderLinkId="rest-1")
        assert [answers.get(timeout=WITHIN_S)["op"] for _ in range(3)] == [
            "order.create",
            "order.amend",
            "order.cancel",
        ]
        assert first(private["order"], orderLinkId="rest-1", orderStatus="Cancelled")["price"] == "60200"
    finally:
        trade.exit()
    is_booked(http)


def test_public_socket_merges_tickers_and_books(served: Served) -> None:
    socket, heard = WebSocket(channel_type="linear", testnet=True), Queue[dict[str, Any]]()
    try:
        socket.ticker_stream(symbol="BTCUSDT", callback=heard.put)
        assert heard.get(timeout=WITHIN_S)["data"]["lastPrice"] == "60000.00"
        served.control("POST", "price", {"symbol": "BTCUSDT", "last": "60010"})
        while (merged := heard.get(timeout=WITHIN_S)["data"])["lastPrice"] == "60000.00":
            pass
        assert (merged["lastPrice"], merged["fundingRate"]) == ("60010.00", "0.0001")
        books = Queue[dict[str, Any]]()
        socket.orderbook_stream(depth=50, symbol="BTCUSDT", callback=books.put)
        assert books.get(timeout=WITHIN_S)["data"]["b"][0][0] == "60010.00"
    finally:
        socket.exit()
