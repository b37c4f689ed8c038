"""Exchange accounts. The secret is only ever here sealed."""

from typing import LiteralString
from uuid import UUID

from psycopg.types.json import Jsonb

from backstop.contracts.accounts import Account, AccountLimits, HaltState, NewAccount
from backstop.domain.money import plain
from backstop.store.paging import Numbered, PageRequest
from backstop.store.query import Query, Row, no_row

_COLUMNS: LiteralString = """id, label, environment, api_key_last4, status, status_reason, equity, limits, margin_mode,
               hedged_symbols, halt_level, halt_reason, halted_at, version, created_at"""


def accounts_page(user_id: UUID, page: PageRequest) -> Query[Numbered[Account]]:
    """Newest first."""
    sql = f"""
        select seq, {_COLUMNS}
          from accounts
         where user_id = %(user_id)s and deleted_at is null and seq < %(before)s
         order by seq desc limit %(fetch)s"""  # noqa: S608 - a constant
    parameters = {"user_id": user_id, "before": page.before, "fetch": page.limit + 1}
    return Query(sql, parameters, lambda row: Numbered(row["seq"], _read(row)))


def add_account(account_id: UUID, user_id: UUID, new: NewAccount, sealed: bytes) -> Query[Account]:
    sql = f"""
        insert into accounts (id, user_id, label, environment, api_key_last4, sealed_credentials)
        values (%(id)s, %(user_id)s, %(label)s, %(environment)s, %(last4)s, %(sealed)s)
        returning {_COLUMNS}"""  # noqa: S608 - a constant
    parameters = {
        "id": account_id,
        "user_id": user_id,
        "label": new.label,
        "environment": new.environment,
        "last4": new.api_key.get_secret_value()[-4:],
        "sealed": sealed,
    }
    return Query(sql, parameters, _read)


def change_account(account_id: UUID, label: str | None, limits: AccountLimits | None) -> Query[Account]:
    """Only what is not None changes; if that is anything, it is the next version. No row without such an account."""
    sql = f"""
        update accounts set label = coalesce(%(label)s, label), limits = coalesce(%(limits)s, limits),
               version = version + (label <> coalesce(%(label)s, label) or limits <> coalesce(%(limits)s, limits))::int
         where id = %(id)s and deleted_at is null
        returning {_COLUMNS}"""  # noqa: S608 - a constant
    kept = Jsonb(limits.model_dump(mode="json", exclude_none=True)) if limits is not None else None
    return Query(sql, {"id": account_id, "label": label, "limits": kept}, _read)


def version_of(account_id: UUID) -> Query[int]:
    """Of its label and limits. Nobody else changes them until the transaction ends."""
    sql = "select version from accounts where id = %(id)s for update"
    return Query(sql, {"id": account_id}, lambda row: row["version"])


def account_ids(user_id: UUID, only: UUID | None) -> Query[UUID]:
    """A user's accounts, or the one named if it is theirs."""
    sql = """
        select id from accounts
         where user_id = %(user_id)s and deleted_at is null and (%(only)s::uuid is null or id = %(only)s::uuid)
         order by seq"""
    return Query(sql, {"user_id": user_id, "only": only}, lambda row: row["id"])


def lock_account(account_id: UUID) -> Query[str]:
    """Its environment. Whoever changes what an account trades holds this lock."""
    sql = "select environment from accounts where id = %(id)s and deleted_at is null for update"
    return Query(sql, {"id": account_id}, lambda row: row["environment"])


def open_symbols(account_id: UUID) -> Query[str]:
    """Symbols with a position that is not closed."""
    sql = "select distinct symbol from positions where account_id = %(id)s and status <> 'closed' order by symbol"
    return Query(sql, {"id": account_id}, lambda row: row["symbol"])


def remove_account(account_id: UUID) -> Query[None]:
    """Forget the credentials and, with the account, its strategies; what happened stays."""
    sql = """
        with gone as (
          update accounts set deleted_at = now(), sealed_credentials = '' where id = %(id)s returning id)
        update strategies set deleted_at = now() where account_id = (select id from gone) and deleted_at is null"""
    return Query(sql, {"id": account_id}, no_row)


def _read(row: Row) -> Account:
    return Account(
        id=row["id"],
        label=row["label"],
        environment=row["environment"],
        api_key_last4=row["api_key_last4"],
        status=row["status"],
        status_reason=row["status_reason"],
        equity=None if row["equity"] is None else plain(row["equity"]),
        margin_mode=row["margin_mode"],
        hedged_symbols=row["hedged_symbols"],
        limits=AccountLimits.model_validate(row["limits"]),
        halt=(
            HaltState(level=row["halt_level"], reason=row["halt_reason"] or "", at=row["halted_at"])
            if row["halt_level"] is not None
            else None
        ),
        version=row["version"],
        created_at=row["created_at"],
    )
