"""Sign-up, login, refresh and recovery.

Refresh tokens: 256 random bits, kept as SHA-256, good once; a second use ends the whole session, except within 10 s
of the first and before its successor is used, because two tabs of a browser race for it.
"""

import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any, Literal
from uuid import UUID, uuid4

from psycopg import Connection

from api import audit, second_factor
from api.attempts import Attempt, count_attempt
from api.database import become, transaction
from api.errors import HttpError, not_found
from api.passwords import NOBODYS_HASH, hashed, matches, renewed
from api.sessions import ACCESS_TOKEN_S, Caller, access_token
from api.standing import require_fresh
from backstop.contracts.auth import LogIn, PasswordChange, Recovery, Session, SignUp, User
from backstop.store import sessions, users
from backstop.store.query import execute, fetch_all, fetch_one
from backstop.telemetry import count

SESSION_FOR = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Device:
    """Where a login comes from."""

    source_ip: str
    user_agent: str = ""


@dataclass(frozen=True, slots=True)
class Opened:
    """A session and the refresh token that carries it on."""

    session: Session
    refresh_token: str


def sign_up(new: SignUp, device: Device) -> Opened:
    """Raises HttpError 409 `email_taken`."""
    user_id = uuid4()
    password_hash = hashed(new.password.get_secret_value())
    with transaction(user_id) as connection:
        user = fetch_one(connection, users.add_user(user_id, new.email, password_hash))
        if user is None:
            raise HttpError(409, "email_taken", "this e-mail address has an account; log in")
        return _open(connection, user, device, "user.signed_up")


def log_in(login: LogIn, device: Device) -> Opened:
    """Raises HttpError 401 `wrong_credentials`, the same for unknown users, 401 `totp_required` where the password is
    right and a second factor is on, `wrong_totp`, and 429 with Retry-After."""
    password = login.password.get_secret_value()
    attempt = count_attempt(_subject(login.email), device.source_ip)
    with transaction(None) as connection:
        found = fetch_one(connection, users.find_login(login.email.strip()))
    if not matches(found.password_hash if found else NOBODYS_HASH, password) or found is None:
        raise _wrong_credentials()
    new_hash = renewed(found.password_hash, password)
    with transaction(found.user_id) as connection:
        user = _user(connection, found.user_id)
        refusal = _second_factor_refusal(connection, user, login, attempt)
        if refusal is None:
            guesses = attempt.succeeded(connection)
            if new_hash is not None:
                execute(connection, users.set_password_hash(found.user_id, new_hash))
            return _open(
                connection, _user(connection, found.user_id), device, "session.opened", failed_before=guesses - 1
            )
    count("login_failures")
    raise refusal


def _second_factor_refusal(connection: Connection[Any], user: User, login: LogIn, attempt: Attempt) -> HttpError | None:
    if not user.second_factor:
        return None
    if login.totp is None:
        attempt.was_no_guess(connection)
        return HttpError(401, "totp_required", "give the code your authenticator shows, or a backup code, as totp")
    if not second_factor.takes(connection, user.id, login.totp.get_secret_value()):
        return HttpError(401, "wrong_totp", "the code is wrong or was used before")
    return None


def recover(wish: Recovery, device: Device) -> Opened:
    """A new password for a backup code; every session ends. Raises HttpError 401 `wrong_credentials`, the same whatever
    is wrong, and 429."""
    attempt = count_attempt(_subject(wish.email), device.source_ip)
    new_hash = hashed(wish.new_password.get_secret_value())
    with transaction(None) as connection:
        found = fetch_one(connection, users.find_login(wish.email.strip()))
    if found is None:
        raise _wrong_credentials()
    with transaction(found.user_id) as connection:
        user = _user(connection, found.user_id)
        totp = wish.totp.get_secret_value() if wish.totp is not None else ""
        # A raise undoes the use of the one code when the other is wrong.
        if not second_factor.takes_backup(connection, user.id, wish.backup_code.get_secret_value()) or (
            user.second_factor and not second_factor.takes(connection, user.id, totp)
        ):
            raise _wrong_credentials()
        attempt.succeeded(connection)
        execute(connection, users.set_password_hash(user.id, new_hash))
        fetch_all(connection, sessions.revoke_others(user.id, None))
        return _open(connection, _user(connection, user.id), device, "user.recovered")


def change_password(caller: Caller, wish: PasswordChange) -> None:
    """All other sessions end. Raises HttpError 401 `wrong_credentials`, 403 `confirmation_needed`, 429."""
    attempt = count_attempt(f"code:{caller.id}", caller.source_ip)
    with transaction(caller.id) as connection:
        require_fresh(connection, caller)
        login = fetch_one(connection, users.login_of(caller.id))
    assert login is not None
    if not matches(login.password_hash, wish.current_password.get_secret_value()):
        raise HttpError(401, "wrong_credentials", "the current password is wrong")
    new_hash = hashed(wish.new_password.get_secret_value())
    with transaction(caller.id) as connection:
        attempt.succeeded(connection)
        execute(connection, users.set_password_hash(caller.id, new_hash))
        ended = fetch_all(connection, sessions.revoke_others(caller.id, caller.session_id))
        audit.record(connection, caller, "password.changed", sessions_ended=len(ended))


def refresh(token: str | None) -> Opened:
    """Raises HttpError 401: `no_session` without a live token, `token_reused` when somebody else has used it."""
    with transaction(None) as connection:
        opened = _rotate(connection, token) if token else None
    if opened is None:
        raise HttpError(401, "no_session", "log in again")
    if opened == "reused":
        raise HttpError(401, "token_reused", "this session was used from two places and has been ended; log in again")
    return opened


def log_out(token: str | None) -> None:
    """End the session of a refresh token; nothing to do without one."""
    if not token:
        return
    with transaction(None) as connection:
        found = _lock(connection, token)
        if found is not None:
            user_id, row = found
            if fetch_one(connection, sessions.revoke_session(row.family_id)) is not None:
                audit.record(connection, Caller(user_id, row.family_id), "session.closed", row.family_id)


def me(caller: Caller) -> User:
    with transaction(caller.id) as connection:
        user = fetch_one(connection, users.user(caller.id))
    if user is None:
        raise not_found()
    return user


def _user(connection: Connection[Any], user_id: UUID) -> User:
    user = fetch_one(connection, users.user(user_id))
    assert user is not None, user_id
    return user


def _open(connection: Connection[Any], user: User, device: Device, action: str, **details: object) -> Opened:
    session_id, expires_at = uuid4(), datetime.now(UTC) + SESSION_FOR
    adding = sessions.add_session(session_id, user.id, expires_at, device.source_ip, device.user_agent)
    execute(connection, adding)
    audit.record(connection, Caller(user.id, session_id, device.source_ip), action, session_id, **details)
    return _issue(connection, user, session_id, expires_at)


def _issue(connection: Connection[Any], user: User, family_id: UUID, expires_at: datetime) -> Opened:
    token = secrets.token_urlsafe(32)
    execute(connection, users.add_refresh_token(_digest(token), user.id, family_id, expires_at))
    session = Session(access_token=access_token(user.id, family_id), expires_in=ACCESS_TOKEN_S, user=user)
    return Opened(session, token)


def _rotate(connection: Connection[Any], token: str) -> Opened | Literal["reused"] | None:
    found = _lock(connection, token)
    if found is None or not found[1].is_live:
        return None
    user_id, row = found
    if row.is_used and not row.replaced_at_once:
        fetch_all(connection, sessions.revoke_session(row.family_id))
        audit.record(connection, Caller(user_id, row.family_id), "session.reused", row.family_id)
        return "reused"
    execute(connection, users.use_refresh_token(_digest(token)))
    execute(connection, sessions.touch_session(row.family_id))
    user = _user(connection, user_id)
    # A session ends 30 days after its login, however often it is refreshed.
    return _issue(connection, user, row.family_id, row.expires_at)


def _lock(connection: Connection[Any], token: str) -> tuple[UUID, users.RefreshToken] | None:
    user_id = fetch_one(connection, users.find_refresh_token(_digest(token)))
    if user_id is None:
        return None
    become(connection, user_id)
    row = fetch_one(connection, users.lock_refresh_token(_digest(token)))
    return None if row is None else (user_id, row)


def _wrong_credentials() -> HttpError:
    count("login_failures")
    return HttpError(401, "wrong_credentials", "e-mail address or password is wrong")


def _subject(email: str) -> str:
    return f"email:{_digest(email.strip().lower()).hex()}"


def _digest(text: str) -> bytes:
    return sha256(text.encode("utf-8", "surrogatepass")).digest()
