"""A secret that would be recognised anywhere is looked for everywhere: answers, logs, crash output, every column."""

import json
from typing import Any

import pyotp
import pytest
from psycopg import sql

from tests.api.conftest import PASSWORD, Hook, User
from tests.store.books import Books

KEY, SECRET = "CANARYkeyAAAA7777", "CANARYsecretBBBB8888"


def everything_kept(books: Books) -> str:
    """Every column of every row of every table, bytes in hex and as text."""
    found = []
    with books.connected() as connection:
        tables = connection.execute("select tablename from pg_tables where schemaname = 'public'").fetchall()
        for table in tables:
            rows = connection.execute(sql.SQL("select * from {}").format(sql.Identifier(table["tablename"])))
            found += [json.dumps(row, default=_text) for row in rows.fetchall()]
    return "\n".join(found)


def _text(value: Any) -> str:
    return f"{bytes(value).hex()} {bytes(value)!r}" if isinstance(value, bytes | memoryview) else str(value)


def assert_nowhere(secret: str, *places: str) -> None:
    for place in places:
        for shape in (secret, secret.encode().hex(), secret[::-1]):
            at = place.find(shape)
            assert at < 0, place[max(0, at - 100) : at + 40]


@pytest.mark.fault(64)
def test_exchange_secrets_are_nowhere(user: User, books: Books, capsys: pytest.CaptureFixture[str]) -> None:
    account = {"label": "x", "environment": "demo", "api_key": KEY, "api_secret": SECRET}
    made = user.api.post("/api/accounts", account, headers={"Idempotency-Key": "canary-request-0001"})
    assert made.status == 201
    for wrong in ({**account, "environment": SECRET}, {**account, "surprise": SECRET}, {**account, "label": ""}):
        assert user.api.post("/api/accounts", wrong).status == 422
    assert user.api.post("/api/accounts", f'{{"api_secret": "{SECRET}"').status == 422
    for path in ("/api/accounts", "/api/audit", "/api/events", "/api/me"):
        user.api.get(path)
    said = "".join(capsys.readouterr())
    assert_nowhere(SECRET, everything_kept(books), "\n".join(user.api.said), said)
    assert_nowhere(KEY, everything_kept(books), "\n".join(user.api.said), said)


@pytest.mark.fault(64)
def test_a_crash_tells_nothing_of_what_was_sent(
    user: User, books: Books, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BACKSTOP_VAULT_PUBLIC_KEY_FILE", "/nowhere/at/all")
    account = {"label": "x", "environment": "demo", "api_key": KEY, "api_secret": SECRET}
    assert user.api.post("/api/accounts", account).status == 500
    said = "".join(capsys.readouterr())
    assert "unhandled" in said
    assert_nowhere(SECRET, said, "\n".join(user.api.said), everything_kept(books))


@pytest.mark.fault(64)
def test_webhook_secrets_passwords_and_codes_are_kept_nowhere(
    user: User, hook: Hook, books: Books, capsys: pytest.CaptureFixture[str]
) -> None:
    seed = user.api.post("/api/auth/totp").json["secret"]
    codes = user.api.post("/api/auth/totp/enable", {"code": pyotp.TOTP(seed).now()}).json["codes"]
    signing = user.api.post(f"/api/strategies/{hook.id}/hook/signing-key").json["signing_key"]
    hook.api.post(hook.path, hook.alert(comment=f"it is {hook.secret}"))
    hook.api.post(hook.path, hook.alert())
    user.api.post(f"/api/strategies/{hook.id}/import", {"message": json.dumps(hook.alert())})
    bot, slack = f"123456789:{'C' * 35}", "https://hooks.slack.com/services/T01/B01/" + "D" * 24
    telegram = {"provider": "telegram", "token": bot, "chat_id": "1"}
    channels = {"channels": [telegram, {"provider": "slack", "webhook_url": slack}]}
    for wish in (channels, {"channels": [{**telegram, "token": bot, "surprise": bot}]}):
        user.api.send("PUT", "/api/notifications", wish, headers={"Idempotency-Key": "canary-request-0002"})
    user.api.get("/api/notifications")
    assert len(books.rows("select provider from notification_channels")) == 2
    said, kept = "".join(capsys.readouterr()), everything_kept(books)
    for secret in (hook.secret, PASSWORD, seed, signing, bot, slack, *codes):
        assert_nowhere(secret, said, kept)
    for secret in (bot, slack):
        assert_nowhere(secret, "\n".join(user.api.said))


def test_the_search_would_find_it(books: Books, user: User) -> None:
    books.rows("update users set email = %s", f"{SECRET}@example.com")
    with pytest.raises(AssertionError):
        assert_nowhere(SECRET, everything_kept(books))
    books.rows("update users set email = 'x@example.com', totp_sealed = %s", SECRET.encode())
    with pytest.raises(AssertionError):
        assert_nowhere(SECRET, everything_kept(books))
