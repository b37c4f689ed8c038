"""The events API Gateway hands to Lambda, made from what came over the wire. Pure.

Sources: "Input format of a Lambda function for proxy integration" (REST APIs, payload 1.0) and
"$context variables for WebSocket APIs", Amazon API Gateway developer guide.
"""

import base64
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl

from infra.gateway.routes import Match

Event = dict[str, Any]

ACCOUNT_ID = "000000000000"
API_ID = "local"
STAGE = "local"


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """One HTTP request as it was received.

    Args:
        path: percent-encoded, without the query.
        headers: in their order, repeated ones as they are.
        source_ip: of the socket, never of a header.
    """

    method: str
    path: str
    query: str
    headers: Sequence[tuple[str, str]]
    body: bytes
    source_ip: str
    host: str
    port: int


@dataclass(frozen=True, slots=True)
class Connected:
    """A WebSocket connection: what stays the same in all its events."""

    connection_id: str
    connected_at: datetime
    domain_name: str
    source_ip: str
    user_agent: str


def rest_event(
    request: HttpRequest, match: Match, *, request_id: str, at: datetime, binary_types: Iterable[str]
) -> Event:
    """The REST proxy event, version 1. Path and path parameters stay percent-encoded, the query is decoded."""
    headers = _headers(request)
    query = _grouped(parse_qsl(request.query, keep_blank_values=True))
    body, is_base64 = _body(request, frozenset(binary_types))
    return {
        "resource": match.route.resource,
        "path": request.path,
        "httpMethod": request.method,
        "headers": _last(headers),
        "multiValueHeaders": headers,
        "queryStringParameters": _last(query) or None,
        "multiValueQueryStringParameters": query or None,
        "pathParameters": match.parameters or None,
        "stageVariables": None,
        "requestContext": {
            "accountId": ACCOUNT_ID,
            "apiId": API_ID,
            "domainName": request.host,
            "domainPrefix": request.host.split(".")[0],
            "extendedRequestId": request_id,
            "httpMethod": request.method,
            "identity": _rest_identity(request),
            "path": f"/{STAGE}{request.path}",
            "protocol": "HTTP/1.1",
            "requestId": request_id,
            "requestTime": _clf_time(at),
            "requestTimeEpoch": _millis(at),
            "resourceId": match.route.resource,
            "resourcePath": match.route.resource,
            "stage": STAGE,
        },
        "body": body,
        "isBase64Encoded": is_base64,
    }


def connect_event(request: HttpRequest, connected: Connected, *, request_id: str, at: datetime) -> Event:
    """$connect: the only WebSocket event with the headers and query of the handshake."""
    headers = _headers(request)
    query = _grouped(parse_qsl(request.query, keep_blank_values=True))
    return {
        "headers": _last(headers),
        "multiValueHeaders": headers,
        **({"queryStringParameters": _last(query), "multiValueQueryStringParameters": query} if query else {}),
        "requestContext": _socket_context(connected, "$connect", "CONNECT", request_id, at),
        "isBase64Encoded": False,
    }


def message_event(connected: Connected, body: str, *, request_id: str, message_id: str, at: datetime) -> Event:
    """$default: one text message of the client."""
    context = _socket_context(connected, "$default", "MESSAGE", request_id, at)
    return {"requestContext": {**context, "messageId": message_id}, "body": body, "isBase64Encoded": False}


def disconnect_event(connected: Connected, *, code: int, reason: str, request_id: str, at: datetime) -> Event:
    """$disconnect: sent once, whoever closed. `code` is the WebSocket close code, 1006 when none came."""
    headers = {"Host": connected.domain_name, "x-api-key": "", "X-Forwarded-For": "", "x-restapi": ""}
    context = _socket_context(connected, "$disconnect", "DISCONNECT", request_id, at)
    return {
        "headers": headers,
        "multiValueHeaders": {name: [value] for name, value in headers.items()},
        "requestContext": {**context, "disconnectStatusCode": code, "disconnectReason": reason},
        "isBase64Encoded": False,
    }


def header(headers: Sequence[tuple[str, str]], name: str) -> str | None:
    """The last value of a header, in any case of letters."""
    values = [value for key, value in headers if key.lower() == name.lower()]
    return values[-1] if values else None


def _body(request: HttpRequest, binary_types: frozenset[str]) -> tuple[str | None, bool]:
    if not request.body:
        return None, False
    content_type = (header(request.headers, "content-type") or "").split(";")[0].strip().lower()
    if content_type not in binary_types:
        try:
            return request.body.decode(), False
        except UnicodeDecodeError:
            pass  # AWS would replace the bytes it cannot read; nothing is gained by losing them here too
    return base64.b64encode(request.body).decode(), True


def _forwarded(request: HttpRequest) -> list[tuple[str, str]]:
    # Set here when the client sent none; else appended to what it claims, as AWS does.
    claimed = header(request.headers, "x-forwarded-for")
    chain = f"{claimed}, {request.source_ip}" if claimed else request.source_ip
    return [("X-Forwarded-For", chain), ("X-Forwarded-Port", str(request.port)), ("X-Forwarded-Proto", "http")]


def _headers(request: HttpRequest) -> dict[str, list[str]]:
    forwarded = _forwarded(request)
    ours = {name.lower() for name, _ in forwarded}
    sent = [(name, value) for name, value in request.headers if name.lower() not in ours]
    spelled: dict[str, str] = {}
    return _grouped((spelled.setdefault(name.lower(), name), value) for name, value in [*sent, *forwarded])


def _grouped(pairs: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    grouped: dict[str, list[str]] = {}
    for name, value in pairs:
        grouped.setdefault(name, []).append(value)
    return grouped


def _last(grouped: Mapping[str, list[str]]) -> dict[str, str]:
    return {name: values[-1] for name, values in grouped.items()}


def _rest_identity(request: HttpRequest) -> dict[str, str | None]:
    absent = (
        *("accessKey", "accountId", "apiKey", "apiKeyId", "caller", "clientCert", "cognitoAuthenticationProvider"),
        *("cognitoAuthenticationType", "cognitoIdentityId", "cognitoIdentityPoolId", "principalOrgId"),
        *("user", "userArn"),
    )
    user_agent = header(request.headers, "user-agent")
    return {**dict.fromkeys(absent), "sourceIp": request.source_ip, "userAgent": user_agent}


def _socket_context(connected: Connected, route: str, event_type: str, request_id: str, at: datetime) -> Event:
    return {
        "routeKey": route,
        "eventType": event_type,
        "extendedRequestId": request_id,
        "requestId": request_id,
        "requestTime": _clf_time(at),
        "requestTimeEpoch": _millis(at),
        "messageDirection": "IN",
        "stage": STAGE,
        "connectedAt": _millis(connected.connected_at),
        "identity": {"sourceIp": connected.source_ip, "userAgent": connected.user_agent},
        "domainName": connected.domain_name,
        "connectionId": connected.connection_id,
        "apiId": API_ID,
    }


def _clf_time(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%d/%b/%Y:%H:%M:%S +0000")


def _millis(at: datetime) -> int:
    return int(at.timestamp() * 1000)
