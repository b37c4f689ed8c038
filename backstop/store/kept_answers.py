"""Answers kept for a day, so that a request sent twice is done once."""

from dataclasses import dataclass
from uuid import UUID

from backstop.store.query import Query, no_row


@dataclass(frozen=True, slots=True)
class KeptAnswer:
    request_hash: bytes
    sealed: bytes


def begin(user_id: UUID, key_hash: bytes, request_hash: bytes) -> Query[bytes]:
    """Take the key for this request; no row when it is taken. Waits for one that is being answered."""
    sql = """
        with old as (
          delete from kept_answers where user_id = %(user_id)s and created_at < now() - interval '1 day'
             and key_hash <> %(key_hash)s)
        insert into kept_answers (user_id, key_hash, request_hash)
        values (%(user_id)s, %(key_hash)s, %(request_hash)s)
        on conflict (user_id, key_hash) do update
           set request_hash = excluded.request_hash, sealed = null, created_at = now()
         where kept_answers.created_at < now() - interval '1 day'
        returning key_hash"""
    parameters = {"user_id": user_id, "key_hash": key_hash, "request_hash": request_hash}
    return Query(sql, parameters, lambda row: bytes(row["key_hash"]))


def keep(user_id: UUID, key_hash: bytes, sealed: bytes) -> Query[None]:
    sql = "update kept_answers set sealed = %(sealed)s where user_id = %(user_id)s and key_hash = %(key_hash)s"
    return Query(sql, {"user_id": user_id, "key_hash": key_hash, "sealed": sealed}, no_row)


def kept(user_id: UUID, key_hash: bytes) -> Query[KeptAnswer]:
    sql = "select request_hash, sealed from kept_answers where user_id = %(user_id)s and key_hash = %(key_hash)s"
    return Query(
        sql,
        {"user_id": user_id, "key_hash": key_hash},
        lambda row: KeptAnswer(bytes(row["request_hash"]), bytes(row["sealed"])),
    )
