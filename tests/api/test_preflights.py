"""A preflight is asked of whoever trades the account, and refused at the door as an alert would be."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg
from psycopg.types.json import Jsonb

from tests.api.conftest import Hook, User
from tests.api.gateway_events import Reply
from tests.conftest import Database
from tests.store.books import Books

ANSWER: dict[str, Any] = {
    "outcome": "nothing",
    "code": "already_there",
    "reason": "already flat",
    "entry": None,
    "orders": [],
}


def preflight(user: User, hook: Hook, **fields: Any) -> Reply:
    return user.api.post(f"/api/strategies/{hook.id}/preflight", {"action": "buy", "symbol": "BTCUSDT", **fields})


def answering(database: Database) -> None:
    """What the streamer does, but for the deciding."""
    with psycopg.connect(database.url_as("backstop_streamer"), autocommit=True) as streamer:
        streamer.execute("listen backstop_work")
        list(streamer.notifies(timeout=20, stop_after=1))
        streamer.execute("update preflights set answer = %s where answer is null", [Jsonb(ANSWER)])


def test_the_answer_is_passed_on(user: User, hook: Hook, books: Books, database: Database) -> None:
    with ThreadPoolExecutor(1) as streamer:
        answered = streamer.submit(answering, database)
        # Asked again should the first have come before anybody listened.
        replies = [preflight(user, hook, secret=hook.secret)]
        while not answered.done():
            replies.append(preflight(user, hook))
    assert ANSWER in [reply.json for reply in replies]
    assert hook.secret not in str(books.rows("select * from preflights"))
    assert books.rows("select * from signals") == []


def test_without_a_streamer_there_is_no_answer(user: User, hook: Hook) -> None:
    reply = preflight(user, hook)
    assert (reply.status, reply.code) == (503, "no_answer")


def test_what_the_webhook_would_refuse_is_refused_here(user: User, hook: Hook) -> None:
    assert preflight(user, hook, symbol="DOGEUSDT").fields == ["symbol"]
    user.api.send("PUT", f"/api/strategies/{hook.id}/hook", {"sides": ["short"]})
    refused = preflight(user, hook).json
    assert (refused["outcome"], refused["code"]) == ("refused", "side_not_allowed")
