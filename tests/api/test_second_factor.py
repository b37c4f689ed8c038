"""A second factor: asked for at login and before dangerous actions, and what to do without it."""

import time
from typing import Any

import pyotp
import pytest

from tests.api.conftest import PASSWORD, User
from tests.api.gateway_events import Api, Reply
from tests.store.books import Books


def log_in(api: Api, **body: Any) -> Reply:
    return api.post("/api/auth/login", {"email": "ada@example.com", "password": PASSWORD, **body})


def stale(books: Books) -> None:
    """Nobody has proved who they are for a while."""
    books.rows("update sessions set confirmed_at = now() - interval '1 hour'")


def unused(books: Books) -> None:
    """As if the code of this half minute had not been used."""
    books.rows("update users set totp_last_step = 0")


class Phone:
    """An authenticator, set up."""

    def __init__(self, user: User) -> None:
        made = user.api.post("/api/auth/totp")
        assert made.status == 201, made.text
        self.secret: str = made.json["secret"]
        self.uri: str = made.json["uri"]
        enabled = user.api.post("/api/auth/totp/enable", {"code": self.code})
        assert enabled.status == 200, enabled.text
        self.backup_codes: list[str] = enabled.json["codes"]

    @property
    def code(self) -> str:
        return pyotp.TOTP(self.secret).now()


@pytest.fixture
def phone(user: User, books: Books) -> Phone:
    phone = Phone(user)
    unused(books)
    return phone


def test_the_seed_is_for_an_authenticator(phone: Phone) -> None:
    parsed = pyotp.parse_uri(phone.uri)
    assert (parsed.secret, parsed.issuer, parsed.name) == (phone.secret, "Backstop", "ada@example.com")


def test_a_seed_counts_only_once_it_was_proved(api: Api, user: User) -> None:
    user.api.post("/api/auth/totp")
    wrong = user.api.post("/api/auth/totp/enable", {"code": "000000x"})
    assert (wrong.status, wrong.fields) == (422, ["code"])
    assert log_in(api).status == 200
    assert user.api.get("/api/me").json["second_factor"] is False


def test_login_asks_for_a_code(api: Api, user: User, phone: Phone) -> None:
    assert (log_in(api).status, log_in(api).code) == (401, "totp_required")
    assert log_in(api, totp="000000").code == "wrong_totp"
    reply = log_in(api, totp=phone.code)
    assert (reply.status, reply.json["user"]["second_factor"]) == (200, True)


def test_a_wrong_password_is_not_told_of_the_second_factor(api: Api, user: User, phone: Phone) -> None:
    assert log_in(api, password="not it at all").code == "wrong_credentials"


@pytest.mark.fault(63)
def test_a_code_counts_once(api: Api, user: User, phone: Phone) -> None:
    code = phone.code
    assert [log_in(api, totp=code).status for _ in range(2)] == [200, 401]


def test_an_older_code_than_the_last_does_not_count(api: Api, user: User, phone: Phone) -> None:
    totp = pyotp.TOTP(phone.secret)
    assert log_in(api, totp=totp.at(int(time.time()) + 30)).status == 200
    assert log_in(api, totp=totp.at(int(time.time()))).code == "wrong_totp"


def test_a_code_from_long_ago_does_not_count(api: Api, user: User, phone: Phone) -> None:
    assert log_in(api, totp=pyotp.TOTP(phone.secret).at(int(time.time()) - 90)).code == "wrong_totp"


@pytest.mark.fault(63)
def test_guessing_codes_locks_like_guessing_passwords(api: Api, user: User, phone: Phone) -> None:
    assert [log_in(api, totp=f"{number:06}").status for number in range(5)] == [401] * 5
    assert log_in(api, totp=phone.code).status == 429


def test_each_backup_code_logs_in_once(api: Api, user: User, phone: Phone) -> None:
    assert len(set(phone.backup_codes)) == 10
    first = phone.backup_codes[0]
    assert log_in(api, totp=first.upper()).json["user"]["backup_codes_left"] == 9
    assert log_in(api, totp=first).code == "wrong_totp"


def test_new_backup_codes_void_the_old(api: Api, user: User, phone: Phone) -> None:
    new = user.api.post("/api/auth/backup-codes").json["codes"]
    assert log_in(api, totp=phone.backup_codes[0]).status == 401
    assert log_in(api, totp=new[0]).status == 200


# ---- dangerous actions

DANGEROUS = [
    ("POST", "/api/auth/totp", None),
    ("DELETE", "/api/auth/totp", None),
    ("POST", "/api/auth/backup-codes", None),
    (
        "POST",
        "/api/accounts",
        {"label": "x", "environment": "simulator", "api_key": "key-of-tests", "api_secret": "hush"},
    ),
    ("DELETE", "/api/accounts/{account_id}", None),
    ("POST", "/api/strategies/{strategy_id}/secret", {}),
    ("POST", "/api/auth/password", {"current_password": PASSWORD, "new_password": "another horse battery"}),
]


@pytest.mark.parametrize(("method", "path", "body"), DANGEROUS, ids=str)
def test_dangerous_actions_want_a_fresh_code(
    user: User, books: Books, phone: Phone, method: str, path: str, body: Any
) -> None:
    account = user.account()["id"]
    strategy = user.strategy(account)["id"]
    path = path.format(account_id=account, strategy_id=strategy)
    stale(books)
    refused = user.api.send(method, path, body)
    assert (refused.status, refused.code) == (403, "confirmation_needed")

    confirmed = user.api.post("/api/auth/confirm", {"code": phone.code})
    assert (confirmed.status, confirmed.json) == (200, {"expires_in": 300})
    assert user.api.send(method, path, body).status in (200, 201, 204, 409)


def test_the_password_does_not_stand_in_for_the_code(user: User, books: Books, phone: Phone) -> None:
    assert user.api.post("/api/auth/confirm", {"password": PASSWORD}).fields == ["code"]
    assert user.api.post("/api/auth/confirm", {"code": "000000"}).code == "wrong_credentials"


def test_without_a_second_factor_the_password_confirms_keys_of_real_money(user: User, books: Books) -> None:
    real = {"label": "x", "environment": "mainnet", "api_key": "key-of-tests", "api_secret": "hush"}
    stale(books)
    assert user.api.post("/api/accounts", real).code == "confirmation_needed"
    assert user.api.post("/api/accounts", {**real, "environment": "demo"}).status == 201
    assert user.api.post("/api/auth/confirm", {"password": "wrong"}).status == 401
    assert user.api.post("/api/auth/confirm", {"password": PASSWORD}).status == 200
    assert user.api.post("/api/accounts", real).status == 201


def test_a_confirmation_is_of_one_session(api: Api, user: User, books: Books, phone: Phone) -> None:
    elsewhere = user.api.as_user(log_in(api, totp=phone.code).json["access_token"])
    stale(books)
    unused(books)
    assert elsewhere.post("/api/auth/confirm", {"code": phone.code}).status == 200
    assert user.api.post("/api/auth/backup-codes").code == "confirmation_needed"


def test_turning_it_off_ends_the_questions(api: Api, user: User, phone: Phone) -> None:
    assert user.api.delete("/api/auth/totp").status == 204
    assert log_in(api).status == 200
    assert Phone(user).secret != phone.secret


# ---- recovery


def recover(api: Api, code: str, **body: Any) -> Reply:
    wish = {"email": "ada@example.com", "backup_code": code, "new_password": "another horse battery", **body}
    return api.post("/api/auth/recover", wish)


def test_a_forgotten_password_is_set_anew_by_a_backup_code(api: Api, user: User) -> None:
    codes = user.api.post("/api/auth/backup-codes").json["codes"]
    reply = recover(api, codes[0])
    assert reply.status == 200
    assert log_in(api).status == 401
    assert log_in(api, password="another horse battery").status == 200
    assert api.post("/api/auth/refresh", headers={"Cookie": user.cookie}).status == 401
    assert user.api.post("/api/halt", {"level": "flatten"}).code == "session_ended"
    assert recover(api, codes[0]).status == 401


def test_with_a_second_factor_recovery_asks_for_it_too(api: Api, user: User, phone: Phone) -> None:
    one, two, three, *_ = phone.backup_codes
    assert recover(api, one).code == "wrong_credentials"
    assert recover(api, one, totp=one).code == "wrong_credentials"
    assert recover(api, one, totp=phone.code).status == 200
    assert recover(api, two, totp=three).status == 200


def test_recovery_says_nothing_of_who_has_an_account(api: Api, user: User) -> None:
    known, unknown = recover(api, "wrong-code"), recover(api, "wrong-code", email="nobody@example.com")
    assert known.status == unknown.status == 401
    assert {**known.json, "request_id": ""} == {**unknown.json, "request_id": ""}
    assert [recover(api, "wrong-code").status for _ in range(5)] == [401] * 4 + [429]


# ---- secrets


def test_seed_and_codes_are_nowhere_in_plain(user: User, books: Books, phone: Phone) -> None:
    kept = "".join(str(books.rows(f"select * from {table}")) for table in ("users", "backup_codes", "audit_log"))
    assert phone.secret not in kept
    assert phone.secret.encode().hex() not in kept
    assert not [code for code in phone.backup_codes if code in kept or code.replace("-", "") in kept]


def test_a_seed_moved_to_another_user_does_not_open(api: Api, user: User, other: User, books: Books) -> None:
    phone = Phone(user)
    books.rows(
        """update users set totp_confirmed_at = now(), totp_sealed = (select totp_sealed from users where id = %s)
            where id = %s""",
        user.id,
        other.id,
    )
    reply = api.post("/api/auth/login", {"email": "eve@example.com", "password": PASSWORD, "totp": phone.code})
    assert reply.status == 500
