"""What a session may do right now, asked of the database: an access token outlives a logout by minutes, and that is
too long where money or keys are moved."""

from typing import Any

from psycopg import Connection

from api.database import transaction
from api.errors import HttpError
from api.sessions import Caller
from backstop.store.query import fetch_one
from backstop.store.sessions import Standing, standing

FRESH_S = 300
"""How long after proving who one is dangerous actions are open."""


def require_live(caller: Caller) -> None:
    """Raises HttpError 401 `session_ended`."""
    with transaction(caller.id) as connection:
        _standing(connection, caller)


def require_fresh(connection: Connection[Any], caller: Caller, *, always: bool = False) -> None:
    """For dangerous actions: with a second factor on, it was proved within FRESH_S, in this session.

    Args:
        always: without a second factor too, where the password is what is proved.

    Raises:
        HttpError: 403 `confirmation_needed`.
    """
    found = _standing(connection, caller)
    fresh = found.confirmed_s is not None and found.confirmed_s < FRESH_S
    if not fresh and (always or found.has_second_factor):
        what = "a code of your authenticator" if found.has_second_factor else "your password"
        raise HttpError(403, "confirmation_needed", f"confirm with {what} first (POST /api/auth/confirm)")


def _standing(connection: Connection[Any], caller: Caller) -> Standing:
    found = fetch_one(connection, standing(caller.session_id))
    if found is None:
        detail = "this session has been ended; log in again"
        raise HttpError(401, "session_ended", detail, headers={"WWW-Authenticate": "Bearer"})
    return found
