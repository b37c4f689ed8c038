"""The job before the switch: schema, logins, token keys. A CloudFormation custom resource, run for each new image.

Source: CloudFormation, "Custom resource request objects" and "response objects".
"""

import json
import os
import urllib.request
from collections.abc import Callable, Mapping
from typing import Any

import boto3
import psycopg
from botocore.exceptions import ClientError
from psycopg import sql

from backstop import parameters
from backstop.store.migrate import migrate
from backstop.telemetry import logger
from infra.cloud.token_keys import first_keys

log = logger("migration")

Answer = Callable[[str, bytes], None]


def handler(event: Mapping[str, Any], _context: object) -> None:
    """Always answers, so that a failure is shown at once and not after an hour's silence."""
    try:
        if event["RequestType"] != "Delete":
            prepare()
    except Exception as error:
        log.exception("migration failed")
        respond(event, "FAILED", f"{type(error).__name__}; see the log of the migration function")
    else:
        respond(event, "SUCCESS", "")


def prepare() -> list[str]:
    """Bring everything up to date; safe to repeat. Returns the migrations applied now. Raises as what it calls."""
    url = parameters.database_url(anew=True) or os.environ["DATABASE_URL"]
    applied = migrate(url)
    secrets = boto3.client("secretsmanager", endpoint_url=os.environ.get("BACKSTOP_AWS_ENDPOINT"))
    with psycopg.connect(url, autocommit=True, connect_timeout=5) as connection:
        for secret in filter(None, os.environ.get("BACKSTOP_LOGINS", "").split(",")):
            ensure_login(connection, json.loads(secrets.get_secret_value(SecretId=secret)["SecretString"]))
    if keys := os.environ.get("BACKSTOP_TOKEN_KEYS"):
        _ensure_token_keys(secrets, keys)
    log.info("migrated", applied=applied)
    return applied


def ensure_login(connection: psycopg.Connection[Any], login: Mapping[str, str]) -> None:
    """A role that may log in with this password and acts with the rights of `login["role"]`, no more."""
    name, group = sql.Identifier(login["username"]), sql.Identifier(login["role"])
    exists = connection.execute("select from pg_roles where rolname = %s", [login["username"]]).fetchone()
    verb = sql.SQL("alter" if exists is not None else "create")
    password = sql.Literal(login["password"])
    connection.execute(sql.SQL("{} role {} login inherit password {}").format(verb, name, password))
    connection.execute(sql.SQL("grant {} to {}").format(group, name))


def _ensure_token_keys(secrets: Any, secret: str) -> None:
    try:
        secrets.get_secret_value(SecretId=secret)
    except ClientError as error:
        if error.response["Error"]["Code"] != "ResourceNotFoundException":
            raise
        secrets.put_secret_value(SecretId=secret, SecretString=first_keys())


def respond(event: Mapping[str, Any], status: str, reason: str, answer: Answer | None = None) -> None:
    body = {
        "Status": status,
        "Reason": reason,
        "PhysicalResourceId": event.get("PhysicalResourceId", "migration"),
        **{name: event[name] for name in ("StackId", "RequestId", "LogicalResourceId")},
    }
    (answer or _put)(event["ResponseURL"], json.dumps(body).encode())


def _put(url: str, body: bytes) -> None:
    request = urllib.request.Request(url, body, {"Content-Type": ""}, method="PUT")  # noqa: S310 - CloudFormation's own
    urllib.request.urlopen(request, timeout=10).close()  # noqa: S310  # nosec B310 # CloudFormation's own URL
