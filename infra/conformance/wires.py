"""Sockets of the exchange, spoken to by hand.

Source: Bybit V5, "Connect", "WebSocket Trade Guideline".
"""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

from websockets.asyncio.client import ClientConnection, connect

from infra.conformance.desk import Desk, Differs, NotHere, Row, must
from streamer.bybit.signing import login_args


class Wire:
    """One connection that speaks JSON objects."""

    def __init__(self, socket: ClientConnection, within_s: float) -> None:
        self._within_s = within_s
        self._socket = socket
        self._kept: list[Row] = []
        self._rows: list[tuple[str, Row]] = []

    async def send(self, message: Mapping[str, Any]) -> None:
        """Send one message."""
        await self._socket.send(json.dumps(message))

    async def next(self, what: str, **expected: object) -> Row:
        """The next message whose fields are as expected; others are kept for who asks for them."""
        for kept in self._kept:
            if _is_like(kept, expected):
                self._kept.remove(kept)
                return kept
        try:
            async with asyncio.timeout(self._within_s):
                while True:
                    message: Row = json.loads(await self._socket.recv())
                    if _is_like(message, expected):
                        return message
                    self._kept.append(message)
        except TimeoutError:
            raise Differs(f"{what}: nothing like it came within {self._within_s:g} s") from None

    async def ask(self, message: Mapping[str, Any], what: str, **expected: object) -> Row:
        """Send, and take what answers."""
        await self.send(message)
        return await self.next(what, **expected)

    async def row(self, topic: str, **expected: object) -> Row:
        """The next row of a private topic that looks like this; others are kept."""
        while True:
            for kept in self._rows:
                if kept[0] == topic and _is_like(kept[1], expected):
                    self._rows.remove(kept)
                    return kept[1]
            message = await self.next(f"{topic} with {expected}", topic=topic)
            must(isinstance(message.get("creationTime"), int), f"the {topic} envelope has no creationTime")
            self._rows += [(topic, row) for row in message["data"]]

    async def login(self, desk: Desk, secret: str | None = None) -> Row:
        """Authenticate; the answer, good or not."""
        args = login_args(desk.keys.api_key, secret or desk.keys.api_secret, desk.now_ms())
        return await self.ask({"op": "auth", "args": args}, "an answer to the login", op="auth")


def _is_like(message: Row, expected: Mapping[str, object]) -> bool:
    return all(message.get(name) == value for name, value in expected.items())


@asynccontextmanager
async def public(desk: Desk) -> AsyncIterator[Wire]:
    """The public stream."""
    async with connect(desk.hosts.public_ws) as socket:
        yield Wire(socket, desk.within_s)


@asynccontextmanager
async def private(desk: Desk, *topics: str) -> AsyncIterator[Wire]:
    """The private stream, logged in and subscribed to these topics; without any, as it opens."""
    async with connect(desk.hosts.private_ws) as socket:
        wire = Wire(socket, desk.within_s)
        if topics:
            must((await wire.login(desk))["success"], "the private stream does not take the login")
            answer = await wire.ask({"op": "subscribe", "args": list(topics)}, "the subscription", op="subscribe")
            must(answer["success"], f"the subscription is refused: {answer.get('ret_msg')}")
        yield wire


@asynccontextmanager
async def trading(desk: Desk, *, logged_in: bool = True) -> AsyncIterator[Wire]:
    """The trade socket. Raises `NotHere` where there is none."""
    if desk.hosts.trade_ws is None:
        raise NotHere("this environment has no trade socket")
    async with connect(desk.hosts.trade_ws) as socket:
        wire = Wire(socket, desk.within_s)
        if logged_in:
            answer = await wire.login(desk)
            must(answer.get("retCode") == 0, f"the trade socket does not take the login: {answer}")
        yield wire


def command(desk: Desk, number: str, op: str, **fields: Any) -> Row:
    """A message of the trade socket about the symbol."""
    header = {"X-BAPI-TIMESTAMP": str(desk.now_ms()), "X-BAPI-RECV-WINDOW": "5000"}
    args = [{"category": "linear", "symbol": desk.symbol, **fields}]
    return {"reqId": number, "header": header, "op": op, "args": args}
