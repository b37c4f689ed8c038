"""A user's second factor: the sealed seed of their authenticator, and codes for when it is lost."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from backstop.store.query import Query, no_row


@dataclass(frozen=True, slots=True)
class SecondFactor:
    """`sealed`: the seed, None when there is none; `confirmed`: it has been proved to work, and counts from then on."""

    sealed: bytes | None
    confirmed: bool


def second_factor(user_id: UUID) -> Query[SecondFactor]:
    """Locked, so that of two requests with one code one goes first."""
    sql = """
        select totp_sealed, totp_confirmed_at is not null as confirmed from users where id = %(id)s for update"""
    return Query(
        sql,
        {"id": user_id},
        lambda row: SecondFactor(
            bytes(row["totp_sealed"]) if row["totp_sealed"] is not None else None, row["confirmed"]
        ),
    )


def begin_second_factor(user_id: UUID, sealed: bytes) -> Query[None]:
    sql = "update users set totp_sealed = %(sealed)s, totp_last_step = 0 where id = %(id)s"
    return Query(sql, {"id": user_id, "sealed": sealed}, no_row)


def confirm_second_factor(user_id: UUID) -> Query[None]:
    return Query("update users set totp_confirmed_at = now() where id = %(id)s", {"id": user_id}, no_row)


def remove_second_factor(user_id: UUID) -> Query[None]:
    sql = "update users set totp_sealed = null, totp_confirmed_at = null, totp_last_step = 0 where id = %(id)s"
    return Query(sql, {"id": user_id}, no_row)


def use_step(user_id: UUID, step: int) -> Query[int]:
    """No row when a code of this step or a later one was taken before."""
    sql = """
        update users set totp_last_step = %(step)s where id = %(id)s and totp_last_step < %(step)s
        returning totp_last_step as step"""
    return Query(sql, {"id": user_id, "step": step}, lambda row: row["step"])


def replace_codes(user_id: UUID, hashes: Sequence[bytes]) -> Query[None]:
    """These are the user's backup codes from now on."""
    sql = """
        with old as (delete from backup_codes where user_id = %(user_id)s)
        insert into backup_codes (user_id, code_hash) select %(user_id)s, unnest(%(hashes)s::bytea[])"""
    return Query(sql, {"user_id": user_id, "hashes": list(hashes)}, no_row)


def use_code(user_id: UUID, code_hash: bytes) -> Query[bytes]:
    """No row when it is not one of theirs, or used."""
    sql = """
        update backup_codes set used_at = now()
         where user_id = %(user_id)s and code_hash = %(hash)s and used_at is null
        returning code_hash"""
    return Query(sql, {"user_id": user_id, "hash": code_hash}, lambda row: bytes(row["code_hash"]))
