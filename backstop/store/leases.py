"""One writer for each account: a lease with an epoch, in the database's time."""

from uuid import UUID

from backstop.domain.ids import Epoch
from backstop.store.query import Query, no_row

VALID_S = 10


def account_lease(account_id: UUID) -> str:
    return f"account:{account_id}"


def acquire(name: str, holder: str) -> Query[Epoch]:
    """Take a lease that is free or has run out; answers its new epoch, or no row while another holds it."""
    sql = """
        insert into leases (name, epoch, holder, expires_at)
        values (%(name)s, 1, %(holder)s, now() + make_interval(secs => %(valid)s))
        on conflict (name) do update
           set epoch = leases.epoch + 1, holder = excluded.holder, expires_at = excluded.expires_at
         where leases.expires_at < now()
        returning epoch"""
    return Query(sql, {"name": name, "holder": holder, "valid": VALID_S}, lambda row: Epoch(row["epoch"]))


def acquire_all(names: list[str], holder: str) -> Query[tuple[str, Epoch]]:
    """As `acquire`, many at once; answers those that were taken."""
    # In one order for everybody, so that two who want the same do not wait for each other.
    sql = """
        insert into leases (name, epoch, holder, expires_at)
        select name, 1, %(holder)s, now() + make_interval(secs => %(valid)s)
          from unnest(%(names)s::text[]) as wanted (name) order by name
        on conflict (name) do update
           set epoch = leases.epoch + 1, holder = excluded.holder, expires_at = excluded.expires_at
         where leases.expires_at < now()
        returning name, epoch"""
    values = {"names": names, "holder": holder, "valid": VALID_S}
    return Query(sql, values, lambda row: (str(row["name"]), Epoch(row["epoch"])))


def renew(holder: str, names: list[str]) -> Query[str]:
    """Hold on to these; answers the names that are still ours. One that has run out is ours until another takes it."""
    sql = """
        update leases set expires_at = now() + make_interval(secs => %(valid)s)
         where holder = %(holder)s and name = any(%(names)s)
        returning name"""
    return Query(sql, {"holder": holder, "names": names, "valid": VALID_S}, lambda row: str(row["name"]))


def release(holder: str, names: list[str]) -> Query[None]:
    """Let them go, so that a successor need not wait."""
    sql = "update leases set expires_at = now(), holder = '' where holder = %(holder)s and name = any(%(names)s)"
    return Query(sql, {"holder": holder, "names": names}, no_row)


def hold(name: str, epoch: Epoch) -> Query[bool]:
    """Inside a writing transaction: a row only while `epoch` is the newest, which it stays until the commit."""
    sql = "select true as held from leases where name = %(name)s and epoch = %(epoch)s for share"
    return Query(sql, {"name": name, "epoch": epoch}, lambda row: bool(row["held"]))
