"""Exchange accounts."""

from uuid import UUID

from api import accounts
from api.database import transaction
from api.http import Routes
from api.queries import PageQuery
from api.sessions import Caller
from backstop.contracts.accounts import Account, AccountChange, HaltAccepted, HaltOrder, NewAccount, ResumeOrder
from backstop.contracts.base import Page
from backstop.store import accounts as stored
from backstop.store.paging import fetch_page

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


@routes.post("/halt", status=202)
def halt(user: Caller, body: HaltOrder) -> HaltAccepted:
    """Stop trading, on one of three levels, until it is resumed. Exits always go through."""
    return accounts.halt(user, body)


@routes.post("/resume", status=202)
def resume(user: Caller, body: ResumeOrder) -> HaltAccepted:
    """Trade again."""
    return accounts.resume(user, body)


@routes.delete("/accounts/{account_id}", problems=(403, 409))
def remove_account(user: Caller, account_id: UUID) -> None:
    """Disconnect an account. Refused while it has an open position."""
    accounts.remove(user, account_id)
