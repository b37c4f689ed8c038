"""Who changed what. Rows are added, never changed."""

from typing import Any
from uuid import UUID

from psycopg.types.json import Jsonb

from backstop.contracts.audit import AuditEntry
from backstop.store.paging import Numbered, PageRequest
from backstop.store.query import Query, no_row


def add_entry(
    user_id: UUID, action: str, subject: str | None, details: dict[str, Any], session_id: UUID | None, source_ip: str
) -> Query[None]:
    """`details` in JSON mode, nothing secret in it."""
    sql = """
        insert into audit_log (user_id, action, subject, details, session_id, source_ip)
        values (%(user_id)s, %(action)s, %(subject)s, %(details)s, %(session_id)s, %(source_ip)s)"""
    parameters = {
        "user_id": user_id,
        "action": action,
        "subject": subject,
        "details": Jsonb(details),
        "session_id": session_id,
        "source_ip": source_ip,
    }
    return Query(sql, parameters, no_row)


def audit_page(user_id: UUID, page: PageRequest) -> Query[Numbered[AuditEntry]]:
    """Newest first."""
    sql = """
        select id, at, action, subject, details, session_id, source_ip from audit_log
         where user_id = %(user_id)s and id < %(before)s order by id desc limit %(fetch)s"""
    parameters = {"user_id": user_id, "before": page.before, "fetch": page.limit + 1}
    return Query(sql, parameters, lambda row: Numbered(row["id"], AuditEntry.model_validate(row)))
