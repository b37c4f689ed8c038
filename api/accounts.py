"""Connecting and disconnecting exchange accounts."""

import os
from functools import lru_cache
from uuid import UUID, uuid4

from api.database import transaction
from api.errors import HttpError, not_found
from api.sessions import Caller
from backstop.contracts.accounts import Account, NewAccount
from backstop.store import accounts as stored
from backstop.store.commands import notify_work
from backstop.store.query import execute, fetch_all, fetch_one
from backstop.vault import Context, Credentials, Sealer, sealer_from

_VAULT = ("BACKSTOP_KMS_KEY_ID", "BACKSTOP_KMS_ENDPOINT", "BACKSTOP_VAULT_PUBLIC_KEY_FILE")


def add(caller: Caller, new: NewAccount) -> Account:
    """Seal the credentials, store the account and wake the streamer."""
    account_id = uuid4()
    credentials = Credentials(new.api_key.get_secret_value(), new.api_secret.get_secret_value())
    sealed = _sealer().seal(credentials, Context(caller.id, account_id))
    with transaction(caller.id) as connection:
        account = fetch_one(connection, stored.add_account(account_id, caller.id, new, sealed))
        fetch_all(connection, notify_work(account_id))
    assert account is not None
    return account


def remove(caller: Caller, account_id: UUID) -> None:
    """Raises HttpError 404, and 409 `position_open` while the account has a position."""
    with transaction(caller.id) as connection:
        if fetch_one(connection, stored.lock_account(account_id)) is None:
            raise not_found()
        if held := fetch_all(connection, stored.open_symbols(account_id)):
            raise position_open(held)
        execute(connection, stored.remove_account(account_id))
        fetch_all(connection, notify_work(account_id))


def position_open(symbols: list[str]) -> HttpError:
    return HttpError(409, "position_open", f"close {', '.join(symbols)} first")


def _sealer() -> Sealer:
    return _sealer_for(tuple((name, os.environ[name]) for name in _VAULT if name in os.environ))


@lru_cache(maxsize=1)
def _sealer_for(environment: tuple[tuple[str, str], ...]) -> Sealer:
    return sealer_from(dict(environment))
