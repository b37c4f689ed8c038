"""What most bots are: `websockets` for prices, json, and ccxt's create_order, here with its throttle off."""

import json

import ccxt.async_support as ccxt
import uvloop
from websockets.asyncio.client import connect

from benchmarks.clients.listing import bybit_at
from benchmarks.clients.target import Target, ready


async def main() -> None:
    target = Target.from_arguments()
    exchange = bybit_at(ccxt.bybit, target)
    armed = True
    async with connect(f"{target.ws}/v5/public/linear", compression=None) as feed:
        await feed.send(json.dumps({"op": "subscribe", "args": ["tickers.BTCUSDT"]}))
        ready()
        async for frame in feed:
            price = float(json.loads(frame).get("data", {}).get("lastPrice") or 60_000)
            if armed and price <= 59_500:
                armed = False
                await exchange.create_order("BTC/USDT:USDT", "market", "sell", 0.01, params={"reduceOnly": True})
            elif price > 59_500:
                armed = True


if __name__ == "__main__":
    uvloop.run(main())
