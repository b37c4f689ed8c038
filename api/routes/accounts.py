"""Exchange accounts."""

from uuid import UUID

from api import accounts
from api.database import transaction
from api.errors import not_found
from api.http import Routes
from api.queries import PageQuery
from api.sessions import Caller
from backstop.contracts.accounts import Account, AccountChange, HaltAccepted, HaltOrder, NewAccount, ResumeOrder
from backstop.contracts.base import Page
from backstop.contracts.versions import Rollback, SettingsVersion
from backstop.store import accounts as stored
from backstop.store.paging import fetch_page
from backstop.store.query import fetch_all
from backstop.store.versions import versions_page

routes = Routes(__name__)


@routes.get("/accounts")
def list_accounts(user: Caller, query: PageQuery) -> Page[Account]:
    """Your exchange accounts, newest first."""
    with transaction(user.id) as connection:
        return fetch_page(connection, stored.accounts_page(user.id, query.page), query.limit)


@routes.post("/accounts", status=201, problems=(403,))
def add_account(user: Caller, body: NewAccount) -> Account:
    """Connect an exchange account. Its secret is sealed at once and never shown."""
    return accounts.add(user, body)


@routes.patch("/accounts/{account_id}")
def change_account(user: Caller, account_id: UUID, body: AccountChange) -> Account:
    """Rename an account, or set its limits."""
    return accounts.change(user, account_id, body)


@routes.get("/accounts/{account_id}/versions")
def list_account_versions(user: Caller, account_id: UUID, query: PageQuery) -> Page[SettingsVersion]:
    """An account's label and limits as they were, newest first, each with what it changed."""
    with transaction(user.id) as connection:
        if not fetch_all(connection, stored.account_ids(user.id, account_id)):
            raise not_found()
        return fetch_page(connection, versions_page(user.id, account_id, query.page), query.limit)


@routes.post("/accounts/{account_id}/rollback")
def roll_account_back(user: Caller, account_id: UUID, body: Rollback) -> Account:
    """Set an account's label and limits as they were: a new version equal to an older one."""
    return accounts.rollback(user, account_id, body)


@routes.post("/halt", status=202, problems=(404,))
def halt(user: Caller, body: HaltOrder) -> HaltAccepted:
    """Stop trading, on one of three levels, until it is resumed. Exits always go through."""
    return accounts.halt(user, body)


@routes.post("/resume", status=202, problems=(404,))
def resume(user: Caller, body: ResumeOrder) -> HaltAccepted:
    """Trade again."""
    return accounts.resume(user, body)


@routes.delete("/accounts/{account_id}", problems=(403, 409))
def remove_account(user: Caller, account_id: UUID) -> None:
    """Disconnect an account. Refused while it has an open position."""
    accounts.remove(user, account_id)
