"""The record of who changed what, written in the transaction that changes it."""

from typing import Any
from uuid import UUID

from psycopg import Connection

from api.sessions import Caller
from backstop.store.audit import add_entry
from backstop.store.query import execute


def record(connection: Connection[Any], caller: Caller, action: str, subject: object = None, /, **details: Any) -> None:
    """`details` in JSON mode; never a secret."""
    subject_id = str(subject) if isinstance(subject, UUID | str) else None
    execute(connection, add_entry(caller.id, action, subject_id, details, caller.session_id, caller.source_ip))
