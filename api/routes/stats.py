"""Statistics, the equity curve, CSV exports, and what became of commands."""

from uuid import UUID

from api import exports, stats
from api.database import transaction
from api.errors import not_found
from api.http import Answer, CsvText, Routes
from api.queries import EquityQuery, ExecutionQuery, HistoryExport, StatsQuery, TradesExport
from api.sessions import Caller
from backstop.contracts.stats import Command, EquityCurve, ExecutionQuality, Stats
from backstop.store.query import fetch_one
from backstop.store.stats import command

routes = Routes(__name__)


@routes.get("/stats")
def get_stats(user: Caller, query: StatsQuery) -> Stats:
    """Win rate, profit factor, expectancy, drawdown, fees and funding of closed positions; in groups with `by`."""
    return stats.read(user, query)


@routes.get("/stats/execution")
def get_execution_quality(user: Caller, query: ExecutionQuery) -> ExecutionQuality:
    """How long signals took from alert to fill, in percentiles."""
    return stats.execution(user, query)


@routes.get("/equity")
def get_equity(user: Caller, query: EquityQuery) -> EquityCurve:
    """What your accounts were worth over time."""
    return stats.equity(user, query)


@routes.get("/exports/trades")
def export_trades(user: Caller, query: TradesExport) -> Answer[CsvText]:
    """Trades as CSV, newest first; where more follow, the header `X-Next-Cursor` says from where."""
    return _csv(*exports.trades(user, query), "trades")


@routes.get("/exports/orders")
def export_orders(user: Caller, query: HistoryExport) -> Answer[CsvText]:
    """Orders as CSV, newest first; where more follow, the header `X-Next-Cursor` says from where."""
    return _csv(*exports.orders(user, query), "orders")


@routes.get("/exports/executions")
def export_executions(user: Caller, query: HistoryExport) -> Answer[CsvText]:
    """Fills as CSV, newest first; where more follow, the header `X-Next-Cursor` says from where."""
    return _csv(*exports.executions(user, query), "executions")


@routes.get("/commands/{command_id}")
def get_command(user: Caller, command_id: UUID) -> Command:
    """What became of a wish: close, reverse, protect, halt or resume."""
    with transaction(user.id) as connection:
        found = fetch_one(connection, command(command_id))
    if found is None:
        raise not_found()
    return found


def _csv(text: str, following: str | None, name: str) -> Answer[CsvText]:
    headers = {"Content-Disposition": f'attachment; filename="{name}.csv"'}
    return Answer(CsvText(text), headers=headers | ({"X-Next-Cursor": following} if following else {}))
