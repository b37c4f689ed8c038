"""The least an exchange can be: it writes ticker frames, takes order requests, and notes when. A process of its own.

`python -m benchmarks.exchange [--tls CERTIFICATE]` prints `{"ws": port, "http": port}`, then reads commands, one JSON a
line, and answers each with one line:

- `{"crossings": n, "rate": r}`: r ticks a second that cross nothing, n that do, one after the other; → nanoseconds from
  writing such a tick to having read the whole request it led to, and how many led to none.
- `{"ticks": n, "rate": r}`: only the former. → seconds it took, and how late the last one was.

Times are CLOCK_MONOTONIC of this one process, so no clocks are compared.
"""

import argparse
import asyncio
import json
import random
import ssl
import sys
import time
from pathlib import Path
from typing import Any

import msgspec
import uvloop
from picows import WSFrame, WSListener, WSMsgType, WSTransport, WSUpgradeRequest, ws_create_server

SYMBOL = "BTCUSDT"
ABOVE, BELOW = 60_000.0, 59_000.0
"""Around the first nothing is crossed; at the second the level at 59,500 is."""

_APART_S = (0.010, 0.016)
_LOST_AFTER_S = 1.0
_OK = {"retCode": 0, "retMsg": "OK"}


def now_ms() -> int:
    return time.time_ns() // 1_000_000


class State:
    """Who listens, and what arrived."""

    def __init__(self) -> None:
        self.listening: list[WSTransport] = []
        self.arrived_ns = 0
        self.arrived = asyncio.Event()
        self.orders = 0

    def order_read(self) -> None:
        self.arrived_ns = time.monotonic_ns()
        self.orders += 1
        self.arrived.set()

    def push(self, frame: bytes) -> None:
        for transport in self.listening:
            transport.send(WSMsgType.TEXT, frame)


def ticker(price: float, kind: str = "delta") -> bytes:
    text = f"{price:.2f}"
    data = {
        "symbol": SYMBOL,
        "lastPrice": text,
        "markPrice": text,
        "indexPrice": text,
        "bid1Price": text,
        "ask1Size": "1.2",
    }
    message = {"topic": f"tickers.{SYMBOL}", "type": kind, "data": data, "cs": 24987956059, "ts": now_ms()}
    return msgspec.json.encode(message)


class Peer(WSListener):
    """One client's WebSocket, of any of the three services."""

    def __init__(self, state: State) -> None:
        self._state = state

    def on_ws_disconnected(self, transport: WSTransport) -> None:
        if transport in self._state.listening:
            self._state.listening.remove(transport)

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        if frame.msg_type is WSMsgType.CLOSE:
            transport.disconnect()
            return
        if frame.msg_type is not WSMsgType.TEXT:
            return
        payload = frame.get_payload_as_bytes()
        if b'"order.create"' in payload:
            self._state.order_read()
        body = json.loads(payload)
        for answer in self._answers(transport, body):
            transport.send(WSMsgType.TEXT, answer if isinstance(answer, bytes) else msgspec.json.encode(answer))

    def _answers(self, transport: WSTransport, body: dict[str, Any]) -> list[Any]:
        ids = {name: body[name] for name in ("reqId", "req_id") if name in body}
        match body.get("op"):
            case "order.create":
                data = {"orderId": f"x-{self._state.orders}", "orderLinkId": body["args"][0].get("orderLinkId", "")}
                limits = {"X-Bapi-Limit": "100000", "X-Bapi-Limit-Status": "99999", "Timenow": str(now_ms())}
                return [{**ids, **_OK, "op": "order.create", "data": data, "header": limits, "connId": "1"}]
            case "auth":
                return [{**ids, **_OK, "success": True, "ret_msg": "", "op": "auth", "connId": "1", "conn_id": "1"}]
            case "subscribe":
                tickers = [ticker(ABOVE, "snapshot") for topic in body["args"] if topic == f"tickers.{SYMBOL}"]
                if tickers:
                    self._state.listening.append(transport)
                return [{**ids, "success": True, "ret_msg": "", "op": "subscribe", "conn_id": "1"}, *tickers]
            case "ping":
                return [{**ids, "success": True, "ret_msg": "pong", "op": "ping", **_OK}]
        return []


class Http(asyncio.Protocol):
    """POST /v5/order/create on a kept-alive connection, and an empty listing for all else."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._read = bytearray()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport: Any = transport

    def data_received(self, data: bytes) -> None:
        self._read += data
        head, mark, rest = bytes(self._read).partition(b"\r\n\r\n")
        if not mark:
            return
        lines = head.lower().split(b"\r\n")
        length = next((int(line.split(b":")[1]) for line in lines if line.startswith(b"content-length")), 0)
        if len(rest) < length:
            return
        if b"/v5/order/create" in head:
            self._state.order_read()
        self._read = bytearray(rest[length:])
        result = {"orderId": f"x-{self._state.orders}", "orderLinkId": "", "list": [], "nextPageCursor": ""}
        body = msgspec.json.encode({**_OK, "result": result, "retExtInfo": {}, "time": now_ms()})
        head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nX-Bapi-Limit: 100000\r\nX-Bapi-Limit-Status: 99999\r\n"
        self._transport.write(head + b"Content-Length: %d\r\n\r\n" % len(body) + body)


async def background(state: State, rate: int, ticks: int | None = None) -> float:
    """Ticks that cross nothing, in bunches of a millisecond if there are many. Returns how late the last one was."""
    loop = asyncio.get_running_loop()
    every = max(0.001, 1 / rate)
    began, sent = loop.time(), 0
    while ticks is None or sent < ticks:
        due = int((loop.time() - began) * rate) + 1
        for _ in range(due - sent if ticks is None else min(due, ticks) - sent):
            state.push(ticker(ABOVE + random.random() * 20))  # noqa: S311 - a price
        sent = due
        await asyncio.sleep(every)
    return loop.time() - began - ticks / rate


async def cross(state: State, crossings: int, rate: int) -> dict[str, Any]:
    noise = asyncio.create_task(background(state, rate))
    took, lost = [], 0
    try:
        for _ in range(crossings):
            await asyncio.sleep(random.uniform(*_APART_S))  # noqa: S311 - not in step with anything
            state.arrived.clear()
            frame = ticker(BELOW)
            written = time.monotonic_ns()
            state.push(frame)
            try:
                async with asyncio.timeout(_LOST_AFTER_S):
                    await state.arrived.wait()
                took.append(state.arrived_ns - written)
            except TimeoutError:
                lost += 1
            state.push(ticker(ABOVE))
    finally:
        noise.cancel()
    return {"took": took, "lost": lost}


async def serve(tls: Path | None) -> None:
    state, context = State(), None
    if tls is not None:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(tls)

    def peer(_request: WSUpgradeRequest) -> WSListener:
        return Peer(state)

    loop = asyncio.get_running_loop()
    sockets = await ws_create_server(peer, "127.0.0.1", 0, ssl=context, use_aiofastnet=False)
    http = await loop.create_server(lambda: Http(state), "127.0.0.1", 0, ssl=context)
    ports = {"ws": sockets.sockets[0].getsockname()[1], "http": http.sockets[0].getsockname()[1]}
    tell(ports)
    alive = asyncio.create_task(background(state, 1))
    reader = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    while line := await reader.readline():
        command = json.loads(line)
        if "crossings" in command:
            tell(await cross(state, command["crossings"], command["rate"]))
        else:
            tell({"late_s": await background(state, command["rate"], command["ticks"])})
    alive.cancel()


def tell(answer: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(answer) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tls", type=Path)
    uvloop.run(serve(parser.parse_args().tls))
