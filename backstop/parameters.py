"""Settings that stand in the environment on a machine of one's own, and in AWS where `NAME_FROM` says.

`NAME_FROM` is `secret:<ARN or name>` (Secrets Manager) or `ssm:<name>` (Parameter Store). What was read is kept for five
minutes; whoever is refused with it (a password just rotated) asks for it anew.
"""

import json
import os
import time
from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING
from urllib.parse import quote

if TYPE_CHECKING:
    from types_boto3_secretsmanager import SecretsManagerClient
    from types_boto3_ssm import SSMClient

KEEP_S = 300.0
DATABASE_NAME = "backstop"

_kept: dict[str, tuple[float, str]] = {}


def setting(name: str, variables: Mapping[str, str] = os.environ, *, anew: bool = False) -> str | None:
    """The value of `name`, or None where neither it nor `name_FROM` is set.

    `anew` asks even if an answer is kept. Raises ValueError when `name_FROM` can't be understood, and botocore's errors.
    """
    if value := variables.get(name):
        return value
    source = variables.get(f"{name}_FROM")
    return _read(source, anew=anew) if source else None


def database_url(variables: Mapping[str, str] = os.environ, *, anew: bool = False) -> str | None:
    """Of the database BACKSTOP_DATABASE_HOST with the login kept at BACKSTOP_DATABASE_LOGIN_FROM (JSON, as RDS writes it:
    `username`, `password`); None where there is no such host. Raises as `setting`."""
    host = variables.get("BACKSTOP_DATABASE_HOST")
    login = setting("BACKSTOP_DATABASE_LOGIN", variables, anew=anew) if host else None
    if not host or not login:
        return None
    found = json.loads(login)
    user, password = quote(found["username"], safe=""), quote(found["password"], safe="")
    port = variables.get("BACKSTOP_DATABASE_PORT", "5432")
    mode = variables.get("BACKSTOP_DATABASE_SSLMODE", "require")
    return f"postgresql://{user}:{password}@{host}:{port}/{DATABASE_NAME}?sslmode={mode}"


def forget() -> None:
    """Have everything read anew."""
    _kept.clear()


def _read(source: str, *, anew: bool) -> str:
    kept = _kept.get(source)
    if kept is not None and not anew and time.monotonic() - kept[0] < KEEP_S:
        return kept[1]
    kind, _, name = source.partition(":")
    match kind:
        case "secret":
            value = _secrets().get_secret_value(SecretId=name, VersionStage="AWSCURRENT")["SecretString"]
        case "ssm":
            value = _parameters().get_parameter(Name=name)["Parameter"].get("Value", "")
        case _:
            raise ValueError(f"a setting comes from secret:… or ssm:…, not {kind}:…")
    _kept[source] = (time.monotonic(), value)
    return value


@cache
def _secrets() -> "SecretsManagerClient":
    import boto3  # noqa: PLC0415 - slow to import, and a machine of one's own does not need it

    return boto3.client("secretsmanager", endpoint_url=os.environ.get("BACKSTOP_AWS_ENDPOINT"))


@cache
def _parameters() -> "SSMClient":
    import boto3  # noqa: PLC0415 - as above

    return boto3.client("ssm", endpoint_url=os.environ.get("BACKSTOP_AWS_ENDPOINT"))
