"""Requests as API Gateway hands them to Lambda (REST proxy, payload 1.0; WebSocket), sent to the real app."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import count
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from api.app import app, ws_connect, ws_disconnect, ws_message

_ids = count(1)
JSON = "application/json"


@dataclass(frozen=True, slots=True)
class Reply:
    status: int
    headers: Mapping[str, str]
    text: str

    @property
    def json(self) -> Any:
        return json.loads(self.text)

    @property
    def code(self) -> str:
        """Of a problem document."""
        assert self.headers["Content-Type"] == "application/problem+json", self.text
        return str(self.json["code"])

    @property
    def fields(self) -> list[str]:
        """Which fields a problem document names."""
        return [error["field"] for error in self.json["errors"]]

    @property
    def cookie(self) -> str:
        """`name=value` of the cookie that was set."""
        return self.headers["Set-Cookie"].partition(";")[0]


@dataclass(slots=True)
class Api:
    """A client of the app. `said` keeps every answer's text and headers."""

    token: str | None = None
    source_ip: str = "203.0.113.7"
    said: list[str] = field(default_factory=list)

    def as_user(self, token: str) -> "Api":
        return Api(token, self.source_ip, self.said)

    def get(self, path: str, **request: Any) -> Reply:
        return self.send("GET", path, **request)

    def post(self, path: str, body: Any = None, **request: Any) -> Reply:
        return self.send("POST", path, body, **request)

    def patch(self, path: str, body: Any = None, **request: Any) -> Reply:
        return self.send("PATCH", path, body, **request)

    def delete(self, path: str, **request: Any) -> Reply:
        return self.send("DELETE", path, **request)

    def send(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        headers: Mapping[str, str] | None = None,
        content_type: str = JSON,
    ) -> Reply:
        """`body`: text or bytes as they are, anything else as JSON."""
        all_headers = {"Content-Type": content_type, **(headers or {})}
        if self.token is not None:
            all_headers["Authorization"] = f"Bearer {self.token}"
        answer = app(rest_event(method, path, body, all_headers, self.source_ip), None)
        reply = Reply(answer["statusCode"], answer["headers"], answer["body"])
        self.said.append(f"{reply.text}\n{dict(reply.headers)}")
        return reply


def rest_event(
    method: str, path: str, body: Any, headers: Mapping[str, str], source_ip: str = "203.0.113.7"
) -> dict[str, Any]:
    url = urlsplit(path)
    resource, parameters = _match(url.path)
    queries: dict[str, list[str]] = {}
    for name, value in parse_qsl(url.query, keep_blank_values=True):
        queries.setdefault(name, []).append(value)
    if body is not None and not isinstance(body, str | bytes):
        body = json.dumps(body)
    return {
        "resource": resource,
        "path": url.path,
        "httpMethod": method,
        "headers": dict(headers),
        "multiValueHeaders": {name: [value] for name, value in headers.items()},
        "queryStringParameters": {name: values[-1] for name, values in queries.items()} or None,
        "multiValueQueryStringParameters": queries or None,
        "pathParameters": parameters or None,
        "stageVariables": None,
        "body": body,
        "isBase64Encoded": False,
        "requestContext": {
            "resourcePath": resource,
            "httpMethod": method,
            "path": url.path,
            "stage": "api",
            "requestId": f"request-{next(_ids)}",
            "identity": {"sourceIp": source_ip},
        },
    }


def _match(path: str) -> tuple[str, dict[str, str]]:
    """The route's resource and path parameters, as API Gateway finds them; the fixed one before the variable."""
    parts = path.split("/")
    for resource in sorted(app.routes, key=lambda one: one.count("{")):
        wanted = resource.split("/")
        if len(wanted) == len(parts) and all(
            want.startswith("{") or want == part for want, part in zip(wanted, parts, strict=True)
        ):
            return resource, {
                want[1:-1]: part for want, part in zip(wanted, parts, strict=True) if want.startswith("{")
            }
    return path, {}


@dataclass(slots=True)
class Socket:
    """One WebSocket connection, as API Gateway tells Lambda of it."""

    connection_id: str

    def connect(self, ticket: str | None, origin: str | None = None) -> int:
        event = self._event("CONNECT", "$connect")
        event["headers"] = {"Origin": origin} if origin else {}
        event["queryStringParameters"] = {"ticket": ticket} if ticket is not None else None
        return int(ws_connect(event, None)["statusCode"])

    def send(self, message: Any) -> int:
        event = self._event("MESSAGE", "$default")
        event["body"] = message if isinstance(message, str) else json.dumps(message)
        return int(ws_message(event, None)["statusCode"])

    def disconnect(self) -> int:
        return int(ws_disconnect(self._event("DISCONNECT", "$disconnect"), None)["statusCode"])

    def _event(self, kind: str, route_key: str) -> dict[str, Any]:
        return {
            "requestContext": {
                "routeKey": route_key,
                "eventType": kind,
                "connectionId": self.connection_id,
                "apiId": "local",
                "domainName": "127.0.0.1",
                "stage": "ws",
            },
            "isBase64Encoded": False,
        }
