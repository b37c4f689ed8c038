"""One port for dashboard, REST, WebSocket and the management API."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from aiohttp import web
from aiohttp.abc import AbstractAccessLogger

from infra.gateway.connections import Registry
from infra.gateway.dashboard import Dashboard
from infra.gateway.lambdas import LambdaPool
from infra.gateway.link import Limits
from infra.gateway.rest import BODY_LIMIT, Rest
from infra.gateway.sockets import Handlers, Sockets
from infra.gateway.spool import replay_for_ever

_IN_FLIGHT_END_WITHIN_S = 3.0


@dataclass(frozen=True, slots=True)
class GatewayConfig:
    """What to serve and where.

    Args:
        port: TCP port; 0 takes a free one.
        app: import path of the Chalice app behind /api.
        instances: Lambda instances kept warm.
        timeout_s: seconds a function may take.
        spool: folder of alerts put by while the database was away; None replays none.
    """

    host: str = "127.0.0.1"
    port: int = 8000
    app: str = "api.app:app"
    handlers: Handlers = field(
        default_factory=lambda: Handlers("api.app:ws_connect", "api.app:ws_message", "api.app:ws_disconnect")
    )
    dashboard: Path = Path("frontend/dist")
    instances: int = 3
    timeout_s: float = 29.0
    limits: Limits = field(default_factory=Limits)
    spool: Path | None = None


@asynccontextmanager
async def running(config: GatewayConfig) -> AsyncIterator[int]:
    """A gateway for the length of an `async with`, which gives its port.

    Raises:
        FunctionFailedError: the app cannot be imported.
        OSError: the port is taken.
    """
    pool = LambdaPool(config.app, size=config.instances, timeout_s=config.timeout_s)
    try:
        api = await pool.start()
        registry = Registry(config.limits)
        rest = Rest(pool, api, config.app, config.port)
        sockets = Sockets(pool, registry, config.handlers, config.limits, config.port)
        application = web.Application(client_max_size=BODY_LIMIT)
        application.router.add_routes(registry.routes())
        application.router.add_get("/ws", sockets.handle, allow_head=False)
        application.router.add_route("*", "/api", rest.handle)
        application.router.add_route("*", "/api/{rest:.*}", rest.handle)
        application.router.add_get("/{path:.*}", Dashboard(config.dashboard).handle)
        runner = web.AppRunner(
            application,
            access_log=logging.getLogger("infra.gateway.access"),
            access_log_class=_AccessLogger,
            auto_decompress=False,  # API Gateway hands over what was sent
            shutdown_timeout=_IN_FLIGHT_END_WITHIN_S,
        )
        await runner.setup()
        replaying = asyncio.create_task(replay_for_ever(config.spool, pool)) if config.spool is not None else None
        try:
            site = web.TCPSite(runner, config.host, config.port)
            await site.start()
            yield runner.addresses[0][1]
            await site.stop()
            await sockets.close_all()
        finally:
            if replaying is not None:
                replaying.cancel()
                await asyncio.gather(replaying, return_exceptions=True)
            await runner.cleanup()
    finally:
        await pool.close()


class _AccessLogger(AbstractAccessLogger):
    """Method, path, status and time. No query: it holds tickets. No health that is asked for all day."""

    def log(self, request: web.BaseRequest, response: web.StreamResponse, time: float) -> None:
        if request.path == "/api/health" and response.status == 200:
            return
        self.logger.info("%s %s %d %.1f ms", request.method, request.path, response.status, time * 1000)
