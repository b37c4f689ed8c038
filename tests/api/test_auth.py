"""Sign-up, login and the session."""

import json
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from uuid import UUID

import jwt
import pytest
from argon2 import PasswordHasher, extract_parameters
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from api.passwords import NOBODYS_HASH
from tests.api.conftest import ORIGIN, PASSWORD, Keys, User, sign_up
from tests.api.gateway_events import Api, Reply
from tests.api.races import nobody_writes
from tests.store.books import Books


def log_in(api: Api, password: str = PASSWORD, email: str = "ada@example.com") -> Reply:
    return api.post("/api/auth/login", {"email": email, "password": password})


def refresh(api: Api, cookie: str, **headers: str) -> Reply:
    return api.post("/api/auth/refresh", headers={"Cookie": cookie, **headers})


def test_signing_up_logs_in(api: Api) -> None:
    reply = api.post("/api/auth/signup", {"email": "Ada@Example.com", "password": PASSWORD})
    assert reply.status == 201
    assert (reply.json["token_type"], reply.json["expires_in"]) == ("Bearer", 600)
    me = api.as_user(reply.json["access_token"]).get("/api/me")
    assert (me.status, me.json["id"]) == (200, reply.json["user"]["id"])


def test_an_email_address_is_taken_in_whatever_case(api: Api, user: User) -> None:
    reply = api.post("/api/auth/signup", {"email": "ADA@example.com", "password": PASSWORD})
    assert (reply.status, reply.code) == (409, "email_taken")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"email": "ada", "password": PASSWORD}, "email"),
        ({"email": "ada@example.com", "password": "short"}, "password"),
        ({"email": "ada@example.com", "password": PASSWORD, "admin": True}, "admin"),
        ("{", "body"),
        ([], "body"),
    ],
)
def test_a_sign_up_that_does_not_fit_says_which_field(api: Api, body: object, field: str) -> None:
    reply = api.post("/api/auth/signup", body)
    assert (reply.status, reply.fields) == (422, [field])
    assert PASSWORD not in reply.text


def test_login_answers_like_sign_up(api: Api, user: User) -> None:
    reply = log_in(api, email="ADA@example.com")
    assert (reply.status, reply.json["user"]["id"]) == (200, str(user.id))


@pytest.mark.fault(63)
def test_unknown_users_and_wrong_passwords_get_the_same_answer(api: Api, user: User) -> None:
    wrong, unknown = log_in(api, "not it at all"), log_in(api, email="nobody@example.com")
    assert wrong.status == unknown.status == 401
    assert {**wrong.json, "request_id": ""} == {**unknown.json, "request_id": ""}


def test_an_unknown_user_costs_as_much_work() -> None:
    work = extract_parameters(NOBODYS_HASH)
    assert (work.memory_cost, work.time_cost, work.parallelism) == (19 * 1024, 2, 1)


@pytest.mark.fault(63)
def test_five_failures_lock_an_address_for_the_rest_of_ten_minutes(api: Api, user: User, books: Books) -> None:
    assert [log_in(api, "wrong").status for _ in range(5)] == [401] * 5
    locked = log_in(api)
    assert (locked.status, locked.code) == (429, "too_many_attempts")
    assert 500 < int(locked.headers["Retry-After"]) <= 600

    books.rows("update login_failures set failed_at = failed_at - interval '10 minutes'")
    assert log_in(api).status == 200


def test_guesses_at_the_same_time_count_like_any_others(api: Api, user: User, books: Books) -> None:
    with ThreadPoolExecutor(8) as guessers:
        with nobody_writes(books, "login_failures") as until_waiting:
            replies = [guessers.submit(log_in, api, f"guess {number}") for number in range(8)]
            until_waiting(8)
        assert sorted(reply.result().status for reply in replies) == [401] * 5 + [429] * 3


def test_success_clears_the_failures_of_the_address(api: Api, user: User, books: Books) -> None:
    for _ in range(2):
        assert [log_in(api, "wrong").status for _ in range(4)] == [401] * 4
        assert log_in(api).status == 200
    assert books.rows("select * from login_failures where subject like 'email:%%'") == []


@pytest.mark.fault(63)
def test_twenty_failures_lock_a_source_whatever_it_claims_to_be(api: Api, user: User) -> None:
    for number in range(20):
        email = f"guess-{number}@example.com"
        spoofed = {"X-Forwarded-For": f"198.51.100.{number}"}
        assert api.post("/api/auth/login", {"email": email, "password": "x"}, headers=spoofed).status == 401
    assert log_in(api).status == 429
    assert log_in(Api(source_ip="203.0.113.8")).status == 200


def test_email_addresses_of_failed_logins_are_not_kept(api: Api, books: Books) -> None:
    log_in(api, "wrong", "somebody@example.com")
    assert "somebody" not in str(books.rows("select subject from login_failures"))


def test_refreshing_uses_the_cookie_up_and_gives_a_new_one(api: Api, user: User) -> None:
    first = refresh(api, user.cookie)
    assert first.status == 200
    assert first.cookie != user.cookie
    assert api.as_user(first.json["access_token"]).get("/api/me").status == 200
    assert refresh(api, first.cookie).status == 200


@pytest.mark.fault(61)
def test_two_tabs_may_race_for_one_cookie(api: Api, user: User) -> None:
    assert refresh(api, user.cookie).status == 200
    assert refresh(api, user.cookie).status == 200


@pytest.mark.fault(61)
def test_a_cookie_used_again_after_ten_seconds_ends_the_session(api: Api, user: User, books: Books) -> None:
    successor = refresh(api, user.cookie).cookie
    books.rows("update refresh_tokens set used_at = used_at - interval '11 seconds'")
    replayed = refresh(api, user.cookie)
    assert (replayed.status, replayed.code) == (401, "token_reused")
    assert refresh(api, successor).status == 401


def test_only_the_previous_cookie_has_leeway(api: Api, user: User) -> None:
    second = refresh(api, user.cookie).cookie
    third = refresh(api, second).cookie
    assert refresh(api, user.cookie).code == "token_reused"
    assert refresh(api, third).status == 401


def test_a_session_ends_thirty_days_after_its_login(api: Api, user: User, books: Books) -> None:
    newer = refresh(api, user.cookie).cookie
    books.rows("update refresh_tokens set expires_at = expires_at - interval '30 days'")
    assert refresh(api, newer).code == "no_session"


def test_refreshing_does_not_lengthen_a_session(api: Api, user: User, books: Books) -> None:
    refresh(api, user.cookie)
    assert len(books.rows("select distinct expires_at from refresh_tokens")) == 1


def test_logging_out_ends_the_session(api: Api, user: User) -> None:
    reply = api.post("/api/auth/logout", headers={"Cookie": user.cookie})
    assert (reply.status, reply.text) == (204, "")
    assert "Max-Age=0" in reply.headers["Set-Cookie"]
    assert refresh(api, user.cookie).status == 401


@pytest.mark.parametrize("cookie", ["", "backstop_refresh=", "backstop_refresh=made-up", "x;;=\x01", "a" * 9000])
def test_no_session_without_a_cookie_of_ours(api: Api, cookie: str) -> None:
    assert refresh(api, cookie).status == 401
    assert api.post("/api/auth/logout", headers={"Cookie": cookie}).status == 204


def test_other_sites_pages_cannot_refresh(api: Api, user: User) -> None:
    assert refresh(api, user.cookie, Origin="https://evil.example").status == 403
    assert refresh(api, user.cookie, Origin=ORIGIN).status == 200


def test_the_cookie_is_bound_to_our_host_over_https(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BACKSTOP_PUBLIC_URL", "https://bot.example/")
    reply = api.post("/api/auth/signup", {"email": "tim@example.com", "password": PASSWORD})
    cookie = reply.headers["Set-Cookie"]
    assert cookie.startswith("__Host-backstop_refresh=")
    assert {"HttpOnly", "Secure", "SameSite=Strict", "Path=/"} <= set(cookie.split("; "))
    assert "Domain" not in cookie
    assert refresh(api, reply.cookie, Origin="https://bot.example").status == 200


def test_on_plain_http_the_cookie_is_sent_at_all(user: User, api: Api) -> None:
    cookie = log_in(api).headers["Set-Cookie"]
    assert cookie.startswith("backstop_refresh=")
    assert "Secure" not in cookie
    assert {"HttpOnly", "SameSite=Strict", "Path=/"} <= set(cookie.split("; "))


def test_secrets_are_kept_as_hashes_only(user: User, books: Books) -> None:
    token = user.cookie.partition("=")[2]
    kept = str(books.rows("select * from users")) + str(books.rows("select * from refresh_tokens"))
    assert token not in kept
    assert PASSWORD not in kept
    assert "$argon2id$v=19$m=19456,t=2,p=1$" in kept


def test_a_password_is_hashed_anew_when_the_cost_has_changed(api: Api, user: User, books: Books) -> None:
    old = PasswordHasher(time_cost=1, memory_cost=8 * 1024, parallelism=1).hash(PASSWORD)
    books.rows("update users set password_hash = %s", old)
    assert log_in(api).status == 200
    assert "m=19456,t=2,p=1" in books.rows("select password_hash from users")[0]["password_hash"]


def claims_of(user: User) -> dict[str, object]:
    now = int(time.time())
    sid = str(UUID(int=1))
    return {"iss": "backstop", "aud": "backstop-api", "sub": str(user.id), "sid": sid, "iat": now, "exp": now + 60}


def signing_key(keys: Keys) -> str:
    return str(json.loads(keys.jwt.read_text())["keys"]["one"])


def test_a_token_with_our_claims_and_key_is_taken(user: User, keys: Keys) -> None:
    token = jwt.encode(claims_of(user), signing_key(keys), "EdDSA", {"kid": "one", "typ": "at+jwt"})
    assert user.api.as_user(token).get("/api/me").status == 200


@pytest.mark.parametrize(
    ("claims", "headers"),
    [
        ({"exp": 1}, {}),
        ({"iss": "else"}, {}),
        ({"aud": "else"}, {}),
        ({"sid": None}, {}),
        ({"sub": "not an id"}, {}),
        ({}, {"kid": "two"}),
        ({}, {"typ": "JWT"}),
        ({}, {"kid": None, "jwk": {"kty": "OKP"}}),
    ],
)
def test_a_token_that_is_not_quite_ours_is_refused(
    user: User, keys: Keys, claims: dict[str, object], headers: dict[str, object]
) -> None:
    wanted = {name: value for name, value in {**claims_of(user), **claims}.items() if value is not None}
    titles = {name: value for name, value in {"kid": "one", "typ": "at+jwt", **headers}.items() if value is not None}
    token = jwt.encode(wanted, signing_key(keys), "EdDSA", titles)
    reply = user.api.as_user(token).get("/api/me")
    assert reply.status == 401
    assert reply.headers["WWW-Authenticate"] == "Bearer"


def test_a_token_of_another_key_or_of_none_is_refused(user: User) -> None:
    forged = jwt.encode(claims_of(user), Ed25519PrivateKey.generate(), "EdDSA", {"kid": "one", "typ": "at+jwt"})
    unsigned = jwt.encode(claims_of(user), "", "none", {"kid": "one", "typ": "at+jwt"})
    for token in (forged, unsigned, "", "x", "a.b.c", forged[:-4]):
        assert user.api.as_user(token).get("/api/me").status == 401


def test_the_old_key_counts_while_keys_are_rotated(
    user: User, keys: Keys, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = json.loads(keys.jwt.read_text())
    new = Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    rotated = tmp_path / "keys.json"
    rotated.write_text(json.dumps({"current": "two", "keys": {**content["keys"], "two": new}}))
    monkeypatch.setenv("BACKSTOP_JWT_KEYS_FILE", str(rotated))
    assert user.api.get("/api/me").status == 200
    token = log_in(user.api).json["access_token"]
    assert jwt.get_unverified_header(token)["kid"] == "two"
    assert user.api.as_user(token).get("/api/me").status == 200


def test_a_session_ends_for_one_login_only(api: Api, user: User) -> None:
    elsewhere = log_in(api)
    api.post("/api/auth/logout", headers={"Cookie": user.cookie})
    assert refresh(api, elsewhere.cookie).status == 200


def test_users_are_told_apart(api: Api, user: User) -> None:
    assert sign_up(api, "bob@example.com").id != user.id
