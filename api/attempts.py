"""Guesses are counted before they are checked, so that guesses in parallel do not slip past the limit."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg import Connection

from api.database import transaction
from api.errors import HttpError
from backstop.store import users
from backstop.store.query import execute, fetch_all, fetch_one

_WINDOW_S = 600
PER_SECRET = 5
PER_ADDRESS = 20


@dataclass(frozen=True, slots=True)
class Attempt:
    """One guess, counted as failed until it is forgiven."""

    failed_at: datetime
    secret: str
    address: str

    def succeeded(self, connection: Connection[Any]) -> int:
        """Forget all failures with this secret, and this one of the address; how many guesses it took."""
        execute(connection, users.forget_failures(self.address, self.failed_at))
        return execute(connection, users.forget_failures(self.secret))

    def was_no_guess(self, connection: Connection[Any]) -> None:
        """Forget this one only."""
        execute(connection, users.forget_failures(self.address, self.failed_at))
        execute(connection, users.forget_failures(self.secret, self.failed_at))


def count_attempt(secret: str, source_ip: str) -> Attempt:
    """Count a guess at `secret`. Raises HttpError 429 with Retry-After."""
    limits: Mapping[str, int] = {secret: PER_SECRET, f"ip:{source_ip}": PER_ADDRESS}
    with transaction(None) as connection:
        for subject, allowed in limits.items():
            fetch_all(connection, users.lock_subject(subject))
            wait_s = fetch_one(connection, users.seconds_locked(subject, allowed, _WINDOW_S))
            if wait_s is not None:
                raise HttpError(
                    429,
                    "too_many_attempts",
                    f"too many failed attempts; try again in {wait_s} s",
                    headers={"Retry-After": str(wait_s)},
                )
        failed_at = fetch_one(connection, users.add_failure(secret))
        fetch_one(connection, users.add_failure(f"ip:{source_ip}"))
    assert failed_at is not None
    return Attempt(failed_at, secret, f"ip:{source_ip}")
