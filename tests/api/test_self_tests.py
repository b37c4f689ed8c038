"""An account's self-test, as its owner sees it."""

from uuid import uuid4

from backstop.contracts.self_test import SelfTestLine
from backstop.store import self_tests
from backstop.store.query import execute
from tests.api.conftest import User
from tests.store.books import Books

BAD = SelfTestLine(
    code="withdrawal", status="failed", title="No withdrawals", detail="the key may move money (Withdraw)"
)
GOOD = SelfTestLine(code="clock", status="ok", title="Clock", detail="fine")


def test_before_the_first_one_nothing_is_known(user: User) -> None:
    account = user.account()["id"]
    assert user.api.get(f"/api/accounts/{account}/self-test").json == {
        "account_id": account,
        "running": False,
        "outcome": None,
        "cause": None,
        "finished_at": None,
        "lines": [],
    }


def test_one_is_asked_for_once_and_shown_line_by_line(user: User, books: Books) -> None:
    account = user.account()["id"]
    first = user.api.post(f"/api/accounts/{account}/self-test", {})
    again = user.api.post(f"/api/accounts/{account}/self-test", {})
    assert (first.status, again.status) == (202, 202)
    assert first.json == again.json, "one at a time"
    path = f"/api/accounts/{account}/self-test"
    assert user.api.get(path).json["running"] is True
    (row,) = books.rows("select id, user_id, cause from self_tests")
    assert row["cause"] == "user"
    with books.connected() as connection:
        execute(connection, self_tests.save_lines(row["id"], row["user_id"], [GOOD, BAD]))
        execute(connection, self_tests.finish(row["id"], "failed"))
    answer = user.api.get(path).json
    assert (answer["running"], answer["outcome"], answer["cause"]) == (False, "failed", "user")
    assert [line["code"] for line in answer["lines"]] == ["clock", "withdrawal"]
    assert answer["lines"][1] == BAD.model_dump()


def test_the_last_finished_one_is_shown_while_another_runs(user: User, books: Books) -> None:
    account = user.account()["id"]
    with books.connected() as connection:
        done = uuid4()
        execute(connection, self_tests.request(done, user.id, account, "added"))
        execute(connection, self_tests.finish(done, "passed"))
    user.api.post(f"/api/accounts/{account}/self-test", {})
    answer = user.api.get(f"/api/accounts/{account}/self-test").json
    assert (answer["running"], answer["outcome"]) == (True, "passed")


def test_an_account_that_is_gone_has_none(user: User) -> None:
    account = user.account()["id"]
    user.api.delete(f"/api/accounts/{account}")
    assert user.api.get(f"/api/accounts/{account}/self-test").status == 404
    assert user.api.post(f"/api/accounts/{account}/self-test", {}).status == 404


def test_the_streamer_is_woken(user: User, books: Books) -> None:
    account = user.account()["id"]
    with books.connected() as connection:
        connection.execute("listen backstop_work")
        connection.commit()
        user.api.post(f"/api/accounts/{account}/self-test", {})
        (heard,) = connection.notifies(timeout=5, stop_after=1)
    assert heard.payload == account
