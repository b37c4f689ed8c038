"""Open WebSocket connections, and the management API that posts to them: /@connections/{id}.

Source: "Use @connections commands in your backend service", Amazon API Gateway developer guide.
"""

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from aiohttp import web

from infra.gateway.events import Connected
from infra.gateway.link import Limits, Link, LinkClosedError


@dataclass(frozen=True, slots=True)
class Connection:
    """A connection and its way to the client."""

    connected: Connected
    link: Link
    opened_at: float

    @property
    def last_active_at(self) -> datetime:
        """When something was last received or sent."""
        return self.connected.connected_at + timedelta(seconds=self.link.last_active - self.opened_at)


@dataclass(slots=True)
class Registry:
    """What is connected now, by connection id."""

    limits: Limits
    _open: dict[str, Connection] = field(default_factory=dict)

    def add(self, connection: Connection) -> None:
        """From now on it can be posted to."""
        self._open[connection.connected.connection_id] = connection

    def remove(self, connection: Connection) -> None:
        """Gone."""
        self._open.pop(connection.connected.connection_id, None)

    def all(self) -> list[Connection]:
        """A copy to iterate over."""
        return list(self._open.values())

    def routes(self) -> list[web.RouteDef]:
        """The management API. aiohttp decodes the id, which clients send URL-encoded."""
        return [
            web.post("/@connections/{id}", self._post),
            web.get("/@connections/{id}", self._get, allow_head=False),
            web.delete("/@connections/{id}", self._delete),
        ]

    async def _post(self, request: web.Request) -> web.Response:
        connection = self._open.get(request.match_info["id"])
        if connection is None:
            return _gone()
        try:
            payload = await request.read()
        except web.HTTPRequestEntityTooLarge:
            return _too_large(self.limits.message)
        if len(payload) > self.limits.message:
            return _too_large(self.limits.message)
        try:
            payload.decode()
        except UnicodeDecodeError:
            return _refused(400, "BadRequestException", "the payload is not UTF-8 text")
        try:
            connection.link.send(payload)
        except LinkClosedError:
            return _gone()
        return web.Response()

    async def _get(self, request: web.Request) -> web.Response:
        connection = self._open.get(request.match_info["id"])
        if connection is None:
            return _gone()
        connected = connection.connected
        return web.json_response(
            {
                "connectedAt": _iso(connected.connected_at),
                "identity": {"sourceIp": connected.source_ip, "userAgent": connected.user_agent},
                "lastActiveAt": _iso(connection.last_active_at),
            }
        )

    async def _delete(self, request: web.Request) -> web.Response:
        connection = self._open.get(request.match_info["id"])
        if connection is None:
            return _gone()
        self.remove(connection)
        connection.link.close(1000, "Connection Closed Normally")
        return web.Response(status=204)


def _iso(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _gone() -> web.Response:
    return _refused(410, "GoneException", "there is no such connection")


def _too_large(limit: int) -> web.Response:
    return _refused(413, "PayloadTooLargeException", f"a message may have {limit} bytes")


def _refused(status: int, kind: str, message: str) -> web.Response:
    # The AWS SDKs read the class of the error from the header, not from the status.
    return web.Response(
        status=status,
        text=json.dumps({"message": message}),
        content_type="application/json",
        headers={"x-amzn-ErrorType": kind},
    )
