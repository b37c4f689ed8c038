"""Connecting and disconnecting exchange accounts."""

import os
from functools import lru_cache
from typing import Any
from uuid import UUID, uuid4

from psycopg import Connection

from api import audit
from api.database import transaction
from api.errors import HttpError, not_found
from api.sessions import Caller
from api.standing import require_fresh
from api.versions import settings_of
from backstop.contracts.accounts import (
    Account,
    AccountChange,
    Environment,
    HaltAccepted,
    HaltOrder,
    NewAccount,
    ResumeOrder,
)
from backstop.contracts.versions import Rollback
from backstop.store import accounts as stored
from backstop.store import versions
from backstop.store.commands import Kind, add_command, notify_work
from backstop.store.query import execute, fetch_all, fetch_one
from backstop.vault import Context, Credentials, Sealer, sealer_from

_VAULT = ("BACKSTOP_KMS_KEY_ID", "BACKSTOP_KMS_ENDPOINT", "BACKSTOP_VAULT_PUBLIC_KEY_FILE")


def add(caller: Caller, new: NewAccount) -> Account:
    """Seal the credentials, store the account and wake the streamer. Raises HttpError 403 `confirmation_needed`."""
    account_id = uuid4()
    credentials = Credentials(new.api_key.get_secret_value(), new.api_secret.get_secret_value())
    sealed = sealer().seal(credentials, Context(caller.id, account_id))
    with transaction(caller.id) as connection:
        require_fresh(connection, caller, always=new.environment is Environment.MAINNET)
        account = fetch_one(connection, stored.add_account(account_id, caller.id, new, sealed))
        execute(connection, versions.add_account_version(account_id, caller.session_id, "created"))
        audit.record(connection, caller, "account.added", account_id, environment=new.environment, label=new.label)
        fetch_all(connection, notify_work(account_id))
    assert account is not None
    return account


def change(caller: Caller, account_id: UUID, wish: AccountChange) -> Account:
    """A new version, where anything changes. Raises HttpError 404."""
    with transaction(caller.id) as connection:
        return _change(connection, caller, account_id, wish)


def rollback(caller: Caller, account_id: UUID, wish: Rollback) -> Account:
    """A new version equal to an older one; none where they are equal already. Raises HttpError 404, 422."""
    with transaction(caller.id) as connection:
        if fetch_one(connection, stored.lock_account(account_id)) is None:
            raise not_found()
        settings = settings_of(connection, account_id, wish)
        return _change(connection, caller, account_id, AccountChange.model_validate(settings), wish.version)


def _change(
    connection: Connection[Any], caller: Caller, account_id: UUID, wish: AccountChange, back_to: int | None = None
) -> Account:
    before = fetch_one(connection, stored.version_of(account_id))
    account = fetch_one(connection, stored.change_account(account_id, wish.label, wish.limits))
    if account is None:
        raise not_found()
    if account.version != before:
        cause: versions.Cause = "changed" if back_to is None else "rolled_back"
        execute(connection, versions.add_account_version(account_id, caller.session_id, cause, back_to))
        told = wish.model_dump(mode="json", exclude_unset=True) | ({"version": back_to} if back_to is not None else {})
        audit.record(connection, caller, f"account.{cause}", account_id, **told)
        fetch_all(connection, notify_work(account_id))
    return account


def halt(caller: Caller, order: HaltOrder) -> HaltAccepted:
    return _command(caller, order.account_id, "halt", {"level": order.level.value})


def resume(caller: Caller, order: ResumeOrder) -> HaltAccepted:
    return _command(caller, order.account_id, "resume", {})


def _command(caller: Caller, only: UUID | None, kind: Kind, body: dict[str, str]) -> HaltAccepted:
    """One command for each account. Raises HttpError 404 when the account named is not theirs."""
    accepted = []
    with transaction(caller.id) as connection:
        found = fetch_all(connection, stored.account_ids(caller.id, only))
        if only is not None and not found:
            raise not_found()
        for account_id in found:
            command_id = uuid4()
            execute(connection, add_command(command_id, caller.id, account_id, kind, body))
            audit.record(connection, caller, f"account.{kind}", account_id, command_id=str(command_id), **body)
            fetch_all(connection, notify_work(account_id))
            accepted.append(command_id)
    return HaltAccepted(command_ids=accepted)


def remove(caller: Caller, account_id: UUID) -> None:
    """Raises HttpError 404, and 409 `position_open` while the account has a position."""
    with transaction(caller.id) as connection:
        if fetch_one(connection, stored.lock_account(account_id)) is None:
            raise not_found()
        require_fresh(connection, caller)
        if held := fetch_all(connection, stored.open_symbols(account_id)):
            raise position_open(held)
        execute(connection, stored.remove_account(account_id))
        audit.record(connection, caller, "account.removed", account_id)
        fetch_all(connection, notify_work(account_id))


def position_open(symbols: list[str]) -> HttpError:
    return HttpError(409, "position_open", f"close {', '.join(symbols)} first")


def sealer() -> Sealer:
    """What the API seals with; only the streamer can open it."""
    return _sealer_for(tuple((name, os.environ[name]) for name in _VAULT if name in os.environ))


@lru_cache(maxsize=1)
def _sealer_for(environment: tuple[tuple[str, str], ...]) -> Sealer:
    return sealer_from(dict(environment))
