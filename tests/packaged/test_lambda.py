"""The zip, run by AWS's own runtime client with nothing of this environment but what Lambda's runtime brings."""

import json
import os
import queue
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.metadata import distribution
from pathlib import Path
from typing import Any

import pytest

from infra.cloud.bundle import BROUGHT_BY_LAMBDA, requirements_of_api
from tests.api.conftest import Keys, keys
from tests.api.gateway_events import JSON, rest_event
from tests.conftest import Database
from tests.packaged.conftest import Packaged

__all__ = ["keys"]

MOST_ZIPPED = 25 * 2**20
MOST_UNZIPPED = 90 * 2**20
UNWANTED = (
    *("ccxt", "websockets", "picows", "aiohttp", "uvloop", "msgspec"),
    *("botocore", "boto3", "pip", "setuptools", "pytest"),
)
UNWANTED_OURS = ("streamer", "simulator", "infra", "tests")

pytestmark = pytest.mark.timeout(400)  # building and linting take their time on a busy machine


class _Server(ThreadingHTTPServer):
    def handle_error(self, *_: object) -> None:
        """The function was killed while it waited for its next event."""


class Runtime:
    """Lambda's Runtime API on loopback, for one function's process."""

    def __init__(self) -> None:
        self._events: queue.Queue[tuple[str, bytes]] = queue.Queue()
        self._answers: queue.Queue[Any] = queue.Queue()
        runtime = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            wbufsize = -1
            disable_nagle_algorithm = True

            def do_GET(self) -> None:
                name, event = runtime._events.get()
                self.send_response(200)
                self.send_header("Lambda-Runtime-Aws-Request-Id", name)
                self.send_header("Lambda-Runtime-Deadline-Ms", str(int(time.time() * 1000) + 15_000))
                self.send_header("Lambda-Runtime-Invoked-Function-Arn", "arn:aws:lambda:us-east-1:0:function:api")
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(event)))
                self.end_headers()
                self.wfile.write(event)

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                runtime._answers.put((self.path.rpartition("/")[2], json.loads(body)))
                self.send_response(202)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self._server = _Server(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.address = f"127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def invoke(self, event: dict[str, Any]) -> dict[str, Any]:
        self._events.put(("one", json.dumps(event).encode()))
        kind, answer = self._answers.get(timeout=30)
        assert kind == "response", answer
        assert isinstance(answer, dict)
        return answer

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture(scope="session")
def runtime_brings(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the runtime client and boto3, as Lambda's image has them, and nothing else."""
    folder = tmp_path_factory.mktemp("runtime")
    for name in ("awslambdaric", "snapshot-restore-py", "simplejson", *BROUGHT_BY_LAMBDA):
        brought = distribution(name)
        tops = {file.parts[0] for file in brought.files or () if ".." not in file.parts}
        for top in tops - {"__pycache__"}:
            if not (folder / top).exists():
                (folder / top).symlink_to(Path(str(brought.locate_file(top))))
    return folder


@contextmanager
def function(task: Path, brings: Path, handler: str, variables: dict[str, str]) -> Iterator[Runtime]:
    runtime = Runtime()
    environment = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": f"{task}:{brings}",
        "PYTHONDONTWRITEBYTECODE": "1",
        "AWS_LAMBDA_RUNTIME_API": runtime.address,
        "LAMBDA_TASK_ROOT": str(task),
        "_HANDLER": handler,
        "AWS_LAMBDA_FUNCTION_NAME": "api",
        "AWS_REGION": "us-east-1",
        **variables,
    }
    # -S: nothing of the environment the tests run in.
    command = [sys.executable, "-S", "-m", "awslambdaric", handler]
    process = subprocess.Popen(command, env=environment, cwd=task)
    try:
        yield runtime
    finally:
        process.kill()
        process.wait()
        runtime.close()


def test_it_answers_from_the_database(unzipped: Path, runtime_brings: Path, database: Database, keys: Keys) -> None:
    variables = {
        "BACKSTOP_API_DATABASE_URL": database.url_as("backstop_api"),
        "BACKSTOP_PUBLIC_URL": "https://backstop.example",
        "BACKSTOP_JWT_KEYS_FILE": str(keys.jwt),
        "BACKSTOP_VAULT_PUBLIC_KEY_FILE": str(keys.vault_public),
        "BACKSTOP_VIEWER_HEADER": "x-backstop-viewer",
    }
    with function(unzipped, runtime_brings, "app.app", variables) as api:
        health = api.invoke(rest_event("GET", "/api/health", None, {}))
        assert health["statusCode"] == 200
        assert json.loads(health["body"])["database"] == "ok"

        sign_up = {"email": "one@example.com", "password": "correct horse battery"}
        headers = {"Content-Type": JSON, "X-Backstop-Viewer": "198.51.100.1"}
        signed_up = api.invoke(rest_event("POST", "/api/auth/signup", sign_up, headers))
        assert signed_up["statusCode"] == 201, signed_up
        token = json.loads(signed_up["body"])["access_token"]

        account = {
            "label": "demo",
            "environment": "simulator",
            "api_key": "key-12345678",
            "api_secret": "secret-12345678",
        }
        added = api.invoke(
            rest_event("POST", "/api/accounts", account, {"Content-Type": JSON, "Authorization": f"Bearer {token}"})
        )
        assert added["statusCode"] == 201, added
        assert "secret-12345678" not in added["body"]


def test_a_socket_without_a_ticket_is_refused(unzipped: Path, runtime_brings: Path, database: Database) -> None:
    variables = {
        "BACKSTOP_API_DATABASE_URL": database.url_as("backstop_api"),
        "BACKSTOP_PUBLIC_URL": "https://b.example",
    }
    event = {"requestContext": {"routeKey": "$connect", "connectionId": "c="}, "headers": {}}
    with function(unzipped, runtime_brings, "api.sockets.ws_connect", variables) as socket:
        assert socket.invoke(event) == {"statusCode": 401}


def test_only_what_the_api_needs_is_in_it(unzipped: Path) -> None:
    inside = {entry.name for entry in unzipped.iterdir()}
    assert not inside & {*UNWANTED, *UNWANTED_OURS}
    ours = {"app.py", "api", "backstop", "chalice", "__pycache__"}
    theirs = {
        file.parts[0]
        for brought in requirements_of_api().values()
        for file in brought.files or ()
        if ".." not in file.parts
    }
    assert inside - ours <= theirs


def test_it_stays_small(packaged: Packaged, unzipped: Path) -> None:
    unpacked = sum(file.stat().st_size for file in unzipped.rglob("*") if file.is_file())
    assert packaged.zip.stat().st_size < MOST_ZIPPED
    assert unpacked < MOST_UNZIPPED


def test_it_is_compiled_for_a_quick_start(unzipped: Path) -> None:
    sources = list((unzipped / "api").rglob("*.py"))
    assert sources
    for source in sources:
        (compiled,) = (source.parent / "__pycache__").glob(f"{source.stem}.*.pyc")
        assert compiled.read_bytes()[4] == 0b01  # by hash, not checked


def test_migrations_come_along(unzipped: Path) -> None:
    """The code knows which schema it was written for."""
    assert sorted((unzipped / "backstop" / "store" / "migrations").glob("0001_*.sql"))
