"""REST: a request becomes an event, the answer of the function becomes a response."""

import logging
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime

from aiohttp import web

from infra.gateway.events import rest_event
from infra.gateway.incoming import http_request
from infra.gateway.lambdas import FunctionFailedError, FunctionTimedOutError, LambdaPool
from infra.gateway.responses import HttpResponse, MalformedResponseError, http_response, problem
from infra.gateway.routes import Api

_log = logging.getLogger(__name__)

BODY_LIMIT = 10 * 1024 * 1024  # bytes; API Gateway's


@dataclass(frozen=True, slots=True)
class Rest:
    """Everything below /api.

    An unknown path is answered 404 and a known path with another method 405. API Gateway says
    403 MissingAuthenticationToken to both; Chalice, which it never asks there, says 405.
    """

    pool: LambdaPool
    api: Api
    handler: str
    port: int

    async def handle(self, request: web.Request) -> web.Response:
        """Answer one request."""
        return _sent(await self._answer(request))

    async def _answer(self, request: web.Request) -> HttpResponse:
        match = self.api.match(request.raw_path.partition("?")[0])
        if match is None:
            return problem(404, "not_found", "Not Found")
        route = match.route
        if request.method == "OPTIONS" and "OPTIONS" not in route.methods and route.cors_headers is not None:
            return HttpResponse(200, list(route.preflight_headers.items()))
        if request.method not in route.methods:
            allowed = {"Allow": ", ".join(sorted(route.methods))}
            return problem(405, "method_not_allowed", "Method Not Allowed", allowed)
        try:
            body = await request.read()
        except web.HTTPRequestEntityTooLarge:
            return problem(413, "body_too_large", f"A body may have {BODY_LIMIT} bytes")
        request_id = str(uuid.uuid4())
        event = rest_event(
            http_request(request, body, self.port),
            match,
            request_id=request_id,
            at=datetime.now(UTC),
            binary_types=self.api.binary_types,
        )
        try:
            return http_response(await self.pool.invoke(self.handler, event, request_id))
        except FunctionTimedOutError as error:
            _log.error("%s %s: %s", request.method, route.resource, error)
            return problem(504, "timed_out", "Endpoint request timed out")
        except (FunctionFailedError, MalformedResponseError) as error:
            _log.error("%s %s: %s", request.method, route.resource, error)
            return problem(502, "function_failed", "Internal server error")


def _sent(answer: HttpResponse) -> web.Response:
    response = web.Response(status=answer.status, body=answer.body)
    for name, value in answer.headers:
        if name.lower() == "content-type":  # aiohttp has set one of its own
            response.headers[name] = value
        else:
            response.headers.add(name, value)
    return response
