"""Alerts that proved their secret (signals), and those that did not (refused alerts)."""

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from psycopg.types.json import Jsonb

from backstop.contracts.errors import FieldError
from backstop.domain.signal import SignalStatus
from backstop.store.query import Query, no_row

REPEAT_WINDOW_S = 30
"""An alert with neither id nor time is the same as one with the same body within this time."""


@dataclass(frozen=True, slots=True)
class NewSignal:
    """A row of `signals`. `raw` has the secret masked; `parsed` is the alert in JSON mode without it."""

    id: UUID
    user_id: UUID
    account_id: UUID
    strategy_id: UUID
    dedupe_key: str
    body_hash: bytes
    raw: str
    status: SignalStatus
    parsed: dict[str, Any] | None = None
    errors: list[FieldError] = field(default_factory=list)
    symbol: str | None = None
    action: str | None = None
    qty: Decimal | None = None
    reason_code: str | None = None
    reason: str | None = None
    alert_time: datetime | None = None
    received_at: datetime | None = None
    spooled: bool = False
    source: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class RefusedAlert:
    """A row of `refused_alerts`. `excerpt` has what looks like a secret masked."""

    user_id: UUID
    strategy_id: UUID
    status: int
    code: str
    errors: list[FieldError]
    body_bytes: int
    body_hash: bytes
    excerpt: str
    source_ip: str


def add_signal(signal: NewSignal) -> Query[UUID]:
    """No row when the strategy has had a signal with this id or dedupe key; waits for one that is being added."""
    sql = """
        insert into signals (id, user_id, account_id, strategy_id, dedupe_key, body_hash, raw, parsed, errors, symbol,
                             action, qty, status, reason_code, reason, alert_time, received_at, spooled, source, decided_at)
        values (%(id)s, %(user_id)s, %(account_id)s, %(strategy_id)s, %(dedupe_key)s, %(body_hash)s, %(raw)s,
                %(parsed)s, %(errors)s, %(symbol)s, %(action)s, %(qty)s, %(status)s, %(reason_code)s, %(reason)s,
                %(alert_time)s, coalesce(%(received_at)s, now()), %(spooled)s, %(source)s,
                case when %(status)s = 'accepted' then null else now() end)
        on conflict do nothing
        returning id"""
    parameters = {
        "id": signal.id,
        "user_id": signal.user_id,
        "account_id": signal.account_id,
        "strategy_id": signal.strategy_id,
        "dedupe_key": signal.dedupe_key,
        "body_hash": signal.body_hash,
        "raw": signal.raw,
        "parsed": None if signal.parsed is None else Jsonb(signal.parsed),
        "errors": Jsonb([error.model_dump() for error in signal.errors]),
        "symbol": signal.symbol,
        "action": signal.action,
        "qty": signal.qty,
        "status": signal.status.value,
        "reason_code": signal.reason_code,
        "reason": signal.reason,
        "alert_time": signal.alert_time,
        "received_at": signal.received_at,
        "spooled": signal.spooled,
        "source": None if signal.source is None else Jsonb(signal.source),
    }
    return Query(sql, parameters, lambda row: row["id"])


def signal_with_key(strategy_id: UUID, dedupe_key: str) -> Query[UUID]:
    sql = "select id from signals where strategy_id = %(strategy_id)s and dedupe_key = %(dedupe_key)s"
    return Query(sql, {"strategy_id": strategy_id, "dedupe_key": dedupe_key}, lambda row: row["id"])


def lock_body(strategy_id: UUID, body_hash: bytes) -> Query[None]:
    """Until the transaction ends, nobody else takes an alert with this body."""
    sql = "select pg_advisory_xact_lock(hashtextextended(%(key)s, 0))"
    return Query(sql, {"key": f"{strategy_id}:{body_hash.hex()}"}, no_row)


def recent_signal_with_body(strategy_id: UUID, body_hash: bytes, at: datetime) -> Query[UUID]:
    """The newest signal with this body received within 30 s of `at`; look under `lock_body`."""
    sql = """
        select id from signals
         where strategy_id = %(strategy_id)s and body_hash = %(body_hash)s and status <> 'rejected'
           and dedupe_key not like 'refused:%%'
           and received_at between %(at)s - make_interval(secs => %(window)s)
                               and %(at)s + make_interval(secs => %(window)s)
         order by received_at desc limit 1"""
    parameters = {"strategy_id": strategy_id, "body_hash": body_hash, "at": at, "window": REPEAT_WINDOW_S}
    return Query(sql, parameters, lambda row: row["id"])


def later_signal(strategy_id: UUID, symbol: str, at: datetime) -> Query[UUID]:
    """One of this symbol that was received after `at` and let in."""
    sql = """
        select id from signals
         where strategy_id = %(strategy_id)s and symbol = %(symbol)s and received_at > %(at)s
           and status not in ('rejected', 'refused')
         limit 1"""
    return Query(sql, {"strategy_id": strategy_id, "symbol": symbol, "at": at}, lambda row: row["id"])


def add_refused_alert(alert: RefusedAlert) -> Query[None]:
    sql = """
        insert into refused_alerts
               (user_id, strategy_id, status, code, errors, body_bytes, body_hash, excerpt, source_ip)
        values (%(user_id)s, %(strategy_id)s, %(status)s, %(code)s, %(errors)s, %(body_bytes)s, %(body_hash)s,
                %(excerpt)s, %(source_ip)s)"""
    parameters = {
        "user_id": alert.user_id,
        "strategy_id": alert.strategy_id,
        "status": alert.status,
        "code": alert.code,
        "errors": Jsonb([error.model_dump() for error in alert.errors]),
        "body_bytes": alert.body_bytes,
        "body_hash": alert.body_hash,
        "excerpt": alert.excerpt,
        "source_ip": alert.source_ip,
    }
    return Query(sql, parameters, no_row)
