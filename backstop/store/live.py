"""Which dashboards are listening."""

from dataclasses import dataclass
from uuid import UUID

from backstop.store.query import Query


@dataclass(frozen=True, slots=True)
class Connection:
    """`live_from`: the seq it has been told by the API; what follows is pushed. None before hello."""

    connection_id: str
    user_id: UUID
    live_from: int | None
    session_ended: bool


def connected() -> Query[Connection]:
    """All connections younger than API Gateway keeps any (2 h)."""
    sql = """
        select c.connection_id, c.user_id, c.live_from,
               coalesce(s.revoked_at is not null or s.expires_at <= now(), false) as session_ended
          from ws_connections c left join sessions s on s.id = c.session_id
         where c.connected_at > now() - interval '125 minutes'"""
    return Query(sql, {}, lambda row: Connection(**row))
