"""Sessions are seen and ended; what was done is written down; a request sent twice is done once."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import uuid4

import psycopg
import pytest

from tests.api.conftest import PASSWORD, User
from tests.api.gateway_events import Api
from tests.api.races import nobody_writes
from tests.conftest import Database
from tests.store.books import Books


def elsewhere(api: Api, user: User) -> Api:
    """The same user on another device."""
    body = {"email": "ada@example.com", "password": PASSWORD}
    reply = Api(source_ip="198.51.100.9").post("/api/auth/login", body, headers={"User-Agent": "Phone/1"})
    return user.api.as_user(reply.json["access_token"])


def test_each_login_is_listed(api: Api, user: User) -> None:
    elsewhere(api, user)
    newest, oldest = user.api.get("/api/sessions").json["items"]
    assert (newest["source_ip"], newest["user_agent"], newest["current"]) == ("198.51.100.9", "Phone/1", False)
    assert oldest["current"] is True
    page = user.api.get("/api/sessions?limit=1").json
    following = user.api.get(f"/api/sessions?limit=1&cursor={page['next_cursor']}").json
    assert [page["items"][0]["id"], following["items"][0]["id"]] == [newest["id"], oldest["id"]]


def test_an_ended_session_moves_nothing_at_once(api: Api, user: User) -> None:
    phone = elsewhere(api, user)
    (session,) = [one for one in user.api.get("/api/sessions").json["items"] if not one["current"]]
    assert user.api.delete(f"/api/sessions/{session['id']}").status == 204
    for reply in (phone.post("/api/halt", {"level": "flatten"}), phone.post("/api/accounts", {})):
        assert (reply.status, reply.code) == (401, "session_ended")
    assert user.api.delete(f"/api/sessions/{session['id']}").status == 404
    assert user.api.post("/api/resume", {}).status == 202


def test_logging_out_moves_nothing_any_more_at_once(api: Api, user: User) -> None:
    api.post("/api/auth/logout", headers={"Cookie": user.cookie})
    assert user.api.post("/api/resume", {}).code == "session_ended"


def test_all_others_can_be_ended(api: Api, user: User) -> None:
    phone = elsewhere(api, user)
    assert user.api.post("/api/sessions/revoke-others").json == {"revoked": 1}
    assert phone.post("/api/resume", {}).status == 401
    assert user.api.post("/api/resume", {}).status == 202


def test_a_session_nobody_used_for_a_week_is_over(api: Api, user: User, books: Books) -> None:
    books.rows("update refresh_tokens set created_at = now() - interval '8 days'")
    assert api.post("/api/auth/refresh", headers={"Cookie": user.cookie}).code == "no_session"


def test_a_new_password_ends_the_other_sessions(api: Api, user: User) -> None:
    phone = elsewhere(api, user)
    change = {"current_password": "wrong", "new_password": "another horse battery"}
    assert user.api.post("/api/auth/password", change).code == "wrong_credentials"
    assert user.api.post("/api/auth/password", {**change, "current_password": PASSWORD}).status == 204
    assert phone.post("/api/resume", {}).status == 401
    assert user.api.post("/api/resume", {}).status == 202


# ---- the record of who did what


def actions(user: User) -> list[str]:
    return [entry["action"] for entry in user.api.get("/api/audit").json["items"]]


def test_what_is_done_is_written_down(api: Api, user: User, books: Books) -> None:
    account = user.account()["id"]
    strategy = user.strategy(account)["id"]
    user.api.patch(f"/api/strategies/{strategy}", {"name": "calm"})
    user.api.post("/api/halt", {"level": "no_entries"})
    position = books.position(user.id, account)
    user.api.post(f"/api/positions/{position}/close", {"portion": "50%"})
    assert actions(user) == [
        "position.close",
        "account.halt",
        "strategy.changed",
        "strategy.added",
        "account.added",
        "user.signed_up",
    ]
    changed = user.api.get("/api/audit").json["items"][2]
    assert changed["details"] == {"name": {"from": "trend", "to": "calm"}}
    assert (changed["subject"], changed["source_ip"]) == (strategy, "203.0.113.7")


def test_a_login_says_how_many_guesses_came_before(api: Api, user: User) -> None:
    for _ in range(3):
        api.post("/api/auth/login", {"email": "ada@example.com", "password": "wrong"})
    elsewhere(api, user)
    newest = user.api.get("/api/audit").json["items"][0]
    assert (newest["action"], newest["details"]) == ("session.opened", {"failed_before": 3})


def test_what_was_refused_is_not_written_down_as_done(user: User) -> None:
    user.api.post(f"/api/positions/{uuid4()}/close", {})
    assert actions(user) == ["user.signed_up"]


def test_the_record_cannot_be_changed(user: User, database: Database) -> None:
    with psycopg.connect(database.url_as("backstop_api")) as connection:
        connection.execute("select set_config('app.user_id', %s, false)", [str(user.id)])
        connection.commit()
        for statement in ("update audit_log set action = 'x'", "delete from audit_log"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(statement)
            connection.rollback()


# ---- a request sent twice

KEY = {"Idempotency-Key": "a-key-of-at-least-16"}


def strategy_of(account: str, **values: Any) -> dict[str, Any]:
    sizing = {"mode": "qty", "value": "1"}
    return {"account_id": account, "name": "x", "symbols": ["ETHUSDT"], "sizing": sizing, **values}


def test_a_request_sent_twice_is_done_once(user: User, books: Books) -> None:
    body = strategy_of(user.account()["id"])
    first = user.api.post("/api/strategies", body, headers=KEY)
    again = user.api.post("/api/strategies", body, headers=KEY)
    assert (first.status, again.status, first.json) == (201, 201, again.json)
    assert again.headers["Idempotent-Replayed"] == "true"
    assert len(books.rows("select * from strategies")) == 1
    assert first.json["webhook_secret"] not in str(books.rows("select * from kept_answers"))
    assert KEY["Idempotency-Key"] not in str(books.rows("select * from kept_answers"))


def test_the_same_key_for_something_else_is_a_conflict(user: User) -> None:
    body = strategy_of(user.account()["id"])
    assert user.api.post("/api/strategies", body, headers=KEY).status == 201
    for path, other in (("/api/strategies", {**body, "name": "y"}), ("/api/halt", {"level": "no_entries"})):
        reply = user.api.post(path, other, headers=KEY)
        assert (reply.status, reply.code) == (409, "idempotency_key_reused")


def test_a_refusal_is_not_kept(user: User, books: Books) -> None:
    account = user.account()["id"]
    user.strategy(account, symbols=["ETHUSDT"], name="first")
    refused = user.api.post("/api/strategies", strategy_of(account), headers=KEY)
    assert refused.code == "symbol_taken"
    books.rows("update strategies set deleted_at = now()")
    assert user.api.post("/api/strategies", strategy_of(account), headers=KEY).status == 201


def test_keys_are_each_users_own(user: User, other: User) -> None:
    mine, theirs = user.account()["id"], other.account()["id"]
    assert user.api.post("/api/strategies", strategy_of(mine), headers=KEY).status == 201
    assert other.api.post("/api/strategies", strategy_of(theirs), headers=KEY).status == 201


def test_a_key_is_forgotten_after_a_day(user: User, books: Books) -> None:
    body = {"level": "no_entries"}
    user.account()
    first = user.api.post("/api/halt", body, headers=KEY)
    books.rows("update kept_answers set created_at = now() - interval '25 hours'")
    assert user.api.post("/api/halt", body, headers=KEY).json != first.json


def test_repeats_at_the_same_time_are_done_once(user: User, books: Books) -> None:
    user.account()

    def halt(_number: int) -> Any:
        return user.api.post("/api/halt", {"level": "no_entries"}, headers=KEY)

    with ThreadPoolExecutor(6) as senders:
        with nobody_writes(books, "kept_answers") as until_waiting:
            replies = [senders.submit(halt, number) for number in range(6)]
            until_waiting(6)
        answers = {reply.result().text for reply in replies}
    assert len(answers) == 1
    assert len(books.rows("select * from commands")) == 1


@pytest.mark.parametrize("key", ["short", "x" * 201, "with a blank in it all"])
def test_a_key_that_is_none_is_refused(user: User, key: str) -> None:
    reply = user.api.post("/api/halt", {"level": "no_entries"}, headers={"Idempotency-Key": key})
    assert (reply.status, reply.fields) == (422, ["Idempotency-Key"])
