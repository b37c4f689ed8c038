"""What becomes of an alert: a signal, a repeat, or a refusal with its reason. Nothing is lost without a row.

An alert is only held against a strategy once it has proved that strategy's secret.
"""

import hmac
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from hashlib import sha256
from typing import Any, Literal
from uuid import UUID

from psycopg import Connection

from api.alerts import MAX_BYTES, Message, Unreadable, excerpt, masked_raw, native_alert, read_message
from api.database import become, transaction
from api.deliveries import Delivery
from api.errors import HttpError, not_found, unprocessable
from api.hook_policy import is_tradingview, out_of_scope, wrong_source
from api.strongbox import strongbox
from backstop.contracts.alerts import AlertWish, NativeAlert
from backstop.contracts.errors import FieldError
from backstop.contracts.live import NoticeData
from backstop.contracts.trading import SignalAnswer
from backstop.domain.money import plain
from backstop.domain.refusal import Refused
from backstop.domain.signal import SignalStatus
from backstop.store import hooks as stored
from backstop.store import signals
from backstop.store.commands import notify_work
from backstop.store.dashboards import append_event
from backstop.store.hooks import Hook
from backstop.store.query import execute, fetch_all, fetch_one
from backstop.store.signals import NewSignal, RefusedAlert
from backstop.store.strategies import Trading, max_leverage, trading, unknown_symbols
from backstop.store.views import signal as signal_view
from backstop.strongbox import Belonging
from backstop.telemetry import count

# TradingView gives up after 3 s, and tries again only after a 5xx.
_WITHIN_S = 1.0
_SIGNED_WITHIN_S = 60
_PRICE_AGE = timedelta(hours=1)
SIGNING = "hook-signing"
"""What a signing key in the strongbox is for."""

Proof = Literal["secret", "previous_secret", "signature"]


def store(delivery: Delivery) -> SignalAnswer:
    """Store an alert.

    Raises HttpError: 404 unknown hook, 429 called too often, 413 over 8 KB, 401 wrong secret, 403 not within the
    webhook's policy, 422 not an alert we can act on.
    """
    with transaction(None, within_s=_WITHIN_S) as connection:
        hook = fetch_one(connection, stored.find_hook(delivery.hook_id))
        if hook is None:
            raise not_found()
        become(connection, hook.user_id)
        outcome = _too_often(connection, hook) or _take(connection, hook, delivery)
    # Raised out here, because the row that tells of the refusal is to be committed.
    if isinstance(outcome, HttpError):
        count("signals", outcome="rejected")
        raise outcome
    count("signals", outcome=outcome.status)
    return outcome


def _too_often(connection: Connection[Any], hook: Hook) -> HttpError | None:
    calls, most = fetch_one(connection, stored.count_call(hook)), hook.policy.max_per_minute
    if calls is None or calls <= most:
        return None
    if calls == most + 1:
        text = f"a webhook was called more than {most} times within a minute; what came beyond that was not taken"
        _notice(connection, hook.user_id, "hook_too_often", text)
    return HttpError(429, "too_often", f"at most {most} alerts a minute", headers={"Retry-After": "60"})


def _take(connection: Connection[Any], hook: Hook, delivery: Delivery) -> SignalAnswer | HttpError:
    body = delivery.body
    if len(body) > MAX_BYTES:
        error = HttpError(413, "too_large", f"{len(body)} bytes; an alert has at most {MAX_BYTES}")
        return _unproved(connection, hook, delivery, error)
    message = read_message(body)
    if isinstance(message, Unreadable):
        return _unproved(connection, hook, delivery, unprocessable(message.errors))
    secret = message.secret
    proof = _proof(connection, hook, delivery, secret)
    if proof is None:
        error = HttpError(401, "wrong_secret", "the field secret must hold the secret of this webhook")
        return _unproved(connection, hook, delivery, error)

    door = _Door(connection, hook, delivery, proof, message)
    refused = wrong_source(hook.policy, delivery.source_ip, delivery.client_certificate, datetime.now(UTC))
    if refused is not None:
        return door.refused(refused)
    strategy = fetch_one(connection, trading(hook.strategy_id))
    assert strategy is not None, hook.strategy_id
    read = native_alert(message, secret)
    if isinstance(read, list):
        return door.rejected(read)
    if errors := misfits(connection, read, strategy):
        return door.rejected(errors)
    return door.accepted(read, strategy)


def _proof(connection: Connection[Any], hook: Hook, delivery: Delivery, secret: str) -> Proof | None:
    """How the sender proved that the hook is theirs."""
    if delivery.signature and hook.signing_key_sealed is not None:
        return "signature" if _signed(connection, hook, delivery, hook.signing_key_sealed) else None
    if hook.policy.require_signature:
        return None
    given = sha256(secret.encode("utf-8", "surrogatepass")).digest()
    now, before = hook.secret_hash, hook.previous_secret_hash
    if hmac.compare_digest(given, now):
        return "secret"
    return "previous_secret" if before is not None and hmac.compare_digest(given, before) else None


def _signed(connection: Connection[Any], hook: Hook, delivery: Delivery, sealed: bytes) -> bool:
    key = strongbox().open(sealed, Belonging(hook.strategy_id, SIGNING))
    right = hmac.digest(key, delivery.timestamp.encode("utf-8", "surrogatepass") + b"." + delivery.body, "sha256")
    given = delivery.signature.removeprefix("sha256=").lower()
    if not hmac.compare_digest(right.hex().encode(), given.encode("utf-8", "surrogatepass")):
        return False
    if not delivery.timestamp.isdecimal() or len(delivery.timestamp) > 12:
        return False
    apart = abs(delivery.received_at.timestamp() - int(delivery.timestamp))
    return apart <= _SIGNED_WITHIN_S and fetch_one(connection, stored.use_signature(hook, right)) is not None


def _unproved(connection: Connection[Any], hook: Hook, delivery: Delivery, error: HttpError) -> HttpError:
    """The sender did not prove the secret: kept apart from signals."""
    alert = RefusedAlert(
        user_id=hook.user_id,
        strategy_id=hook.strategy_id,
        status=error.status,
        code=error.code,
        errors=error.errors,
        body_bytes=len(delivery.body),
        body_hash=sha256(delivery.body).digest(),
        excerpt=excerpt(delivery.body),
        source_ip=delivery.source_ip,
    )
    execute(connection, signals.add_refused_alert(alert))
    return error


class _Door:
    """The ways an alert whose sender is known may go."""

    def __init__(
        self, connection: Connection[Any], hook: Hook, delivery: Delivery, proof: Proof, message: Message
    ) -> None:
        self._connection = connection
        self._hook = hook
        self._delivery = delivery
        self._body_hash = sha256(delivery.body).digest()
        self._raw = masked_raw(delivery.body, message.content, message.secret)
        self._source = {
            "ip": delivery.source_ip,
            "proved_by": proof,
            "dialect": message.dialect_name,
            "client_certificate": delivery.client_certificate[:300] or None,
            "tradingview_certificate": is_tradingview(delivery.client_certificate),
        }

    def refused(self, why: Refused, **known: Any) -> HttpError:
        """It may not ask for this here."""
        signal_id = self._delivery.signal_id
        usual = {"dedupe_key": f"refused:{signal_id}", "reason_code": why.code, "reason": why.message}
        self._add(SignalStatus.REFUSED, **usual, **known)
        self._tell()
        return HttpError(403, why.code, why.message)

    def rejected(self, errors: list[FieldError]) -> HttpError:
        """It is not an alert we can act on."""
        self._add(
            SignalStatus.REJECTED,
            dedupe_key=f"rejected:{self._delivery.signal_id}",
            errors=errors,
            reason_code="invalid",
            reason="; ".join(f"{error.field}: {error.message}" for error in errors)[:500],
        )
        self._tell()
        return unprocessable(errors)

    def accepted(self, alert: NativeAlert, strategy: Trading) -> SignalAnswer | HttpError:
        connection, strategy_id, delivery = self._connection, self._hook.strategy_id, self._delivery
        dedupe_key = _dedupe_key(alert, self._body_hash)
        if dedupe_key is None:
            fetch_all(connection, signals.lock_body(strategy_id, self._body_hash))
            recent = signals.recent_signal_with_body(strategy_id, self._body_hash, delivery.received_at)
            before = fetch_one(connection, recent)
            dedupe_key = f"once:{delivery.signal_id}"
        else:
            before = fetch_one(connection, signals.signal_with_key(strategy_id, dedupe_key))
        if before is not None:
            return SignalAnswer(signal_id=before, status="duplicate")
        known = {
            "parsed": alert.model_dump(mode="json", exclude={"secret"}),
            "symbol": alert.symbol,
            "action": alert.action.value,
            "qty": alert.qty,
            # What claims to come from the future would never grow too old to be acted on.
            "alert_time": min(alert.time, delivery.received_at) if alert.time is not None else None,
        }
        if (refused := self._out_of_scope(alert, strategy)) is not None:
            return self.refused(refused, **known)
        status, code, reason = self._standing(alert, strategy)
        added = self._add(status, dedupe_key=dedupe_key, reason_code=code, reason=reason, **known)
        if not added:
            first = fetch_one(connection, signals.signal_with_key(strategy_id, dedupe_key))
            assert first is not None, dedupe_key
            return SignalAnswer(signal_id=first, status="duplicate")
        self._tell()
        if status is SignalStatus.ACCEPTED:
            fetch_all(connection, notify_work(self._hook.account_id))
        return SignalAnswer(signal_id=delivery.signal_id, status="accepted")

    def _standing(self, alert: NativeAlert, strategy: Trading) -> tuple[SignalStatus, str | None, str | None]:
        """Whether it is to be acted on. One that waited in the spool while a later one was stored is not: the order of a
        symbol's alerts holds, and the later one says what the source wants now."""
        if not strategy.enabled:
            return SignalStatus.REFUSED, "strategy_disabled", "the strategy is switched off"
        overtaken = signals.later_signal(self._hook.strategy_id, alert.symbol, self._delivery.received_at)
        if self._delivery.spooled and fetch_one(self._connection, overtaken) is not None:
            text = f"a later alert for {alert.symbol} was stored while this one waited for the database"
            return SignalStatus.SUPERSEDED, "overtaken", text
        return SignalStatus.ACCEPTED, None, None

    def _out_of_scope(self, alert: NativeAlert, strategy: Trading) -> Refused | None:
        policy, price, entries = self._hook.policy, None, 0
        if policy.max_notional is not None and (alert.qty is not None or alert.sizing is not None):
            found = fetch_one(self._connection, stored.last_price(strategy.environment, alert.symbol))
            price = found[0] if found is not None and datetime.now(UTC) - found[1] < _PRICE_AGE else None
        if policy.max_per_day is not None:
            entries = fetch_one(self._connection, stored.entries_today(self._hook.strategy_id)) or 0
        return out_of_scope(policy, alert, price, entries)

    def _add(self, status: SignalStatus, **values: Any) -> bool:
        """False when there is such a signal already."""
        signal = NewSignal(
            id=self._delivery.signal_id,
            user_id=self._hook.user_id,
            account_id=self._hook.account_id,
            strategy_id=self._hook.strategy_id,
            body_hash=self._body_hash,
            raw=self._raw,
            status=status,
            received_at=self._delivery.received_at,
            spooled=self._delivery.spooled,
            source=self._source,
            **values,
        )
        return fetch_one(self._connection, signals.add_signal(signal)) is not None

    def _tell(self) -> None:
        told = fetch_one(self._connection, signal_view(self._delivery.signal_id))
        assert told is not None
        fetch_one(self._connection, append_event(self._hook.user_id, "signal", told))


def _dedupe_key(alert: NativeAlert, body_hash: bytes) -> str | None:
    """What makes a repeat recognisable for ever; None when only the body can, and only for a while."""
    if alert.id is not None:
        return f"id:{alert.id}"
    return f"body:{body_hash.hex()}" if alert.time is not None else None


def misfits(connection: Connection[Any], alert: AlertWish, strategy: Trading) -> list[FieldError]:
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


def _notice(connection: Connection[Any], user_id: UUID, code: str, message: str) -> None:
    fetch_one(connection, append_event(user_id, "notice", NoticeData(level="warning", code=code, message=message)))
