"""What all three WebSocket services share: one connection, its outgoing queue, its end.

Source: Bybit V5, "Connect": idle cut after 10 minutes, or max_active_time (max_alive_time in the Go SDK).
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import msgspec
from aiohttp import WSMsgType, web

IDLE_S = 600.0
ACK_DELAY_S = 0.02
"""Acks and first snapshots come this late: pybit registers a subscription only after it has sent it."""

_ACTIVE_TIME = re.compile(r"(\d+)(s|m)")


class Connection:
    """One client's socket. Sending never waits: a writer task keeps the order."""

    def __init__(self, socket: web.WebSocketResponse, request: web.Request, conn_id: str) -> None:
        self.conn_id = conn_id
        self.api_key = ""
        self.topics: set[str] = set()
        self.live: set[str] = set()
        """Topics whose first snapshot has gone out."""
        self._socket = socket
        self._transport = request.transport
        self._queue: asyncio.Queue[str] = asyncio.Queue()
        self._tasks: set[asyncio.Task[None]] = set()

    def send(self, message: Any, delay_s: float = 0.0) -> None:
        """Queue a message (encoded, or to be), now or after a delay."""
        text = message if isinstance(message, str) else encode(message)
        self.later(lambda: self._queue.put_nowait(text), delay_s)

    def later(self, action: Callable[[], None], delay_s: float) -> None:
        """Do something on this connection after a delay, unless it has ended."""
        if delay_s <= 0:
            action()
        else:
            self.start(_after(delay_s, action))

    def start(self, work: Awaitable[None]) -> None:
        """Run something for as long as the connection lives."""
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def abort(self) -> None:
        """Cut the TCP connection, without a close frame."""
        if self._transport is not None:
            self._transport.abort()

    async def close(self, code: int) -> None:
        """Close with a code."""
        with contextlib.suppress(ConnectionError, RuntimeError):
            await self._socket.close(code=code, drain=False)

    async def run(self, receive: Callable[[dict[str, Any]], None], bad_json: dict[str, Any]) -> None:
        """Pass on each JSON object the client sends, until it leaves or is idle for too long."""
        self.start(self._write())
        try:
            while True:
                message = await self._socket.receive()
                if message.type is not WSMsgType.TEXT:
                    return
                try:
                    body = json.loads(message.data)
                except ValueError:
                    body = None
                if isinstance(body, dict):
                    receive(body)
                else:
                    self.send(bad_json)
        except TimeoutError:
            await self.close(1000)
        finally:
            for task in list(self._tasks):
                task.cancel()

    async def _write(self) -> None:
        with contextlib.suppress(ConnectionError):
            while True:
                await self._socket.send_str(await self._queue.get())


async def _after(delay_s: float, action: Callable[[], None]) -> None:
    await asyncio.sleep(delay_s)
    action()


class Connections:
    """The open connections of one service."""

    def __init__(self) -> None:
        self._open: dict[str, Connection] = {}

    def __iter__(self) -> Iterator[Connection]:
        return iter(list(self._open.values()))

    def __len__(self) -> int:
        return len(self._open)

    @contextlib.contextmanager
    def holding(self, connection: Connection) -> Iterator[None]:
        """List a connection while it is open."""
        self._open[connection.conn_id] = connection
        try:
            yield
        finally:
            del self._open[connection.conn_id]


async def accept(request: web.Request, conn_id: str) -> Connection:
    """Finish the handshake of a new connection."""
    socket = web.WebSocketResponse(receive_timeout=idle_seconds(request), compress=True, max_msg_size=1 << 20)
    await socket.prepare(request)
    return Connection(socket, request, conn_id)


def socket_of(connection: Connection) -> web.WebSocketResponse:
    """The response aiohttp wants back from a handler."""
    return connection._socket


def idle_seconds(request: web.Request) -> float:
    """After how long without a message the connection is cut."""
    wish = request.query.get("max_active_time") or request.query.get("max_alive_time") or ""
    found = _ACTIVE_TIME.fullmatch(wish)
    if found is None:
        return IDLE_S
    seconds = int(found[1]) * (60 if found[2] == "m" else 1)
    return float(min(max(seconds, 30), 600))


def encode(message: Any) -> str:
    """Compact JSON text."""
    return msgspec.json.encode(message).decode()


def topics_of(body: dict[str, Any]) -> list[str]:
    """The args of a subscribe or unsubscribe."""
    args = body.get("args")
    return [str(topic) for topic in args] if isinstance(args, list) else []


def req_id(body: dict[str, Any]) -> str:
    """The client's req_id as a string, "" if it gave none."""
    value = body.get("req_id")
    return "" if value is None else str(value)
