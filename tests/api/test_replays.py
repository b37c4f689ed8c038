"""An alert of the past is given again where no money is real, and nowhere else."""

from typing import Any

from tests.api.conftest import Hook, User
from tests.api.gateway_events import Reply
from tests.store.books import Books


def replay(user: User, signal_id: str, strategy_id: str) -> Reply:
    return user.api.post(f"/api/signals/{signal_id}/replay", {"strategy_id": strategy_id})


def alerted(hook: Hook, **fields: Any) -> str:
    reply = hook.api.post(hook.path, hook.alert(**fields))
    assert reply.status in (202, 422), reply.text
    return str(reply.json.get("signal_id"))


def test_the_same_is_asked_for_again_as_a_signal_of_its_own(user: User, hook: Hook, books: Books) -> None:
    first = alerted(hook, id="once", time="2020-01-01T00:00:00Z", stop_loss="2%", qty="0.02")

    reply = replay(user, first, hook.id)

    assert reply.status == 202, reply.text
    again = user.api.get(f"/api/signals/{reply.json['signal_id']}").json
    assert again["id"] != first
    assert (again["status"], again["action"], again["symbol"], again["qty"]) == ("accepted", "buy", "BTCUSDT", "0.02")
    assert again["parsed"]["stop_loss"] == "2%"
    assert (again["parsed"]["id"], again["parsed"]["time"], again["alert_time"]) == (None, None, None)
    assert (again["source"]["proved_by"], again["source"]["replay_of"]) == ("session", first)
    assert hook.secret not in again["raw"]
    told = [event["data"]["id"] for event in user.api.get("/api/events").json["items"] if event["type"] == "signal"]
    assert told == [first, again["id"]]
    (entry,) = books.rows("select * from audit_log where action = 'signal.replayed'")
    assert entry["subject"] == again["id"]


def test_it_goes_to_the_strategy_that_is_chosen(user: User, hook: Hook) -> None:
    first = alerted(hook)
    paper = user.strategy(user.account(label="demo", environment="demo")["id"], name="paper")

    again = user.api.get(f"/api/signals/{replay(user, first, paper['id']).json['signal_id']}").json

    assert (again["strategy_id"], again["account_id"]) == (paper["id"], paper["account_id"])


def test_it_never_trades_real_money(user: User, hook: Hook, books: Books) -> None:
    first = alerted(hook)
    real = user.strategy(user.account(label="real", environment="mainnet")["id"], name="real")

    reply = replay(user, first, real["id"])

    assert (reply.status, reply.fields) == (422, ["strategy_id"])
    assert len(books.rows("select * from signals")) == 1


def test_what_cannot_be_done_again_is_refused(user: User, hook: Hook) -> None:
    first = alerted(hook)
    elsewhere = user.strategy(user.account(label="second")["id"], name="eth", symbols=["ETHUSDT"])
    assert replay(user, first, elsewhere["id"]).fields == ["symbol"]
    user.api.send("PATCH", f"/api/strategies/{elsewhere['id']}", {"enabled": False})
    assert replay(user, first, elsewhere["id"]).code == "strategy_disabled"
    alerted(hook, action="dance")
    (unread,) = [item["id"] for item in user.api.get("/api/signals").json["items"] if item["status"] == "rejected"]
    assert replay(user, unread, hook.id).code == "not_understood"


def test_others_see_neither_signal_nor_strategy(user: User, other: User, hook: Hook) -> None:
    first = alerted(hook)
    own = other.strategy(other.account()["id"])
    assert replay(other, first, own["id"]).status == 404
    assert replay(user, first, own["id"]).fields == ["strategy_id"]
