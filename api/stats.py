"""Statistics and the equity curve."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from api.database import transaction
from api.errors import wrong_field
from api.queries import EquityQuery, ExecutionQuery, StatsQuery
from api.sessions import Caller
from backstop.contracts.stats import EquityCurve, ExecutionQuality, Stats
from backstop.store import stats as stored
from backstop.store.query import fetch_all, fetch_one

_POINTS = 400
_SHORTEST_STEP_S = 60


def read(caller: Caller, query: StatsQuery) -> Stats:
    with transaction(caller.id, repeatable=True) as connection:
        total = fetch_one(connection, stored.totals(caller.id, query.wanted))
        assert total is not None
        groups = fetch_all(connection, stored.groups(caller.id, query.wanted, query.by)) if query.by else []
    return Stats(**dict(total), groups=groups)


def equity(caller: Caller, query: EquityQuery) -> EquityCurve:
    """Some 400 points between `since` (default: the first account's beginning) and `until` (default: now).

    Raises HttpError 422 when `since` is not before `until`.
    """
    until = query.until or datetime.now(UTC)
    with transaction(caller.id, repeatable=True) as connection:
        since = query.since or fetch_one(connection, stored.first_day(caller.id, query.account_id)) or until
        if query.since is not None and since >= until:
            raise wrong_field("since", "must be before until")
        step_s = max(_SHORTEST_STEP_S, int((until - since).total_seconds()) // _POINTS)
        # Counted from the end, so that the newest reading is shown.
        start = until - timedelta(seconds=step_s * (int((until - since).total_seconds()) // step_s))
        points = fetch_all(connection, stored.equity_points(caller.id, query.account_id, start, until, step_s))
    amount, share = farthest_fall([point.equity for point in points if point.equity is not None])
    return EquityCurve(step_s=step_s, points=points, max_drawdown=amount, max_drawdown_share=share)


def execution(caller: Caller, query: ExecutionQuery) -> ExecutionQuality:
    with transaction(caller.id) as connection:
        quality = fetch_one(connection, stored.execution_quality(caller.id, query.wanted))
        found = dict(fetch_all(connection, stored.slippage(caller.id, query.wanted)))
    assert quality is not None
    return quality.model_copy(update={"entry_slippage": found.get("entry"), "exit_slippage": found.get("exit")})


def farthest_fall(curve: Sequence[Decimal]) -> tuple[Decimal, Decimal]:
    """How far the curve fell below its highest until then, in USDT and as a share of that; each at its worst."""
    highest = amount = share = Decimal(0)
    for value in curve:
        highest = max(highest, value)
        fall = highest - value
        amount = max(amount, fall)
        share = max(share, fall / highest if highest > 0 else Decimal(0))
    return amount, share.quantize(Decimal("1e-6"))
