"""What the streamer is told by its environment, read once."""

import os
import socket
from collections.abc import Mapping
from dataclasses import dataclass, field
from uuid import uuid4

from backstop import parameters


@dataclass(frozen=True, slots=True)
class Config:
    """`holder` names this process in leases; no two processes ever share one."""

    database_url: str = field(repr=False)
    ws_endpoint: str | None
    holder: str
    variables: Mapping[str, str] = field(repr=False)

    def newest_database_url(self) -> str:
        """`database_url`, with the login as it is now where that is kept elsewhere and rotated. May ask AWS."""
        return parameters.database_url(self.variables) or self.database_url


class ConfigError(Exception):
    """Something needed is not set; the message says what."""


def read_config(variables: Mapping[str, str] = os.environ) -> Config:
    url = variables.get("BACKSTOP_STREAMER_DATABASE_URL") or variables.get("DATABASE_URL")
    url = url or parameters.database_url(variables)
    if not url:
        raise ConfigError("set BACKSTOP_STREAMER_DATABASE_URL (or DATABASE_URL) to a PostgreSQL URL")
    return Config(
        database_url=url,
        ws_endpoint=variables.get("BACKSTOP_WS_ENDPOINT"),
        holder=f"{socket.gethostname()}:{os.getpid()}:{uuid4().hex[:8]}",
        variables=variables,
    )
