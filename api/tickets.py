"""Tickets for the WebSocket: the browser cannot send an Authorization header there, and tokens stay out of URLs."""

import secrets
from hashlib import sha256

from api.database import transaction
from api.sessions import Caller
from backstop.contracts.auth import WsTicket
from backstop.store.dashboards import add_ticket
from backstop.store.query import execute

TICKET_S = 30


def issue(caller: Caller) -> WsTicket:
    ticket = secrets.token_urlsafe(32)
    with transaction(caller.id) as connection:
        execute(connection, add_ticket(ticket_hash(ticket), caller.id, caller.session_id, TICKET_S))
    return WsTicket(ticket=ticket)


def ticket_hash(ticket: str) -> bytes:
    return sha256(ticket.encode("utf-8", "surrogatepass")).digest()
