"""Positions, and what a user may ask to be done with one."""

from uuid import UUID

from api import market, positions
from api.database import transaction
from api.http import Routes
from api.queries import CandlesQuery, PositionsQuery
from api.sessions import Caller
from backstop.contracts.base import Page
from backstop.contracts.market import Candles
from backstop.contracts.trading import ClosePosition, CommandAccepted, Position, ProtectionChange, ReversePosition
from backstop.store import views
from backstop.store.paging import fetch_page

routes = Routes(__name__)


@routes.get("/positions")
def list_positions(user: Caller, query: PositionsQuery) -> Page[Position]:
    """Your positions, newest first; those not closed unless `status` says otherwise."""
    wanted = views.positions_page(
        user.id, query.page, status=query.status, account_id=query.account_id, symbol=query.symbol
    )
    with transaction(user.id) as connection:
        return fetch_page(connection, wanted, query.limit)


@routes.get("/positions/{position_id}")
def get_position(user: Caller, position_id: UUID) -> Position:
    """One position, closed ones too."""
    return positions.get(user, position_id)


@routes.get("/positions/{position_id}/candles")
def get_candles(user: Caller, position_id: UUID, query: CandlesQuery) -> Candles:
    """What the market of a position did, as the exchange keeps it; oldest first."""
    return market.candles_of(user, position_id, query)


@routes.post("/positions/{position_id}/close", status=202, problems=(409,))
def close_position(user: Caller, position_id: UUID, body: ClosePosition) -> CommandAccepted:
    """Ask for a position, or a portion of it, to be closed at the market."""
    return positions.close(user, position_id, body)


@routes.post("/positions/{position_id}/reverse", status=202, problems=(409,))
def reverse_position(user: Caller, position_id: UUID, body: ReversePosition) -> CommandAccepted:
    """Ask for a position to be closed and the other side opened."""
    return positions.reverse(user, position_id, body)


@routes.patch("/positions/{position_id}/protection", status=202, problems=(409,))
def change_protection(user: Caller, position_id: UUID, body: ProtectionChange) -> CommandAccepted:
    """Ask for stop-loss, take-profits, trailing, break-even or time exit to be changed."""
    return positions.protect(user, position_id, body)
