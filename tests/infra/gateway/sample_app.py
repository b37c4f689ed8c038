"""A small Chalice app that shows the gateway's tests what a function receives."""

import base64
import json
import os
import sys
import threading
import urllib.parse
import urllib.request
from pathlib import Path
from typing import Any

from chalice.app import Chalice, CORSConfig, Request, Response

app = Chalice(app_name="sample")
app.experimental_feature_flags.update(["WEBSOCKETS"])
app.log.setLevel("CRITICAL")


def _request() -> Request:
    request: Request | None = app.current_request
    assert request is not None
    return request


def _event() -> dict[str, Any]:
    event: dict[str, Any] = _request().to_original_event()
    return event


@app.route("/api/event", methods=["GET", "POST", "PUT"], content_types=["*/*"])
def event() -> dict[str, Any]:
    return _event()


@app.route("/api/items/{item}/parts/{part}", methods=["GET"])
def part(item: str, part: str) -> dict[str, Any]:
    return {"item": item, "part": part, "resource": _event()["resource"], "path": _event()["path"]}


@app.route("/api/items/{item}", methods=["GET"])
def item(item: str) -> dict[str, str]:
    return {"item": item}


@app.route("/api/items/newest", methods=["GET"])
def newest() -> dict[str, str]:
    return {"newest": "yes"}


@app.route("/api/echo", methods=["POST"], content_types=["*/*"])
def echo() -> Response:
    body = _request().raw_body
    return Response(body=body, headers={"Content-Type": "application/octet-stream"})


@app.route("/api/cookies", methods=["GET"])
def cookies() -> Response:
    return Response(body="", status_code=204, headers={"Set-Cookie": ["a=1; HttpOnly", "b=2"]})


@app.route("/api/open", methods=["GET"], cors=CORSConfig(allow_origin="https://a.example", max_age=60))
def open_to_others() -> dict[str, str]:
    return {}


@app.route("/api/pid", methods=["GET"])
def pid() -> dict[str, int]:
    return {"pid": os.getpid()}


@app.route("/api/crash", methods=["POST"], content_types=["*/*"])
def crash() -> None:
    os._exit(3)


@app.route("/api/hang", methods=["POST"], content_types=["*/*"])
def hang() -> None:
    threading.Event().wait()


@app.route("/api/held", methods=["GET"])
def held() -> dict[str, int]:
    """Answers once as many requests are held as were asked for: only then do they run side by side."""
    folder = Path(os.environ["SAMPLE_FOLDER"])
    (folder / f"held-{os.getpid()}").touch()
    wanted = int(_event()["queryStringParameters"]["together"])
    while len(list(folder.glob("held-*"))) < wanted:
        threading.Event().wait(0.01)
    return {"pid": os.getpid()}


def raises(event: dict[str, Any], context: Any) -> None:
    raise ValueError("on purpose")


def malformed(event: dict[str, Any], context: Any) -> dict[str, Any]:
    return {"statusCode": "many"}


def told(event: dict[str, Any], context: Any) -> dict[str, Any]:
    return {
        "statusCode": 200,
        "request_id": context.aws_request_id,
        "left_ms": context.get_remaining_time_in_millis(),
        "name": context.function_name,
    }


def too_much(event: dict[str, Any], context: Any) -> dict[str, Any]:
    return {"statusCode": 200, "body": "x" * (7 * 1024 * 1024)}


def exits(event: dict[str, Any], context: Any) -> None:
    sys.exit(1)


def _note(event: dict[str, Any]) -> None:
    with (Path(os.environ["SAMPLE_FOLDER"]) / "events.jsonl").open("a") as notes:
        notes.write(json.dumps(event) + "\n")


def _post(connection_id: str, text: str) -> None:
    url = f"{os.environ['BACKSTOP_WS_ENDPOINT']}/@connections/{urllib.parse.quote(connection_id, safe='')}"
    urllib.request.urlopen(urllib.request.Request(url, text.encode(), method="POST")).close()


@app.on_ws_connect()
def ws_connect(event: Any) -> dict[str, Any]:
    given = event.to_dict()
    _note(given)
    return {"statusCode": int((given.get("queryStringParameters") or {}).get("answer", "200"))}


@app.on_ws_message()
def ws_message(event: Any) -> None:
    _note(event.to_dict())
    if event.body == "fail":
        raise ValueError("on purpose")
    if event.body.startswith("big "):
        _post(event.connection_id, "é" * int(event.body.removeprefix("big ")))
    else:
        _post(event.connection_id, f"heard {event.body}")


@app.on_ws_disconnect()
def ws_disconnect(event: Any) -> None:
    _note(event.to_dict())


PIXEL = base64.b64decode("iVBORw0KGgo=")


@app.route("/api/pixel", methods=["GET"])
def pixel() -> Response:
    return Response(body=PIXEL, headers={"Content-Type": "image/png"})
