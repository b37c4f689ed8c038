"""What a Lambda function answered, as HTTP. Pure.

Source: "Output format of a Lambda function for proxy integration", Amazon API Gateway developer guide.
"""

import base64
import binascii
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

# They belong to the one hop between client and gateway, so a function cannot set them.
_OF_THE_HOP = frozenset({"connection", "content-length", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade"})


class MalformedResponseError(Exception):
    """The function's answer is none the proxy integration understands; API Gateway makes it 502."""


@dataclass(frozen=True, slots=True)
class HttpResponse:
    """Status, headers in order with repeats, and the bytes of the body."""

    status: int
    headers: list[tuple[str, str]] = field(default_factory=list)
    body: bytes = b""


def http_response(answer: object) -> HttpResponse:
    """Translate a proxy response; raises MalformedResponseError."""
    if not isinstance(answer, Mapping):
        raise MalformedResponseError(f"a function must answer an object, not {type(answer).__name__}")
    headers = _headers(answer)
    if not any(name.lower() == "content-type" for name, _ in headers):
        headers.append(("Content-Type", "application/json"))
    return HttpResponse(status_of(answer), headers, _body(answer))


def status_of(answer: object) -> int:
    """The statusCode of an answer, or MalformedResponseError."""
    given = answer.get("statusCode") if isinstance(answer, Mapping) else None
    try:
        status = int(str(given))
    except ValueError:
        status = 0
    if not 100 <= status <= 599:
        raise MalformedResponseError(f"statusCode is {given!r}, not a number from 100 to 599")
    return status


def problem(status: int, code: str, message: str, headers: Mapping[str, str] | None = None) -> HttpResponse:
    """What the gateway itself has to say, as RFC 9457 problem+json; `message` is where AWS puts it."""
    title = HTTPStatus(status).phrase
    body = {"type": "about:blank", "title": title, "status": status, "code": code, "message": message}
    named = [("Content-Type", "application/problem+json"), *(headers or {}).items()]
    return HttpResponse(status, named, json.dumps(body).encode())


def _headers(answer: Mapping[str, Any]) -> list[tuple[str, str]]:
    single = answer.get("headers") or {}
    multiple = answer.get("multiValueHeaders") or {}
    if not isinstance(single, Mapping) or not isinstance(multiple, Mapping):
        raise MalformedResponseError("headers and multiValueHeaders must be objects")
    pairs = [(str(name), str(value)) for name, values in multiple.items() for value in values]
    merged = [(str(name), str(value)) for name, value in single.items() if (str(name), str(value)) not in pairs]
    for name, value in [*merged, *pairs]:
        if any(mark in name + value for mark in "\r\n\0"):
            raise MalformedResponseError(f"header {name!r} holds a line break")
    return [(name, value) for name, value in [*merged, *pairs] if name.lower() not in _OF_THE_HOP]


def _body(answer: Mapping[str, Any]) -> bytes:
    body = answer.get("body")
    if body is None:
        return b""
    if not isinstance(body, str):
        raise MalformedResponseError(f"body must be text, not {type(body).__name__}")
    if not answer.get("isBase64Encoded"):
        return body.encode()
    try:
        return base64.b64decode(body, validate=True)
    except binascii.Error as error:
        raise MalformedResponseError("body is marked as base64 and is not") from error
