"""A TCP proxy on loopback that spoils what passes through it: late, in slices, cut off, reset, or swallowed."""

import asyncio
import socket
import struct
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

_AT_ONCE = 65_536
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)


@dataclass
class Weather:
    """What happens to bytes on their way; each part may be changed at any time.

    `latency_s` is for each way; `slices` how many bytes pass at once; `black_hole`: taken and never passed on;
    `reset_after`: bytes from the server after which the connection is reset; `reset_when`: looks at what the client
    sends, and the connection is reset once it says so, before it is passed on or `forwarding` it first.
    """

    latency_s: float = 0.0
    slices: int | None = None
    black_hole: bool = False
    reset_after: int | None = None
    reset_when: Callable[[bytes], bool] | None = None
    forwarding: bool = True


@dataclass
class Proxy:
    host: str
    port: int
    weather: Weather = field(default_factory=Weather)
    listening_on: int = 0
    resets: int = 0
    """Ends of connections that were reset."""

    spoilt: int = 0
    """Bytes that came while the weather was not fair."""

    _writers: set[asyncio.StreamWriter] = field(default_factory=set)

    def reset(self) -> None:
        """Every connection, with a RST to both sides."""
        for writer in tuple(self._writers):
            self.resets += 1
            self._drop(writer)

    def mend(self) -> None:
        """Connections in which something was swallowed are no use to anybody any more: they are reset."""
        torn = self.weather.black_hole
        self.weather = Weather()
        if torn:
            self.reset()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            to_server = await asyncio.open_connection(self.host, self.port)
        except OSError:
            self._drop(writer)
            return
        self._writers |= {writer, to_server[1]}
        try:
            async with asyncio.TaskGroup() as ways:
                ways.create_task(self._pass(reader, to_server[1], from_client=True))
                ways.create_task(self._pass(to_server[0], writer, from_client=False))
        except* (ConnectionError, _Reset):
            self.resets += 2
            for end in (writer, to_server[1]):
                self._drop(end)
        finally:
            for end in (writer, to_server[1]):
                self._writers.discard(end)
                end.close()

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, from_client: bool) -> None:
        passed = 0
        while data := await reader.read(_AT_ONCE):
            weather = self.weather
            self.spoilt += len(data) if weather != Weather() else 0
            if weather.latency_s:
                await asyncio.sleep(weather.latency_s)
            if weather.black_hole:
                continue
            fatal = from_client and weather.reset_when is not None and weather.reset_when(data)
            if fatal and not weather.forwarding:
                raise _Reset
            passed += len(data)
            if not from_client and weather.reset_after is not None and passed > weather.reset_after:
                raise _Reset
            step = weather.slices or len(data)
            for start in range(0, len(data), step):
                writer.write(data[start : start + step])
                await writer.drain()
                if weather.slices:
                    await asyncio.sleep(0)
            if fatal:
                raise _Reset
        with suppress(OSError, RuntimeError):
            writer.write_eof()

    @staticmethod
    def _drop(writer: asyncio.StreamWriter) -> None:
        end: socket.socket | None = writer.get_extra_info("socket")
        if end is not None and end.fileno() >= 0:
            with suppress(OSError):
                end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
        writer.transport.abort()


class _Reset(Exception):
    pass


@asynccontextmanager
async def proxy_to(host: str, port: int) -> AsyncIterator[Proxy]:
    """Listens on a free port of loopback until the end of the block."""
    one = Proxy(host, port)
    server = await asyncio.start_server(one.serve, "127.0.0.1", 0)
    one.listening_on = server.sockets[0].getsockname()[1]
    try:
        yield one
    finally:
        server.close()
        one.reset()
        await server.wait_closed()
