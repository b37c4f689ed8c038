"""Health, read so that it always answers."""

from importlib.metadata import PackageNotFoundError, version

import psycopg

from api.database import transaction
from backstop.contracts.health import Health
from backstop.store.health import newest_beat, without_streamer
from backstop.store.query import fetch_one


def read() -> Health:
    """Never raises: a database that is away is an answer."""
    try:
        with transaction(None, within_s=1.5) as connection:
            return fetch_one(connection, newest_beat(_version())) or without_streamer(_version(), "ok")
    except psycopg.Error:
        return without_streamer(_version(), "unavailable")


def _version() -> str:
    try:
        return version("backstop")
    except PackageNotFoundError:
        # A Lambda's zip holds the code, not the package's metadata.
        return "unpackaged"
