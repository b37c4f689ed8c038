"""One WebSocket's life: connect, log in, subscribe, listen, and do it all again when it dies or falls silent.

Connected and ponging but mute counts as down: only messages with data feed the watchdog.
"""

import asyncio
import random
import socket as sockets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

import msgspec

from backstop.telemetry import logger
from streamer.bybit.wire import ConnectionLost, Wire, connect

log = logger("streamer")

CONNECT_TIMEOUT_S = 10.0
_BACKOFF_FIRST_S = 0.5
_BACKOFF_MOST_S = 30.0
_STABLE_AFTER_S = 30.0
_LOOK_EVERY_S = 0.5


@dataclass(frozen=True, slots=True)
class Pulse:
    """`dead_after_s`: nothing heard for so long, pongs neither, and the other end is gone, whatever TCP says."""

    ping_every_s: float = 4.0
    dead_after_s: float = 10.0


PULSE = Pulse()

Admit = Callable[[], Awaitable[None]]
"""Returns when a connection may be made."""


async def at_once() -> None:
    return


class SocketState(StrEnum):
    DISCONNECTED = "disconnected"
    CONNECTED = "connected"
    STALE = "stale"


class Stream(Protocol):
    """What a stream does on its socket."""

    async def open(self, connection: Wire) -> None:
        """Log in and subscribe; raise to have it torn down and tried again."""
        ...

    def receive(self, frame: str | bytes) -> bool:
        """Take one frame; returns whether it carried data (and not only an answer or a pong)."""
        ...

    def closed(self) -> None:
        """The socket is gone."""
        ...


@dataclass(frozen=True, slots=True)
class Backoff:
    """Jitter between a quarter of a bound and the bound, which doubles with each failure."""

    random: random.Random

    def wait_s(self, failures: int) -> float:
        bound = min(_BACKOFF_MOST_S, _BACKOFF_FIRST_S * 2 ** min(failures, 10))
        return self.random.uniform(bound / 4, bound)


class Socket:
    """Keeps one connection alive until it is stopped. `silence_s`: how long without data means it is dead."""

    def __init__(
        self,
        name: str,
        url: str,
        stream: Stream,
        *,
        silence_s: Callable[[], float | None],
        clock: Callable[[], int],
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        admit: Admit = at_once,
        pulse: Pulse = PULSE,
    ) -> None:
        self.name = name
        self.state = SocketState.DISCONNECTED
        self.last_data_at: int | None = None
        self._url = url
        self._stream = stream
        self._silence_s = silence_s
        self._clock = clock
        self._sleep = sleep
        self._admit = admit
        self._pulse = pulse
        self._backoff = Backoff(random.Random())  # noqa: S311  # nosec B311 # jitter
        self.connection: Wire | None = None
        self._heard_at = self._data_at = 0.0

    async def run(self) -> None:
        failures = 0
        while True:
            started = asyncio.get_running_loop().time()
            try:
                await self._live_once()
            except asyncio.CancelledError:
                raise
            except Exception as error:  # noqa: BLE001 - whatever ended it, the answer is to connect again
                log.warning("socket lost", socket=self.name, reason=f"{type(error).__name__}: {error}")
            finally:
                self._lost()
            lived = asyncio.get_running_loop().time() - started
            failures = 0 if lived > _STABLE_AFTER_S else failures + 1
            await self._sleep(self._backoff.wait_s(failures - 1 if failures else 0))

    def send(self, message: object) -> bool:
        """Send JSON if connected; whether it was."""
        connection = self.connection
        if connection is None:
            return False
        try:
            connection.send(msgspec.json.encode(message))
        except ConnectionLost:
            return False
        return True

    def drop(self) -> None:
        """Give this connection up for another: it is open and does not do its work."""
        if self.connection is not None:
            self.connection.abort()

    async def _live_once(self) -> None:
        await self._admit()
        connection = await connect(self._url, CONNECT_TIMEOUT_S)
        try:
            notice_silence(connection.socket)
            self.connection = connection
            async with asyncio.timeout(CONNECT_TIMEOUT_S):
                await self._stream.open(connection)
            self.state = SocketState.CONNECTED
            self.last_data_at = self._clock()
            log.info("socket open", socket=self.name)
            await self._listen(connection)
        finally:
            self.connection = None
            await connection.close()

    async def _listen(self, connection: Wire) -> None:
        """Frames go to the stream as they are read; here it is only watched that they do."""
        loop = asyncio.get_running_loop()
        self._heard_at = self._data_at = loop.time()
        ping_at = self._heard_at + self._pulse.ping_every_s
        expecting = False
        connection.listen(self._take)
        while True:
            now = loop.time()
            silence = self._silence_s()
            if not expecting:
                self._data_at = now  # silence counts from when data was first expected
            expecting = silence is not None
            dead_at = min(
                self._heard_at + self._pulse.dead_after_s,
                self._data_at + silence if silence is not None else float("inf"),
            )
            if now >= dead_at:
                self.state = SocketState.STALE
                raise TimeoutError(f"nothing heard for {now - min(self._heard_at, self._data_at):.1f} s")
            if now >= ping_at:
                self.send({"op": "ping"})
                ping_at = now + self._pulse.ping_every_s
            try:
                async with asyncio.timeout(min(ping_at, dead_at, now + _LOOK_EVERY_S) - now):
                    why = await connection.ended()
            except TimeoutError:
                continue
            raise why

    def _take(self, frame: bytes) -> None:
        self._heard_at = asyncio.get_running_loop().time()
        if self._stream.receive(frame):
            self._data_at = self._heard_at
            self.last_data_at = self._clock()

    def _lost(self) -> None:
        if self.state is not SocketState.DISCONNECTED:
            self.state = SocketState.DISCONNECTED
        self._stream.closed()


def short_lived(url: str) -> str:
    """The address of a connection that the exchange ends after half a minute in which neither end said anything.

    Source: Bybit V5, "Connect" (max_active_time, private and trade streams).
    """
    return f"{url}{'&' if '?' in url else '?'}max_active_time=30s"


def notice_silence(one: sockets.socket) -> None:
    """Have the kernel find out within some seconds that the other end is gone: what is sent must be acknowledged, and an
    idle connection is asked whether it lives."""
    one.setsockopt(sockets.SOL_SOCKET, sockets.SO_KEEPALIVE, 1)
    for name, value in (
        ("TCP_USER_TIMEOUT", round(PULSE.dead_after_s * 1000)),
        ("TCP_KEEPIDLE", 5),
        ("TCP_KEEPINTVL", 2),
        ("TCP_KEEPCNT", 3),
    ):
        if (option := getattr(sockets, name, None)) is not None:  # not every system knows each
            one.setsockopt(sockets.IPPROTO_TCP, option, value)
