"""Passwords: Argon2id, 19 MiB, 2 passes, 1 lane (OWASP's minimum), renewed at login when that changes."""

from argon2 import PasswordHasher
from argon2.exceptions import VerifyMismatchError

_HASHER = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
NOBODYS_HASH = "$argon2id$v=19$m=19456,t=2,p=1$eAOZiJQZjJpOu5fPX4JQtA$hOP6m9tUIvmK+Onk2RGKtj+3vq7kum3k7LZrX6H/7J0"
"""Of a password nobody knows. Checked when there is no such user, so that the answer takes as long."""


def hashed(password: str) -> str:
    return _HASHER.hash(password)


def matches(password_hash: str, password: str) -> bool:
    try:
        return _HASHER.verify(password_hash, password)
    except VerifyMismatchError:
        return False


def renewed(password_hash: str, password: str) -> str | None:
    """The password's hash at today's cost, or None when it has that already."""
    return hashed(password) if _HASHER.check_needs_rehash(password_hash) else None
