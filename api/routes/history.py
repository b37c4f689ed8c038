"""What happened: signals, orders, executions, trades and the events dashboards are told."""

from uuid import UUID

from api import replays
from api.database import transaction
from api.errors import not_found
from api.http import Routes
from api.queries import EventsQuery, HistoryQuery, SignalsQuery, TradesQuery
from api.sessions import Caller
from backstop.contracts.base import Page
from backstop.contracts.trading import Event, Execution, FlightRecord, Order, Replay, Signal, SignalAnswer, Trade
from backstop.store import dashboards, views
from backstop.store.paging import fetch_page

routes = Routes(__name__)


@routes.get("/signals")
def list_signals(user: Caller, query: SignalsQuery) -> Page[Signal]:
    """Every alert that proved its secret, newest first, those that were not valid too."""
    wanted = views.signals_page(
        user.id, query.page, status=query.status, account_id=query.account_id, symbol=query.symbol
    )
    with transaction(user.id) as connection:
        return fetch_page(connection, wanted, query.limit)


@routes.get("/signals/{signal_id}")
def get_signal(user: Caller, signal_id: UUID) -> FlightRecord:
    """The flight record of one alert: raw, parsed, decision, orders, fills."""
    with transaction(user.id) as connection:
        record = views.read_flight_record(connection, signal_id)
    if record is None:
        raise not_found()
    return record


@routes.post("/signals/{signal_id}/replay", status=202, problems=(409,))
def replay_signal(user: Caller, signal_id: UUID, body: Replay) -> SignalAnswer:
    """Give an alert again, now, to a strategy that trades no real money. What becomes of it is a signal of its own."""
    return replays.replay(user, signal_id, body)


@routes.get("/orders")
def list_orders(user: Caller, query: HistoryQuery) -> Page[Order]:
    """Your orders, newest first."""
    wanted = views.orders_page(user.id, query.page, query.wanted)
    with transaction(user.id) as connection:
        return fetch_page(connection, wanted, query.limit)


@routes.get("/executions")
def list_executions(user: Caller, query: HistoryQuery) -> Page[Execution]:
    """Your fills, newest first."""
    wanted = views.executions_page(user.id, query.page, query.wanted)
    with transaction(user.id) as connection:
        return fetch_page(connection, wanted, query.limit)


@routes.get("/trades")
def list_trades(user: Caller, query: TradesQuery) -> Page[Trade]:
    """Your closed positions with their results, newest first."""
    wanted = views.trades_page(user.id, query.page, query.wanted)
    with transaction(user.id) as connection:
        return fetch_page(connection, wanted, query.limit)


@routes.get("/events")
def list_events(user: Caller, query: EventsQuery) -> Page[Event]:
    """What dashboards were told after `after`, oldest first."""
    with transaction(user.id) as connection:
        return fetch_page(connection, dashboards.events_after(user.id, query.start, query.limit + 1), query.limit)
