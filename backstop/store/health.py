"""The streamer's heartbeats, and health as read from them.

`heartbeats.health` is {"public": {"state", "last_message_at_ms"}, "private": {…},
"rest_banned_until_ms"}; times are UTC milliseconds.
"""

from typing import Any, Literal, TypedDict

from psycopg.types.json import Jsonb

from backstop.contracts.health import BybitHealth, Health, RestHealth, StreamerHealth, StreamHealth
from backstop.store.query import Query, Row, no_row

ALIVE_WITHIN_MS = 5000


class StreamBeat(TypedDict):
    state: Literal["connected", "stale", "disconnected", "idle"]
    last_message_at_ms: int | None


class Beat(TypedDict):
    """`rest_banned_until_ms`: when the exchange lets this process's address in again; None: it is not shut out."""

    public: StreamBeat
    private: StreamBeat
    rest_banned_until_ms: int | None


def beat(holder: str, health: Beat) -> Query[None]:
    """The streamer `holder` is alive now."""
    sql = """
        insert into heartbeats (holder, beat_at, health) values (%(holder)s, clock_timestamp(), %(health)s)
        on conflict (holder) do update set beat_at = excluded.beat_at, health = excluded.health"""
    return Query(sql, {"holder": holder, "health": Jsonb(health)}, no_row)


def newest_beat(version: str) -> Query[Health]:
    """Health as the newest heartbeat tells it. No row before the first one; see `without_streamer`."""
    sql = """
        select health, greatest(0, extract(epoch from clock_timestamp() - beat_at) * 1000)::bigint as age_ms,
               (extract(epoch from clock_timestamp()) * 1000)::bigint as now_ms
          from heartbeats order by beat_at desc limit 1"""
    return Query(sql, {}, lambda row: _read(row, version))


def without_streamer(version: str, database: Literal["ok", "unavailable"]) -> Health:
    """Health when nothing is known of a streamer."""
    unknown = StreamHealth(state="disconnected", age_ms=None)
    return Health(
        status="degraded",
        database=database,
        streamer=StreamerHealth(alive=False, heartbeat_age_ms=None),
        bybit=BybitHealth(public=unknown, private=unknown),
        version=version,
    )


def _read(row: Row, version: str) -> Health:
    alive = row["age_ms"] < ALIVE_WITHIN_MS
    public, private = (_stream(row["health"][name], row["now_ms"], alive) for name in ("public", "private"))
    rest = _rest(row["health"].get("rest_banned_until_ms"), row["now_ms"], alive)
    well = alive and rest.state == "ok" and all(stream.state in ("connected", "idle") for stream in (public, private))
    return Health(
        status="ok" if well else "degraded",
        database="ok",
        streamer=StreamerHealth(alive=alive, heartbeat_age_ms=row["age_ms"]),
        bybit=BybitHealth(public=public, private=private, rest=rest),
        version=version,
    )


def _stream(beat: dict[str, Any], now_ms: int, alive: bool) -> StreamHealth:
    last = beat["last_message_at_ms"]
    age_ms = None if last is None else max(0, now_ms - last)
    # What a dead streamer last said of its connections is no longer so.
    return StreamHealth(state=beat["state"] if alive else "disconnected", age_ms=age_ms)


def _rest(banned_until: int | None, now_ms: int, alive: bool) -> RestHealth:
    left = 0 if banned_until is None else banned_until - now_ms
    return RestHealth(state="banned", retry_in_ms=left) if alive and left > 0 else RestHealth(state="ok")
