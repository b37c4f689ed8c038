"""How many tickers and orders a second the exchange look-alike does, so that it is known when it would be the bottleneck.

`python -m benchmarks.simulator_capacity`: it runs in a process of its own; what is counted arrived here.
"""

import asyncio
import json
import os
import sys
import time
from itertools import count
from pathlib import Path

import aiohttp
import uvloop
from websockets.asyncio.client import ClientConnection, connect

from benchmarks.close_path import BTC, KEYS, simulator
from streamer.bybit.signing import login_args
from streamer.clock import now_ms

LISTENERS = 20
TICKS = 4_000
SOCKETS = 8
ORDERS = 4_000
AT_ONCE = 20
_numbers = count(1)


async def listened(url: str, ready: asyncio.Event, last: str) -> int:
    """Messages until the last price is heard."""
    heard = 0
    async with connect(f"{url}/v5/public/linear", max_queue=None, compression=None) as socket:
        await socket.send(json.dumps({"op": "subscribe", "args": [f"tickers.{BTC}"]}))
        async for message in socket:
            heard += 1
            if '"snapshot"' in str(message):
                ready.set()
            if f'"lastPrice":"{last}"' in str(message):
                return heard
    return heard


async def tickers(http: aiohttp.ClientSession, url: str) -> int:
    """Messages that arrived."""
    ticks = [{"time": 0, "symbol": BTC, "last": str(50_000 + number)} for number in range(TICKS)]
    ready = [asyncio.Event() for _ in range(LISTENERS)]
    last = f"{50_000 + TICKS - 1}.00"
    work = [asyncio.create_task(listened(url.replace("http", "ws", 1), one, last)) for one in ready]
    await asyncio.gather(*(one.wait() for one in ready))
    async with http.post(f"{url}/sim/replay", json={"ticks": ticks, "speed": 0}) as answer:
        assert answer.status == 200
    return sum(await asyncio.gather(*work))


async def logged_in(url: str) -> ClientConnection:
    socket = await connect(f"{url}/v5/trade", max_queue=None, compression=None)
    await socket.send(json.dumps({"op": "auth", "args": login_args(KEYS.api_key, KEYS.api_secret, now_ms())}))
    assert json.loads(await socket.recv())["retCode"] == 0
    return socket


async def trade(socket: ClientConnection, orders: int) -> None:
    """So many market orders, `AT_ONCE` of them without an answer."""
    under_way = 0
    for number in range(orders):
        side = "Buy" if number % 2 else "Sell"
        body = {"category": "linear", "symbol": BTC, "side": side, "orderType": "Market", "qty": "0.001"}
        request = {"op": "order.create", "reqId": str(next(_numbers)), "args": [body]}
        header = {"X-BAPI-TIMESTAMP": str(now_ms()), "X-BAPI-RECV-WINDOW": "60000"}
        await socket.send(json.dumps(request | {"header": header}))
        under_way += 1
        if under_way == AT_ONCE:
            await answered(socket)
            under_way -= 1
    for _ in range(under_way):
        await answered(socket)


async def answered(socket: ClientConnection) -> None:
    answer = json.loads(await socket.recv())
    assert answer["retCode"] == 0, answer


async def orders(http: aiohttp.ClientSession, url: str) -> int:
    """Orders that were taken."""
    account = {"api_key": KEYS.api_key, "api_secret": KEYS.api_secret, "balance": "1000000", "order_rate": 1_000_000}
    async with http.post(f"{url}/sim/accounts", json=account) as answer:
        assert answer.status == 200
    sockets = [await logged_in(url.replace("http", "ws", 1)) for _ in range(SOCKETS)]
    await asyncio.gather(*(trade(socket, ORDERS // SOCKETS) for socket in sockets))
    for socket in sockets:
        await socket.close()
    return ORDERS


async def measure() -> None:
    async with simulator() as (url, pid), aiohttp.ClientSession() as http:
        for name, work in (("tickers out", tickers), ("orders", orders)):
            before, began = processor_s(pid), time.perf_counter()
            done = await work(http, url)
            took, used = time.perf_counter() - began, processor_s(pid) - before
            rate = f"{done / took:9,.0f} a second; {done / used:9,.0f} a second of its processor"
            sys.stdout.write(f"{name:12} {rate}\n")


def processor_s(pid: int) -> float:
    """Seconds of processor time a process has used: what it could do on a machine that does nothing else."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


if __name__ == "__main__":
    uvloop.run(measure())
