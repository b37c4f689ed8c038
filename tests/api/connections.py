"""A stand-in for API Gateway's `@connections`: a real HTTP server that keeps what is posted to it."""

import json
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import unquote


@dataclass(slots=True)
class Connections:
    """`posted`: the messages each connection got. A connection in `gone` is answered as API Gateway does."""

    url: str = ""
    posted: defaultdict[str, list[Any]] = field(default_factory=lambda: defaultdict(list))
    gone: set[str] = field(default_factory=set)

    @contextmanager
    def serving(self) -> Iterator["Connections"]:
        connections = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                connection_id = unquote(self.path.removeprefix("/@connections/"))
                message = self.rfile.read(int(self.headers["Content-Length"]))
                is_gone = connection_id in connections.gone
                if not is_gone:
                    connections.posted[connection_id].append(json.loads(message))
                self.send_response(410 if is_gone else 200)
                if is_gone:
                    self.send_header("x-amzn-ErrorType", "GoneException")
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Says nothing."""

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{server.server_port}"
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield self
        finally:
            server.shutdown()
            server.server_close()
            thread.join()
