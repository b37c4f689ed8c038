"""What the vault has sealed, wherever it lies, to be sealed anew."""

from dataclasses import dataclass
from typing import Literal
from uuid import UUID

from backstop.store.query import Query, no_row
from backstop.vault import Belonging, ChannelContext, Context


@dataclass(frozen=True, slots=True)
class SealedRow:
    """`key`: what it is found and ordered by."""

    kind: Literal["account", "channel"]
    key: str
    context: Belonging
    sealed: bytes


def sealed_accounts(after: str, limit: int) -> Query[SealedRow]:
    """Those whose id is above `after` ("" is before the first); not of accounts that are gone, which have none."""
    sql = """
        select id, user_id, sealed_credentials as sealed from accounts
         where id::text > %(after)s and deleted_at is null and length(sealed_credentials) > 0
         order by id::text limit %(limit)s"""
    return Query(
        sql,
        {"after": after, "limit": limit},
        lambda row: SealedRow("account", str(row["id"]), Context(row["user_id"], row["id"]), bytes(row["sealed"])),
    )


def sealed_channels(after: str, limit: int) -> Query[SealedRow]:
    """As `sealed_accounts`."""
    sql = """
        select user_id || ':' || provider as key, user_id, provider, sealed from notification_channels
         where user_id || ':' || provider > %(after)s order by 1 limit %(limit)s"""
    return Query(
        sql,
        {"after": after, "limit": limit},
        lambda row: SealedRow(
            "channel", row["key"], ChannelContext(row["user_id"], row["provider"]), bytes(row["sealed"])
        ),
    )


def replace_sealed(row: SealedRow, sealed: bytes) -> Query[None]:
    """Touches nothing when it was sealed by somebody else meanwhile."""
    if row.kind == "account":
        sql = "update accounts set sealed_credentials = %(new)s where id = %(id)s and sealed_credentials = %(old)s"
        return Query(sql, {"id": UUID(row.key), "old": row.sealed, "new": sealed}, no_row)
    user_id, _, provider = row.key.partition(":")
    sql = """
        update notification_channels set sealed = %(new)s
         where user_id = %(id)s and provider = %(provider)s and sealed = %(old)s"""
    return Query(sql, {"id": UUID(user_id), "provider": provider, "old": row.sealed, "new": sealed}, no_row)
