"""Webhooks: their secrets (as hashes), their policy, and how often they are called."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from psycopg.types.json import Jsonb

from backstop.contracts.hooks import Hook as HookView
from backstop.contracts.hooks import HookPolicy
from backstop.store.query import Query, Row, no_row


@dataclass(frozen=True, slots=True)
class Hook:
    user_id: UUID
    account_id: UUID
    strategy_id: UUID
    secret_hash: bytes
    previous_secret_hash: bytes | None
    signing_key_sealed: bytes | None
    policy: HookPolicy


def find_hook(hook_id: str) -> Query[Hook]:
    """Works before a user is known."""

    def read(row: Row) -> Hook:
        previous, sealed = row["previous_secret_hash"], row["signing_key_sealed"]
        return Hook(
            user_id=row["user_id"],
            account_id=row["account_id"],
            strategy_id=row["strategy_id"],
            secret_hash=bytes(row["secret_hash"]),
            previous_secret_hash=None if previous is None else bytes(previous),
            signing_key_sealed=None if sealed is None else bytes(sealed),
            policy=HookPolicy.model_validate(row["policy"]),
        )

    return Query("select * from find_hook(%(hook_id)s)", {"hook_id": hook_id}, read)


def hook_of(strategy_id: UUID, webhook_url: Callable[[str], str]) -> Query[HookView]:
    sql = """
        select hook_id, hook_policy, signing_key_sealed is not null as has_signing_key,
               case when previous_secret_until > now() then previous_secret_until end as previous_secret_until
          from strategies where id = %(id)s and deleted_at is null"""
    return Query(
        sql,
        {"id": strategy_id},
        lambda row: HookView(
            webhook_url=webhook_url(row["hook_id"]),
            policy=HookPolicy.model_validate(row["hook_policy"]),
            previous_secret_until=row["previous_secret_until"],
            has_signing_key=row["has_signing_key"],
        ),
    )


def save_policy(strategy_id: UUID, policy: HookPolicy) -> Query[None]:
    sql = "update strategies set hook_policy = %(policy)s where id = %(id)s"
    return Query(sql, {"id": strategy_id, "policy": Jsonb(policy.model_dump(mode="json"))}, no_row)


def set_secret(strategy_id: UUID, secret_hash: bytes, overlap_s: int) -> Query[None]:
    """The secret before this one is taken for `overlap_s` seconds more."""
    sql = """
        update strategies set secret_hash = %(secret_hash)s, previous_secret_hash = secret_hash,
               previous_secret_until = now() + make_interval(secs => %(overlap)s)
         where id = %(id)s"""
    return Query(sql, {"id": strategy_id, "secret_hash": secret_hash, "overlap": overlap_s}, no_row)


def set_signing_key(strategy_id: UUID, sealed: bytes) -> Query[None]:
    sql = "update strategies set signing_key_sealed = %(sealed)s where id = %(id)s"
    return Query(sql, {"id": strategy_id, "sealed": sealed}, no_row)


def count_call(hook: Hook) -> Query[int]:
    """How often the hook was called in this minute, this call included."""
    sql = """
        with old as (
          delete from hook_calls where strategy_id = %(strategy_id)s and minute < now() - interval '10 minutes')
        insert into hook_calls (strategy_id, user_id, minute)
        values (%(strategy_id)s, %(user_id)s, date_trunc('minute', now()))
        on conflict (strategy_id, minute) do update set calls = hook_calls.calls + 1
        returning calls"""
    return Query(sql, {"strategy_id": hook.strategy_id, "user_id": hook.user_id}, lambda row: row["calls"])


def use_signature(hook: Hook, signature: bytes) -> Query[bytes]:
    """No row when it was taken before."""
    sql = """
        with old as (
          delete from hook_signatures where strategy_id = %(strategy_id)s and at < now() - interval '10 minutes')
        insert into hook_signatures (strategy_id, user_id, signature)
        values (%(strategy_id)s, %(user_id)s, %(signature)s) on conflict do nothing returning signature"""
    parameters = {"strategy_id": hook.strategy_id, "user_id": hook.user_id, "signature": signature}
    return Query(sql, parameters, lambda row: bytes(row["signature"]))


def entries_today(strategy_id: UUID) -> Query[int]:
    """Signals of the last 24 h that asked for an entry and were not refused at the door."""
    sql = """
        select count(*) as entries from signals
         where strategy_id = %(id)s and received_at > now() - interval '1 day' and status not in ('rejected', 'refused')
           and action <> 'close' and parsed->>'position' is distinct from 'flat'"""
    return Query(sql, {"id": strategy_id}, lambda row: row["entries"])


def last_price(environment: str, symbol: str) -> Query[tuple[Decimal, datetime]]:
    """The newest price known and when the exchange made it."""
    sql = "select last, ticked_at from prices where environment = %(environment)s and symbol = %(symbol)s"
    return Query(sql, {"environment": environment, "symbol": symbol}, lambda row: (row["last"], row["ticked_at"]))
