"""What a webhook may ask for, who may send to it, and how they prove who they are."""

import hmac
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from api.hook_policy import is_tradingview
from tests.api.conftest import Hook, User
from tests.api.gateway_events import Api, Reply
from tests.store.books import Books


def send(hook: Hook, body: Any, **request: Any) -> Reply:
    return hook.api.post(hook.path, body, **request)


def policy(user: User, hook: Hook, **fields: Any) -> dict[str, Any]:
    reply = user.api.send("PUT", f"/api/strategies/{hook.id}/hook", fields)
    assert reply.status == 200, reply.text
    made: dict[str, Any] = reply.json
    return made


def in_hours(hours: int) -> str:
    return (datetime.now(UTC) + timedelta(hours=hours)).isoformat()


def test_a_hook_is_open_at_first(user: User, hook: Hook) -> None:
    shown = user.api.get(f"/api/strategies/{hook.id}/hook").json
    assert shown["webhook_url"].endswith(hook.path)
    assert (shown["policy"]["sources"], shown["policy"]["max_per_minute"]) == ([], 600)
    assert (shown["has_signing_key"], shown["previous_secret_until"]) == (False, None)


@pytest.mark.parametrize(
    ("fields", "alert", "code"),
    [
        ({"sides": ["long"]}, {"action": "sell"}, "side_not_allowed"),
        ({"sides": ["long"]}, {"action": "target", "position": "short"}, "side_not_allowed"),
        ({"sides": ["long"]}, {"action": "reverse"}, "side_not_allowed"),
        ({"sides": ["long"]}, {"action": "buy"}, None),
        ({"sides": ["long"]}, {"action": "close"}, None),
        ({"sides": ["long"]}, {"action": "sell", "position": "flat"}, None),
        ({"actions": ["buy", "close"]}, {"action": "sell"}, "action_not_allowed"),
        ({"actions": ["buy", "close"]}, {"action": "close"}, None),
        ({"symbols": ["ETHUSDT"]}, {}, "symbol_not_allowed"),
        ({"symbols": ["BYBIT:BTCUSDT.P"]}, {}, None),
        ({"max_notional": "1000"}, {"qty": "0.02"}, "max_notional"),
        ({"max_notional": "1000"}, {"qty": "0.01"}, None),
        ({"max_notional": "1000"}, {}, None),
        ({"max_notional": "1000"}, {"sizing": {"mode": "quote", "value": "1000"}}, None),
        ({"max_notional": "1000"}, {"sizing": {"mode": "quote", "value": "1001"}}, "max_notional"),
        ({"max_notional": "1000"}, {"sizing": {"mode": "qty", "value": "0.02"}}, "max_notional"),
        ({"max_notional": "1000"}, {"sizing": {"mode": "equity_pct", "value": "1"}}, "notional_unknown"),
        ({"max_notional": "1000"}, {"qty": "9", "action": "close"}, None),
        ({"expires_at": in_hours(-1)}, {}, "hook_expired"),
        ({"expires_at": in_hours(1)}, {}, None),
        ({"sources": ["198.51.100.0/24"]}, {}, "foreign_source"),
        ({"sources": ["tradingview", "203.0.113.0/24"]}, {}, None),
        ({"client_certificate": "require"}, {}, "foreign_certificate"),
    ],
)
def test_only_what_the_policy_allows_goes_in(
    user: User, hook: Hook, books: Books, fields: Any, alert: Any, code: str | None
) -> None:
    books.price(65000)
    policy(user, hook, **fields)
    reply = send(hook, hook.alert(**alert))
    (signal,) = books.rows("select status, reason_code from signals")
    if code is None:
        assert (reply.status, signal["status"]) == (202, "accepted")
    else:
        assert (reply.status, reply.code, signal["status"], signal["reason_code"]) == (403, code, "refused", code)


def test_without_a_price_no_notional_is_let_in(user: User, hook: Hook) -> None:
    policy(user, hook, max_notional="1000")
    assert send(hook, hook.alert(qty="0.001")).code == "notional_unknown"


def test_so_many_entries_a_day(user: User, hook: Hook, books: Books) -> None:
    policy(user, hook, max_per_day=2)
    assert [send(hook, hook.alert(id=str(number))).status for number in range(3)] == [202, 202, 403]
    assert send(hook, hook.alert(id="out", action="close")).status == 202
    assert send(hook, hook.alert(id="0")).status == 200
    books.rows("update signals set received_at = received_at - interval '25 hours'")
    assert send(hook, hook.alert(id="next day")).status == 202


def test_what_was_refused_may_come_again_when_it_is_allowed(user: User, hook: Hook) -> None:
    policy(user, hook, sides=["short"])
    assert send(hook, hook.alert()).status == 403
    policy(user, hook)
    assert send(hook, hook.alert()).status == 202


def test_a_hook_called_too_often_takes_no_more(user: User, hook: Hook, books: Books) -> None:
    policy(user, hook, max_per_minute=3)
    assert send(hook, {"secret": "wrong", "action": "buy"}).status == 401
    for minutes in (0, 1):
        books.rows(
            """insert into hook_calls select id, user_id, date_trunc('minute', now()) + make_interval(mins => %s), 3
                 from strategies on conflict (strategy_id, minute) do update set calls = 3""",
            minutes,
        )
    late = send(hook, hook.alert())
    assert (late.status, late.code, late.headers["Retry-After"]) == (429, "too_often", "60")
    assert len(books.rows("select * from refused_alerts")) == 1
    notices = [event for event in user.api.get("/api/events").json["items"] if event["type"] == "notice"]
    assert [notice["data"]["code"] for notice in notices] == ["hook_too_often"]


@pytest.mark.parametrize("source", ["not a network", "300.0.0.1", "203.0.113.5/24"])
def test_sources_are_networks(user: User, hook: Hook, source: str) -> None:
    reply = user.api.send("PUT", f"/api/strategies/{hook.id}/hook", {"sources": [source]})
    assert (reply.status, reply.fields) == (422, ["sources.0"])


def test_a_policy_is_nobody_elses(user: User, other: User, hook: Hook) -> None:
    assert other.api.send("PUT", f"/api/strategies/{hook.id}/hook", {}).status == 404


# ---- who sends


def test_the_flight_record_says_where_it_came_from(user: User, hook: Hook) -> None:
    made = send(hook, hook.alert()).json["signal_id"]
    record = user.api.get(f"/api/signals/{made}").json
    assert record["source"] == {
        "ip": "203.0.113.7",
        "proved_by": "secret",
        "dialect": "native",
        "client_certificate": None,
        "tradingview_certificate": False,
        "replay_of": None,
    }
    assert (record["spooled"], record["stored_at"] >= record["received_at"]) == (False, True)


def test_tradingviews_addresses_are_known(user: User, hook: Hook) -> None:
    policy(user, hook, sources=["tradingview"])
    tradingview = Api(source_ip="52.89.214.238")
    assert tradingview.post(hook.path, hook.alert()).status == 202
    spoofed = Api(source_ip="203.0.113.7").post(
        hook.path, hook.alert(id="2"), headers={"X-Forwarded-For": "52.89.214.238"}
    )
    assert spoofed.code == "foreign_source"


@pytest.mark.parametrize(
    ("subject", "theirs"),
    [
        ("CN=TradingView Webhooks,O=TradingView\\, Inc.,L=Westerville,ST=Ohio,C=US", True),
        ('C=US, ST=Ohio, L=Westerville, O="TradingView, Inc.", CN=TradingView Webhooks', True),
        ("/C=US/ST=Ohio/L=Westerville/O=TradingView, Inc./CN=TradingView Webhooks", True),
        ("CN=TradingView Webhooks", False),
        ("CN=not TradingView Webhooks,O=TradingView\\, Inc.", False),
        ("CN=x,O=TradingView\\, Inc.", False),
        ("", False),
    ],
)
def test_tradingviews_certificate_is_known(subject: str, theirs: bool) -> None:
    assert is_tradingview(subject) is theirs


# ---- how they prove it


def test_the_old_secret_overlaps_for_as_long_as_was_asked(user: User, hook: Hook, books: Books) -> None:
    new = user.api.post(f"/api/strategies/{hook.id}/secret", {"overlap_s": 3600}).json["webhook_secret"]
    old_answer = send(hook, hook.alert(id="old"))
    assert (old_answer.status, send(hook, hook.alert(id="new", secret=new)).status) == (202, 202)
    record = user.api.get(f"/api/signals/{old_answer.json['signal_id']}").json
    assert record["source"]["proved_by"] == "previous_secret"
    assert user.api.get(f"/api/strategies/{hook.id}/hook").json["previous_secret_until"] is not None
    books.rows("update strategies set previous_secret_until = now()")
    assert send(hook, hook.alert(id="late")).status == 401


def test_two_rotations_leave_the_first_secret_behind(user: User, hook: Hook) -> None:
    for _ in range(2):
        user.api.post(f"/api/strategies/{hook.id}/secret", {"overlap_s": 3600})
    assert send(hook, hook.alert()).status == 401


class Signer:
    """A sender that can sign."""

    def __init__(self, user: User, hook: Hook) -> None:
        self.hook = hook
        made = user.api.post(f"/api/strategies/{hook.id}/hook/signing-key")
        assert made.status == 201, made.text
        self.key: str = made.json["signing_key"]

    def send(
        self, body: str, *, at: int = 0, seconds: int = 0, key: str | None = None, sent: str | None = None
    ) -> Reply:
        stamp = str(at or int(time.time()) + seconds)
        digest = hmac.new((key or self.key).encode(), f"{stamp}.{body}".encode(), "sha256").hexdigest()
        headers = {"X-Backstop-Timestamp": stamp, "X-Backstop-Signature": f"sha256={digest}"}
        return self.hook.api.post(self.hook.path, sent or body, headers=headers)


BUY = '{"action":"buy","symbol":"BTCUSDT"}'


@pytest.fixture
def signer(user: User, hook: Hook) -> Signer:
    return Signer(user, hook)


def test_a_signed_alert_needs_no_secret(signer: Signer, user: User, hook: Hook, books: Books) -> None:
    reply = signer.send(BUY)
    assert reply.status == 202
    record = user.api.get(f"/api/signals/{reply.json['signal_id']}").json
    assert (record["source"]["proved_by"], record["raw"]) == ("signature", BUY)
    assert signer.key not in str(books.rows("select * from strategies"))


def test_a_signature_counts_once(signer: Signer) -> None:
    at = int(time.time())
    assert [signer.send(BUY, at=at).status for _ in range(2)] == [202, 401]


@pytest.mark.parametrize(
    "changed",
    [
        {"seconds": -120},
        {"seconds": 300},
        {"key": "another key"},
        {"sent": BUY.replace("buy", "sell")},
    ],
    ids=str,
)
def test_a_signature_that_does_not_fit_is_refused(signer: Signer, changed: Any) -> None:
    assert signer.send(BUY, **changed).status == 401


def test_a_wrong_signature_is_not_made_good_by_the_secret(signer: Signer, hook: Hook) -> None:
    headers = {"X-Backstop-Timestamp": "soon", "X-Backstop-Signature": "sha256=é"}
    assert send(hook, hook.alert(), headers=headers).status == 401


def test_a_signature_may_be_demanded(user: User, hook: Hook) -> None:
    demand = user.api.send("PUT", f"/api/strategies/{hook.id}/hook", {"require_signature": True})
    assert (demand.status, demand.fields) == (422, ["require_signature"])
    signer = Signer(user, hook)
    policy(user, hook, require_signature=True)
    assert send(hook, hook.alert()).status == 401
    assert signer.send(BUY).status == 202


def test_an_alert_from_the_future_ages_from_its_arrival(hook: Hook, books: Books) -> None:
    assert send(hook, hook.alert(time=in_hours(1))).status == 202
    assert books.rows("select alert_time = received_at as held from signals") == [{"held": True}]
