"""Where notifications go: set, kept, told of without its secrets, removed; and what is queued for them."""

import json
from typing import Any
from uuid import UUID

import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from psycopg.types.json import Jsonb

from backstop.vault import ChannelContext, HpkeOpener
from tests.api.conftest import Hook, Keys, User
from tests.store.books import Books

TOKEN = "123456789:AAEhBOweik6ad9r_QXMENQjcrGbqCr4K-bc"
DISCORD = "https://discord.com/api/webhooks/1234567890/" + "x" * 40
SLACK = "https://hooks.slack.com/services/T01234567/B07654321/" + "y" * 24
TELEGRAM: dict[str, Any] = {"provider": "telegram", "token": TOKEN, "chat_id": "-1001234"}
ALL = ["opened", "closed", "refused", "warning", "error"]


def put(user: User, *channels: dict[str, Any]) -> Any:
    return user.api.send("PUT", "/api/notifications", {"channels": list(channels)})


def queued(books: Books) -> list[tuple[str, str]]:
    return [(row["provider"], row["subject"]) for row in books.rows("select * from notifications order by id")]


def event(books: Books, user: User, kind: str, **data: Any) -> None:
    books.rows("select append_event(%s, %s, %s)", user.id, kind, Jsonb(data))


def test_a_channel_is_told_of_without_its_secret_and_only_the_streamers_key_opens_it(
    user: User, books: Books, keys: Keys
) -> None:
    assert user.api.get("/api/notifications").json == {"channels": [], "providers": ["telegram", "discord", "slack"]}
    reply = put(user, TELEGRAM, {"provider": "discord", "webhook_url": DISCORD, "topics": ["error", "error"]})
    assert reply.status == 200, reply.text
    discord, telegram = user.api.get("/api/notifications").json["channels"]
    assert telegram == {
        "provider": "telegram",
        "enabled": True,
        "topics": ALL,
        "destination": "chat -1001234 by bot 123456789",
        "last_sent_at": None,
        "last_error": None,
        "waiting": 0,
    }
    assert (discord["destination"], discord["topics"]) == ("webhook 1234567890", ["error"])
    assert TOKEN not in "".join(user.api.said)
    private = load_pem_private_key(keys.vault_private.read_bytes(), None)
    assert isinstance(private, X25519PrivateKey)
    (row,) = books.rows("select sealed from notification_channels where provider = 'telegram'")
    opened = HpkeOpener(private).open_bytes(bytes(row["sealed"]), ChannelContext(user.id, "telegram"))
    assert json.loads(opened) == {"token": TOKEN, "chat_id": "-1001234"}


def test_what_is_left_out_stays_and_what_is_not_named_goes(user: User, books: Books) -> None:
    put(user, TELEGRAM, {"provider": "slack", "webhook_url": SLACK})
    before = books.rows("select sealed from notification_channels where provider = 'slack'")
    reply = put(user, {"provider": "slack", "enabled": False, "topics": ["closed"]})
    (slack,) = reply.json["channels"]
    assert (slack["enabled"], slack["topics"], slack["destination"]) == (False, ["closed"], "webhook B07654321")
    assert before == books.rows("select sealed from notification_channels where provider = 'slack'")
    newest = user.api.get("/api/audit").json["items"][0]
    assert newest["action"] == "notifications.changed"
    assert list(newest["details"]) == ["slack"]


@pytest.mark.parametrize(
    ("channel", "field"),
    [
        ({"provider": "telegram"}, "channels.0.token"),
        ({"provider": "telegram", "token": TOKEN}, "channels.0.chat_id"),
        ({"provider": "telegram", "token": "https://evil.example", "chat_id": "1"}, "channels.0.telegram.token"),
        ({"provider": "discord", "webhook_url": "https://evil.example/api/webhooks/1/2"}, "channels.0.discord"),
        (
            {"provider": "discord", "webhook_url": DISCORD.replace("discord.com", "discord.com.evil.example")},
            "channels",
        ),
        ({"provider": "slack", "webhook_url": "http://169.254.169.254/services/T1/B1/x"}, "channels.0.slack"),
        ({"provider": "email", "address": "ada@example.com"}, "channels.0.provider"),
        ({"provider": "json", "url": "http://127.0.0.1"}, "channels.0"),
    ],
)
def test_only_fixed_providers_with_all_they_need(user: User, channel: dict[str, Any], field: str) -> None:
    reply = put(user, channel)
    assert reply.status == 422
    assert reply.json["errors"][0]["field"].startswith(field), reply.json
    assert user.api.get("/api/notifications").json["channels"] == []


def test_mail_is_offered_where_there_is_a_mail_server(user: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BACKSTOP_MAIL", "on")
    reply = put(user, {"provider": "email", "address": "ada@example.com"})
    assert reply.json["channels"][0]["destination"] == "ada@example.com"
    assert reply.json["providers"] == ["telegram", "discord", "slack", "email"]


def test_each_provider_once(user: User) -> None:
    assert put(user, TELEGRAM, TELEGRAM).status == 422


def test_events_are_queued_for_the_channels_that_want_them_once(user: User, other: User, books: Books) -> None:
    put(user, {**TELEGRAM, "topics": ["opened", "closed", "refused", "error"]})
    put(other, TELEGRAM)
    position = {"id": "p1", "status": "open", "opened_at": "2099-01-01T00:00:00Z"}
    event(books, user, "position", **{**position, "status": "opening"})
    event(books, user, "position", **position)
    event(books, user, "position", **position)
    event(books, user, "position", **{**position, "id": "p0", "opened_at": "2020-01-01T00:00:00Z"})
    event(books, user, "signal", id="s1", status="executed")
    event(books, user, "signal", id="s2", status="expired")
    event(books, user, "trade", id="p1")
    event(books, user, "notice", level="warning", code="x", message="y")
    event(books, user, "notice", level="error", code="x", message="y")
    assert [subject for _, subject in queued(books)] == ["opened:p1", "refused:s2", "closed:p1", "error:9"]
    assert {row["user_id"] for row in books.rows("select user_id from notifications")} == {user.id}


def test_an_alert_that_is_refused_at_the_door_is_queued_with_its_signal(user: User, hook: Hook, books: Books) -> None:
    put(user, TELEGRAM)
    hook.api.post(hook.path, hook.alert(symbol="ETHUSDT"))
    (signal,) = user.api.get("/api/signals").json["items"]
    assert queued(books) == [("telegram", f"refused:{signal['id']}")]
    assert user.api.get("/api/notifications").json["channels"][0]["waiting"] == 1


def test_removing_a_channel_forgets_what_waited_for_it(user: User, books: Books) -> None:
    put(user, TELEGRAM, {"provider": "slack", "webhook_url": SLACK})
    event(books, user, "trade", id="p1")
    put(user, {"provider": "slack"})
    assert queued(books) == [("slack", "closed:p1")]


def test_a_test_message_is_for_a_channel_of_ones_own(user: User, other: User, books: Books) -> None:
    put(other, TELEGRAM)
    assert user.api.post("/api/notifications/test", {"provider": "telegram"}).status == 404
    assert other.api.post("/api/notifications/test", {"provider": "telegram"}).status == 204
    (row,) = books.rows("select * from notifications")
    assert (row["user_id"], row["topic"], row["seq"]) == (UUID(str(other.id)), "test", None)
