"""Exchange accounts."""

from uuid import UUID

from api import accounts
from api.database import transaction
from api.http import Routes
from api.queries import PageQuery
from api.sessions import Caller
from backstop.contracts.accounts import Account, NewAccount
from backstop.contracts.base import Page
from backstop.store import accounts as stored
from backstop.store.paging import fetch_page

routes = Routes(__name__)


@routes.get("/accounts")
def list_accounts(user: Caller, query: PageQuery) -> Page[Account]:
    """Your exchange accounts, newest first."""
    with transaction(user.id) as connection:
        return fetch_page(connection, stored.accounts_page(user.id, query.page), query.limit)


@routes.post("/accounts", status=201)
def add_account(user: Caller, body: NewAccount) -> Account:
    """Connect an exchange account. Its secret is sealed at once and never shown."""
    return accounts.add(user, body)


@routes.delete("/accounts/{account_id}", problems=(409,))
def remove_account(user: Caller, account_id: UUID) -> None:
    """Disconnect an account. Refused while it has an open position."""
    accounts.remove(user, account_id)
