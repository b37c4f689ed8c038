"""Self-tests of exchange accounts."""

from uuid import UUID

from api import self_tests
from api.http import Routes
from api.sessions import Caller
from backstop.contracts.self_test import SelfTest, SelfTestAccepted

routes = Routes(__name__)


@routes.get("/accounts/{account_id}/self-test")
def get_self_test(user: Caller, account_id: UUID) -> SelfTest:
    """What the last self-test of an account found, line by line."""
    return self_tests.newest(user, account_id)


@routes.post("/accounts/{account_id}/self-test", status=202)
def run_self_test(user: Caller, account_id: UUID) -> SelfTestAccepted:
    """Have an account tested now: what its key may do, how it is set up, clock and server. One at a time."""
    return self_tests.run(user, account_id)
