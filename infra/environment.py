"""The environment of every child process, built here and nowhere else. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from urllib.parse import parse_qsl, quote, urlencode, urlsplit, urlunsplit

Part = Literal["simulator", "gateway", "streamer"]

# What a part must not see, even if it stands in the environment `up` was started from.
_OPENS_NOTHING = "local"
_WITHHELD: Mapping[Part, tuple[str, ...]] = {
    "simulator": (
        *("DATABASE_URL", "BACKSTOP_API_DATABASE_URL", "BACKSTOP_STREAMER_DATABASE_URL", "BACKSTOP_MAIL_URL"),
        *("BACKSTOP_JWT_KEYS_FILE", "BACKSTOP_VAULT_PRIVATE_KEY_FILE", "BACKSTOP_STRONGBOX_KEY_FILE"),
    ),
    "gateway": (
        *("DATABASE_URL", "BACKSTOP_STREAMER_DATABASE_URL", "BACKSTOP_VAULT_PRIVATE_KEY_FILE", "BACKSTOP_MAIL_URL"),
    ),
    "streamer": (
        *("DATABASE_URL", "BACKSTOP_API_DATABASE_URL", "BACKSTOP_JWT_KEYS_FILE", "BACKSTOP_STRONGBOX_KEY_FILE"),
    ),
}


@dataclass(frozen=True, slots=True)
class Place:
    """Where one local Backstop lives."""

    home: Path
    port: int = 8000
    sim_port: int = 8100

    @property
    def url(self) -> str:
        """Of dashboard and API."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def sim_url(self) -> str:
        """Of the simulator."""
        return f"http://127.0.0.1:{self.sim_port}"

    @property
    def keys(self) -> Path:
        """The folder of the local keys."""
        return self.home / "keys"

    def log(self, name: str) -> Path:
        """Where a part writes what it says."""
        return self.home / "logs" / f"{name}.log"


def environment_of(part: Part, base: Mapping[str, str], place: Place, database_url: str) -> dict[str, str]:
    """What `part` is started with: `base`, completed. What the user set in `base` stays as it is.

    Args:
        database_url: of the role that owns the schema; each part gets it with a role of its own.
    """
    sim_ws = place.sim_url.replace("http", "ws", 1)
    needed = {
        "BACKSTOP_HOME": str(place.home),
        "BACKSTOP_WS_ENDPOINT": place.url,
        "BACKSTOP_PUBLIC_URL": place.url,
        "BACKSTOP_BYBIT_REST_URL": place.sim_url,
        "BACKSTOP_BYBIT_PUBLIC_WS_URL": f"{sim_ws}/v5/public/linear",
        "BACKSTOP_BYBIT_PRIVATE_WS_URL": f"{sim_ws}/v5/private",
        "BACKSTOP_BYBIT_TRADE_WS_URL": f"{sim_ws}/v5/trade",
        "BACKSTOP_API_DATABASE_URL": with_role(database_url, "backstop_api"),
        "BACKSTOP_STREAMER_DATABASE_URL": with_role(database_url, "backstop_streamer"),
        "BACKSTOP_JWT_KEYS_FILE": str(place.keys / "jwt.json"),
        "BACKSTOP_STRONGBOX_KEY_FILE": str(place.keys / "strongbox.key"),
        "BACKSTOP_VAULT_PUBLIC_KEY_FILE": str(place.keys / "vault.public.pem"),
        "BACKSTOP_VAULT_PRIVATE_KEY_FILE": str(place.keys / "vault.private.pem"),
        "BACKSTOP_SPOOL_DIR": str(place.home / "spool"),
        "BACKSTOP_SIM_STATE": str(place.home / "simulator.json"),
        "PYTHONUNBUFFERED": "1",
        # boto3 is asked for a region and credentials even where nothing of AWS is reached.
        "AWS_ACCESS_KEY_ID": "local",
        "AWS_SECRET_ACCESS_KEY": _OPENS_NOTHING,
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_EC2_METADATA_DISABLED": "true",
        "POWERTOOLS_SERVICE_NAME": "api" if part == "gateway" else part,
        "POWERTOOLS_TRACE_DISABLED": "1",
        "POWERTOOLS_METRICS_NAMESPACE": "Backstop",
        # The API is told whether there is a mail server, the streamer how to log in there.
        "BACKSTOP_MAIL": "on" if base.get("BACKSTOP_MAIL_URL") else "off",
    }
    # The ports are what `up` has checked, wherever it had them from.
    decided = {"BACKSTOP_PORT": str(place.port), "BACKSTOP_SIM_PORT": str(place.sim_port)}
    whole = {**needed, **base, **decided}
    return {name: value for name, value in whole.items() if name not in _WITHHELD[part]}


def with_role(database_url: str, role: str) -> str:
    """The URL of the same database under a role, which each connection takes on when it opens.

    Other parameters stay, and so do other `options`.
    """
    parts = urlsplit(database_url)
    query = dict(parse_qsl(parts.query, keep_blank_values=True))
    query["options"] = f"{query.get('options', '')} -c role={role}".strip()
    # libpq reads %20 and not "+".
    return urlunsplit(parts._replace(query=urlencode(query, quote_via=quote)))
