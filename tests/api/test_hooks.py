"""Alerts come in: taken once, refused with a reason, never lost without a row."""

import base64
import json
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from itertools import chain
from typing import Any
from uuid import UUID

import psycopg
import pytest

from api.app import app
from backstop.domain.ids import Epoch
from backstop.store.intake import claim_signals
from backstop.store.query import fetch_all
from tests.api.conftest import Hook, User
from tests.api.gateway_events import Api, Reply, rest_event
from tests.api.races import nobody_writes
from tests.conftest import Database
from tests.store.books import Books


def send(hook: Hook, body: Any, **request: Any) -> Reply:
    return hook.api.post(hook.path, body, **request)


def signals(books: Books) -> list[dict[str, Any]]:
    return books.rows("select * from signals order by seq")


def test_an_alert_becomes_a_signal(hook: Hook, books: Books) -> None:
    reply = send(hook, hook.alert(qty="0.010", stop_loss="1.5%", take_profit="3%", leverage=5))
    assert reply.status == 202
    (signal,) = signals(books)
    assert reply.json == {"signal_id": str(signal["id"]), "status": "accepted"}
    assert (signal["status"], signal["symbol"], signal["action"], str(signal["qty"])) == (
        "accepted",
        "BTCUSDT",
        "buy",
        "0.010",
    )
    assert signal["parsed"] == {
        "action": "buy",
        "symbol": "BTCUSDT",
        "qty": "0.01",
        "sizing": None,
        "only": None,
        "stop_loss": "1.5%",
        "take_profit": [{"at": "3%", "portion": "100%"}],
        "trailing": None,
        "trigger_by": None,
        "entry": None,
        "leverage": "5",
        "position": None,
        "prev_position": None,
        "id": None,
        "time": None,
    }


@pytest.mark.parametrize(
    ("entry", "at"),
    [("0.2%", "0.2%"), (64000, "64000"), ({"kind": "limit", "at": "64000.5"}, "64000.5"), ("Market", None)],
)
def test_an_alert_may_say_how_to_enter(hook: Hook, books: Books, entry: object, at: str | None) -> None:
    assert send(hook, hook.alert(entry=entry)).status == 202
    (signal,) = signals(books)
    assert signal["parsed"]["entry"]["at"] == at


@pytest.mark.parametrize(
    "content_type",
    [
        "application/json",
        "application/json; charset=utf-8",
        "text/plain",
        "text/plain; charset=utf-8",
        "Text/Plain; Charset=UTF-8",
        "application/x-www-form-urlencoded",
    ],
)
def test_an_alert_is_json_whatever_it_is_called(hook: Hook, content_type: str) -> None:
    assert send(hook, hook.alert(), content_type=content_type).status == 202


def test_an_alert_needs_no_content_type(hook: Hook) -> None:
    assert app(rest_event("POST", hook.path, hook.alert(), {}), None)["statusCode"] == 202


def test_other_content_types_are_refused_as_a_problem(hook: Hook) -> None:
    reply = send(hook, hook.alert(), content_type="application/xml")
    assert (reply.status, reply.code) == (415, "unsupported_media_type")


def test_a_body_may_come_in_base64(hook: Hook) -> None:
    event = rest_event("POST", hook.path, base64.b64encode(json.dumps(hook.alert()).encode()).decode(), {})
    assert app({**event, "isBase64Encoded": True}, None)["statusCode"] == 202


def test_a_byte_order_mark_is_no_matter(hook: Hook) -> None:
    assert send(hook, "\ufeff" + json.dumps(hook.alert())).status == 202


@pytest.mark.parametrize("symbol", ["BYBIT:BTCUSDT.P", "BTC/USDT:USDT", "btcusdt"])
def test_symbols_are_read_as_others_write_them(hook: Hook, books: Books, symbol: str) -> None:
    assert send(hook, hook.alert(symbol=symbol, action="BUY")).status == 202
    assert signals(books)[0]["symbol"] == "BTCUSDT"


def test_the_dashboard_and_the_streamer_are_told(hook: Hook, books: Books, database: Database) -> None:
    with psycopg.connect(database.url, autocommit=True) as streamer:
        streamer.execute("listen backstop_work")
        send(hook, hook.alert())
        (told,) = streamer.notifies(timeout=5, stop_after=1)
    (signal,) = signals(books)
    assert told.payload == str(signal["account_id"])
    (event,) = books.rows("select * from events where type = 'signal'")
    assert (event["data"]["id"], event["data"]["strategy_name"]) == (str(signal["id"]), "trend")


# ---- repeats


def test_a_repeat_is_told_by_its_id(hook: Hook) -> None:
    first = send(hook, hook.alert(id="a1"))
    again = send(hook, hook.alert(id="a1", qty="5"))
    assert again.status == 200
    assert again.json == {"signal_id": first.json["signal_id"], "status": "duplicate"}
    assert send(hook, hook.alert(id="a2")).status == 202


def test_with_a_time_the_same_body_is_a_repeat_for_ever(hook: Hook, books: Books) -> None:
    alert = hook.alert(time="2026-11-24T00:00:00Z")
    first = send(hook, alert)
    books.rows("update signals set received_at = received_at - interval '1 year'")
    again = send(hook, alert)
    assert (again.status, again.json["signal_id"]) == (200, first.json["signal_id"])
    assert send(hook, hook.alert(time="2026-11-24T00:00:01Z")).status == 202


def test_without_id_and_time_the_same_body_is_a_repeat_for_thirty_seconds(hook: Hook, books: Books) -> None:
    first = send(hook, hook.alert())
    assert send(hook, hook.alert()).json == {"signal_id": first.json["signal_id"], "status": "duplicate"}
    books.rows("update signals set received_at = received_at - interval '31 seconds'")
    assert send(hook, hook.alert()).status == 202
    assert len(signals(books)) == 2


@pytest.mark.parametrize("fields", [{}, {"id": "one"}, {"time": "2026-11-24T00:00:00Z"}])
@pytest.mark.fault(1)
def test_fifty_at_once_make_one_signal(hook: Hook, books: Books, fields: dict[str, str]) -> None:
    with ThreadPoolExecutor(16) as senders:
        replies = list(senders.map(lambda _: send(hook, hook.alert(**fields)), range(50)))
    assert sorted(reply.status for reply in replies) == [200] * 49 + [202]
    assert len({reply.json["signal_id"] for reply in replies}) == 1
    assert len(signals(books)) == 1
    assert len(books.rows("select * from events")) == 1


def test_of_two_that_look_before_either_is_stored_one_is_a_repeat(hook: Hook, books: Books) -> None:
    with ThreadPoolExecutor(2) as senders:
        with nobody_writes(books, "signals") as until_waiting:
            replies = [senders.submit(send, hook, hook.alert()) for _ in range(2)]
            until_waiting(2)
        assert sorted(reply.result().status for reply in replies) == [200, 202]
    assert len(signals(books)) == 1


def test_a_repeat_is_a_strategys_own_matter(hook: Hook, user: User) -> None:
    twin = Hook(hook.api, user.strategy(user.account()["id"]))
    assert send(hook, hook.alert(id="a1")).status == 202
    assert send(twin, twin.alert(id="a1")).status == 202


# ---- the secret not proved


def refused(books: Books) -> dict[str, Any]:
    assert signals(books) == []
    assert books.rows("select * from events") == []
    (row,) = books.rows("select * from refused_alerts")
    return row


def test_an_unknown_hook_is_not_found(api: Api, books: Books) -> None:
    assert api.post("/api/hooks/nobody", {}).status == 404
    assert api.post("/api/hooks/%00", {}).status == 404
    assert api.post("/api/hooks/\0", {}).status == 404
    assert books.rows("select * from refused_alerts") == []


@pytest.mark.parametrize("secret", ["wrong", "", None, 5, ["x"], "\x00", "é"])
@pytest.mark.fault(8)
def test_a_wrong_secret_is_refused_and_noted(hook: Hook, books: Books, secret: object) -> None:
    reply = send(hook, {**hook.alert(), "secret": secret})
    assert (reply.status, reply.code) == (401, "wrong_secret")
    row = refused(books)
    assert (row["status"], row["code"], row["source_ip"]) == (401, "wrong_secret", "203.0.113.7")


def test_a_missing_secret_is_refused(hook: Hook, books: Books) -> None:
    assert send(hook, {"action": "buy", "symbol": "BTCUSDT"}).status == 401
    assert refused(books)["code"] == "wrong_secret"


@pytest.mark.fault(8)
def test_the_secret_of_another_hook_opens_nothing(hook: Hook, user: User) -> None:
    twin = Hook(hook.api, user.strategy(user.account()["id"]))
    assert send(hook, twin.alert()).status == 401


def test_a_rotated_secret_is_refused_and_the_new_one_taken(hook: Hook, user: User) -> None:
    new = user.api.post(f"/api/strategies/{hook.id}/secret").json["webhook_secret"]
    assert send(hook, hook.alert()).status == 401
    assert send(hook, {**hook.alert(), "secret": new}).status == 202


@pytest.mark.fault(7)
def test_a_large_body_is_refused_unread(hook: Hook, books: Books) -> None:
    assert send(hook, hook.alert(id="x" * 9000)).status == 413
    row = refused(books)
    assert (row["code"], row["body_bytes"] > 9000, len(row["excerpt"])) == ("too_large", True, 500)
    assert hook.secret not in row["excerpt"]


def deep(levels: int) -> str:
    return '{"a":' * levels + "1" + "}" * levels


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"buy BTCUSDT now",
        b"\xff\xfe\x00",
        b"[1]",
        b"null",
        b'"text"',
        b'{"secret": ',
        b"[" * 8000,
        deep(6).encode(),
        b'{"a\\u0000": 1}',
        b'{"\\ud800": 1}',
    ],
)
def test_what_cannot_be_read_says_so_of_the_body(hook: Hook, books: Books, body: bytes) -> None:
    reply = send(hook, body)
    assert (reply.status, reply.fields) == (422, ["body"])
    assert refused(books)["body_hash"] == sha256(body).digest()


@pytest.mark.parametrize(
    "body",
    [
        '{"secret":"hush-hush","action":"buy',
        "secret=hush-hush&action=buy",
        "Token: hush-hush, passphrase: 'hush-hush'",
        '{"my_api_key" : "hush-hush", "n": 1',
        '{"password":"hush-hush\\"still hush-hush"',
    ],
)
def test_an_excerpt_masks_what_looks_like_a_secret(hook: Hook, books: Books, body: str) -> None:
    send(hook, body)
    assert "hush" not in refused(books)["excerpt"]


# ---- the secret proved, the content wrong


@pytest.mark.parametrize(
    ("fields", "field", "says"),
    [
        ({"action": "hold"}, "action", "buy"),
        ({"symbol": "ETHUSDT"}, "symbol", "this strategy trades BTCUSDT"),
        ({"symbol": "?"}, "symbol", "BYBIT:BTCUSDT.P"),
        ({"qty": "-1"}, "qty", "greater than 0"),
        ({"qty": 0}, "qty", "greater than 0"),
        ({"qty": "1e999"}, "qty", "usual size"),
        ({"qty": "NaN"}, "qty", "finite"),
        ({"qty": True}, "qty", ""),
        ({"stop_loss": "0%"}, "stop_loss", "1.5%"),
        ({"stop_loss": "1e999"}, "stop_loss", "64000"),
        ({"take_profit": [{"at": "2%", "portion": "150%"}]}, "take_profit.0.portion", "100%"),
        ({"take_profit": [{"at": "2%"}, {"at": "3%"}]}, "take_profit", "more than 100%"),
        ({"leverage": 101}, "leverage", "100"),
        ({"entry": "0%"}, "entry.at", "1.5%"),
        ({"entry": {"kind": "limit"}}, "entry", "a limit needs at"),
        ({"entry": {"kind": "limit", "at": "1%", "expires_s": 0}}, "entry.expires_s", "greater than"),
        ({"action": "target"}, "body", "target needs position"),
        ({"break_even": "0.8%"}, "break_even", "not supported yet"),
        ({"limit": 5}, "limit", "unknown field"),
        ({"symbol": "{{ticker}}"}, "symbol", "{{ticker}}"),
        ({"id": "x{{strategy.order.id}}"}, "id", "{{strategy.order.id}}"),
        ({"take_profit": [{"at": "{{plot_0}}"}]}, "take_profit.0.at", "{{plot_0}}"),
        ({"{{x}}": 1}, "{{x}}", "placeholder"),
        ({"time": "yesterday"}, "time", ""),
        ({"time": "2026-11-24T00:00:00"}, "time", "timezone"),
        ({"id": "a\x00b"}, "id", "control"),
        ({"id": "a\ud800b"}, "id", "control"),
    ],
)
def test_an_alert_that_does_not_fit_is_rejected_by_field(
    hook: Hook, books: Books, fields: dict[str, object], field: str, says: str
) -> None:
    reply = send(hook, hook.alert(**fields))
    assert (reply.status, reply.fields) == (422, [field])
    assert says in reply.json["errors"][0]["message"]
    (signal,) = signals(books)
    assert (signal["status"], signal["parsed"]) == ("rejected", None)
    assert signal["errors"] == reply.json["errors"]
    (event,) = books.rows("select data from events")
    assert event["data"]["errors"] == reply.json["errors"]
    assert books.rows("select * from refused_alerts") == []


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999", "1E-999", "9" * 40, "9" * 5000])
@pytest.mark.fault(7)
def test_numbers_that_are_none_are_named(hook: Hook, number: str) -> None:
    body = json.dumps(hook.alert(qty=0)).replace('"qty": 0', f'"qty": {number}')
    reply = send(hook, body)
    assert (reply.status, reply.fields) == (422, ["qty"])


def test_several_faults_are_told_at_once(hook: Hook) -> None:
    assert set(send(hook, hook.alert(qty="-1", break_even="1%", leverage=0)).fields) == {
        "qty",
        "break_even",
        "leverage",
    }


def test_what_the_exchange_does_not_trade_is_rejected(hook: Hook, books: Books) -> None:
    books.instrument("ETHUSDT")
    reply = send(hook, hook.alert())
    assert (reply.fields, reply.json["errors"][0]["message"]) == (["symbol"], "is not traded on simulator")


def test_leverage_is_held_against_the_instrument(hook: Hook, books: Books) -> None:
    books.instrument("BTCUSDT", max_leverage=20)
    assert send(hook, hook.alert(leverage=21)).fields == ["leverage"]
    assert send(hook, hook.alert(leverage="20")).status == 202


def test_a_rejected_alert_sent_again_is_rejected_again(hook: Hook, books: Books) -> None:
    assert [send(hook, hook.alert(qty=0)).status for _ in range(2)] == [422, 422]
    assert len(signals(books)) == 2


def test_a_strategy_switched_off_takes_note_and_refuses(hook: Hook, user: User, books: Books) -> None:
    user.api.patch(f"/api/strategies/{hook.id}", {"enabled": False})
    assert send(hook, hook.alert()).status == 202
    (signal,) = signals(books)
    assert (signal["status"], signal["reason_code"]) == ("refused", "strategy_disabled")
    assert signal["decided_at"] is not None


def test_a_removed_strategys_hook_is_gone(hook: Hook, user: User) -> None:
    user.api.delete(f"/api/strategies/{hook.id}")
    assert send(hook, hook.alert()).status == 404


# ---- the secret stays out


@pytest.mark.parametrize("escaped", [False, True])
def test_the_secret_is_in_no_row(hook: Hook, books: Books, escaped: bool) -> None:
    spelled = "".join(f"\\u{ord(letter):04x}" for letter in hook.secret) if escaped else hook.secret
    for fields in ({"id": f"twice {hook.secret}"}, {"action": hook.secret}, {hook.secret: 1}):
        send(hook, json.dumps(hook.alert(**fields)).replace(hook.secret, spelled))
    for table in ("signals", "events", "refused_alerts"):
        assert hook.secret not in str(books.rows(f"select * from {table}"))
    assert "***" in signals(books)[0]["raw"]
    assert "".join(hook.api.said).count(hook.secret) == 1, "shown when it was made, and never again"


# ---- the database away


def test_without_a_database_it_says_so_at_once(hook: Hook, database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BACKSTOP_API_DATABASE_URL", "postgresql://backstop@127.0.0.1:1/none")
    reply = send(hook, hook.alert())
    assert (reply.status, reply.code) == (503, "database_unavailable")
    assert "Retry-After" in reply.headers


def test_a_connection_that_broke_between_requests_is_replaced(hook: Hook, books: Books) -> None:
    books.rows("select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'backstop-api'")
    assert send(hook, hook.alert()).status == 202


def test_a_burst_over_many_symbols_keeps_the_order_of_each(user: User, api: Api, books: Books) -> None:
    """Twenty alerts over eight symbols, as fast as they go, are taken up symbol by symbol as they were sent."""
    symbols = [f"{coin}USDT" for coin in ("BTC", "ETH", "SOL", "XRP", "ADA", "DOGE", "LTC", "DOT")]
    account = user.account()["id"]
    hook = Hook(api, user.strategy(account, symbols=symbols))
    sent = {symbol: [f"{symbol}-{number}" for number in range(3 if at < 4 else 2)] for at, symbol in enumerate(symbols)}
    assert sum(map(len, sent.values())) == 20

    def send_all(symbol: str) -> list[int]:
        return [send(hook, hook.alert(symbol=symbol, id=name)).status for name in sent[symbol]]

    with ThreadPoolExecutor(8) as senders:
        assert set(chain(*senders.map(send_all, symbols))) == {202}
    with books.connected() as connection:
        taken = fetch_all(connection, claim_signals(UUID(account), Epoch(1)))
    names = {row["id"]: row["parsed"]["id"] for row in signals(books)}
    for symbol in symbols:
        assert [names[signal.id] for signal in taken if signal.symbol == symbol] == sent[symbol]
