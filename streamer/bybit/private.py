"""The private stream of one account: orders, executions, positions, wallet.

Logs in and waits for the answer before it subscribes, and for that answer before it calls itself open. Topics come
in any order relative to each other; the engine does not rely on one. Nothing is replayed by the exchange: after each
(re)connect `on_open` has the account read anew over REST.

Source: Bybit V5, "Connect", "Order", "Execution", "Position", "Wallet".
"""

from collections.abc import Callable
from typing import Any

import msgspec

from backstop.engine.events import Event, Executed, PositionReported
from backstop.telemetry import logger
from backstop.vault import Credentials
from streamer.bybit import codec
from streamer.bybit.novelties import Novelties
from streamer.bybit.signing import login_args
from streamer.bybit.socket import Admit, Socket, at_once, short_lived
from streamer.bybit.wire import Wire

log = logger("streamer")

_TELLS_WITHIN_MS = 1_500
"""An execution not told by then was not told at all."""

TOPICS = ("order", "execution", "position", "wallet")


class LoginRefused(Exception):
    """The exchange does not take the key."""


class PrivateStream:
    def __init__(  # noqa: PLR0913 - each is one thing
        self,
        name: str,
        url: str,
        credentials: Credentials,
        *,
        on_event: Callable[[Event], None],
        on_open: Callable[[], None],
        on_unreadable: Callable[[str, str, str], None],
        clock: Callable[[], int],
        exchange_clock: Callable[[], int] | None = None,
        admit: Admit = at_once,
    ) -> None:
        """`exchange_clock`: the exchange's time as far as it is known, which logins are signed with."""
        self._credentials = credentials
        self._on_event = on_event
        self._on_open = on_open
        self._on_unreadable = on_unreadable
        self._clock = clock
        self._exchange_clock = exchange_clock or clock
        self._open_since: int | None = None
        self._novelties = Novelties()
        self.socket = Socket(
            f"private {name}", short_lived(url), self, silence_s=lambda: None, clock=clock, admit=admit
        )

    async def open(self, connection: Wire) -> None:
        args = login_args(self._credentials.api_key, self._credentials.api_secret, self._exchange_clock())
        answer = await self._ask(connection, {"op": "auth", "req_id": "auth", "args": args}, "auth")
        if not answer.get("success"):
            raise LoginRefused(str(answer.get("ret_msg", "")))
        answer = await self._ask(
            connection, {"op": "subscribe", "req_id": "subscribe", "args": list(TOPICS)}, "subscribe"
        )
        if not answer.get("success"):
            raise ConnectionError(f"subscription refused: {answer.get('ret_msg', '')}")
        self._open_since = self._exchange_clock()
        self._on_open()

    async def _ask(self, connection: Wire, request: dict[str, object], op: str) -> dict[str, Any]:
        connection.send(msgspec.json.encode(request))
        while True:
            frame = await connection.recv()
            try:
                message = msgspec.json.decode(frame)
            except (ValueError, RecursionError):
                message = None
            if isinstance(message, dict) and message.get("op") == op:
                return message
            self.receive(frame)

    def receive(self, frame: str | bytes) -> bool:
        try:
            message = msgspec.json.decode(frame)
        except (ValueError, RecursionError) as error:
            self._on_unreadable("private", str(error), str(frame[:500]))
            return False
        topic = message.get("topic") if isinstance(message, dict) else None
        if not isinstance(topic, str):
            return False
        rows = message.get("data")
        for row in rows if isinstance(rows, list) else ():
            self._take(topic, row)
        return True

    def _take(self, topic: str, row: codec.Fields) -> None:
        try:
            event = self._read(topic, row)
        except (codec.Unreadable, KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
            self._set_aside(topic, f"{type(error).__name__}: {error}", row)
            return
        if _is_ours(row) and (new := self._novelties.in_row(topic, row)) is not None:
            self._set_aside(topic, new, row)
        if event is not None:
            self._on_event(event)

    def _set_aside(self, topic: str, reason: str, row: object) -> None:
        self._on_unreadable(topic, reason, msgspec.json.encode(row).decode()[:4000])

    def _read(self, topic: str, row: codec.Fields) -> Event | None:
        if not _is_ours(row):
            return None
        match topic:
            case "execution":
                return Executed(codec.read_execution(row))
            case "order":
                return codec.read_order(row)
            case "position":
                return PositionReported(codec.read_position(row, self._clock()))
            case "wallet":
                return codec.read_wallet([row])
            case _:
                return None

    @property
    def hears_for_ms(self) -> int:
        """How long it has been open; 0 when it is not."""
        return self._exchange_clock() - self._open_since if self._open_since is not None else 0

    def missed(self, at: int) -> None:
        """An execution made at `at` (the exchange's time) was found otherwise. Had this stream been open then and said
        nothing since, it is deaf, however alive it looks: only data proves it."""
        if self._open_since is not None and self._open_since < at < self._exchange_clock() - _TELLS_WITHIN_MS:
            log.warning("private stream is deaf", socket=self.socket.name)
            self._open_since = None
            self.socket.drop()

    def closed(self) -> None:
        self._open_since = None


def _is_ours(row: codec.Fields) -> bool:
    """Whether it is about contracts we trade; the wallet's rows name no category."""
    return bool(row.get("category", "linear") == "linear")
