"""A JSON client for our own HTTP APIs on this machine."""

import json
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

# No proxy may stand between the parts of one machine.
_OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class UnreachableError(Exception):
    """Nothing answered in time."""


@dataclass(frozen=True, slots=True)
class Answer:
    """Status and body; the body is {} when it is no JSON object."""

    status: int
    body: dict[str, Any]

    @property
    def ok(self) -> bool:
        """Whether the status is 2xx."""
        return 200 <= self.status < 300


def call(
    method: str,
    url: str,
    body: Mapping[str, Any] | None = None,
    *,
    token: str | None = None,
    timeout_s: float = 10.0,
) -> Answer:
    """One request; any status is an answer. Raises UnreachableError."""
    headers = {"Accept": "application/json"}
    if body is not None:
        headers["Content-Type"] = "application/json"
    if token is not None:
        headers["Authorization"] = f"Bearer {token}"
    data = json.dumps(body).encode() if body is not None else None
    request = urllib.request.Request(url, data, headers, method=method)  # noqa: S310 - our own URLs
    try:
        with _OPENER.open(request, timeout=timeout_s) as response:
            return Answer(response.status, _object(response.read()))
    except urllib.error.HTTPError as refused:
        with refused:
            return Answer(refused.code, _object(refused.read()))
    except (OSError, ValueError) as error:
        raise UnreachableError(f"{method} {url}: {error}") from error


def _object(text: bytes) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
