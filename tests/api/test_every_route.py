"""What holds for every route, however many there will be."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

import pytest

from api.app import app
from api.http import REGISTRY, Route
from tests.api.conftest import User
from tests.api.gateway_events import Api
from tests.store.books import Books

BODIES: dict[str, Any] = {
    "change_strategy": {"name": "mine now"},
    "close_position": {"portion": "50%"},
    "change_protection": {"stop_loss": "1%"},
    "import_message": {"message": "{}"},
    "roll_strategy_back": {"version": 1},
    "roll_account_back": {"version": 1},
    "preflight": {"action": "buy", "symbol": "BTCUSDT"},
    "replay_signal": {"strategy_id": str(UUID(int=1))},
}
HELD_BY_EVERYBODY = {"list_sessions", "list_audit"}
"""Whoever asks has a session, and has signed up."""

every_route = pytest.mark.parametrize("route", REGISTRY, ids=lambda route: route.name)
private_routes = pytest.mark.parametrize(
    "route", [route for route in REGISTRY if not route.public], ids=lambda route: route.name
)
routes_to_one = pytest.mark.parametrize(
    "route", [route for route in REGISTRY if route.path_types and not route.public], ids=lambda route: route.name
)
lists = pytest.mark.parametrize(
    "route",
    [
        route
        for route in REGISTRY
        if route.answer and "next_cursor" in route.answer.model_fields and not route.path_types
    ],
    ids=lambda route: route.name,
)


@dataclass(frozen=True)
class Things:
    """Everything a user can have."""

    ids: dict[str, str]

    def path(self, route: Route) -> str:
        path = route.path
        for name in route.path_types:
            path = path.replace(f"{{{name}}}", self.ids.get(name, "none"))
        return path


def things_of(user: User, books: Books) -> Things:
    account = user.account()["id"]
    strategy = user.strategy(account)
    user.api.post(
        strategy["webhook_url"].removeprefix("http://127.0.0.1:8000"),
        {"secret": strategy["webhook_secret"], "action": "buy", "symbol": "BTCUSDT"},
    )
    signal = user.api.get("/api/signals").json["items"][0]["id"]
    position = str(books.position(user.id, account, strategy_id=strategy["id"], signal_id=signal))
    order = books.order(user.id, account, signal_id=signal, position_id=position)
    books.execution(user.id, account, order_link_id=order)
    books.trade(user.id, account)
    return Things(
        {
            "account_id": account,
            "strategy_id": strategy["id"],
            "signal_id": signal,
            "position_id": position,
            "command_id": user.api.post("/api/resume", {}).json["command_ids"][0],
            "session_id": user.api.get("/api/sessions").json["items"][0]["id"],
        }
    )


def send(api: Api, route: Route, path: str) -> Any:
    return api.send(
        route.method, path, BODIES.get(route.name, {}) if route.method in ("POST", "PATCH", "PUT") else None
    )


@routes_to_one
@pytest.mark.fault(62)
def test_what_is_anothers_is_not_found(user: User, other: User, books: Books, route: Route) -> None:
    theirs = things_of(other, books)
    before = {table: books.rows(f"select * from {table}") for table in ("accounts", "strategies", "commands")}
    assert send(user.api, route, theirs.path(route)).status == 404
    assert before == {table: books.rows(f"select * from {table}") for table in before}
    assert send(other.api, route, theirs.path(route)).status != 404


@lists
@pytest.mark.fault(62)
def test_lists_hold_nothing_of_anothers(user: User, other: User, books: Books, route: Route) -> None:
    theirs = things_of(other, books)
    mine = user.api.get(route.path).json["items"]
    assert mine == [] or route.name in HELD_BY_EVERYBODY
    assert other.api.get(route.path).json["items"] != []
    assert not {one["id"] for one in mine} & {one.get("id") for one in other.api.get(route.path).json["items"]}
    if route.query and "account_id" in route.query.model_fields:
        assert user.api.get(f"{route.path}?account_id={theirs.ids['account_id']}").json["items"] == []


def test_a_strategy_cannot_be_put_on_anothers_account(user: User, other: User) -> None:
    body = {
        "account_id": other.account()["id"],
        "name": "x",
        "symbols": ["BTCUSDT"],
        "sizing": {"mode": "qty", "value": "1"},
    }
    assert user.api.post("/api/strategies", body).status == 404


@private_routes
def test_nothing_is_shown_without_a_token(api: Api, route: Route) -> None:
    reply = send(api, route, Things({}).path(route))
    assert (reply.status, reply.code) == (401, "unauthorized")


@every_route
@pytest.mark.parametrize("logged_in", [True, False])
def test_every_answer_is_kept_from_caches_and_guessing(user: User, api: Api, route: Route, logged_in: bool) -> None:
    reply = send(user.api if logged_in else api, route, Things({}).path(route))
    assert reply.headers["Cache-Control"] == "no-store"
    assert reply.headers["X-Content-Type-Options"] == "nosniff"
    assert reply.headers["X-Request-Id"].startswith("request-")
    assert not [name for name in reply.headers if name.lower().startswith("access-control-")], "no other site reads it"
    if reply.status >= 400:
        assert reply.json["request_id"] == reply.headers["X-Request-Id"]
        assert reply.json["status"] == reply.status
        assert reply.status in route.problems


@every_route
def test_without_a_database_every_route_still_answers(
    user: User, monkeypatch: pytest.MonkeyPatch, route: Route
) -> None:
    monkeypatch.setenv("BACKSTOP_API_DATABASE_URL", "postgresql://backstop@127.0.0.1:1/none")
    reply = send(user.api, route, Things({}).path(route))
    assert reply.status in (*route.statuses, 503, 422, 404, 401)


def test_an_unknown_path_is_not_found(api: Api) -> None:
    reply = api.get("/api/admin")
    assert (reply.status, reply.code) == (404, "not_found")
    assert "/api/admin" not in app.routes


def test_a_method_that_is_not_there_is_told_which_are(api: Api) -> None:
    reply = api.send("PUT", "/api/positions")
    assert (reply.status, reply.code, reply.headers["Allow"]) == (405, "method_not_allowed", "GET")
    assert reply.headers["Cache-Control"] == "no-store"


def test_another_site_is_not_told_that_it_may_ask(user: User) -> None:
    asks = {"Origin": "https://evil.example", "Access-Control-Request-Method": "POST"}
    reply = user.api.send("OPTIONS", "/api/accounts", headers=asks)
    assert (reply.status, reply.code) == (405, "method_not_allowed")
    assert not [name for name in reply.headers if name.lower().startswith("access-control-")]


def test_forms_of_other_sites_are_not_taken_for_json(user: User) -> None:
    reply = user.api.post("/api/accounts", "label=x", content_type="text/plain")
    assert (reply.status, reply.code) == (415, "unsupported_media_type")
