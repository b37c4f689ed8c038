"""The way into the WebSocket."""

from api import tickets
from api.http import Routes
from api.sessions import Caller
from backstop.contracts.auth import WsTicket

routes = Routes(__name__)


@routes.post("/ws-ticket")
def issue_ticket(user: Caller) -> WsTicket:
    """A ticket for `GET /ws?ticket=…`, good once within 30 s."""
    return tickets.issue(user)
