"""WebSocket: $connect decides, each text message is a $default event, $disconnect comes once."""

import asyncio
import base64
import json
import logging
import secrets
import uuid
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import cast

from aiohttp import web
from aiohttp.http import WebSocketReader
from websockets.datastructures import Headers
from websockets.http11 import Request as Handshake
from websockets.server import ServerProtocol

from infra.gateway.connections import Connection, Registry
from infra.gateway.events import Connected, connect_event, disconnect_event, header, message_event
from infra.gateway.incoming import http_request
from infra.gateway.lambdas import FunctionTimedOutError, LambdaError, LambdaPool
from infra.gateway.link import Limits, Link, LinkClosedError
from infra.gateway.responses import MalformedResponseError, status_of

_log = logging.getLogger(__name__)

_GOING_AWAY = 1001


@dataclass(frozen=True, slots=True)
class Handlers:
    """Import paths of the three functions, each called with (event, context)."""

    connect: str
    message: str
    disconnect: str


@dataclass(frozen=True, slots=True)
class Sockets:
    """Everything at /ws. The messages of one connection are handled one after the other."""

    pool: LambdaPool
    registry: Registry
    handlers: Handlers
    limits: Limits
    port: int
    _busy: set[asyncio.Task[None]] = field(default_factory=set)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Serve one connection from its handshake to its end."""
        handshake = ServerProtocol().accept(Handshake(request.path, Headers(request.headers.items()), request.method))
        if handshake.status_code != 101:
            return web.Response(status=handshake.status_code, body=bytes(handshake.body or b""))
        connected = _connected(request)
        status = await self._ask_to_connect(request, connected)
        if not 200 <= status < 300:
            return web.json_response({"message": "Refused"}, status=status)
        response = web.StreamResponse(status=101, headers=dict(handshake.headers.raw_items()))
        await response.prepare(request)
        transport = request.transport
        if transport is None:
            await self._tell_disconnected(connected, 1006, "")
            return response
        link = Link(transport, self.limits)
        connection = Connection(connected, link, link.last_active)
        self.registry.add(connection)
        request.protocol.keep_alive(False)
        # aiohttp wants only its two feed methods of a parser.
        request.protocol.set_parser(cast("WebSocketReader", link))
        # A task of its own: the request's one is cancelled when the server shuts down.
        task = asyncio.create_task(self._serve(connection))
        self._busy.add(task)
        task.add_done_callback(self._busy.discard)
        await asyncio.shield(task)
        return response

    async def close_all(self) -> None:
        """Say goodbye to every client and let $disconnect run."""
        for connection in self.registry.all():
            connection.link.close(_GOING_AWAY, "Going away")
        if self._busy:
            await asyncio.wait(self._busy, timeout=5.0)

    async def _serve(self, connection: Connection) -> None:
        link, connected = connection.link, connection.connected
        try:
            while (message := await self._next(connection)) is not None:
                await self._tell_message(connection, message)
        finally:
            self.registry.remove(connection)
            await self._tell_disconnected(connected, link.close_code, link.close_reason)

    async def _next(self, connection: Connection) -> str | None:
        """The next message; None when the client or a limit ended the connection."""
        link = connection.link
        dies_at = connection.opened_at + self.limits.lifetime_s
        while True:
            until = min(dies_at, link.last_active + self.limits.idle_s)
            try:
                async with asyncio.timeout_at(until):
                    return await link.receive()
            except TimeoutError:
                now = asyncio.get_running_loop().time()
                if now >= min(dies_at, link.last_active + self.limits.idle_s):
                    link.close(_GOING_AWAY, "Going away")
                    return None

    async def _ask_to_connect(self, request: web.Request, connected: Connected) -> int:
        request_id = str(uuid.uuid4())
        event = connect_event(
            http_request(request, b"", self.port), connected, request_id=request_id, at=datetime.now(UTC)
        )
        try:
            return status_of(await self.pool.invoke(self.handlers.connect, event, request_id))
        except FunctionTimedOutError as error:
            _log.error("$connect: %s", error)
            return 504
        except (LambdaError, MalformedResponseError) as error:
            _log.error("$connect: %s", error)
            return 502

    async def _tell_message(self, connection: Connection, message: str) -> None:
        request_id, connected = str(uuid.uuid4()), connection.connected
        event = message_event(connected, message, request_id=request_id, message_id=_random_id(), at=datetime.now(UTC))
        try:
            await self.pool.invoke(self.handlers.message, event, request_id)
        except LambdaError as error:
            _log.error("$default: %s", error)
            about = {
                "message": "Internal server error",
                "connectionId": connected.connection_id,
                "requestId": request_id,
            }
            with suppress(LinkClosedError):
                connection.link.send(json.dumps(about).encode())

    async def _tell_disconnected(self, connected: Connected, code: int, reason: str) -> None:
        request_id = str(uuid.uuid4())
        event = disconnect_event(connected, code=code, reason=reason, request_id=request_id, at=datetime.now(UTC))
        try:
            await self.pool.invoke(self.handlers.disconnect, event, request_id)
        except LambdaError as error:
            _log.error("$disconnect: %s", error)


def _connected(request: web.Request) -> Connected:
    received = http_request(request, b"", 0)
    return Connected(
        connection_id=_random_id(),
        connected_at=datetime.now(UTC),
        domain_name=request.host,
        source_ip=received.source_ip,
        user_agent=header(received.headers, "user-agent") or "",
    )


def _random_id() -> str:
    # 11 bytes, so that it ends in "=" as AWS's ids do and must be URL-encoded.
    return base64.urlsafe_b64encode(secrets.token_bytes(11)).decode()
