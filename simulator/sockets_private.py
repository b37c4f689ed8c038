"""The private stream: order, execution, position, wallet.

Messages of one event go out as execution, order, position, wallet; Bybit promises no order (fault reorder).
Source: Bybit V5, "WebSocket Stream / Private".
"""

from __future__ import annotations

from typing import Any

from aiohttp import web

from simulator.auth import check_socket_login
from simulator.exchange import PrivateEvent
from simulator.model import Refusal
from simulator.sockets import ACK_DELAY_S, Connection, accept, req_id, socket_of, topics_of
from simulator.venue import Venue

TOPICS = frozenset({"order", "execution", "execution.fast", "position", "wallet", "greeks", "dcp.future", "strategy"})
CATEGORISED = {f"{topic}.linear": topic for topic in ("order", "execution", "execution.fast", "position")}
MAX_ARGS = 10
_USUAL_ORDER = ("execution", "order", "position", "wallet")
_FAST_FIELDS = ("category", "symbol", "orderId", "isMaker", "orderLinkId", "execId", "execPrice", "execQty", "side")


class PrivateStream:
    """Serves /v5/private."""

    def __init__(self, venue: Venue) -> None:
        self._venue = venue
        venue.on_private(self.publish)

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """One connection, from handshake to end."""
        fault = self._venue.faults.take("refuse_private")
        if fault is not None:
            return web.Response(status=fault.number("status"))
        connection = await accept(request, f"{self._venue.socket_id()}-p")
        with self._venue.private.holding(connection):
            problem = _reply(connection, "", "", "Params Error", success=False)
            await connection.run(lambda body: self._receive(connection, body), problem)
        return socket_of(connection)

    def publish(self, events: list[PrivateEvent]) -> None:
        """Send rows to their owners, one message a topic."""
        for api_key in dict.fromkeys(event.api_key for event in events):
            mine = [event for event in events if event.api_key == api_key]
            for topic in self._topic_order(api_key):
                rows = [event.row for event in mine if event.topic == topic]
                if rows:
                    self._publish_topic(api_key, topic, _latest(rows) if topic in {"position", "wallet"} else rows)

    def _topic_order(self, api_key: str) -> tuple[str, ...]:
        fault = self._venue.faults.take("reorder", api_key)
        if fault is None:
            return _USUAL_ORDER
        wished = [topic for topic in fault.params["order"] if topic in _USUAL_ORDER]
        return (*wished, *(topic for topic in _USUAL_ORDER if topic not in wished))

    def _publish_topic(self, api_key: str, topic: str, rows: list[dict[str, Any]]) -> None:
        faults = self._venue.faults
        symbol = rows[0].get("symbol")
        if faults.find("mute_private", api_key, symbol) or faults.take("drop_private", api_key, symbol, topic=topic):
            return
        if topic == "execution":
            unknown = faults.take("unknown_exec_type", api_key, symbol)
            if unknown is not None:
                rows = [{**row, "execType": unknown.params["value"]} for row in rows]
        altered = faults.take("alter_private", api_key, symbol, topic=topic)
        if altered is not None:
            rows = [_altered(row, altered.params["fields"]) for row in rows]
        late = faults.take("private_delay", api_key, symbol, topic=topic)
        delay_s = late.number("ms") / 1000 if late is not None else 0.0
        copies = 2 if faults.take("duplicate_private", api_key, symbol, topic=topic) else 1
        for connection in self._venue.private:
            if connection.api_key == api_key:
                for message in self._messages(connection, topic, rows):
                    for _ in range(copies):
                        connection.send(message, delay_s)

    def _messages(self, connection: Connection, topic: str, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
        now, messages = self._venue.now_ms(), []
        names = {CATEGORISED.get(subscribed, subscribed): subscribed for subscribed in sorted(connection.topics)}
        if topic in names:
            messages.append({"id": self._venue.socket_id(), "topic": names[topic], "creationTime": now, "data": rows})
        if topic == "execution" and "execution.fast" in names:
            fast = [_fast_row(row) for row in rows if row["execType"] == "Trade"]
            if fast:
                messages.append({"topic": names["execution.fast"], "creationTime": now, "data": fast})
        return messages

    def _receive(self, connection: Connection, body: dict[str, Any]) -> None:
        op, number = body.get("op"), req_id(body)
        if op == "ping":
            if not (
                self._venue.faults.find("no_pong", scope="private") or self._venue.faults.find("no_pong", scope="all")
            ):
                pong = {
                    "req_id": number,
                    "op": "pong",
                    "args": [str(self._venue.now_ms())],
                    "conn_id": connection.conn_id,
                }
                connection.send(pong)
        elif op == "auth":
            refusal = login(self._venue, connection, body)
            message = "" if refusal is None else refusal.message
            connection.send(_reply(connection, "auth", number, message, success=refusal is None))
        elif op == "subscribe":
            problem = self._subscribe(connection, topics_of(body))
            connection.send(_reply(connection, "subscribe", number, problem, success=not problem), ACK_DELAY_S)
        elif op == "unsubscribe":
            connection.topics.difference_update(topics_of(body))
            connection.send(_reply(connection, "unsubscribe", number, "", success=True), ACK_DELAY_S)
        else:
            connection.send(_reply(connection, str(op), number, f"error:invalid op,op:{op}", success=False))

    def _subscribe(self, connection: Connection, topics: list[str]) -> str:
        if not connection.api_key:
            return f"error:topic:{topics[0] if topics else ''} needs auth first"
        if not topics:
            return "error:Params Error"
        if len(topics) > MAX_ARGS:
            return f"args size >{MAX_ARGS}"
        if any(topic in CATEGORISED for topic in topics) and any(CATEGORISED.get(topic) is None for topic in topics):
            mixed = {CATEGORISED.get(topic, topic) for topic in topics if topic != "wallet"}
            if len(mixed) < len([topic for topic in topics if topic != "wallet"]):
                return "error:all-in-one and categorised topics in one request"
        for topic in topics:
            if topic in connection.topics:
                return f"error:already subscribed,topic:{topic}"
            unknown = topic not in TOPICS and topic not in CATEGORISED
            if unknown or self._venue.faults.take("subscribe_rejected", connection.api_key, topic=topic):
                return f"error:handler not found,topic:{topic}"
        connection.topics.update(topics)
        return ""


def login(venue: Venue, connection: Connection, body: dict[str, Any]) -> Refusal | None:
    """Judge an auth message, and tie the connection to its account when it is good."""
    args = body.get("args")
    if not isinstance(args, list) or len(args) != 3:
        return Refusal(10001, "Params Error")
    account = venue.exchange.account(str(args[0]))
    if account is None or venue.faults.take("auth_rejected", account.api_key):
        return Refusal(10003, "API key is invalid.")
    refusal = check_socket_login(account.api_secret, args[1], args[2], venue.now_ms())
    if refusal is None:
        connection.api_key = account.api_key
    return refusal


def _altered(row: dict[str, Any], fields: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in (row | fields).items() if value is not None or name not in fields}


def _latest(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    latest = {(row.get("symbol"), row.get("positionIdx")): row for row in rows}
    return list(latest.values())


def _fast_row(row: dict[str, Any]) -> dict[str, Any]:
    fast = {name: row[name] for name in (*_FAST_FIELDS, "execTime", "seq")}
    return {**fast, "orderLinkId": ""} if row["isMaker"] else fast


def _reply(connection: Connection, op: str, number: str, message: str, *, success: bool) -> dict[str, Any]:
    return {"success": success, "ret_msg": message, "op": op, "conn_id": connection.conn_id, "req_id": number}
