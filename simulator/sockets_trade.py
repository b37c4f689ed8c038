"""The trade socket: order commands without a signature each.

Source: Bybit V5, "WebSocket Trade Guideline".
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from aiohttp import web

from simulator.auth import check_window
from simulator.dispatch import ENDPOINTS, Answer, Silence, dispatch
from simulator.model import Account, Refusal
from simulator.sockets import Connection, accept, socket_of
from simulator.sockets_private import login
from simulator.venue import Venue

OPS = {f"order.{name}": f"/v5/order/{name}" for name in ("create", "amend", "cancel")}
OPS |= {f"{op}-batch": f"{path}-batch" for op, path in OPS.items()}
MAX_REQ_ID = 36
_REQ_IDS_KEPT = 10_000


class TradeSocket:
    """Serves /v5/trade."""

    def __init__(self, venue: Venue) -> None:
        self._venue = venue
        self._seen: dict[str, dict[str, None]] = {}

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """One connection, from handshake to end."""
        fault = self._venue.faults.take("refuse_private")
        if fault is not None:
            return web.Response(status=fault.number("status"))
        connection = await accept(request, self._venue.socket_id())
        self._seen[connection.conn_id] = {}
        try:
            with self._venue.trade.holding(connection):
                problem = _reply(connection, {}, "", Refusal(10001, "Params Error"))
                await connection.run(lambda body: self._receive(connection, body), problem)
        finally:
            del self._seen[connection.conn_id]
        return socket_of(connection)

    def _receive(self, connection: Connection, body: dict[str, Any]) -> None:
        op, faults = str(body.get("op")), self._venue.faults
        if op == "ping":
            if not (faults.find("no_pong", scope="trade") or faults.find("no_pong", scope="all")):
                connection.send({**_reply(connection, body, "pong", None), "data": [str(self._venue.now_ms())]})
        elif op == "auth":
            refusal = Refusal(20001, "Repeat auth") if connection.api_key else login(self._venue, connection, body)
            connection.send(_reply(connection, body, "auth", refusal))
        elif op in OPS:
            self._command(connection, body, op)
        else:
            connection.send(_reply(connection, body, op, Refusal(10404, "op type is not found")))

    def _command(self, connection: Connection, body: dict[str, Any], op: str) -> None:
        endpoint = ENDPOINTS[OPS[op]]
        params = _only_item(body)
        symbol = params.get("symbol") if params else None
        delayed = self._venue.faults.take("request_delay", connection.api_key, symbol, path=endpoint.path)
        delay_s = delayed.number("ms") / 1000 if delayed is not None else 0.0
        received_ns = time.time_ns()
        connection.later(lambda: self._execute(connection, body, op, received_ns), delay_s)

    def _execute(self, connection: Connection, body: dict[str, Any], op: str, received_ns: int) -> None:
        params = _only_item(body)
        account = self._venue.exchange.account(connection.api_key)
        refusal = self._check(connection, body, account)
        if refusal is not None or params is None or account is None:
            refusal = refusal or Refusal(10001, "params error: args must hold one object")
            connection.send(_command_reply(self._venue, connection, body, op, Answer(refusal.code, refusal.message)))
            return
        endpoint = ENDPOINTS[OPS[op]]
        outcome = dispatch(self._venue, endpoint, account, params, received_ns=received_ns, via="trade_ws")
        if isinstance(outcome, Silence):
            if not outcome.hangs:
                connection.abort()
            return
        connection.send(_command_reply(self._venue, connection, body, op, outcome), outcome.delay_ms / 1000)

    def _check(self, connection: Connection, body: dict[str, Any], account: Account | None) -> Refusal | None:
        if account is None:
            return Refusal(10003, "Please auth first")
        number = body.get("reqId")
        if number is not None:
            seen = self._seen[connection.conn_id]
            if len(str(number)) > MAX_REQ_ID:
                return Refusal(10001, f"reqId is longer than {MAX_REQ_ID}")
            if str(number) in seen:
                return Refusal(20006, "Duplicate reqId")
            seen[str(number)] = None
            if len(seen) > _REQ_IDS_KEPT:
                del seen[next(iter(seen))]
        header = body.get("header")
        if not isinstance(header, dict):
            return Refusal(10001, "params error: header required")
        return check_window(header.get("X-BAPI-TIMESTAMP"), header.get("X-BAPI-RECV-WINDOW"), self._venue.now_ms())


def _only_item(body: Mapping[str, Any]) -> dict[str, Any] | None:
    args = body.get("args")
    if isinstance(args, list) and len(args) == 1 and isinstance(args[0], dict):
        return args[0]
    return None


def _reply(connection: Connection, body: Mapping[str, Any], op: str, refusal: Refusal | None) -> dict[str, Any]:
    code, message = (0, "OK") if refusal is None else (refusal.code, refusal.message)
    reply: dict[str, Any] = {"retCode": code, "retMsg": message, "op": op, "connId": connection.conn_id}
    return {"reqId": str(body["reqId"]), **reply} if body.get("reqId") is not None else reply


def _command_reply(
    venue: Venue, connection: Connection, body: Mapping[str, Any], op: str, outcome: Answer
) -> dict[str, Any]:
    now = str(venue.now_ms())
    refusal = None if outcome.code == 0 else Refusal(outcome.code, outcome.message)
    return {
        **_reply(connection, body, op, refusal),
        "data": outcome.result,
        "retExtInfo": outcome.ext_info,
        "header": {**outcome.headers, "Traceid": f"{venue.exchange.state.number:032x}", "Timenow": now},
    }
