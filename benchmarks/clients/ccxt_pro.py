"""ccxt.pro: watch_ticker, and the order over its WebSocket, with the throttle off."""

import ccxt.pro as ccxt
import uvloop

from benchmarks.clients.listing import bybit_at
from benchmarks.clients.target import Target, ready

PAIR = "BTC/USDT:USDT"


async def main() -> None:
    target = Target.from_arguments()
    exchange = bybit_at(ccxt.bybit, target)
    await exchange.watch_ticker(PAIR)
    await exchange.create_order_ws(PAIR, "market", "sell", 0.01, params={"reduceOnly": True})
    ready()
    armed = True
    while True:
        price = (await exchange.watch_ticker(PAIR))["last"]
        if armed and price <= 59_500:
            armed = False
            await exchange.create_order_ws(PAIR, "market", "sell", 0.01, params={"reduceOnly": True})
        elif price > 59_500:
            armed = True


if __name__ == "__main__":
    uvloop.run(main())
