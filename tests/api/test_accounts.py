"""Exchange accounts: the secret goes in and never comes out."""

from pathlib import Path

import psycopg
import pytest

from backstop.telemetry import logger
from backstop.vault import Context, Credentials, opener_from
from tests.api.conftest import Keys, User
from tests.conftest import Database
from tests.store.books import Books

CANARY_KEY = "canary-key-Yz8Qm4T-9876"
CANARY_SECRET = "canary-secret-Vb2Xk7Lw"


def test_an_account_shows_the_end_of_its_key_only(user: User) -> None:
    account = user.account(label="swing", environment="demo", api_key=CANARY_KEY, api_secret=CANARY_SECRET)
    assert account == {
        "id": account["id"],
        "label": "swing",
        "environment": "demo",
        "api_key_last4": "9876",
        "status": "connecting",
        "status_reason": None,
        "equity": None,
        "margin_mode": None,
        "hedged_symbols": [],
        "limits": {
            "daily_loss_pct": None,
            "max_open_positions": None,
            "max_notional": None,
            "max_orders_per_minute": None,
            "max_orders_per_day": None,
            "cooldown_s": None,
            "max_position_notional": None,
            "max_leverage": None,
            "symbols": None,
            "windows": None,
        },
        "halt": None,
        "version": 1,
        "created_at": account["created_at"],
    }
    assert user.api.get("/api/accounts").json == {"items": [account], "next_cursor": None}


def test_only_who_holds_the_private_key_can_open_the_credentials(user: User, books: Books, keys: Keys) -> None:
    user.account(api_key=CANARY_KEY, api_secret=CANARY_SECRET)
    (row,) = books.rows("select id, user_id, sealed_credentials from accounts")
    opener = opener_from({"BACKSTOP_VAULT_PRIVATE_KEY_FILE": str(keys.vault_private)})
    context = Context(row["user_id"], row["id"])
    assert opener.open(bytes(row["sealed_credentials"]), context) == Credentials(CANARY_KEY, CANARY_SECRET)


def test_the_secret_is_nowhere(user: User, books: Books, capsys: pytest.CaptureFixture[str]) -> None:
    body = {"label": "main", "environment": "simulator", "api_key": CANARY_KEY, "api_secret": CANARY_SECRET}
    account = user.account(**body)
    for wrong in ({"environment": "paper"}, {"label": ""}, {"extra": CANARY_SECRET}, {"api_key": [CANARY_SECRET]}):
        assert user.api.post("/api/accounts", {**body, **wrong}).status == 422
    assert user.api.post("/api/accounts", str(body)).status == 422
    logger().warning("a careless line", extra={"body": body})
    user.strategy(account["id"])
    user.api.get("/api/accounts")
    user.api.delete(f"/api/accounts/{account['id']}")

    tables = [row["tablename"] for row in books.rows("select tablename from pg_tables where schemaname = 'public'")]
    assert len(tables) > 20
    stored = "".join(str(books.rows(f"select t::text from {table} t")) for table in tables)
    written = capsys.readouterr()
    assert "a careless line" in written.out
    for canary in (CANARY_KEY, CANARY_SECRET):
        for place in (stored, written.out, written.err, *user.api.said):
            assert canary not in place
            assert canary.encode().hex() not in place


def test_the_secret_is_in_no_line_about_a_failure(
    user: User, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setenv("BACKSTOP_VAULT_PUBLIC_KEY_FILE", str(tmp_path / "gone"))
    body = {"label": "main", "environment": "simulator", "api_key": CANARY_KEY, "api_secret": CANARY_SECRET}
    reply = user.api.post("/api/accounts", body)
    assert (reply.status, reply.code) == (500, "internal_error")
    assert "gone" not in reply.text
    written = capsys.readouterr().out
    assert reply.json["request_id"] in written
    assert written.count('"message":"unhandled"') == 1
    assert CANARY_SECRET not in written


def test_the_streamer_is_woken_for_a_new_account(user: User, database: Database) -> None:
    with psycopg.connect(database.url, autocommit=True) as streamer:
        streamer.execute("listen backstop_work")
        account = user.account()
        (told,) = streamer.notifies(timeout=5, stop_after=1)
    assert told.payload == account["id"]


def test_a_removed_account_is_gone_with_its_strategies_and_credentials(user: User, books: Books) -> None:
    account = user.account()
    strategy = user.strategy(account["id"])
    assert user.api.delete(f"/api/accounts/{account['id']}").status == 204
    assert user.api.delete(f"/api/accounts/{account['id']}").status == 404
    assert user.api.get("/api/accounts").json["items"] == []
    assert user.api.get(f"/api/strategies/{strategy['id']}").status == 404
    assert bytes(books.rows("select sealed_credentials from accounts")[0]["sealed_credentials"]) == b""


def test_an_account_with_an_open_position_stays(user: User, books: Books) -> None:
    account = user.account()
    books.position(user.id, account["id"], status="closing")
    reply = user.api.delete(f"/api/accounts/{account['id']}")
    assert (reply.status, reply.code) == (409, "position_open")
    assert "BTCUSDT" in reply.json["detail"]
    books.rows("update positions set status = 'closed'")
    assert user.api.delete(f"/api/accounts/{account['id']}").status == 204


@pytest.mark.parametrize("environment", ["simulator", "demo", "testnet", "mainnet"])
def test_every_environment_is_taken(user: User, environment: str) -> None:
    assert user.account(environment=environment)["environment"] == environment


def test_accounts_come_in_pages(user: User) -> None:
    made = [user.account(label=str(number))["label"] for number in range(5)]
    seen, path = [], "/api/accounts?limit=2"
    while path:
        page = user.api.get(path).json
        seen.append([item["label"] for item in page["items"]])
        path = f"/api/accounts?limit=2&cursor={page['next_cursor']}" if page["next_cursor"] else ""
    assert seen == [["4", "3"], ["2", "1"], ["0"]]
    assert len(made) == 5


def test_a_name_that_the_database_cannot_hold_is_refused(user: User) -> None:
    body = {"label": "a\0b", "environment": "demo", "api_key": "abcdef", "api_secret": "abcdef"}
    assert user.api.post("/api/accounts", body).status == 422


def test_limits_are_kept_as_they_are_set(user: User) -> None:
    account = user.account()
    limits = {
        "max_position_notional": "500",
        "max_leverage": 5,
        "symbols": ["BYBIT:BTCUSDT.P"],
        "windows": [{"days": ["mon", "fri"], "start": "09:30", "end": "16:00", "zone": "America/New_York"}],
    }
    changed = user.api.patch(f"/api/accounts/{account['id']}", {"limits": limits})
    assert changed.status == 200
    kept = {name: value for name, value in changed.json["limits"].items() if value is not None}
    assert kept == {**limits, "max_leverage": "5", "symbols": ["BTCUSDT"]}
    assert user.api.get("/api/accounts").json["items"][0]["limits"] == changed.json["limits"]


@pytest.mark.parametrize(
    ("limits", "field", "says"),
    [
        ({"symbols": []}, "limits.symbols", "at least 1"),
        ({"symbols": ["?"]}, "limits.symbols.0", "BYBIT:BTCUSDT.P"),
        ({"max_leverage": "0.5"}, "limits.max_leverage", "greater than or equal to 1"),
        ({"windows": [{"start": "9:00", "end": "17:00"}]}, "limits.windows.0.start", "pattern"),
        ({"windows": [{"start": "09:00", "end": "24:00"}]}, "limits.windows.0.end", "pattern"),
        ({"windows": [{"start": "09:00", "end": "17:00", "zone": "Mars/Base"}]}, "limits.windows.0.zone", "time zone"),
        ({"windows": [{"start": "09:00", "end": "17:00", "zone": "../etc/passwd"}]}, "limits.windows.0.zone", "zone"),
        ({"windows": [{"start": "09:00", "end": "17:00", "days": ["sol"]}]}, "limits.windows.0.days.0", "mon"),
    ],
)
def test_a_limit_that_makes_no_sense_is_refused_by_field(
    user: User, limits: dict[str, object], field: str, says: str
) -> None:
    account = user.account()
    reply = user.api.patch(f"/api/accounts/{account['id']}", {"limits": limits})
    assert (reply.status, reply.fields) == (422, [field])
    assert says in reply.json["errors"][0]["message"]
