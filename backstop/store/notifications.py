"""Channels of notifications, and the messages that wait to be taken by them."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from backstop.contracts.notifications import NotificationChannel, Provider, Topic
from backstop.store.query import Query, no_row

TEST = "test"
"""The topic of a message asked for to see whether they arrive."""

GIVE_UP_AFTER = timedelta(hours=6)
GIVE_UP_ATTEMPTS = 10
_CLAIMED_FOR_S = 60.0
_TOLD_AT_ONCE = 20


def channels(user_id: UUID) -> Query[NotificationChannel]:
    sql = """
        select c.provider, c.enabled, c.topics, c.destination, c.last_sent_at, c.last_error,
               (select count(*) from notifications n where n.user_id = c.user_id and n.provider = c.provider
                   and n.sent_at is null and n.given_up_at is null) as waiting
          from notification_channels c where c.user_id = %(user_id)s order by c.provider"""
    return Query(sql, {"user_id": user_id}, lambda row: NotificationChannel(**row))


def save_channel(
    user_id: UUID,
    provider: Provider,
    *,
    enabled: bool,
    topics: list[Topic],
    destination: str | None,
    sealed: bytes | None,
) -> Query[bool]:
    """`destination` and `sealed` None keep what is there; no row when there is nothing to keep."""
    parameters = {
        "user_id": user_id,
        "provider": provider,
        "enabled": enabled,
        "topics": [topic.value for topic in topics],
        "destination": destination,
        "sealed": sealed,
    }
    if sealed is None:
        sql = """
            update notification_channels set enabled = %(enabled)s, topics = %(topics)s
             where user_id = %(user_id)s and provider = %(provider)s returning true as saved"""
        return Query(sql, parameters, lambda row: bool(row["saved"]))
    sql = """
        insert into notification_channels (user_id, provider, enabled, topics, destination, sealed)
        values (%(user_id)s, %(provider)s, %(enabled)s, %(topics)s, %(destination)s, %(sealed)s)
        on conflict (user_id, provider) do update
           set enabled = excluded.enabled, topics = excluded.topics, destination = excluded.destination,
               sealed = excluded.sealed, failures = 0, retry_at = null, last_error = null
        returning true as saved"""
    return Query(sql, parameters, lambda row: bool(row["saved"]))


def remove_channels(user_id: UUID, besides: list[Provider]) -> Query[None]:
    """With what waits for them."""
    sql = """
        with gone as (
          delete from notification_channels where user_id = %(user_id)s and provider <> all (%(besides)s)
          returning provider)
        delete from notifications n using gone
         where n.user_id = %(user_id)s and n.provider = gone.provider and n.sent_at is null and n.given_up_at is null"""
    return Query(sql, {"user_id": user_id, "besides": besides}, no_row)


def add_test(user_id: UUID, provider: Provider, test_id: UUID) -> Query[int]:
    """No row without such a channel."""
    sql = """
        insert into notifications (user_id, provider, topic, subject)
        select user_id, provider, %(topic)s, %(subject)s from notification_channels
         where user_id = %(user_id)s and provider = %(provider)s and enabled
        returning id"""
    parameters = {"user_id": user_id, "provider": provider, "topic": TEST, "subject": f"{TEST}:{test_id}"}
    return Query(sql, parameters, lambda row: row["id"])


# ---- sending


@dataclass(frozen=True, slots=True)
class DueChannel:
    user_id: UUID
    provider: Provider
    sealed: bytes
    failures: int


@dataclass(frozen=True, slots=True)
class WaitingMessage:
    """`data` is the event's, None for a test."""

    id: int
    topic: str
    data: dict[str, Any] | None


def give_up() -> Query[None]:
    """What nobody took for so long is no news any more."""
    sql = """
        update notifications set given_up_at = now()
         where sent_at is null and given_up_at is null
           and (created_at < now() - %(after)s or attempts >= %(attempts)s)"""
    return Query(sql, {"after": GIVE_UP_AFTER, "attempts": GIVE_UP_ATTEMPTS}, no_row)


def claim_due(most: int) -> Query[DueChannel]:
    """Channels with messages to be sent now. Nobody else gets them for a minute; a process that dies meanwhile leaves them
    to be sent again."""
    sql = """
        with due as (
          select c.user_id, c.provider from notification_channels c
           where c.enabled and (c.retry_at is null or c.retry_at <= now())
             and (c.user_id, c.provider) in (select n.user_id, n.provider from notifications n
                                              where n.sent_at is null and n.given_up_at is null)
           order by c.retry_at nulls first limit %(most)s for update skip locked)
        update notification_channels c set retry_at = now() + make_interval(secs => %(claimed)s)
          from due where c.user_id = due.user_id and c.provider = due.provider
        returning c.user_id, c.provider, c.sealed, c.failures"""
    return Query(
        sql,
        {"most": most, "claimed": _CLAIMED_FOR_S},
        lambda row: DueChannel(row["user_id"], row["provider"], bytes(row["sealed"]), row["failures"]),
    )


def waiting_messages(channel: DueChannel) -> Query[WaitingMessage]:
    """Oldest first, as many as go into one message."""
    sql = """
        select n.id, n.topic, e.data from notifications n
          left join events e on e.user_id = n.user_id and e.seq = n.seq
         where n.user_id = %(user_id)s and n.provider = %(provider)s and n.sent_at is null and n.given_up_at is null
         order by n.id limit %(most)s"""
    parameters = {"user_id": channel.user_id, "provider": channel.provider, "most": _TOLD_AT_ONCE}
    return Query(sql, parameters, lambda row: WaitingMessage(**row))


def taken(channel: DueChannel, ids: list[int]) -> Query[None]:
    sql = """
        with sent as (update notifications set sent_at = now(), attempts = attempts + 1 where id = any(%(ids)s))
        update notification_channels set failures = 0, retry_at = null, last_sent_at = now(), last_error = null
         where user_id = %(user_id)s and provider = %(provider)s"""
    return Query(sql, {"user_id": channel.user_id, "provider": channel.provider, "ids": ids}, no_row)


def not_taken(channel: DueChannel, ids: list[int], error: str, again_s: float) -> Query[None]:
    """To be tried again in `again_s` seconds."""
    sql = """
        with tried as (update notifications set attempts = attempts + 1 where id = any(%(ids)s))
        update notification_channels
           set failures = failures + 1, retry_at = now() + make_interval(secs => %(again)s), last_error = %(error)s
         where user_id = %(user_id)s and provider = %(provider)s"""
    parameters = {
        "user_id": channel.user_id,
        "provider": channel.provider,
        "ids": ids,
        "error": error,
        "again": again_s,
    }
    return Query(sql, parameters, no_row)
