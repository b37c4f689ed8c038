"""What becomes of an alert: a signal, a repeat, or a refusal with its reason. Nothing is lost without a row.

An alert is only held against a strategy once it has proved that strategy's secret.
"""

import hmac
from decimal import Decimal
from hashlib import sha256
from typing import Any
from uuid import UUID, uuid4

from psycopg import Connection

from api.alerts import MAX_BYTES, Unreadable, excerpt, masked_raw, read_alert, read_object, secret_of, without_secret
from api.database import become, transaction
from api.errors import HttpError, not_found, unprocessable
from backstop.contracts.alerts import NativeAlert
from backstop.contracts.errors import FieldError
from backstop.contracts.trading import SignalAnswer
from backstop.domain.money import plain
from backstop.domain.signal import SignalStatus
from backstop.store import signals
from backstop.store.commands import notify_work
from backstop.store.dashboards import append_event
from backstop.store.query import execute, fetch_all, fetch_one
from backstop.store.signals import NewSignal, RefusedAlert
from backstop.store.strategies import Hook, Trading, find_hook, max_leverage, trading, unknown_symbols
from backstop.store.views import signal as signal_view
from backstop.telemetry import count

# TradingView gives up after 3 s, and tries again only after a 5xx.
_WITHIN_S = 1.5


def receive(hook_id: str, body: bytes, source_ip: str) -> SignalAnswer:
    """Store an alert.

    Raises HttpError: 404 unknown hook, 413 over 8 KB, 401 wrong secret, 422 not an alert we can act on.
    """
    with transaction(None, within_s=_WITHIN_S) as connection:
        hook = fetch_one(connection, find_hook(hook_id))
        if hook is None:
            raise not_found()
        become(connection, hook.user_id)
        outcome = _take(connection, hook, body, source_ip)
    # Raised out here, because the row that tells of the refusal is to be committed.
    if isinstance(outcome, HttpError):
        count("signals", outcome="rejected")
        raise outcome
    count("signals", outcome=outcome.status)
    return outcome


def _take(connection: Connection[Any], hook: Hook, body: bytes, source_ip: str) -> SignalAnswer | HttpError:
    if len(body) > MAX_BYTES:
        error = HttpError(413, "too_large", f"{len(body)} bytes; an alert has at most {MAX_BYTES}")
        return _refused(connection, hook, body, source_ip, error)
    alert = read_object(body)
    if isinstance(alert, Unreadable):
        return _refused(connection, hook, body, source_ip, unprocessable(alert.errors))
    secret = secret_of(alert)
    if not hmac.compare_digest(sha256(secret.encode("utf-8", "surrogatepass")).digest(), bytes(hook.secret_hash)):
        error = HttpError(401, "wrong_secret", "the field secret must hold the secret of this webhook")
        return _refused(connection, hook, body, source_ip, error)

    strategy = fetch_one(connection, trading(hook.strategy_id))
    assert strategy is not None, hook.strategy_id
    raw = masked_raw(body, alert, secret)
    read = read_alert(without_secret(alert, secret))
    errors = read if isinstance(read, list) else _misfits(connection, read, strategy)
    if errors or isinstance(read, list):
        return _rejected(connection, hook, body, raw, errors)
    return _accepted(connection, hook, body, raw, read, strategy)


def _refused(connection: Connection[Any], hook: Hook, body: bytes, source_ip: str, error: HttpError) -> HttpError:
    """The sender did not prove the secret: kept apart from signals."""
    alert = RefusedAlert(
        user_id=hook.user_id,
        strategy_id=hook.strategy_id,
        status=error.status,
        code=error.code,
        errors=error.errors,
        body_bytes=len(body),
        body_hash=sha256(body).digest(),
        excerpt=excerpt(body),
        source_ip=source_ip,
    )
    execute(connection, signals.add_refused_alert(alert))
    return error


def _rejected(connection: Connection[Any], hook: Hook, body: bytes, raw: str, errors: list[FieldError]) -> HttpError:
    signal_id = uuid4()
    signal = NewSignal(
        id=signal_id,
        user_id=hook.user_id,
        account_id=hook.account_id,
        strategy_id=hook.strategy_id,
        dedupe_key=f"rejected:{signal_id}",
        body_hash=sha256(body).digest(),
        raw=raw,
        status=SignalStatus.REJECTED,
        errors=errors,
        reason_code="invalid",
        reason="; ".join(f"{error.field}: {error.message}" for error in errors)[:500],
    )
    fetch_one(connection, signals.add_signal(signal))
    _tell(connection, hook.user_id, signal_id)
    return unprocessable(errors)


def _accepted(
    connection: Connection[Any], hook: Hook, body: bytes, raw: str, alert: NativeAlert, strategy: Trading
) -> SignalAnswer:
    signal_id, body_hash = uuid4(), sha256(body).digest()
    dedupe_key = _dedupe_key(alert, body_hash)
    if dedupe_key is None:
        fetch_all(connection, signals.lock_body(hook.strategy_id, body_hash))
        before = fetch_one(connection, signals.recent_signal_with_body(hook.strategy_id, body_hash))
        if before is not None:
            return SignalAnswer(signal_id=before, status="duplicate")
        dedupe_key = f"once:{signal_id}"
    signal = NewSignal(
        id=signal_id,
        user_id=hook.user_id,
        account_id=hook.account_id,
        strategy_id=hook.strategy_id,
        dedupe_key=dedupe_key,
        body_hash=body_hash,
        raw=raw,
        status=SignalStatus.ACCEPTED if strategy.enabled else SignalStatus.REFUSED,
        parsed=alert.model_dump(mode="json", exclude={"secret"}),
        symbol=alert.symbol,
        action=alert.action.value,
        qty=alert.qty,
        reason_code=None if strategy.enabled else "strategy_disabled",
        reason=None if strategy.enabled else "the strategy is switched off",
        alert_time=alert.time,
    )
    if fetch_one(connection, signals.add_signal(signal)) is None:
        first = fetch_one(connection, signals.signal_with_key(hook.strategy_id, dedupe_key))
        assert first is not None, dedupe_key
        return SignalAnswer(signal_id=first, status="duplicate")
    _tell(connection, hook.user_id, signal_id)
    if strategy.enabled:
        fetch_all(connection, notify_work(hook.account_id))
    return SignalAnswer(signal_id=signal_id, status="accepted")


def _dedupe_key(alert: NativeAlert, body_hash: bytes) -> str | None:
    """What makes a repeat recognisable for ever; None when only the body can, and only for a while."""
    if alert.id is not None:
        return f"id:{alert.id}"
    return f"body:{body_hash.hex()}" if alert.time is not None else None


def _misfits(connection: Connection[Any], alert: NativeAlert, strategy: Trading) -> list[FieldError]:
    """Where the alert does not fit the strategy or the exchange."""
    if alert.symbol not in strategy.symbols:
        names = ", ".join(sorted(strategy.symbols)[:10])
        return [FieldError(field="symbol", message=f"this strategy trades {names}")]
    if fetch_all(connection, unknown_symbols(strategy.environment, [alert.symbol])):
        return [FieldError(field="symbol", message=f"is not traded on {strategy.environment}")]
    if alert.leverage is None:
        return []
    limit: Decimal | None = fetch_one(connection, max_leverage(strategy.environment, alert.symbol))
    if limit is not None and alert.leverage > limit:
        return [FieldError(field="leverage", message=f"must be at most {plain(limit)} for {alert.symbol}")]
    return []


def _tell(connection: Connection[Any], user_id: UUID, signal_id: UUID) -> None:
    told = fetch_one(connection, signal_view(signal_id))
    assert told is not None
    fetch_one(connection, append_event(user_id, "signal", told))
