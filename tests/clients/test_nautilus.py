"""nautilus_trader's Bybit adapter as it comes, inside a trading node with a strategy.

REST, private and trade socket are pointed here by the adapter's own configuration. The public stream has no such setting:
the data client, which takes the address as an argument, is made by a factory of ours, as nautilus lets users do. The
adapter attaches no stop to an order for a perpetual and does not know Bybit's StopLoss orders; the stop it does have, which
trails, is set by the strategy and moved by the adapter's trading-stop request.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import Any

import msgspec
import pytest

pytest.importorskip("nautilus_trader")

from nautilus_trader.adapters.bybit import (
    BYBIT,
    BybitDataClientConfig,
    BybitExecClientConfig,
    BybitLiveExecClientFactory,
    BybitProductType,
)
from nautilus_trader.adapters.bybit.common.enums import BybitTpSlMode
from nautilus_trader.adapters.bybit.common.symbol import BybitSymbol
from nautilus_trader.adapters.bybit.data import BybitDataClient
from nautilus_trader.adapters.bybit.factories import get_bybit_http_client, get_bybit_instrument_provider
from nautilus_trader.adapters.bybit.http.account import BybitAccountHttpAPI
from nautilus_trader.common.component import LiveClock
from nautilus_trader.config import InstrumentProviderConfig, LoggingConfig, TradingNodeConfig
from nautilus_trader.core.nautilus_pyo3 import HttpMethod
from nautilus_trader.live.factories import LiveDataClientFactory
from nautilus_trader.live.node import TradingNode
from nautilus_trader.model.currencies import USDT
from nautilus_trader.model.enums import OrderSide
from nautilus_trader.model.events import OrderEvent, PositionEvent
from nautilus_trader.model.identifiers import InstrumentId, Venue
from nautilus_trader.model.objects import Price
from nautilus_trader.trading.strategy import Strategy

from simulator.server import Simulator
from tests.clients.conftest import until
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

pytestmark = [pytest.mark.filterwarnings("ignore"), pytest.mark.timeout(60)]

BTC = InstrumentId.from_str("BTCUSDT-LINEAR.BYBIT")
PRODUCTS = [BybitProductType.LINEAR]


class Trader(Strategy):  # type: ignore[misc]
    """Does as the test tells it, and keeps what it is told."""

    def __init__(self) -> None:
        super().__init__()
        self.quotes: list[Any] = []
        self.told: list[str] = []

    def on_start(self) -> None:
        self.subscribe_quote_ticks(BTC)

    def on_quote_tick(self, tick: Any) -> None:
        self.quotes.append(tick)

    def on_order_event(self, event: OrderEvent) -> None:
        self.told.append(type(event).__name__)

    def on_position_event(self, event: PositionEvent) -> None:
        self.told.append(type(event).__name__)

    def market(self, side: OrderSide, *, reduce_only: bool = False) -> None:
        qty = self.cache.instrument(BTC).make_qty(QTY)
        self.submit_order(self.order_factory.market(BTC, side, qty, reduce_only=reduce_only))

    def trailing_stop(self, distance: Decimal) -> Any:
        qty = self.cache.instrument(BTC).make_qty(QTY)
        order = self.order_factory.trailing_stop_market(BTC, OrderSide.SELL, qty, distance, reduce_only=True)
        self.submit_order(order)
        return order

    def limit(self, price: str) -> Any:
        qty = self.cache.instrument(BTC).make_qty(QTY)
        order = self.order_factory.limit(BTC, OrderSide.BUY, qty, Price.from_str(price))
        self.submit_order(order)
        return order


@asynccontextmanager
async def running_node(sim: Simulator, *, over_socket: bool) -> AsyncIterator[tuple[TradingNode, Trader]]:
    class DataClientFactory(LiveDataClientFactory):  # type: ignore[misc]
        @staticmethod
        def create(
            loop: Any, name: str, config: BybitDataClientConfig, msgbus: Any, cache: Any, clock: Any
        ) -> BybitDataClient:
            client = get_bybit_http_client(clock, config.api_key, config.api_secret, config.base_url_http)
            provider = get_bybit_instrument_provider(client, clock, frozenset(PRODUCTS), config.instrument_provider)
            urls = {BybitProductType.LINEAR: sim.public_ws_url}
            return BybitDataClient(loop, client, msgbus, cache, clock, provider, PRODUCTS, urls, config, name)

    keys = {"api_key": KEY, "api_secret": SECRET, "base_url_http": sim.rest_url, "product_types": PRODUCTS}
    instruments = InstrumentProviderConfig(load_all=True)
    config = TradingNodeConfig(
        trader_id="TESTER-001",
        logging=LoggingConfig(log_level="ERROR"),
        data_clients={BYBIT: BybitDataClientConfig(instrument_provider=instruments, **keys)},
        exec_clients={
            BYBIT: BybitExecClientConfig(
                instrument_provider=instruments,
                base_url_ws_private=sim.private_ws_url,
                base_url_ws_trade=sim.trade_ws_url,
                use_ws_trade_api=over_socket,
                futures_leverages={BybitSymbol("BTCUSDT-LINEAR"): LEVERAGE},
                **keys,
            )
        },
        timeout_disconnection=2.0,
        timeout_post_stop=0.1,
    )
    node = TradingNode(config=config, loop=asyncio.get_running_loop())
    trader = Trader()
    node.trader.add_strategy(trader)
    node.add_data_client_factory(BYBIT, DataClientFactory)
    node.add_exec_client_factory(BYBIT, BybitLiveExecClientFactory)
    node.build()
    running = asyncio.create_task(node.run_async())
    try:
        yield node, trader
    finally:
        await node.stop_async()
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        get_bybit_http_client.cache_clear()
        get_bybit_instrument_provider.cache_clear()


@pytest.mark.parametrize("over_socket", [False, True], ids=["rest", "trade-socket"])
async def test_a_node_trades(sim: Simulator, over_socket: bool) -> None:
    http = get_bybit_http_client(LiveClock(), KEY, SECRET, sim.rest_url)
    account = BybitAccountHttpAPI(client=http, clock=LiveClock())

    async def read(path: str, **query: str) -> list[dict[str, Any]]:
        answer = await http.sign_request(HttpMethod.GET, path, query)
        rows: list[dict[str, Any]] = msgspec.json.decode(answer)["result"]["list"]
        return rows

    async def trailing() -> Decimal:
        [row] = await read("/v5/position/list", category="linear", symbol="BTCUSDT")
        return Decimal(row["trailingStop"])

    async with running_node(sim, over_socket=over_socket) as (node, trader):
        await until(lambda: bool(trader.quotes))
        assert trader.quotes[0].bid_price == Price.from_str("60000.00")
        trader.market(OrderSide.BUY)
        await until(lambda: "PositionOpened" in trader.told)
        assert [what for what in trader.told if what != "OrderAccepted"] == [
            "OrderInitialized",
            "OrderSubmitted",
            "OrderFilled",
            "PositionOpened",
        ]
        [held] = await read("/v5/position/list", category="linear", symbol="BTCUSDT")
        assert (held["size"], held["leverage"]) == (str(QTY), str(LEVERAGE))
        stop = trader.trailing_stop(BOUGHT - STOP)
        await until(lambda: bool(stop.is_open))
        assert await trailing() == BOUGHT - STOP
        await account.set_trading_stop(
            BybitProductType.LINEAR,
            "BTCUSDT",
            trailing_offset=str(BOUGHT - MOVED_STOP),
            tpsl_mode=BybitTpSlMode.FULL,
        )
        await until(lambda: stop.trigger_price == Price.from_str("59500.00"))
        assert await trailing() == BOUGHT - MOVED_STOP
        resting = trader.limit("59900.00")
        await until(lambda: bool(resting.is_open))
        trader.modify_order(resting, price=Price.from_str("59800.00"))
        await until(lambda: resting.price == Price.from_str("59800.00"))
        trader.cancel_order(resting)
        await until(lambda: bool(resting.is_closed))
        await sim.control("POST", "price", {"symbol": "BTCUSDT", "last": str(SOLD)})
        trader.market(OrderSide.SELL, reduce_only=True)
        await until(lambda: "PositionClosed" in trader.told)
        [position] = node.cache.positions()
        assert Decimal(str(position.realized_pnl.as_decimal())) == NET
        await until(lambda: node.portfolio.account(Venue(BYBIT)).balance_total(USDT).as_decimal() == 10000 + NET)
        vias = {order["via"] for order in (await sim.control("GET", "orders"))["items"]}
        assert vias == {"trade_ws" if over_socket else "rest"}
    [closed] = await read("/v5/position/closed-pnl", category="linear", symbol="BTCUSDT")
    check_closed_pnl(closed)
    check_ledger(await read("/v5/account/transaction-log", accountType="UNIFIED"))
