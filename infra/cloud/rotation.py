"""Rotates secrets in Secrets Manager's four steps. Two logins take turns, so that the one in use stays good meanwhile.

Source: Secrets Manager, "Lambda rotation functions" and "Alternating users".
"""

import json
import os
import secrets as random
from collections.abc import Mapping
from typing import Any

import boto3
import psycopg
from psycopg.conninfo import make_conninfo

from backstop import parameters
from backstop.telemetry import logger
from infra.cloud.migration import ensure_login
from infra.cloud.token_keys import rotated

log = logger("rotation")


def handler(event: Mapping[str, str], _context: object) -> None:
    """One step for one secret; each may come twice. Raises when it can't be done, and Secrets Manager tries again."""
    client = boto3.client("secretsmanager", endpoint_url=os.environ.get("BACKSTOP_AWS_ENDPOINT"))
    step = Rotation(client, event["SecretId"], event["ClientRequestToken"])
    match event["Step"]:
        case "createSecret":
            step.create()
        case "setSecret":
            step.set()
        case "testSecret":
            step.test()
        case "finishSecret":
            step.finish()
        case other:
            raise ValueError(f"unknown step {other}")


class Rotation:
    def __init__(self, client: Any, secret: str, version: str) -> None:
        self._client = client
        self._secret = secret
        self._version = version
        self._is_login = secret != os.environ.get("BACKSTOP_TOKEN_KEYS")

    def create(self) -> None:
        if self._has_pending():
            return
        current = self._read("AWSCURRENT")
        new = json.dumps(next_login(json.loads(current))) if self._is_login else rotated(current)
        self._client.put_secret_value(
            SecretId=self._secret, ClientRequestToken=self._version, SecretString=new, VersionStages=["AWSPENDING"]
        )

    def set(self) -> None:
        if self._is_login:
            with psycopg.connect(_owner_url(), autocommit=True, connect_timeout=5) as connection:
                ensure_login(connection, self._pending())

    def test(self) -> None:
        if self._is_login:
            login = self._pending()
            url = make_conninfo(_owner_url(), user=login["username"], password=login["password"], options="")
            with psycopg.connect(url, connect_timeout=5) as connection:
                connection.execute("select 1 from accounts limit 0")

    def finish(self) -> None:
        versions = self._client.describe_secret(SecretId=self._secret)["VersionIdsToStages"]
        current = next(version for version, stages in versions.items() if "AWSCURRENT" in stages)
        if current != self._version:
            self._client.update_secret_version_stage(
                SecretId=self._secret,
                VersionStage="AWSCURRENT",
                MoveToVersionId=self._version,
                RemoveFromVersionId=current,
            )
            log.info("rotated", rotated=self._secret)

    def _has_pending(self) -> bool:
        versions = self._client.describe_secret(SecretId=self._secret).get("VersionIdsToStages", {})
        pending = "AWSPENDING" in versions.get(self._version, [])
        try:
            return pending and bool(self._pending())
        except self._client.exceptions.ResourceNotFoundException:
            return False

    def _pending(self) -> dict[str, str]:
        answer = self._client.get_secret_value(
            SecretId=self._secret, VersionId=self._version, VersionStage="AWSPENDING"
        )
        found: dict[str, str] = json.loads(answer["SecretString"])
        return found

    def _read(self, stage: str) -> str:
        return str(self._client.get_secret_value(SecretId=self._secret, VersionStage=stage)["SecretString"])


def next_login(login: Mapping[str, str]) -> dict[str, str]:
    """The other of the two, `…_a` and `…_b`, with a new password."""
    stem, _, turn = login["username"].rpartition("_")
    return {**login, "username": f"{stem}_{'b' if turn == 'a' else 'a'}", "password": random.token_urlsafe(30)}


def _owner_url() -> str:
    return parameters.database_url(anew=True) or os.environ["DATABASE_URL"]
