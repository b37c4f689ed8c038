"""What dashboards are told: numbered events, tickets and connections."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from psycopg import Connection
from psycopg.types.json import Jsonb

from backstop.contracts.base import Outgoing
from backstop.contracts.live import SnapshotData
from backstop.contracts.trading import Event
from backstop.store.paging import Numbered, PageRequest
from backstop.store.query import Query, Row, fetch_all, fetch_one, no_row
from backstop.store.views import open_positions, signals_page

EventType = Literal["position", "order", "execution", "signal", "trade", "notice"]

SNAPSHOT_SIGNALS = 50


@dataclass(frozen=True, slots=True)
class Snapshot:
    """`data` as it was when the user's newest event was `seq`; `at` is UTC milliseconds."""

    seq: int
    at: int
    data: SnapshotData


@dataclass(frozen=True, slots=True)
class TicketHolder:
    """`session_id` None: the ticket was issued before sessions were noted in it."""

    user_id: UUID
    session_id: UUID | None


def append_event(user_id: UUID, kind: EventType, data: Outgoing) -> Query[int]:
    """Tell the user's dashboards, once this transaction has committed. Answers the event's seq."""
    sql = "select append_event(%(user_id)s, %(type)s, %(data)s) as seq"
    parameters = {"user_id": user_id, "type": kind, "data": Jsonb(data.model_dump(mode="json"))}
    return Query(sql, parameters, lambda row: row["seq"])


def events_after(user_id: UUID, seq: int, limit: int) -> Query[Numbered[Event]]:
    """At most `limit` events after `seq`, oldest first."""
    sql = """
        select seq, type, data, (extract(epoch from at) * 1000)::bigint as ts
          from events where user_id = %(user_id)s and seq > %(seq)s
         order by seq limit %(limit)s"""
    return Query(sql, {"user_id": user_id, "seq": seq, "limit": limit}, lambda row: Numbered(row["seq"], _event(row)))


def message_of(event: Event) -> dict[str, Any]:
    """An `events` row as the message a dashboard gets (a `LiveMessage`)."""
    return {"v": 1, "type": event.type, "seq": event.seq, "ts": event.ts, "data": event.data}


def last_seq(user_id: UUID) -> Query[tuple[int, int]]:
    """The seq of the user's newest event, and the time now in UTC milliseconds."""
    sql = "select last_seq, (extract(epoch from now()) * 1000)::bigint as ts from users where id = %(user_id)s"
    return Query(sql, {"user_id": user_id}, lambda row: (row["last_seq"], row["ts"]))


def read_snapshot(connection: Connection[Any], user_id: UUID) -> Snapshot:
    """Everything the dashboard shows live. Run it in a REPEATABLE READ transaction, so that `seq` fits the data."""
    found = fetch_one(connection, last_seq(user_id))
    assert found is not None, user_id
    positions = fetch_all(connection, open_positions(user_id))
    signals = fetch_all(connection, signals_page(user_id, PageRequest(SNAPSHOT_SIGNALS)))[:SNAPSHOT_SIGNALS]
    return Snapshot(*found, SnapshotData(positions=positions, signals=[row.item for row in signals]))


# ---- the way in


def add_ticket(ticket_hash: bytes, user_id: UUID, session_id: UUID, valid_s: int) -> Query[None]:
    sql = """
        with old as (delete from ws_tickets where user_id = %(user_id)s and expires_at < now())
        insert into ws_tickets (ticket_hash, user_id, session_id, expires_at)
        values (%(hash)s, %(user_id)s, %(session_id)s, now() + make_interval(secs => %(valid)s))"""
    parameters = {"hash": ticket_hash, "user_id": user_id, "session_id": session_id, "valid": valid_s}
    return Query(sql, parameters, no_row)


def redeem_ticket(ticket_hash: bytes, at: datetime) -> Query[TicketHolder]:
    """Whose ticket it is; no row if it is used, too old or none. Works before a user is known."""
    sql = "select user_id, session_id from redeem_ticket(%(hash)s, %(at)s)"
    return Query(sql, {"hash": ticket_hash, "at": at}, lambda row: TicketHolder(row["user_id"], row["session_id"]))


def find_connection(connection_id: str) -> Query[UUID]:
    """Whose connection it is. Works before a user is known."""
    sql = "select user_id from find_connection(%(id)s)"
    return Query(sql, {"id": connection_id}, _user_id)


def add_connection(connection_id: str, holder: TicketHolder) -> Query[None]:
    sql = """
        insert into ws_connections (connection_id, user_id, session_id) values (%(id)s, %(user_id)s, %(session_id)s)"""
    return Query(sql, {"id": connection_id, "user_id": holder.user_id, "session_id": holder.session_id}, no_row)


def remove_connection(connection_id: str) -> Query[None]:
    return Query("delete from ws_connections where connection_id = %(id)s", {"id": connection_id}, no_row)


def set_live_from(connection_id: str, seq: int) -> Query[None]:
    """From now on the pusher sends this connection what comes after `seq`."""
    sql = "update ws_connections set live_from = %(seq)s where connection_id = %(id)s"
    return Query(sql, {"id": connection_id, "seq": seq}, no_row)


_user_id: Callable[[Row], UUID] = lambda row: row["user_id"]  # noqa: E731 - a value like the others


def _event(row: Row) -> Event:
    return Event(seq=row["seq"], type=row["type"], ts=row["ts"], data=row["data"])
