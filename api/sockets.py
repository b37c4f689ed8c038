"""The dashboard's WebSocket. API Gateway holds the connection; these three functions hear of it.

Plain (event, context) functions: Chalice's own wrapper insists on an https endpoint of AWS.
"""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import psycopg
from chalice.app import Blueprint
from pydantic import ValidationError

from api import config, push
from api.database import become, transaction
from api.tickets import ticket_hash
from backstop.contracts.live import ClientMessage, Hello, LiveMessage, PongMessage, SnapshotData, SnapshotMessage
from backstop.contracts.trading import Event
from backstop.store import dashboards
from backstop.store.query import execute, fetch_all, fetch_one
from backstop.telemetry import logger

sockets = Blueprint(__name__)

Gateway = Mapping[str, Any]
Handler = Callable[[Gateway, object], dict[str, Any]]

_REPLAY = 500
"""With more to tell than this, a snapshot is less."""


def _answering(handler: Callable[[Gateway], int]) -> Handler:
    """Turns failures into a status; API Gateway shows the client nothing else."""

    def answer(event: Gateway, _context: object) -> dict[str, Any]:
        try:
            return {"statusCode": handler(event)}
        except psycopg.OperationalError:
            logger().warning("database_unavailable", extra={"route": handler.__name__})
            return {"statusCode": 503}
        except Exception:  # noqa: BLE001 - the edge: noted, and told apart from nothing
            logger().exception("unhandled", extra={"route": handler.__name__})
            return {"statusCode": 500}

    answer.__name__ = handler.__name__.removeprefix("_")
    answer.__doc__ = handler.__doc__
    return answer


def _ws_connect(event: Gateway) -> int:
    """Let a ticket in, once."""
    headers = {name.lower(): value for name, value in (event.get("headers") or {}).items()}
    ticket = (event.get("queryStringParameters") or {}).get("ticket", "")
    if headers.get("origin", config.public_origin()) != config.public_origin() or not ticket:
        return 401
    with transaction(None) as connection:
        holder = fetch_one(connection, dashboards.redeem_ticket(ticket_hash(ticket), datetime.now(UTC)))
        if holder is None:
            return 401
        become(connection, holder.user_id)
        execute(connection, dashboards.add_connection(_connection_id(event), holder))
    return 200


def _ws_message(event: Gateway) -> int:
    """Answer `hello` with what was missed or a snapshot, and `ping` with `pong`."""
    connection_id = _connection_id(event)
    try:
        message = ClientMessage.model_validate_json(event.get("body") or "").root
    except ValidationError:
        return 400
    try:
        if isinstance(message, Hello):
            return _welcome(connection_id, message)
        push.post(connection_id, PongMessage(ts=_now_ms()).model_dump_json())
    except push.GoneError:
        _forget(connection_id)
    return 200


def _ws_disconnect(event: Gateway) -> int:
    """Forget the connection."""
    _forget(_connection_id(event))
    return 200


ws_connect = _answering(_ws_connect)
ws_message = _answering(_ws_message)
ws_disconnect = _answering(_ws_disconnect)

sockets.on_ws_connect(name="ws_connect")(ws_connect)
sockets.on_ws_message(name="ws_message")(ws_message)
sockets.on_ws_disconnect(name="ws_disconnect")(ws_disconnect)


def _welcome(connection_id: str, hello: Hello) -> int:
    with transaction(None, repeatable=True) as connection:
        user_id = fetch_one(connection, dashboards.find_connection(connection_id))
        if user_id is None:
            return 410
        become(connection, user_id)
        newest, messages = _to_tell(connection, user_id, hello.last_seq)
    for message in messages:
        push.post(connection_id, message)
    # Only now, so that the pusher's next message cannot overtake these.
    with transaction(user_id) as connection:
        execute(connection, dashboards.set_live_from(connection_id, newest))
    return 200


def _to_tell(connection: psycopg.Connection[Any], user_id: UUID, last_seq: int | None) -> tuple[int, list[str]]:
    """The seq the client will be at, and the messages that bring it there."""
    if last_seq is not None:
        found = fetch_one(connection, dashboards.last_seq(user_id))
        assert found is not None, user_id
        newest, _ = found
        missed = newest - last_seq
        if 0 < missed <= _REPLAY:
            events = [row.item for row in fetch_all(connection, dashboards.events_after(user_id, last_seq, _REPLAY))]
            messages = [_text(event) for event in events]
            # A gap means that old events were cleared away.
            if len(events) == missed and all(len(message.encode()) <= push.MAX_BYTES for message in messages):
                return newest, messages
    snapshot = dashboards.read_snapshot(connection, user_id)
    return snapshot.seq, [_snapshot(snapshot)]


def _text(event: Event) -> str:
    return LiveMessage.model_validate(dashboards.message_of(event)).model_dump_json()


def _snapshot(snapshot: dashboards.Snapshot) -> str:
    text = SnapshotMessage(seq=snapshot.seq, ts=snapshot.at, data=snapshot.data).model_dump_json()
    if len(text.encode()) <= push.MAX_BYTES:
        return text
    short = SnapshotData(positions=[], signals=[], truncated=True)
    return SnapshotMessage(seq=snapshot.seq, ts=snapshot.at, data=short).model_dump_json()


def _forget(connection_id: str) -> None:
    with transaction(None) as connection:
        user_id = fetch_one(connection, dashboards.find_connection(connection_id))
        if user_id is not None:
            become(connection, user_id)
            execute(connection, dashboards.remove_connection(connection_id))


def _connection_id(event: Gateway) -> str:
    return str(event["requestContext"]["connectionId"])


def _now_ms() -> int:
    return int(datetime.now(UTC).timestamp() * 1000)
