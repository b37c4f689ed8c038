"""What the environment says. Read when asked for, so that importing the API needs nothing."""

import os
from pathlib import Path
from urllib.parse import urlsplit

from backstop import parameters
from backstop.contracts.accounts import Environment


def public_url() -> str:
    """Where users reach us, without a slash at the end."""
    return (parameters.setting("BACKSTOP_PUBLIC_URL") or "http://127.0.0.1:8000").rstrip("/")


def public_origin() -> str:
    """As a browser writes it in `Origin`."""
    url = urlsplit(public_url())
    return f"{url.scheme}://{url.netloc}"


def webhook_url(hook_id: str) -> str:
    return f"{public_url()}/api/hooks/{hook_id}"


def jwt_keys() -> str:
    """The keys that sign access tokens, as JSON: from BACKSTOP_JWT_KEYS_FILE, or where BACKSTOP_JWT_KEYS_FROM says."""
    if file := os.environ.get("BACKSTOP_JWT_KEYS_FILE"):
        return Path(file).read_text()
    keys = parameters.setting("BACKSTOP_JWT_KEYS")
    if keys is None:
        raise KeyError("BACKSTOP_JWT_KEYS_FILE")
    return keys


def viewer_header() -> str | None:
    """The header in which our own front (CloudFront) names who asks; None where requests come directly."""
    return os.environ.get("BACKSTOP_VIEWER_HEADER")


def websocket_endpoint() -> str:
    """Where `@connections` are posted to."""
    return os.environ["BACKSTOP_WS_ENDPOINT"]


def database_url(*, anew: bool = False) -> tuple[str, str | None]:
    """Where the database is, and the role to take there if the login is not the API's own.

    `anew` asks for the login even if an answer is kept: it may have been rotated.
    """
    if kept_elsewhere := parameters.database_url(anew=anew):
        return kept_elsewhere, None
    if own := os.environ.get("BACKSTOP_API_DATABASE_URL"):
        return own, None
    return os.environ["DATABASE_URL"], "backstop_api"


def market_url(environment: Environment) -> str:
    """Where an environment's public market data is read (Bybit V5, "Integration Guidance"; demo shares mainnet's)."""
    match environment:
        case Environment.SIMULATOR:
            return os.environ.get("BACKSTOP_BYBIT_REST_URL", "http://127.0.0.1:8100")
        case Environment.TESTNET:
            return "https://api-testnet.bybit.com"
        case Environment.DEMO | Environment.MAINNET:
            return "https://api.bybit.com"
