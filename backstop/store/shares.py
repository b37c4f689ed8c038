"""How the accounts are shared among the processes that live: who is free, and how many are whose."""

from dataclasses import dataclass
from uuid import UUID

from backstop.store.query import Query

ALIVE_S = 5
"""A process whose heartbeat is older than this is counted no more."""


@dataclass(frozen=True, slots=True)
class Share:
    """`accounts` to trade, `free` of them without an owner, and `processes` that live, this one counted too."""

    accounts: int
    free: int
    processes: int

    @property
    def fair(self) -> int:
        """How many accounts are one process's."""
        return -(-self.accounts // self.processes)


def share(holder: str) -> Query[Share]:
    sql = """
        select count(*) as accounts, count(*) filter (where l.name is null or l.expires_at < now()) as free,
               (select count(*) from heartbeats
                 where holder <> %(holder)s and beat_at > now() - make_interval(secs => %(alive)s)) + 1 as processes
          from accounts a left join leases l on l.name = 'account:' || a.id
         where a.deleted_at is null"""
    return Query(
        sql, {"holder": holder, "alive": ALIVE_S}, lambda row: Share(row["accounts"], row["free"], row["processes"])
    )


def deleted_of(account_ids: list[UUID]) -> Query[UUID]:
    """Which of these are to be traded no more."""
    sql = """
        select wanted.id from unnest(%(ids)s::uuid[]) as wanted (id)
         where not exists (select from accounts a where a.id = wanted.id and a.deleted_at is null)"""
    return Query(sql, {"ids": account_ids}, lambda row: row["id"])
