"""What was done in a user's name."""

from uuid import UUID

from pydantic import Field

from backstop.contracts.base import Moment, Outgoing


class AuditEntry(Outgoing):
    id: int
    at: Moment
    action: str = Field(description="Such as `session.opened`, `account.added`, `strategy.changed`.")
    subject: str | None = Field(description="Id of what it was done to.")
    details: dict[str, object]
    session_id: UUID | None
    source_ip: str
