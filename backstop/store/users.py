"""Users, their refresh tokens and what is remembered of failed logins.

Before a user is known only the `find_…` functions of the schema reveal anything; everything else needs app.user_id.
"""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from backstop.contracts.auth import User
from backstop.store.query import Query, no_row


@dataclass(frozen=True, slots=True)
class Login:
    user_id: UUID
    password_hash: str


@dataclass(frozen=True, slots=True)
class RefreshToken:
    """`replaced_at_once`: used less than 10 s ago, and the one that took its place has not been used yet."""

    family_id: UUID
    expires_at: datetime
    is_live: bool
    is_used: bool
    replaced_at_once: bool


def find_login(email: str) -> Query[Login]:
    sql = "select user_id, password_hash from find_login(%(email)s)"
    return Query(sql, {"email": email}, lambda row: Login(row["user_id"], row["password_hash"]))


def find_refresh_token(token_hash: bytes) -> Query[UUID]:
    """Whose token it is."""
    sql = "select user_id from find_refresh_token(%(hash)s)"
    return Query(sql, {"hash": token_hash}, lambda row: row["user_id"])


def add_user(user_id: UUID, email: str, password_hash: str) -> Query[User]:
    """No row when the e-mail address is taken, in whatever case it was written."""
    sql = """
        insert into users (id, email, password_hash) values (%(id)s, %(email)s, %(password_hash)s)
        on conflict (lower(email)) do nothing
        returning id, email, created_at, false as second_factor, 0 as backup_codes_left"""
    return Query(sql, {"id": user_id, "email": email, "password_hash": password_hash}, User.model_validate)


def user(user_id: UUID) -> Query[User]:
    sql = """
        select id, email, created_at, totp_confirmed_at is not null as second_factor,
               (select count(*) from backup_codes c where c.user_id = u.id and c.used_at is null) as backup_codes_left
          from users u where id = %(id)s"""
    return Query(sql, {"id": user_id}, User.model_validate)


def set_password_hash(user_id: UUID, password_hash: str) -> Query[None]:
    sql = "update users set password_hash = %(password_hash)s where id = %(id)s"
    return Query(sql, {"id": user_id, "password_hash": password_hash}, no_row)


# ---- sessions


def add_refresh_token(token_hash: bytes, user_id: UUID, family_id: UUID, expires_at: datetime) -> Query[None]:
    sql = """
        insert into refresh_tokens (token_hash, user_id, family_id, expires_at)
        values (%(hash)s, %(user_id)s, %(family_id)s, %(expires_at)s)"""
    parameters = {"hash": token_hash, "user_id": user_id, "family_id": family_id, "expires_at": expires_at}
    return Query(sql, parameters, no_row)


def lock_refresh_token(token_hash: bytes) -> Query[RefreshToken]:
    """The token, locked, so that of two requests with it one goes first."""
    sql = """
        select t.family_id, t.expires_at,
               t.revoked_at is null and t.expires_at > now() and t.created_at > now() - interval '7 days' as is_live,
               t.used_at is not null as is_used,
               coalesce(t.used_at > now() - interval '10 seconds', false)
               and not exists (select from refresh_tokens later
                                where later.family_id = t.family_id and later.used_at > t.used_at) as replaced_at_once
          from refresh_tokens t
         where t.token_hash = %(hash)s
           for update"""
    return Query(sql, {"hash": token_hash}, lambda row: RefreshToken(**row))


def use_refresh_token(token_hash: bytes) -> Query[None]:
    return Query(
        "update refresh_tokens set used_at = clock_timestamp() where token_hash = %(hash)s and used_at is null",
        {"hash": token_hash},
        no_row,
    )


# ---- failed logins


def lock_subject(subject: str) -> Query[None]:
    """Until the transaction ends, nobody else counts this subject."""
    return Query("select pg_advisory_xact_lock(hashtextextended(%(subject)s, 0))", {"subject": subject}, no_row)


def seconds_locked(subject: str, allowed: int, window_s: int) -> Query[int]:
    """How long until fewer than `allowed` failures lie within the last `window_s` seconds. No row: it is open."""
    sql = """
        select ceil(extract(epoch from failed_at + make_interval(secs => %(window)s) - now()))::int as seconds
          from login_failures
         where subject = %(subject)s and failed_at > now() - make_interval(secs => %(window)s)
         order by failed_at desc offset %(allowed)s - 1 limit 1"""
    parameters = {"subject": subject, "allowed": allowed, "window": window_s}
    return Query(sql, parameters, lambda row: max(row["seconds"], 1))


def add_failure(subject: str) -> Query[datetime]:
    sql = "insert into login_failures (subject) values (%(subject)s) returning failed_at"
    return Query(sql, {"subject": subject}, lambda row: row["failed_at"])


def forget_failures(subject: str, at: datetime | None = None) -> Query[None]:
    """Those of `at`, or all of them; executing it tells how many."""
    sql = """
        delete from login_failures
         where subject = %(subject)s and (%(at)s::timestamptz is null or failed_at = %(at)s)"""
    return Query(sql, {"subject": subject, "at": at}, no_row)


def login_of(user_id: UUID) -> Query[Login]:
    """What a password given once more is checked against."""
    sql = "select id as user_id, password_hash from users where id = %(id)s"
    return Query(sql, {"id": user_id}, lambda row: Login(row["user_id"], row["password_hash"]))
