"""Settings as they were, to go back to."""

from typing import Any
from uuid import UUID

from psycopg import Connection

from api.errors import wrong_field
from backstop.contracts.versions import Rollback
from backstop.store import versions
from backstop.store.query import fetch_one


def settings_of(connection: Connection[Any], subject_id: UUID, wish: Rollback) -> dict[str, Any]:
    """What that version of a strategy or an account held. Raises HttpError 422."""
    settings = fetch_one(connection, versions.settings_at(subject_id, wish.version))
    if settings is None:
        raise wrong_field("version", f"there is no version {wish.version}")
    return settings
