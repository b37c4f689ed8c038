"""Sign-up, login and refresh.

Passwords: Argon2id, 19 MiB, 2 passes, 1 lane (OWASP's minimum), renewed at login when that changes.
Refresh tokens: 256 random bits, kept as SHA-256, good once; a second use ends the whole session, except within 10 s
of the first and before its successor is used, because two tabs of a browser race for it.
"""

import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any, Literal
from uuid import UUID, uuid4

from argon2 import PasswordHasher
from argon2.exceptions import VerifyMismatchError
from psycopg import Connection

from api.database import become, transaction
from api.errors import HttpError, not_found
from api.sessions import ACCESS_TOKEN_S, Caller, access_token
from backstop.contracts.auth import LogIn, Session, SignUp, User
from backstop.store import users
from backstop.store.query import execute, fetch_all, fetch_one
from backstop.telemetry import count

SESSION_FOR = timedelta(days=30)
_WINDOW_S = 600
_PER_ACCOUNT = 5
_PER_ADDRESS = 20
_HASHER = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
NOBODYS_HASH = "$argon2id$v=19$m=19456,t=2,p=1$eAOZiJQZjJpOu5fPX4JQtA$hOP6m9tUIvmK+Onk2RGKtj+3vq7kum3k7LZrX6H/7J0"
"""Of a password nobody knows. Checked when there is no such user, so that the answer takes as long."""


@dataclass(frozen=True, slots=True)
class Opened:
    """A session and the refresh token that carries it on."""

    session: Session
    refresh_token: str


def sign_up(new: SignUp) -> Opened:
    """Raises HttpError 409 `email_taken`."""
    user_id = uuid4()
    password_hash = _HASHER.hash(new.password.get_secret_value())
    with transaction(user_id) as connection:
        user = fetch_one(connection, users.add_user(user_id, new.email, password_hash))
        if user is None:
            raise HttpError(409, "email_taken", "this e-mail address has an account; log in")
        return _open(connection, user)


def log_in(login: LogIn, source_ip: str) -> Opened:
    """Raises HttpError 401 `wrong_credentials`, the same for unknown users, and 429 with Retry-After."""
    by_email = f"email:{_digest(login.email.strip().lower()).hex()}"
    by_address = f"ip:{source_ip}"
    password = login.password.get_secret_value()
    # Counted as failed before the slow check, so that guesses in parallel do not slip past the limit.
    failed_at = _count_attempt(by_email, by_address)
    with transaction(None) as connection:
        found = fetch_one(connection, users.find_login(login.email.strip()))
    if not _matches(found.password_hash if found else NOBODYS_HASH, password) or found is None:
        count("login_failures")
        raise HttpError(401, "wrong_credentials", "e-mail address or password is wrong")
    renewed = _HASHER.hash(password) if _HASHER.check_needs_rehash(found.password_hash) else None
    with transaction(found.user_id) as connection:
        execute(connection, users.forget_failures(by_email))
        execute(connection, users.forget_failures(by_address, failed_at))
        if renewed is not None:
            execute(connection, users.set_password_hash(found.user_id, renewed))
        user = fetch_one(connection, users.user(found.user_id))
        assert user is not None
        return _open(connection, user)


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
            execute(connection, users.revoke_family(found[1].family_id))


def me(caller: Caller) -> User:
    with transaction(caller.id) as connection:
        user = fetch_one(connection, users.user(caller.id))
    if user is None:
        raise not_found()
    return user


def _open(connection: Connection[Any], user: User) -> Opened:
    return _issue(connection, user, uuid4(), datetime.now(UTC) + SESSION_FOR)


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
        execute(connection, users.revoke_family(row.family_id))
        return "reused"
    execute(connection, users.use_refresh_token(_digest(token)))
    user = fetch_one(connection, users.user(user_id))
    assert user is not None
    # A session ends 30 days after its login, however often it is refreshed.
    return _issue(connection, user, row.family_id, row.expires_at)


def _lock(connection: Connection[Any], token: str) -> tuple[UUID, users.RefreshToken] | None:
    user_id = fetch_one(connection, users.find_refresh_token(_digest(token)))
    if user_id is None:
        return None
    become(connection, user_id)
    row = fetch_one(connection, users.lock_refresh_token(_digest(token)))
    return None if row is None else (user_id, row)


def _count_attempt(by_email: str, by_address: str) -> datetime:
    with transaction(None) as connection:
        for subject, allowed in ((by_email, _PER_ACCOUNT), (by_address, _PER_ADDRESS)):
            fetch_all(connection, users.lock_subject(subject))
            wait_s = fetch_one(connection, users.seconds_locked(subject, allowed, _WINDOW_S))
            if wait_s is not None:
                raise HttpError(
                    429,
                    "too_many_attempts",
                    f"too many failed logins; try again in {wait_s} s",
                    headers={"Retry-After": str(wait_s)},
                )
        failed_at = fetch_one(connection, users.add_failure(by_email))
        fetch_one(connection, users.add_failure(by_address))
    assert failed_at is not None
    return failed_at


def _matches(password_hash: str, password: str) -> bool:
    try:
        return _HASHER.verify(password_hash, password)
    except VerifyMismatchError:
        return False


def _digest(text: str) -> bytes:
    return sha256(text.encode("utf-8", "surrogatepass")).digest()
