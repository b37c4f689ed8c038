"""Strategies and their webhooks."""

from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256

import psycopg
import pytest

from tests.api.conftest import ORIGIN, User
from tests.conftest import Database
from tests.store.books import Books


def test_a_strategy_is_made_with_its_webhook(user: User, books: Books) -> None:
    account = user.account()
    made = user.strategy(
        account["id"],
        symbols=["BYBIT:BTCUSDT.P", "BTCUSDT", "ETH/USDT:USDT"],
        leverage=5,
        protection={"stop_loss": "1.5%", "take_profit": "3%"},
    )
    secret = made.pop("webhook_secret")
    assert made == {
        "id": made["id"],
        "account_id": account["id"],
        "name": "trend",
        "symbols": ["BTCUSDT", "ETHUSDT"],
        "sizing": {"mode": "qty", "value": "0.01"},
        "leverage": "5",
        "max_age_s": 30,
        "on_opposite": "reverse",
        "protection": {
            "stop_loss": "1.5%",
            "take_profit": [{"at": "3%", "portion": "100%"}],
            "resident_gap": "0.5%",
            "trailing": None,
            "break_even": None,
            "time_exit_s": None,
            "trigger_by": "last",
        },
        "entry": {"kind": "market", "at": None, "expires_s": 60, "post_only": False},
        "max_entries": 1,
        "margin_mode": "any",
        "watch": {"policy": "alarm", "expected_every_s": None},
        "source": {"state": None, "quiet_since": None},
        "version": 1,
        "enabled": True,
        "webhook_url": made["webhook_url"],
        "created_at": made["created_at"],
    }
    assert made["webhook_url"].startswith(f"{ORIGIN}/api/hooks/")
    (row,) = books.rows("select * from strategies")
    assert len(row["hook_id"]) == 22
    assert len(secret) == 43
    assert bytes(row["secret_hash"]) == sha256(secret.encode()).digest()
    assert secret not in str(row)


def test_the_settings_are_kept_as_the_models_write_them(user: User, books: Books) -> None:
    user.strategy(user.account()["id"])
    assert books.rows("select settings from strategies")[0]["settings"] == {
        "sizing": {"mode": "qty", "value": "0.01"},
        "leverage": "1",
        "max_age_s": 30,
        "on_opposite": "reverse",
        "protection": {
            "stop_loss": None,
            "take_profit": [],
            "resident_gap": "0.5%",
            "trailing": None,
            "break_even": None,
            "time_exit_s": None,
            "trigger_by": "last",
        },
        "entry": {"kind": "market", "at": None, "expires_s": 60, "post_only": False},
        "max_entries": 1,
        "margin_mode": "any",
    }


@pytest.mark.parametrize(
    ("entry", "kept"),
    [
        ("0.2%", {"kind": "limit", "at": "0.2%", "expires_s": 60, "post_only": False}),
        (
            {"kind": "limit", "at": "1%", "expires_s": 86_400, "post_only": True},
            {"kind": "limit", "at": "1%", "expires_s": 86_400, "post_only": True},
        ),
        ("market", {"kind": "market", "at": None, "expires_s": 60, "post_only": False}),
    ],
)
def test_how_to_enter_is_kept_and_changed(user: User, entry: object, kept: object) -> None:
    made = user.strategy(user.account()["id"], entry=entry)
    assert made["entry"] == kept
    changed = user.api.patch(f"/api/strategies/{made['id']}", {"entry": "0.5%"})
    assert (changed.status, changed.json["entry"]["at"]) == (200, "0.5%")


@pytest.mark.parametrize(
    ("entry", "field", "message"),
    [
        ({"kind": "limit"}, "entry", "a limit needs at"),
        ({"kind": "market", "at": "1%"}, "entry", "at and post_only belong to kind limit"),
        ("64000", "entry", "a strategy enters at a distance"),
        ({"kind": "limit", "at": "1%", "expires_s": 86_401}, "entry.expires_s", "less than or equal to 86400"),
        ({"kind": "limit", "at": "-1%"}, "entry.at", "must be a distance"),
    ],
)
def test_an_entry_that_makes_no_sense_is_refused_by_field(user: User, entry: object, field: str, message: str) -> None:
    made = user.strategy(user.account()["id"])
    reply = user.api.patch(f"/api/strategies/{made['id']}", {"entry": entry})
    assert reply.status == 422
    (error,) = reply.json["errors"]
    assert error["field"] == field and message in error["message"], error


def test_the_secret_is_shown_once(user: User) -> None:
    made = user.strategy(user.account()["id"])
    path = f"/api/strategies/{made['id']}"
    for reply in (user.api.get(path), user.api.get("/api/strategies"), user.api.patch(path, {"name": "x"})):
        assert "webhook_secret" not in reply.text
        assert made["webhook_secret"] not in reply.text


def test_only_what_is_named_changes(user: User) -> None:
    made = user.strategy(user.account()["id"], protection={"stop_loss": "2%"})
    path = f"/api/strategies/{made['id']}"
    changed = user.api.patch(path, {"enabled": False, "sizing": {"mode": "risk_pct", "value": 1}})
    assert changed.status == 200
    del made["webhook_secret"]
    assert changed.json == {**made, "enabled": False, "version": 2, "sizing": {"mode": "risk_pct", "value": "1"}}
    assert user.api.get(path).json == changed.json
    assert user.api.patch(path, {"enabled": True, "name": None}).json["enabled"] is True


def test_the_streamer_is_woken_for_a_change(user: User, database: Database) -> None:
    account = user.account()
    made = user.strategy(account["id"])
    with psycopg.connect(database.url, autocommit=True) as streamer:
        streamer.execute("listen backstop_work")
        user.api.patch(f"/api/strategies/{made['id']}", {"max_age_s": 60})
        (told,) = streamer.notifies(timeout=5, stop_after=1)
    assert told.payload == account["id"]


@pytest.mark.fault(41)
def test_a_symbol_belongs_to_one_strategy_of_an_account(user: User) -> None:
    account = user.account()
    user.strategy(account["id"], name="first", symbols=["BTCUSDT", "ETHUSDT"])
    body = {
        "account_id": account["id"],
        "name": "second",
        "symbols": ["SOLUSDT", "ETHUSDT"],
        "sizing": {"mode": "qty", "value": "1"},
    }
    reply = user.api.post("/api/strategies", body)
    assert (reply.status, reply.code) == (409, "symbol_taken")
    assert "ETHUSDT" in reply.json["detail"]
    assert "first" in reply.json["detail"]
    second = user.strategy(account["id"], symbols=["SOLUSDT"])
    assert user.api.patch(f"/api/strategies/{second['id']}", {"symbols": ["BTCUSDT"]}).code == "symbol_taken"
    assert user.api.patch(f"/api/strategies/{second['id']}", {"symbols": ["SOLUSDT", "XRPUSDT"]}).status == 200
    user.strategy(user.account()["id"], symbols=["ETHUSDT"])


@pytest.mark.fault(41)
def test_two_strategies_asked_for_at_once_do_not_share_a_symbol(user: User) -> None:
    account = user.account()
    body = {
        "account_id": account["id"],
        "name": "twin",
        "symbols": ["BTCUSDT"],
        "sizing": {"mode": "qty", "value": "1"},
    }
    with ThreadPoolExecutor(8) as tabs:
        replies = list(tabs.map(lambda _: user.api.post("/api/strategies", body), range(8)))
    assert sorted(reply.status for reply in replies) == [201] + [409] * 7


def test_symbols_are_held_against_what_the_exchange_trades_there(user: User, books: Books) -> None:
    books.instrument("BTCUSDT", environment="simulator")
    account = user.account()
    body = {"account_id": account["id"], "name": "x", "sizing": {"mode": "qty", "value": "1"}}
    reply = user.api.post("/api/strategies", {**body, "symbols": ["BTCUSDT", "DOGEUSDT"]})
    assert (reply.status, reply.fields) == (422, ["symbols"])
    assert "DOGEUSDT is not traded on simulator" in reply.json["errors"][0]["message"]
    assert user.api.post("/api/strategies", {**body, "symbols": ["BTCUSDT"]}).status == 201
    demo = user.account(environment="demo")
    assert user.api.post("/api/strategies", {**body, "account_id": demo["id"], "symbols": ["DOGEUSDT"]}).status == 201


def test_a_strategy_with_an_open_position_stays(user: User, books: Books) -> None:
    account = user.account()
    made = user.strategy(account["id"], symbols=["BTCUSDT", "ETHUSDT"])
    path = f"/api/strategies/{made['id']}"
    books.position(user.id, account["id"], strategy_id=made["id"], symbol="ETHUSDT")
    assert user.api.delete(path).code == "position_open"
    assert user.api.patch(path, {"symbols": ["BTCUSDT"]}).code == "position_open"
    assert user.api.patch(path, {"symbols": ["ETHUSDT"]}).status == 200
    books.rows("update positions set status = 'closed'")
    assert user.api.delete(path).status == 204
    assert user.api.get(path).status == 404
    assert user.api.get("/api/strategies").json["items"] == []


def test_a_removed_strategys_symbol_is_free_again(user: User) -> None:
    account = user.account()
    made = user.strategy(account["id"])
    user.api.delete(f"/api/strategies/{made['id']}")
    assert user.strategy(account["id"])["id"] != made["id"]


def test_a_strategy_needs_an_account_that_is_there(user: User) -> None:
    account = user.account()
    user.api.delete(f"/api/accounts/{account['id']}")
    body = {
        "account_id": account["id"],
        "name": "x",
        "symbols": ["BTCUSDT"],
        "sizing": {"mode": "qty", "value": "1"},
    }
    assert user.api.post("/api/strategies", body).status == 404


def test_rotating_gives_a_new_secret(user: User) -> None:
    made = user.strategy(user.account()["id"])
    rotated = user.api.post(f"/api/strategies/{made['id']}/secret")
    assert rotated.status == 200
    assert rotated.json["webhook_secret"] != made["webhook_secret"]
    assert rotated.json["webhook_url"] == made["webhook_url"]


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"name": ""}, "name"),
        ({"symbols": []}, "symbols"),
        ({"symbols": ["no symbol!"]}, "symbols.0"),
        ({"sizing": {"mode": "all", "value": "1"}}, "sizing.mode"),
        ({"sizing": {"mode": "qty", "value": "-1"}}, "sizing.value"),
        ({"sizing": {"mode": "qty", "value": "1e999"}}, "sizing.value"),
        ({"sizing": {"mode": "risk_pct", "value": "101"}}, "sizing"),
        ({"leverage": "0.5"}, "leverage"),
        ({"max_age_s": 0}, "max_age_s"),
        ({"on_opposite": "panic"}, "on_opposite"),
        ({"protection": {"stop_loss": "soon"}}, "protection.stop_loss"),
        ({"protection": {"trailing": "wide"}}, "protection.trailing.distance"),
        ({"protection": {"take_profit": [{"at": "1%"}, {"at": "2%"}]}}, "protection.take_profit"),
        ({"account_id": "x"}, "account_id"),
    ],
)
def test_a_strategy_that_does_not_fit_says_which_field(user: User, fields: dict[str, object], field: str) -> None:
    usual = {
        "account_id": user.account()["id"],
        "name": "x",
        "symbols": ["BTCUSDT"],
        "sizing": {"mode": "qty", "value": "1"},
    }
    reply = user.api.post("/api/strategies", {**usual, **fields})
    assert (reply.status, reply.fields) == (422, [field])


def test_two_strategies_may_trade_a_symbol_in_hedge_mode(user: User, books: Books) -> None:
    account = user.account()
    user.strategy(account["id"], name="first", symbols=["BTCUSDT", "ETHUSDT"])
    books.rows("update accounts set hedged_symbols = array['ETHUSDT']")
    user.strategy(account["id"], name="second", symbols=["ETHUSDT"])
    body = {
        "account_id": account["id"],
        "name": "third",
        "symbols": ["BTCUSDT"],
        "sizing": {"mode": "qty", "value": "1"},
    }
    assert user.api.post("/api/strategies", body).code == "symbol_taken"
