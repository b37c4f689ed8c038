"""The REST side of V5: authentication, envelopes, HTTP errors.

Source: Bybit V5, "Integration Guidance" and "Error Codes".
"""

from __future__ import annotations

import asyncio
import json
import time
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qsl

from aiohttp import web

from simulator.auth import DEFAULT_RECV_WINDOW_MS, check_signature, check_window
from simulator.dispatch import ENDPOINTS, Answer, Endpoint, Silence, dispatch
from simulator.model import Account, Refusal
from simulator.sockets import encode
from simulator.venue import Venue

HANG_S = 3_600


class Rest:
    """Serves every V5 path over HTTP."""

    def __init__(self, venue: Venue) -> None:
        self._venue = venue

    def routes(self) -> list[web.RouteDef]:
        """The paths of the table."""
        return [web.route(endpoint.method, path, self._serve(endpoint)) for path, endpoint in ENDPOINTS.items()]

    def _serve(self, endpoint: Endpoint) -> Any:
        async def serve(request: web.Request) -> web.StreamResponse:
            return await self._answer(endpoint, request)

        return serve

    async def _answer(self, endpoint: Endpoint, request: web.Request) -> web.StreamResponse:
        received_ns, faults = time.time_ns(), self._venue.faults
        raw = await request.read()
        query = request.raw_path.partition("?")[2]
        params = _params(endpoint.method, query, raw)
        if params is None:
            return self._reply(Answer(10001, "params error: body is not a JSON object"))
        api_key = request.headers.get("X-BAPI-API-KEY")
        symbol = params.get("symbol") if isinstance(params.get("symbol"), str) else None
        delayed = faults.take("request_delay", api_key, symbol, path=endpoint.path)
        if delayed is not None:
            await asyncio.sleep(delayed.number("ms") / 1000)
        admitted = self._venue.address.admits(request.remote or "", self._venue.clock())
        if not admitted or faults.take("ban", api_key, symbol):
            return web.Response(status=403, text="access too frequent")
        failing = faults.take("http_status", api_key, symbol, path=endpoint.path)
        if failing is not None:
            return web.Response(status=failing.number("status"), text="upstream error")
        account: Account | None = None
        if endpoint.rate is not None:
            payload = query if endpoint.method == "GET" else raw.decode("utf-8", "replace")
            signer = self._authenticate(request, payload)
            if isinstance(signer, Refusal):
                return self._reply(Answer(signer.code, signer.message))
            account = signer
        outcome = dispatch(self._venue, endpoint, account, params, received_ns=received_ns, via="rest")
        if isinstance(outcome, Silence):
            return await _say_nothing(request, hangs=outcome.hangs)
        if outcome.delay_ms:
            await asyncio.sleep(outcome.delay_ms / 1000)
        if faults.take("broken_json", api_key, symbol, path=endpoint.path):
            return web.Response(text='{"retCode":0,"retMsg":"O', content_type="application/json")
        return self._reply(outcome)

    def _authenticate(self, request: web.Request, payload: str) -> Account | Refusal:
        """Whose request it is.

        Order of checks: key, time window, signature.
        """
        headers = request.headers
        key, timestamp = headers.get("X-BAPI-API-KEY", ""), headers.get("X-BAPI-TIMESTAMP", "")
        window = headers.get("X-BAPI-RECV-WINDOW") or str(DEFAULT_RECV_WINDOW_MS)
        account = self._venue.exchange.account(key)
        if account is None:
            return Refusal(10003, "API key is invalid.")
        if (refusal := check_window(timestamp, window, self._venue.now_ms())) is not None:
            return refusal
        origin = f"{timestamp}{key}{headers.get('X-BAPI-RECV-WINDOW', '')}{payload}"
        refusal = check_signature(account.api_secret, origin, headers.get("X-BAPI-SIGN", ""))
        return account if refusal is None else refusal

    def _reply(self, outcome: Answer) -> web.Response:
        envelope = {
            "retCode": outcome.code,
            "retMsg": outcome.message,
            "result": outcome.result,
            "retExtInfo": outcome.ext_info,
            "time": self._venue.now_ms(),
        }
        return web.Response(text=encode(envelope), content_type="application/json", headers=outcome.headers)


def _params(method: str, query: str, raw: bytes) -> dict[str, Any] | None:
    if method == "GET":
        return dict(parse_qsl(query, keep_blank_values=True))
    try:
        body = json.loads(raw or b"{}", parse_float=Decimal)
    except ValueError:
        return None
    return body if isinstance(body, dict) else None


async def _say_nothing(request: web.Request, *, hangs: bool) -> web.Response:
    if hangs:
        await asyncio.sleep(HANG_S)
    if request.transport is not None:
        request.transport.abort()
    return web.Response()
