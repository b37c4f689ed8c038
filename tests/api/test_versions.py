"""Settings as they were: a version for each change, what it changed, and the way back."""

import threading
from typing import Any

import psycopg
import pytest

from tests.api.conftest import Hook, User
from tests.conftest import Database
from tests.store.books import Books


def versions(user: User, path: str) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = user.api.get(f"{path}/versions").json["items"]
    return items


def changed(version: dict[str, Any]) -> dict[str, tuple[Any, Any]]:
    return {one["field"]: (one["before"], one["after"]) for one in version["changes"]}


def test_each_change_makes_a_version_that_says_what_it_changed(user: User, hook: Hook) -> None:
    path = f"/api/strategies/{hook.id}"
    user.api.patch(path, {"name": "trend 2", "protection": {"stop_loss": "2%"}})
    same = user.api.patch(path, {"name": "trend 2"})
    assert same.json["version"] == 2, "what changes nothing makes no version"
    user.api.patch(path, {"enabled": False, "watch": {"policy": "ignore"}})
    third, second, first = versions(user, path)
    assert [one["version"] for one in (first, second, third)] == [1, 2, 3]
    assert (first["cause"], first["changes"], first["settings"]["name"]) == ("created", [], "trend")
    assert changed(second) == {"name": ("trend", "trend 2"), "protection.stop_loss": (None, "2%")}
    assert changed(third) == {"enabled": (True, False), "watch.policy": ("alarm", "ignore")}
    assert user.api.get(path).json["version"] == 3
    page = user.api.get(f"{path}/versions?limit=2").json
    rest = user.api.get(f"{path}/versions?limit=2&cursor={page['next_cursor']}").json
    assert [one["version"] for one in page["items"] + rest["items"]] == [3, 2, 1]


def test_going_back_is_a_new_version_equal_to_the_old_one_done_once(user: User, hook: Hook) -> None:
    path = f"/api/strategies/{hook.id}"
    before = user.api.get(path).json
    user.api.patch(path, {"protection": {"stop_loss": "2%"}, "leverage": "3", "max_entries": 4})
    for _ in range(2):
        back = user.api.post(f"{path}/rollback", {"version": 1})
        assert (back.status, back.json) == (200, before | {"version": 3})
    newest, second, first = versions(user, path)
    assert (newest["cause"], newest["rolled_back_to"]) == ("rolled_back", 1)
    assert newest["settings"] == first["settings"]
    assert newest["changes"] == [
        {"field": one["field"], "before": one["after"], "after": one["before"]} for one in second["changes"]
    ]
    entry = user.api.get("/api/audit").json["items"][0]
    assert (entry["action"], entry["details"]["version"]) == ("strategy.rolled_back", 1)
    assert entry["session_id"] == newest["session_id"]


def test_going_back_is_held_to_what_holds_for_changes(user: User, hook: Hook, books: Books) -> None:
    path = f"/api/strategies/{hook.id}"
    assert user.api.post(f"{path}/rollback", {"version": 7}).json["errors"][0]["field"] == "version"
    user.api.patch(path, {"symbols": ["ETHUSDT"]})
    books.position(user.id, hook.strategy["account_id"], strategy_id=hook.id, symbol="ETHUSDT")
    assert user.api.post(f"{path}/rollback", {"version": 1}).code == "position_open"
    books.rows("update positions set status = 'closed'")
    user.strategy(hook.strategy["account_id"], name="taker")
    assert user.api.post(f"{path}/rollback", {"version": 1}).code == "symbol_taken"
    assert len(versions(user, path)) == 2


def test_an_accounts_label_and_limits_have_versions_too(user: User) -> None:
    path = f"/api/accounts/{user.account()['id']}"
    user.api.patch(path, {"limits": {"max_open_positions": 3}})
    assert user.api.patch(path, {"label": "main"}).json["version"] == 2
    assert changed(versions(user, path)[0]) == {"limits.max_open_positions": (None, 3)}
    back = user.api.post(f"{path}/rollback", {"version": 1}).json
    assert (back["version"], back["limits"]["max_open_positions"]) == (3, None)
    assert user.api.post(f"{path}/rollback", {"version": 1}).json["version"] == 3
    assert user.api.post(f"{path}/rollback", {"version": 9}).status == 422


def test_changes_at_the_same_time_lose_nothing(user: User, hook: Hook) -> None:
    path = f"/api/strategies/{hook.id}"
    wishes = [{"name": "b"}, {"leverage": "2"}, {"max_age_s": 60}, {"max_entries": 2}]
    threads = [threading.Thread(target=user.api.patch, args=(path, wish)) for wish in wishes]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    now = user.api.get(path).json
    assert (now["name"], now["leverage"], now["max_age_s"], now["max_entries"]) == ("b", "2", 60, 2)
    assert [one["version"] for one in versions(user, path)] == [5, 4, 3, 2, 1]


def test_the_api_adds_versions_and_changes_none(user: User, hook: Hook, database: Database) -> None:
    with psycopg.connect(database.url_as("backstop_api")) as connection:
        connection.execute("select set_config('app.user_id', %s, false)", [str(user.id)])
        for statement in ("update settings_versions set version = 9", "delete from settings_versions"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege), connection.transaction():
                connection.execute(statement.encode())


def test_a_trade_tells_the_version_it_was_entered_under(user: User, hook: Hook, books: Books) -> None:
    books.trade(user.id, hook.strategy["account_id"], strategy_id=hook.id, strategy_version=4)
    (trade,) = user.api.get("/api/trades").json["items"]
    assert trade["strategy_version"] == 4
