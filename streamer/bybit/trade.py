"""Orders over a socket that is open, logged in and warm: half the time of REST, and no signature each.

An answer means taken, not filled. What was sent and not answered when the connection goes is unknown; what could not be
sent is not, and goes another way.

Source: Bybit V5, "WebSocket Trade Guideline".
"""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import count
from typing import Any

import msgspec

from backstop.telemetry import logger
from backstop.vault import Credentials
from streamer.bybit.answers import NoAnswer, NotSent, Refusal
from streamer.bybit.ret_codes import NOT_THIS_SOCKET, OK, RESTARTING, Meaning, meaning_of
from streamer.bybit.signing import login_args
from streamer.bybit.socket import Admit, Socket, SocketState, at_once, short_lived
from streamer.bybit.transport import RECV_WINDOW_MS, Turns
from streamer.bybit.wire import ConnectionLost, Wire

log = logger("streamer")

ANSWER_WITHIN_S = 3.0
"""An answer takes milliseconds; a connection that owes one for so long is given up."""

_REPEATED_LOGIN = 20001
_RECV_WINDOW = str(RECV_WINDOW_MS)
_PATHS = {"order.create": "/v5/order/create", "order.amend": "/v5/order/amend", "order.cancel": "/v5/order/cancel"}


@dataclass(frozen=True, slots=True)
class UnderWay:
    """A request that has left."""

    op: str
    number: str
    reply: asyncio.Future[dict[str, Any]]


class TradeSocket:
    def __init__(
        self,
        name: str,
        url: str,
        credentials: Credentials,
        *,
        turns: Turns,
        clock: Callable[[], int],
        exchange_clock: Callable[[], int],
        admit: Admit = at_once,
        answer_within_s: float = ANSWER_WITHIN_S,
    ) -> None:
        """`exchange_clock`: the exchange's time as far as it is known, which logins and orders are stamped with."""
        self._credentials = credentials
        self._turns = turns
        self._exchange_clock = exchange_clock
        self._answer_within_s = answer_within_s
        self._waiting: dict[str, asyncio.Future[dict[str, Any]]] = {}
        self._numbers = count(1)
        self.socket = Socket(f"trade {name}", short_lived(url), self, silence_s=lambda: None, clock=clock, admit=admit)

    @property
    def is_open(self) -> bool:
        return self.socket.state is SocketState.CONNECTED

    def stamp(self) -> str:
        """The exchange's time now, for `submit`."""
        return str(self._exchange_clock())

    def submit(self, op: str, body: Mapping[str, Any], stamp: str) -> UnderWay:
        """Write a request to the socket before this returns; `answer` tells what comes of it. `stamp`: when it was found
        right to send it; suspended for longer than the receive window since then, it is refused by the exchange as too old.

        Raises `NotSent`.
        """
        connection = self.socket.connection
        if not self.is_open or connection is None:
            raise NotSent("the trade socket is not connected")
        number = str(next(self._numbers))
        request = {
            "reqId": number,
            "header": {"X-BAPI-TIMESTAMP": stamp, "X-BAPI-RECV-WINDOW": _RECV_WINDOW},
            "op": op,
            "args": [body],
        }
        try:
            connection.send(msgspec.json.encode(request))
        except ConnectionLost:
            raise NotSent("the trade socket is not connected") from None
        reply = self._waiting[number] = asyncio.get_running_loop().create_future()
        return UnderWay(op, number, reply)

    async def answer(self, request: UnderWay) -> Mapping[str, Any]:
        """The `data` of the answer. Raises `Refusal`, or `NoAnswer` when it is unknown."""
        try:
            async with asyncio.timeout(self._answer_within_s):
                reply = await request.reply
        except TimeoutError:
            self.socket.drop()
            raise NoAnswer(f"no answer to {request.op} within {self._answer_within_s:g} s") from None
        finally:
            self._waiting.pop(request.number, None)
        return self._judge(request.op, reply)

    def _judge(self, op: str, reply: dict[str, Any]) -> Mapping[str, Any]:
        code, header = reply["retCode"], reply.get("header")
        if isinstance(header, dict):
            told = {str(key).lower(): str(value) for key, value in header.items()}
            self._turns.learn(_PATHS[op], code, told, self._exchange_clock())
        if code == OK:
            data = reply.get("data")
            return data if isinstance(data, dict) else {}
        message = str(reply.get("retMsg", ""))
        if code == RESTARTING:
            self.socket.drop()
        if meaning_of(code) is Meaning.AMBIGUOUS and code not in NOT_THIS_SOCKET:
            raise NoAnswer(f"{code}: {message}")
        raise Refusal(code, message)

    # ---- what the socket asks of its stream

    async def open(self, connection: Wire) -> None:
        args = login_args(self._credentials.api_key, self._credentials.api_secret, self._exchange_clock())
        connection.send(msgspec.json.encode({"op": "auth", "reqId": "auth", "args": args}))
        while True:
            message = _object(await connection.recv())
            if message is not None and message.get("op") == "auth":
                break
        if message.get("retCode") not in (OK, _REPEATED_LOGIN):
            raise ConnectionError(f"login refused: {message.get('retCode')} {message.get('retMsg', '')}")

    def receive(self, frame: str | bytes) -> bool:
        message = _object(frame)
        if message is None:
            log.warning("trade frame not understood", frame=str(frame[:200]))
            return False
        answer = self._waiting.get(str(message.get("reqId", "")))
        if answer is None or answer.done() or not isinstance(message.get("retCode"), int):
            return False
        answer.set_result(message)
        return True

    def closed(self) -> None:
        for answer in self._waiting.values():
            if not answer.done():
                answer.set_exception(NoAnswer("the trade socket was lost with the request under way"))


def _object(frame: str | bytes) -> dict[str, Any] | None:
    try:
        message = msgspec.json.decode(frame)
    except (ValueError, RecursionError):
        return None
    return message if isinstance(message, dict) else None
