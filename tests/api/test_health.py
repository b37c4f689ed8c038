"""Health always answers, and says what is old."""

from typing import Any

import pytest

from backstop.store.health import Beat, beat
from backstop.store.query import execute
from tests.api.gateway_events import Api
from tests.store.books import Books

WELL: Beat = {
    "public": {"state": "connected", "last_message_at_ms": 1},
    "private": {"state": "idle", "last_message_at_ms": None},
    "rest_banned_until_ms": None,
}


def health(api: Api) -> dict[str, Any]:
    reply = api.get("/api/health")
    assert reply.status == 200
    answer: dict[str, Any] = reply.json
    return answer


def beats(books: Books, content: Beat = WELL, holder: str = "one") -> None:
    with books.connected() as connection:
        execute(connection, beat(holder, content))


def test_without_a_streamer_it_is_degraded(api: Api) -> None:
    answer = health(api)
    assert (answer["status"], answer["database"]) == ("degraded", "ok")
    assert answer["streamer"] == {"alive": False, "heartbeat_age_ms": None}
    assert answer["bybit"]["public"] == {"state": "disconnected", "age_ms": None}


def test_with_a_fresh_heartbeat_all_is_well(api: Api, books: Books) -> None:
    beats(books)
    answer = health(api)
    assert (answer["status"], answer["streamer"]["alive"]) == ("ok", True)
    assert answer["bybit"]["public"]["state"] == "connected"
    assert answer["bybit"]["public"]["age_ms"] > 1_700_000_000_000
    assert answer["bybit"]["private"] == {"state": "idle", "age_ms": None}


def test_an_old_heartbeat_vouches_for_nothing(api: Api, books: Books) -> None:
    beats(books)
    books.rows("update heartbeats set beat_at = beat_at - interval '5 seconds'")
    answer = health(api)
    assert (answer["status"], answer["streamer"]["alive"]) == ("degraded", False)
    assert answer["streamer"]["heartbeat_age_ms"] >= 5000
    assert answer["bybit"]["public"]["state"] == "disconnected"


def test_the_newest_streamer_counts(api: Api, books: Books) -> None:
    beats(books, holder="old")
    books.rows("update heartbeats set beat_at = beat_at - interval '1 hour'")
    beats(books, holder="new")
    beats(books, holder="new")
    assert health(api)["status"] == "ok"
    assert len(books.rows("select * from heartbeats")) == 2


@pytest.mark.parametrize("state", ["stale", "disconnected"])
def test_a_stream_that_fails_degrades(api: Api, books: Books, state: Any) -> None:
    beats(books, {**WELL, "private": {"state": state, "last_message_at_ms": 1}})
    assert health(api)["status"] == "degraded"


def test_an_address_that_bybit_shuts_out_degrades_until_it_is_let_in(api: Api, books: Books) -> None:
    now = int(books.rows("select (extract(epoch from now()) * 1000)::bigint as ms")[0]["ms"])
    beats(books, {**WELL, "rest_banned_until_ms": now + 300_000})
    answer = health(api)
    assert (answer["status"], answer["bybit"]["rest"]["state"]) == ("degraded", "banned")
    assert 200_000 < answer["bybit"]["rest"]["retry_in_ms"] <= 300_000
    beats(books, {**WELL, "rest_banned_until_ms": now - 1})
    assert health(api)["bybit"]["rest"] == {"state": "ok", "retry_in_ms": None}


def test_a_heartbeat_of_an_older_streamer_is_understood(api: Api, books: Books) -> None:
    beats(books)
    books.rows("update heartbeats set health = health - 'rest_banned_until_ms'")
    assert health(api)["status"] == "ok"


def test_a_database_that_is_away_is_an_answer(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BACKSTOP_API_DATABASE_URL", "postgresql://backstop@127.0.0.1:1/none")
    answer = health(api)
    assert (answer["status"], answer["database"]) == ("degraded", "unavailable")
