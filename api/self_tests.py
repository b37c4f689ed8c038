"""Asking for an account's self-test, and what it found. The streamer does it."""

from uuid import UUID, uuid4

from api.database import transaction
from api.errors import not_found
from api.sessions import Caller
from backstop.contracts.self_test import SelfTest, SelfTestAccepted
from backstop.store import accounts, self_tests
from backstop.store.commands import notify_work
from backstop.store.query import fetch_all, fetch_one


def newest(caller: Caller, account_id: UUID) -> SelfTest:
    """Raises HttpError 404."""
    with transaction(caller.id) as connection:
        found = fetch_one(connection, self_tests.newest(account_id))
    if found is None:
        raise not_found()
    return found


def run(caller: Caller, account_id: UUID) -> SelfTestAccepted:
    """Raises HttpError 404."""
    with transaction(caller.id) as connection:
        if fetch_one(connection, accounts.lock_account(account_id)) is None:
            raise not_found()
        self_test_id = fetch_one(connection, self_tests.request(uuid4(), caller.id, account_id, "user"))
        fetch_all(connection, notify_work(account_id))
    assert self_test_id is not None
    return SelfTestAccepted(self_test_id=self_test_id)
