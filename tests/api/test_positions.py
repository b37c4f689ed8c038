"""Positions, and what may be asked to be done with one."""

from typing import Any

import psycopg
import pytest

from tests.api.conftest import User
from tests.conftest import Database
from tests.store.books import Books


@pytest.fixture
def account_id(user: User) -> str:
    return str(user.account()["id"])


def test_positions_that_are_closed_are_only_shown_when_asked_for(user: User, books: Books, account_id: str) -> None:
    live = books.position(user.id, account_id)
    closed = books.position(user.id, account_id, status="closed", qty=0, cost=0)
    assert [item["id"] for item in user.api.get("/api/positions").json["items"]] == [str(live)]
    assert [item["id"] for item in user.api.get("/api/positions?status=closed").json["items"]] == [str(closed)]
    assert user.api.get(f"/api/positions/{closed}").json["status"] == "closed"


def test_numbers_travel_as_text(user: User, books: Books, account_id: str) -> None:
    position = books.position(user.id, account_id, qty="0.010", cost="640.123456789012345678")
    item = user.api.get(f"/api/positions/{position}").json
    assert (item["qty"], item["entry_price"]) == ("0.01", "64012.345678901235")


@pytest.mark.parametrize(
    ("method", "action", "body", "kind", "stored"),
    [
        ("POST", "close", None, "close", {"portion": "100%"}),
        ("POST", "close", {"portion": "50%"}, "close", {"portion": "50%"}),
        ("POST", "reverse", None, "reverse", {}),
        ("PATCH", "protection", {"stop_loss": "63000"}, "protect", {"stop_loss": "63000"}),
        (
            "PATCH",
            "protection",
            {"take_profit": [{"at": "2%", "portion": "50%"}]},
            "protect",
            {"take_profit": [{"at": "2%", "portion": "50%"}]},
        ),
        (
            "PATCH",
            "protection",
            {"stop_loss": "1%", "take_profit": []},
            "protect",
            {"stop_loss": "1%", "take_profit": []},
        ),
        (
            "PATCH",
            "protection",
            {"trailing": "0.8%", "break_even": {"trigger": "1%"}, "time_exit_s": 3600},
            "protect",
            {
                "trailing": {"distance": "0.8%", "activation": None},
                "break_even": {"trigger": "1%", "offset": "0%"},
                "time_exit_s": 3600,
            },
        ),
        (
            "PATCH",
            "protection",
            {"stop_loss": None, "trailing": None, "time_exit_s": None},
            "protect",
            {"trailing": None, "time_exit_s": None},
        ),
    ],
)
def test_a_wish_becomes_a_command(
    user: User,
    books: Books,
    database: Database,
    account_id: str,
    method: str,
    action: str,
    body: Any,
    kind: str,
    stored: dict[str, Any],
) -> None:
    position = books.position(user.id, account_id)
    with psycopg.connect(database.url, autocommit=True) as streamer:
        streamer.execute("listen backstop_work")
        reply = user.api.send(method, f"/api/positions/{position}/{action}", body)
        (told,) = streamer.notifies(timeout=5, stop_after=1)
    assert reply.status == 202
    (command,) = books.rows("select * from commands")
    assert reply.json == {"command_id": str(command["id"])}
    assert (command["kind"], command["status"]) == (kind, "accepted")
    assert command["body"] == {"position_id": str(position), **stored}
    assert told.payload == account_id


@pytest.mark.parametrize(
    ("method", "action", "body"),
    [("POST", "close", {}), ("POST", "reverse", {}), ("PATCH", "protection", {"stop_loss": "1%"})],
)
def test_nothing_can_be_done_with_a_closed_position(
    user: User, books: Books, account_id: str, method: str, action: str, body: dict[str, str]
) -> None:
    position = books.position(user.id, account_id, status="closed", qty=0, cost=0)
    reply = user.api.send(method, f"/api/positions/{position}/{action}", body)
    assert (reply.status, reply.code) == (409, "position_closed")
    assert books.rows("select * from commands") == []


@pytest.mark.parametrize(
    ("action", "body", "field"),
    [
        ("close", {"portion": "0%"}, "portion"),
        ("close", {"portion": "101%"}, "portion"),
        ("close", {"portion": "0.5"}, "portion"),
        ("close", {"qty": "1"}, "qty"),
        ("reverse", {"portion": "50%"}, "portion"),
        ("protection", {}, "body"),
        ("protection", {"stop_loss": "-1"}, "stop_loss"),
        ("protection", {"take_profit": [{"at": "1%"}, {"at": "2%"}]}, "take_profit"),
        ("protection", {"stop_loss": None, "take_profit": None}, "body"),
        ("protection", {"trailing": {"distance": "0"}}, "trailing.distance"),
        ("protection", {"break_even": {"trigger": "1%", "offset": "2"}}, "break_even.offset"),
        ("protection", {"time_exit_s": 0}, "time_exit_s"),
        ("protection", {"trigger_by": "mark"}, "trigger_by"),
    ],
)
def test_a_wish_that_makes_no_sense_says_which_field(
    user: User, books: Books, account_id: str, action: str, body: dict[str, Any], field: str
) -> None:
    position = books.position(user.id, account_id)
    method = "PATCH" if action == "protection" else "POST"
    reply = user.api.send(method, f"/api/positions/{position}/{action}", body)
    assert (reply.status, reply.fields) == (422, [field])


@pytest.mark.parametrize("position", ["00000000-0000-4000-8000-000000000000", "not-an-id"])
def test_what_is_not_there_is_not_found(user: User, position: str) -> None:
    assert user.api.get(f"/api/positions/{position}").status == 404
    assert user.api.post(f"/api/positions/{position}/close").status == 404
