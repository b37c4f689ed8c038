"""One WebSocket connection whose frames are taken in the socket's own read: no queue and no task before a decision.

The protocol is picows's, which parses and masks in C: why, docs/adr/0016-frames-in-the-sockets-read.md.
"""

import asyncio
import socket as sockets
from collections.abc import Callable

from picows import WSCloseCode, WSFrame, WSListener, WSMsgType, WSTransport, ws_connect

_MESSAGE_MOST = 2**22
_CLOSE_WITHIN_S = 1.0


class ConnectionLost(ConnectionError):
    """The connection is gone: nothing can be sent on it, nothing comes any more."""


class Wire(WSListener):
    """Frames wait for `recv` until `listen` names who takes them from then on."""

    def __init__(self) -> None:
        self.gone = False
        """Whether nothing can be sent any more."""
        self._early: asyncio.Queue[bytes | None] = asyncio.Queue()
        self._take: Callable[[bytes], None] = self._early.put_nowait
        self._transport: WSTransport | None = None
        self._parts = bytearray()
        self._fault: Exception | None = None
        self._ended = asyncio.Event()

    @property
    def socket(self) -> sockets.socket:
        assert self._transport is not None
        raw: sockets.socket = self._transport.underlying_transport.get_extra_info("socket")
        return raw

    def send(self, message: bytes) -> None:
        """Write a text frame; it has left for the kernel when this returns, or waits behind what it has not taken yet.

        Raises `ConnectionLost` when it cannot have left.
        """
        if self.gone or self._transport is None:
            raise ConnectionLost("the connection is gone")
        self._transport.send(WSMsgType.TEXT, message)

    async def recv(self) -> bytes:
        """The next message, until `listen`. Raises `ConnectionLost` when none comes any more."""
        message = await self._early.get()
        if message is None:
            raise self._lost()
        return message

    def listen(self, take: Callable[[bytes], None]) -> None:
        """From now on give each message to `take` as it is read. What it raises ends the connection."""
        while not self._early.empty():
            if (message := self._early.get_nowait()) is not None:
                take(message)
        self._take = take

    async def ended(self) -> Exception:
        """Waits until the connection is gone; tells why."""
        await self._ended.wait()
        return self._fault or self._lost()

    def abort(self) -> None:
        """Cut it without a word."""
        self.gone = True
        if self._transport is not None:
            self._transport.disconnect(graceful=False)

    async def close(self) -> None:
        """Say goodbye and go; after a second without it."""
        if self._transport is None or self._ended.is_set():
            return
        if not self.gone:
            self.gone = True
            self._transport.send_close(WSCloseCode.OK)
            self._transport.disconnect()
        try:
            async with asyncio.timeout(_CLOSE_WITHIN_S):
                await self._ended.wait()
        except TimeoutError:
            self.abort()

    def _lost(self) -> ConnectionLost:
        handshake = self._transport.close_handshake if self._transport is not None else None
        said = handshake.recv if handshake is not None else None
        return ConnectionLost(f"closed by the other end: {said.code} {said.reason}" if said is not None else "cut")

    # ---- what picows calls

    def on_ws_connected(self, transport: WSTransport) -> None:
        self._transport = transport
        if self.gone:
            transport.disconnect(graceful=False)

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        kind = frame.msg_type
        if self.gone:
            return
        if kind is WSMsgType.TEXT and frame.fin:
            self._give(frame.get_payload_as_bytes())
        elif kind is WSMsgType.CLOSE:
            self.gone = True
            transport.send_close(frame.get_close_code())
            transport.disconnect()
        elif kind in (WSMsgType.TEXT, WSMsgType.BINARY, WSMsgType.CONTINUATION):
            self._put_together(frame)

    def on_ws_disconnected(self, transport: WSTransport) -> None:
        self.gone = True
        self._early.put_nowait(None)
        self._ended.set()

    def _put_together(self, frame: WSFrame) -> None:
        self._parts += frame.get_payload_as_bytes()
        if len(self._parts) > _MESSAGE_MOST:
            self._fail(ConnectionLost(f"a message of more than {_MESSAGE_MOST} bytes"))
        elif frame.fin:
            message, self._parts = bytes(self._parts), bytearray()
            self._give(message)

    def _give(self, message: bytes) -> None:
        try:
            self._take(message)
        except Exception as error:  # noqa: BLE001 - told to whoever listens
            self._fail(error)

    def _fail(self, error: Exception) -> None:
        self._fault = error
        self.abort()


async def connect(url: str, within_s: float) -> Wire:
    """An open connection. Raises `TimeoutError`, `OSError` (a `ConnectionLost` is one) or `picows.WSError`."""
    wire = Wire()
    try:
        async with asyncio.timeout(within_s):
            await ws_connect(
                lambda: wire,
                url,
                max_frame_size=_MESSAGE_MOST,
                # Earlier than ours: it closes what ours would only cease to wait for.
                websocket_handshake_timeout=within_s / 2,
                max_redirects=0,
                use_aiofastnet=False,
            )
        if wire._transport is None:
            raise ConnectionLost("cut before the handshake was answered")
    except BaseException:
        wire.abort()
        raise
    return wire
