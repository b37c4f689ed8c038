"""Logins and token keys rotated while requests go on: real PostgreSQL, Secrets Manager played by moto."""

import json
import threading
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import boto3
import jwt
import psycopg
import pytest
from moto import mock_aws
from psycopg.conninfo import conninfo_to_dict

from api import sessions
from api.database import close_connections, transaction
from backstop import parameters
from infra.cloud import migration, rotation
from tests.conftest import Database


@pytest.fixture
def secrets(database: Database, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """What the jobs find: a login and token keys, before the first migration."""
    where = conninfo_to_dict(database.url)
    for name, value in {
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "DATABASE_URL": database.url,
        "BACKSTOP_DATABASE_SSLMODE": "disable",
    }.items():
        monkeypatch.setenv(name, value)
    with mock_aws():
        client = boto3.client("secretsmanager")
        mark = uuid4().hex[:6]
        login = {"username": f"api{mark}_a", "password": "first", "role": "backstop_api"}
        arn = client.create_secret(Name="login", SecretString=json.dumps(login))["ARN"]
        keys = client.create_secret(Name="keys")["ARN"]
        monkeypatch.setenv("BACKSTOP_LOGINS", arn)
        monkeypatch.setenv("BACKSTOP_TOKEN_KEYS", keys)
        monkeypatch.setattr(parameters, "DATABASE_NAME", where["dbname"])
        parameters.forget()
        parameters._secrets.cache_clear()
        yield client
        parameters.forget()
        parameters._secrets.cache_clear()
        close_connections()
        with psycopg.connect(database.url, autocommit=True) as connection:
            for turn in "ab":
                connection.execute(f"drop role if exists api{mark}_{turn}".encode())


@pytest.fixture
def as_lambda(database: Database, secrets: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The environment of the API's function, after the migration."""
    migration.prepare()
    where = conninfo_to_dict(database.url)
    monkeypatch.setenv("BACKSTOP_DATABASE_HOST", str(where["host"]))
    monkeypatch.setenv("BACKSTOP_DATABASE_PORT", str(where["port"]))
    monkeypatch.setenv("BACKSTOP_DATABASE_LOGIN_FROM", "secret:login")
    monkeypatch.setenv("BACKSTOP_JWT_KEYS_FROM", "secret:keys")
    monkeypatch.delenv("BACKSTOP_JWT_KEYS_FILE", raising=False)


def rotate(secrets: Any, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The four steps, as Secrets Manager asks for them; the first comes twice. The job's environment names the owner."""
    version = str(uuid4())
    secret = secrets.describe_secret(SecretId=name)["ARN"]
    with monkeypatch.context() as job:
        job.delenv("BACKSTOP_DATABASE_HOST")
        for step in ("createSecret", "createSecret", "setSecret", "testSecret", "finishSecret"):
            rotation.handler({"SecretId": secret, "ClientRequestToken": version, "Step": step}, None)


def who() -> str:
    with transaction(None) as connection:
        found = connection.execute("select session_user, current_setting('row_security')").fetchone()
        connection.execute("select 1 from accounts limit 0")
    assert found is not None
    return str(found[0])


def test_a_login_of_the_job_stands_before_the_walls(as_lambda: None) -> None:
    with transaction(None) as connection:
        assert connection.execute("select count(*) from accounts").fetchone() == (0,)
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("create table mine (id int)")


@pytest.mark.fault(50)
def test_logins_take_turns_and_no_request_fails(as_lambda: None, secrets: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    before = who()
    stop, failed = threading.Event(), []

    def ask() -> None:
        while not stop.is_set():
            try:
                who()
            except Exception as error:  # noqa: BLE001 - it is what is looked for
                failed.append(error)

    asking = threading.Thread(target=ask)
    asking.start()
    try:
        rotate(secrets, "login", monkeypatch)
        parameters.forget()  # five minutes later
    finally:
        stop.set()
        asking.join()
    assert failed == []
    close_connections()
    assert who() == before.removesuffix("a") + "b"


def test_a_login_that_is_refused_is_read_anew(
    as_lambda: None, secrets: Any, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = who()
    rotate(secrets, "login", monkeypatch)
    with psycopg.connect(database.url, autocommit=True) as connection:  # as a proxy that knows the new one only
        connection.execute(f"alter role {before} nologin".encode())
    close_connections()
    assert who() != before


@pytest.mark.fault(50)
def test_tokens_signed_before_and_after_are_good(
    as_lambda: None, secrets: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    user, session = uuid4(), uuid4()
    before = sessions.access_token(user, session)
    rotate(secrets, "keys", monkeypatch)
    # One instance has read the new keys and another has not yet.
    assert sessions.authenticate(f"Bearer {before}").id == user
    parameters.forget()
    after = sessions.access_token(user, session)
    assert jwt.get_unverified_header(after)["kid"] != jwt.get_unverified_header(before)["kid"]
    assert sessions.authenticate(f"Bearer {before}").id == user
    assert sessions.authenticate(f"Bearer {after}").id == user


def test_a_migration_repeated_changes_nothing(as_lambda: None, secrets: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    keys = secrets.get_secret_value(SecretId="keys")["SecretString"]
    monkeypatch.delenv("BACKSTOP_DATABASE_HOST")
    assert migration.prepare() == []
    assert secrets.get_secret_value(SecretId="keys")["SecretString"] == keys
