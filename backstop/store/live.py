"""Which dashboards are listening."""

from dataclasses import dataclass
from uuid import UUID

from backstop.store.query import Query


@dataclass(frozen=True, slots=True)
class Connection:
    """`live_from`: the seq it has been told by the API; what follows is pushed."""

    connection_id: str
    user_id: UUID
    live_from: int


def listening() -> Query[Connection]:
    """Connections that have said hello, younger than API Gateway keeps any (2 h)."""
    sql = """
        select connection_id, user_id, live_from from ws_connections
         where live_from is not null and connected_at > now() - interval '125 minutes'"""
    return Query(sql, {}, lambda row: Connection(row["connection_id"], row["user_id"], row["live_from"]))
