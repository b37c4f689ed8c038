"""The API as Lambda would find it: its environment, its keys, and a database of its own."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from api.database import close_connections
from tests.api.gateway_events import Api
from tests.conftest import Database
from tests.store.books import Books

ORIGIN = "http://127.0.0.1:8000"
PASSWORD = "correct horse battery"


@dataclass(frozen=True, slots=True)
class Keys:
    jwt: Path
    vault_public: Path
    vault_private: Path
    strongbox: Path


@pytest.fixture(scope="session")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Keys:
    folder = tmp_path_factory.mktemp("keys")
    made = Keys(folder / "jwt.json", folder / "vault.pub", folder / "vault.pem", folder / "strongbox.key")
    made.strongbox.write_text("ab" * 32)
    signing = Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    made.jwt.write_text(json.dumps({"current": "one", "keys": {"one": signing.decode()}}))
    vault = X25519PrivateKey.generate()
    made.vault_private.write_bytes(vault.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    public = vault.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    made.vault_public.write_bytes(public)
    return made


@pytest.fixture
def books(database: Database) -> Books:
    return Books(database.url)


@pytest.fixture
def api(database: Database, keys: Keys, monkeypatch: pytest.MonkeyPatch) -> Iterator[Api]:
    """A client that is not logged in."""
    environment = {
        "BACKSTOP_API_DATABASE_URL": database.url_as("backstop_api"),
        "BACKSTOP_PUBLIC_URL": ORIGIN,
        "BACKSTOP_JWT_KEYS_FILE": str(keys.jwt),
        "BACKSTOP_VAULT_PUBLIC_KEY_FILE": str(keys.vault_public),
        "BACKSTOP_STRONGBOX_KEY_FILE": str(keys.strongbox),
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
    }
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("BACKSTOP_KMS_KEY_ID", raising=False)
    yield Api()
    close_connections()


@dataclass(frozen=True, slots=True)
class User:
    """Somebody logged in."""

    id: UUID
    api: Api
    cookie: str

    def account(self, **values: Any) -> dict[str, Any]:
        usual = {"label": "main", "environment": "simulator", "api_key": "key-of-tests-1234", "api_secret": "hush"}
        reply = self.api.post("/api/accounts", {**usual, **values})
        assert reply.status == 201, reply.text
        made: dict[str, Any] = reply.json
        return made

    def strategy(self, account_id: str, **values: Any) -> dict[str, Any]:
        usual = {
            "account_id": account_id,
            "name": "trend",
            "symbols": ["BTCUSDT"],
            "sizing": {"mode": "qty", "value": "0.01"},
        }
        reply = self.api.post("/api/strategies", {**usual, **values})
        assert reply.status == 201, reply.text
        made: dict[str, Any] = reply.json
        return made


def sign_up(api: Api, email: str) -> User:
    reply = api.post("/api/auth/signup", {"email": email, "password": PASSWORD})
    assert reply.status == 201, reply.text
    return User(UUID(reply.json["user"]["id"]), api.as_user(reply.json["access_token"]), reply.cookie)


@pytest.fixture
def user(api: Api) -> User:
    return sign_up(api, "ada@example.com")


@pytest.fixture
def other(api: Api) -> User:
    return sign_up(api, "eve@example.com")


@dataclass(frozen=True, slots=True)
class Hook:
    """A strategy's webhook, as the sender of alerts knows it."""

    api: Api
    strategy: dict[str, Any]

    @property
    def id(self) -> str:
        return str(self.strategy["id"])

    @property
    def path(self) -> str:
        return str(self.strategy["webhook_url"]).removeprefix(ORIGIN)

    @property
    def secret(self) -> str:
        return str(self.strategy["webhook_secret"])

    def alert(self, **fields: Any) -> dict[str, Any]:
        return {"secret": self.secret, "action": "buy", "symbol": "BTCUSDT", **fields}


@pytest.fixture
def hook(api: Api, user: User) -> Hook:
    """Of a strategy that trades BTCUSDT."""
    return Hook(api, user.strategy(user.account()["id"]))
