"""One WebSocket on the wire, with API Gateway's limits. The protocol is websockets' sans-I/O one.

aiohttp hands over the bytes after the handshake; its own reader knows no limit for a single frame and
its writer sends no message in parts, and API Gateway's clients meet both.
"""

import asyncio
from dataclasses import dataclass

from websockets.frames import CloseCode, Frame, Opcode
from websockets.protocol import SEND_EOF, State
from websockets.server import ServerProtocol

_CLOSE_ANSWERED_WITHIN_S = 2.0
_UNREAD_MESSAGES_HIGH = 64
_UNREAD_MESSAGES_LOW = 16
_UNSENT_LIMIT = 4 * 1024 * 1024  # bytes


class LinkClosedError(Exception):
    """Nothing can be sent any more."""


@dataclass(frozen=True, slots=True)
class Limits:
    """API Gateway's quotas for WebSocket APIs. Sizes in bytes."""

    frame: int = 32 * 1024
    message: int = 128 * 1024
    idle_s: float = 600.0
    lifetime_s: float = 7200.0


class Link:
    """Whole text messages in and out. aiohttp feeds it as the parser of an upgraded connection."""

    def __init__(self, transport: asyncio.Transport, limits: Limits) -> None:
        self._transport = transport
        self._limits = limits
        self._protocol = ServerProtocol(state=State.OPEN, max_size=(limits.message, limits.frame))
        self._received: asyncio.Queue[str | None] = asyncio.Queue()
        self._parts: list[bytes | bytearray | memoryview] = []
        self._ended = False
        self._reading = True
        self.last_active = asyncio.get_running_loop().time()

    @property
    def close_code(self) -> int:
        """Who closed first says why; 1006 when the connection broke."""
        first = self._protocol.close_sent if not self._protocol.close_rcvd_then_sent else self._protocol.close_rcvd
        close = first or self._protocol.close_rcvd
        return int(close.code) if close is not None else int(CloseCode.ABNORMAL_CLOSURE)

    @property
    def close_reason(self) -> str:
        """The text beside `close_code`."""
        close = self._protocol.close_rcvd or self._protocol.close_sent
        return close.reason if close is not None else ""

    def feed_data(self, data: bytes) -> tuple[bool, bytes]:
        """Called by aiohttp with what came in; the answer is its (finished, rest)."""
        if not self._ended:
            self._protocol.receive_data(data)
            self._pump()
        return False, b""

    def feed_eof(self) -> None:
        """Called by aiohttp when the connection is gone."""
        if not self._ended:
            self._protocol.receive_eof()
            self._pump()
            self._end()

    async def receive(self) -> str | None:
        """The next text message; None once closed."""
        message = await self._received.get()
        if not self._reading and self._received.qsize() <= _UNREAD_MESSAGES_LOW and not self._transport.is_closing():
            self._transport.resume_reading()
            self._reading = True
        return message

    def send(self, message: bytes) -> None:
        """Send UTF-8 text in frames within the limit.

        Raises:
            LinkClosedError: it is closed, or the client reads so slowly that it was dropped.
        """
        if self._ended or self._protocol.state is not State.OPEN or self._transport.is_closing():
            raise LinkClosedError("the connection is closed")
        if self._transport.get_write_buffer_size() > _UNSENT_LIMIT:
            self._transport.abort()
            raise LinkClosedError("the client does not read")
        size = self._limits.frame
        parts = [message[at : at + size] for at in range(0, len(message), size)] or [b""]
        self._protocol.send_text(parts[0], fin=len(parts) == 1)
        for position, part in enumerate(parts[1:], start=2):
            self._protocol.send_continuation(part, fin=position == len(parts))
        self.last_active = asyncio.get_running_loop().time()
        self._flush()

    def close(self, code: int, reason: str = "") -> None:
        """Begin to close; a client that does not answer is cut off."""
        if self._ended or self._protocol.state is not State.OPEN:
            return
        self._protocol.send_close(code, reason)
        self._flush()

    def _pump(self) -> None:
        for event in self._protocol.events_received():
            assert isinstance(event, Frame)
            self._take(event)
        self._flush()

    def _take(self, frame: Frame) -> None:
        match frame.opcode:
            case Opcode.TEXT | Opcode.CONT:
                self._parts.append(frame.data)
                if frame.fin:
                    whole, self._parts = b"".join(self._parts), []
                    self._deliver(whole)
            case Opcode.BINARY:
                self._protocol.fail(CloseCode.UNSUPPORTED_DATA, "text only")
            case _:
                pass

    def _deliver(self, whole: bytes) -> None:
        try:
            message = whole.decode()
        except UnicodeDecodeError:
            self._protocol.fail(CloseCode.INVALID_DATA, "not UTF-8")
            return
        self.last_active = asyncio.get_running_loop().time()
        self._received.put_nowait(message)
        if self._reading and self._received.qsize() >= _UNREAD_MESSAGES_HIGH:
            self._transport.pause_reading()
            self._reading = False

    def _flush(self) -> None:
        for data in self._protocol.data_to_send():
            if data == SEND_EOF:
                self._transport.close()
            elif not self._transport.is_closing():
                self._transport.write(data)
        if self._protocol.state is State.CLOSED or self._transport.is_closing():
            self._end()
        elif self._protocol.close_expected():
            asyncio.get_running_loop().call_later(_CLOSE_ANSWERED_WITHIN_S, self._cut)

    def _cut(self) -> None:
        self._transport.abort()
        self._end()

    def _end(self) -> None:
        if not self._ended:
            self._ended = True
            self._received.put_nowait(None)
