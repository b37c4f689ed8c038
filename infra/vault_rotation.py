"""Seals everything in the vault anew under its newest key, while everything runs; begun again, it goes on.

With key files, the older keys stay in the private file, behind the newest, so that whoever read a row before it was sealed
anew can still open it; `forget_older` takes them out once no row needs them. With KMS, BACKSTOP_KMS_PREVIOUS_KEY_ID names
the key before BACKSTOP_KMS_KEY_ID; a key that KMS rotates by itself needs none of this.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
from botocore.exceptions import ClientError

from backstop.store.query import Query, execute, fetch_all
from backstop.store.sealed import SealedRow, replace_sealed, sealed_accounts, sealed_channels
from backstop.vault import BytesOpener, Sealer, VaultError, opener_from, sealer_from
from infra.keys import begin_vault_rotation, forget_older_vault_keys

_BATCH = 100
_PASSES = 5


class RotationError(Exception):
    """It could not be finished; the message says what to do."""


@dataclass(slots=True)
class Tally:
    """`resealed`: of `checked` rows. `unopenable`: no key opens them; they stay as they are."""

    checked: int = 0
    resealed: int = 0
    unopenable: int = 0


def rotate(database_url: str, environment: Mapping[str, str]) -> Tally:
    """Make a new key where the vault is of files and no rotation is under way, then seal everything by the newest.

    Raises KeysError, RotationError, psycopg.Error, and what KMS raises.
    """
    if not environment.get("BACKSTOP_KMS_KEY_ID"):
        begin_vault_rotation(*_files(environment))
    return reseal(database_url, environment)


def forget_older(database_url: str, environment: Mapping[str, str]) -> Tally:
    """Take the older keys out of the private file, once nothing needs them. Raises as `rotate`."""
    tally = reseal(database_url, environment)
    if not environment.get("BACKSTOP_KMS_KEY_ID"):
        forget_older_vault_keys(_files(environment)[0])
    return tally


def reseal(database_url: str, environment: Mapping[str, str]) -> Tally:
    """Until a pass finds everything under the newest key."""
    sealer, opener = sealer_from(environment), opener_from(environment)
    newest = opener_from(environment, newest_only=True)
    total = Tally()
    with psycopg.connect(database_url, autocommit=True, connect_timeout=5) as connection:
        connection.execute("set role backstop_streamer")
        for _ in range(_PASSES):
            found = _pass(connection, sealer, opener, newest)
            total = Tally(found.checked, total.resealed + found.resealed, found.unopenable)
            if not found.resealed:
                return total
    raise RotationError(f"after {_PASSES} passes there was still something under an older key; run it again")


def _pass(connection: psycopg.Connection[Any], sealer: Sealer, opener: BytesOpener, newest: BytesOpener) -> Tally:
    tally = Tally()
    pages: tuple[Callable[[str, int], Query[SealedRow]], ...] = (sealed_accounts, sealed_channels)
    for page in pages:
        after = ""
        while rows := fetch_all(connection, page(after, _BATCH)):
            for row in rows:
                tally.checked += 1
                if _opens(newest, row):
                    continue
                try:
                    content = opener.open_bytes(row.sealed, row.context)
                except VaultError:
                    tally.unopenable += 1
                    continue
                tally.resealed += execute(connection, replace_sealed(row, sealer.seal_bytes(content, row.context)))
            after = rows[-1].key
    return tally


def _opens(opener: BytesOpener, row: SealedRow) -> bool:
    try:
        opener.open_bytes(row.sealed, row.context)
    except (VaultError, ClientError):
        # KMS may also say of another key's bytes that access is denied. Whether it is away shows when they are opened.
        return False
    return True


def _files(environment: Mapping[str, str]) -> tuple[Path, Path]:
    return (
        Path(environment["BACKSTOP_VAULT_PRIVATE_KEY_FILE"]),
        Path(environment["BACKSTOP_VAULT_PUBLIC_KEY_FILE"]),
    )
