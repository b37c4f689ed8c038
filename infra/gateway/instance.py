"""One warm Lambda instance: a process that runs one event at a time. Started by `lambdas.py`.

It talks in frames over an inherited socket: four bytes of length, then JSON.
"""

import ctypes
import importlib
import json
import signal
import socket
import sys
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, BinaryIO

RESPONSE_LIMIT = 6 * 1024 * 1024  # bytes; Lambda's for a synchronous answer
_PR_SET_PDEATHSIG = 1


@dataclass(frozen=True, slots=True)
class LambdaContext:
    """What a handler gets as its second argument."""

    aws_request_id: str
    deadline: float
    function_name: str
    function_version: str = "$LATEST"
    memory_limit_in_mb: str = "512"
    log_stream_name: str = "local"
    client_context: None = None
    identity: None = None

    @property
    def log_group_name(self) -> str:
        """As Lambda names it."""
        return f"/aws/lambda/{self.function_name}"

    @property
    def invoked_function_arn(self) -> str:
        """Of no real account."""
        return f"arn:aws:lambda:us-east-1:000000000000:function:{self.function_name}"

    def get_remaining_time_in_millis(self) -> int:
        """Until the gateway gives up."""
        return max(0, int((self.deadline - time.monotonic()) * 1000))


def main(descriptor: int, app: str) -> None:
    """Import the app, say what it serves, then serve until the gateway hangs up."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the gateway decides
    with (
        socket.socket(fileno=descriptor) as connection,
        connection.makefile("rb") as received,
        connection.makefile("wb") as sent,
    ):
        _send(sent, describe(load(app)))
        while (request := _receive(received)) is not None:
            _send(sent, invoke(request))


def load(handler: str) -> Callable[..., Any]:
    """Import "package.module:name"."""
    module, _, name = handler.partition(":")
    found: Callable[..., Any] = getattr(importlib.import_module(module), name)
    return found


def describe(app: Any) -> dict[str, Any]:
    """The routes of a Chalice app in plain data."""
    return {
        "routes": [
            {
                "resource": resource,
                "methods": sorted(entries),
                "cors": next((it.cors.get_access_control_headers() for it in entries.values() if it.cors), None),
            }
            for resource, entries in app.routes.items()
        ],
        "binary_types": list(app.api.binary_types),
    }


def invoke(request: dict[str, Any]) -> dict[str, Any]:
    """Run a handler on an event: {"answer": …}, or {"error": …} in Lambda's words."""
    context = LambdaContext(
        aws_request_id=request["request_id"],
        deadline=time.monotonic() + request["timeout_s"],
        function_name=request["handler"].replace(":", "-").replace(".", "-"),
    )
    try:
        answer = load(request["handler"])(request["event"], context)
        size = len(json.dumps(answer))
    except Exception as error:  # noqa: BLE001 - whatever a function raises, its instance lives on
        traceback.print_exc()
        return {"error": f"{type(error).__name__}: {error}"}
    if size > RESPONSE_LIMIT:
        return {"error": f"Function.ResponseSizeTooLarge: {size} > {RESPONSE_LIMIT} bytes"}
    return {"answer": answer}


def _receive(stream: BinaryIO) -> dict[str, Any] | None:
    size = stream.read(4)
    if len(size) < 4:
        return None
    request: dict[str, Any] = json.loads(stream.read(int.from_bytes(size, "big")))
    return request


def _send(stream: BinaryIO, message: dict[str, Any]) -> None:
    body = json.dumps(message).encode()
    stream.write(len(body).to_bytes(4, "big") + body)
    stream.flush()


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2])
