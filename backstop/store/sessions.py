"""Sessions: one login on one device, seen and ended by its user."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from backstop.contracts.auth import OpenSession
from backstop.store.paging import Numbered, PageRequest
from backstop.store.query import Query, no_row

_LIVE = "revoked_at is null and expires_at > now()"


@dataclass(frozen=True, slots=True)
class Standing:
    """What a session may do. `confirmed_s`: seconds since its user last proved who they are; None if never."""

    has_second_factor: bool
    confirmed_s: float | None


def add_session(session_id: UUID, user_id: UUID, expires_at: datetime, source_ip: str, user_agent: str) -> Query[None]:
    """A new one counts as confirmed: its user has just logged in."""
    sql = """
        insert into sessions (id, user_id, expires_at, source_ip, user_agent, confirmed_at)
        values (%(id)s, %(user_id)s, %(expires_at)s, %(source_ip)s, %(user_agent)s, now())"""
    parameters = {
        "id": session_id,
        "user_id": user_id,
        "expires_at": expires_at,
        "source_ip": source_ip,
        "user_agent": user_agent[:300],
    }
    return Query(sql, parameters, no_row)


def standing(session_id: UUID) -> Query[Standing]:
    """No row when the session has ended."""
    sql = f"""
        select u.totp_confirmed_at is not null as has_second_factor,
               extract(epoch from now() - s.confirmed_at)::float8 as confirmed_s
          from sessions s join users u on u.id = s.user_id
         where s.id = %(id)s and {_LIVE}"""  # noqa: S608 - a constant
    return Query(sql, {"id": session_id}, lambda row: Standing(row["has_second_factor"], row["confirmed_s"]))


def sessions_page(user_id: UUID, page: PageRequest, current: UUID) -> Query[Numbered[OpenSession]]:
    """Those that are live, newest first."""
    sql = f"""
        select id, created_at, last_used_at, expires_at, source_ip, user_agent, id = %(current)s as current,
               (extract(epoch from created_at) * 1000000)::bigint as seq
          from sessions
         where user_id = %(user_id)s and {_LIVE} and (extract(epoch from created_at) * 1000000)::bigint < %(before)s
         order by created_at desc limit %(fetch)s"""  # noqa: S608 - a constant
    parameters = {"user_id": user_id, "current": current, "before": page.before, "fetch": page.limit + 1}

    def read(row: dict[str, object]) -> Numbered[OpenSession]:
        seq = row.pop("seq")
        assert isinstance(seq, int)
        return Numbered(seq, OpenSession.model_validate(row))

    return Query(sql, parameters, read)


def touch_session(session_id: UUID) -> Query[None]:
    return Query("update sessions set last_used_at = now() where id = %(id)s", {"id": session_id}, no_row)


def confirm_session(session_id: UUID) -> Query[None]:
    """Its user has just proved again who they are."""
    return Query("update sessions set confirmed_at = now() where id = %(id)s", {"id": session_id}, no_row)


def revoke_session(session_id: UUID) -> Query[UUID]:
    """End a session: none of its refresh tokens works any more. No row when it is not live."""
    sql = """
        with ended as (
          update sessions set revoked_at = now() where id = %(id)s and revoked_at is null returning id),
        tokens as (
          update refresh_tokens set revoked_at = now() where family_id = %(id)s and revoked_at is null)
        select id from ended"""
    return Query(sql, {"id": session_id}, lambda row: row["id"])


def revoke_others(user_id: UUID, spared: UUID | None) -> Query[UUID]:
    """End every session of the user but `spared`; which ended."""
    sql = """
        with ended as (
          update sessions set revoked_at = now()
           where user_id = %(user_id)s and id is distinct from %(spared)s and revoked_at is null returning id),
        tokens as (
          update refresh_tokens set revoked_at = now()
           where user_id = %(user_id)s and family_id is distinct from %(spared)s and revoked_at is null)
        select id from ended"""
    return Query(sql, {"user_id": user_id, "spared": spared}, lambda row: row["id"])
