"""Where you are logged in, and what was done in your name."""

from uuid import UUID

from api import audit
from api.database import transaction
from api.errors import not_found
from api.http import Routes
from api.queries import PageQuery
from api.sessions import Caller
from backstop.contracts.audit import AuditEntry
from backstop.contracts.auth import OpenSession, SessionsRevoked
from backstop.contracts.base import Page
from backstop.store import sessions as stored
from backstop.store.audit import audit_page
from backstop.store.paging import fetch_page
from backstop.store.query import fetch_all, fetch_one

routes = Routes(__name__)


@routes.get("/sessions")
def list_sessions(user: Caller, query: PageQuery) -> Page[OpenSession]:
    """Where you are logged in, newest first."""
    with transaction(user.id) as connection:
        return fetch_page(connection, stored.sessions_page(user.id, query.page, user.session_id), query.limit)


@routes.delete("/sessions/{session_id}")
def revoke_session(user: Caller, session_id: UUID) -> None:
    """End a session; what it may still hold opens nothing that moves money or keys."""
    with transaction(user.id) as connection:
        if fetch_one(connection, stored.revoke_session(session_id)) is None:
            raise not_found()
        audit.record(connection, user, "session.revoked", session_id)


@routes.post("/sessions/revoke-others")
def revoke_other_sessions(user: Caller) -> SessionsRevoked:
    """End every session but this one."""
    with transaction(user.id) as connection:
        ended = fetch_all(connection, stored.revoke_others(user.id, user.session_id))
        audit.record(connection, user, "session.others_revoked", revoked=len(ended))
    return SessionsRevoked(revoked=len(ended))


@routes.get("/audit")
def list_audit(user: Caller, query: PageQuery) -> Page[AuditEntry]:
    """What was done in your name, newest first."""
    with transaction(user.id) as connection:
        return fetch_page(connection, audit_page(user.id, query.page), query.limit)
