"""Stand-ins for gateway, simulator and streamer, for tests of what starts and asks them.

As a process: `python -m tests.infra.fake_parts` serves both ports and ends on SIGTERM. In a test: `Fakes`.
"""

import asyncio
import os
import signal
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web


@dataclass(slots=True)
class Fakes:
    """Just enough of both HTTP APIs for the demo; remembers what it was asked."""

    users: dict[str, str] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    bodies: list[Any] = field(default_factory=list)

    def application(self) -> web.Application:
        app = web.Application()
        app.router.add_get("/api/health", self._health)
        app.router.add_get("/sim/health", self._health)
        app.router.add_post("/{path:.*}", self._post)
        return app

    async def _health(self, _request: web.Request) -> web.Response:
        return web.json_response({"status": "ok", "streamer": {"alive": True, "heartbeat_age_ms": 0}})

    async def _post(self, request: web.Request) -> web.Response:
        body = await request.json()
        self.asked.append(request.path)
        self.bodies.append(body)
        match request.path:
            case "/api/auth/signup" if body["email"].endswith(".local"):
                return web.json_response({"errors": [{"field": "email", "message": "reserved"}]}, status=422)
            case "/api/auth/signup" if body["email"] in self.users:
                return web.json_response({"title": "Conflict"}, status=409)
            case "/api/auth/signup":
                self.users[body["email"]] = body["password"]
                return web.json_response({"access_token": "token"}, status=201)
            case "/api/auth/login":
                right = self.users.get(body["email"]) == body["password"]
                return web.json_response({"access_token": "token"}, status=200 if right else 401)
            case "/api/accounts":
                return web.json_response({"id": "account-1"}, status=201)
            case "/api/strategies":
                made = {"id": "strategy-1", "webhook_url": f"http://{request.host}/api/hooks/h", "webhook_secret": "s"}
                return web.json_response(made, status=201)
            case "/api/hooks/h":
                status = "accepted" if body["secret"] == "s" else "refused"
                answer = {"signal_id": "1", "status": status, "title": "Unauthorized"}
                return web.json_response(answer, status=202 if status == "accepted" else 401)
            case _:
                return web.json_response({})


async def main() -> None:
    if os.environ["POWERTOOLS_SERVICE_NAME"] in os.environ.get("FAKE_DEAF", ""):
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        await asyncio.Event().wait()
    runner = web.AppRunner(Fakes().application(), handle_signals=True)
    await runner.setup()
    name = {"api": "BACKSTOP_PORT", "simulator": "BACKSTOP_SIM_PORT"}.get(os.environ["POWERTOOLS_SERVICE_NAME"])
    if name is not None:
        await web.TCPSite(runner, "127.0.0.1", int(os.environ[name])).start()
    try:
        await asyncio.Event().wait()
    finally:
        await runner.cleanup()


if __name__ == "__main__":
    with suppress(web.GracefulExit):
        asyncio.run(main())
