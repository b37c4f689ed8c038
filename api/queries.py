"""What lists may be asked for."""

from datetime import UTC, datetime
from typing import Annotated
from uuid import UUID

from pydantic import AfterValidator, AwareDatetime, Field

from backstop.contracts.base import Incoming
from backstop.contracts.market import Interval
from backstop.contracts.stats import GroupBy
from backstop.contracts.strategies import SymbolText
from backstop.domain.execution import ExitReason
from backstop.domain.position import PositionStatus
from backstop.domain.signal import SignalStatus
from backstop.store.paging import FIRST, PageRequest, read_cursor
from backstop.store.views import Wanted


def _cursor(text: str) -> str:
    if read_cursor(text) is None:
        raise ValueError("must be a next_cursor of this list")
    return text


Cursor = Annotated[str, Field(max_length=60), AfterValidator(_cursor)]


class PageQuery(Incoming):
    limit: Annotated[int, Field(ge=1, le=200)] = 50
    cursor: Cursor | None = None

    @property
    def seq(self) -> int | None:
        """Where the page starts; None on the first."""
        return read_cursor(self.cursor) if self.cursor is not None else None

    @property
    def page(self) -> PageRequest:
        return PageRequest(self.limit, FIRST if self.seq is None else self.seq)


class ListQuery(PageQuery):
    account_id: UUID | None = None
    symbol: SymbolText | None = None


def _storable(moment: datetime) -> datetime:
    """PostgreSQL and the offset of a time zone do not meet at the ends of the calendar."""
    if not 1970 <= moment.year <= 9000:
        raise ValueError("must be between the years 1970 and 9000")
    return moment.astimezone(UTC)


MomentText = Annotated[AwareDatetime, AfterValidator(_storable)]


class HistoryQuery(ListQuery):
    """`since` is counted in, `until` is not."""

    since: MomentText | None = None
    until: MomentText | None = None
    position_id: UUID | None = None

    @property
    def wanted(self) -> Wanted:
        return Wanted(self.account_id, self.symbol, self.since, self.until, self.position_id)


class TradesQuery(ListQuery):
    """`since` is counted in, `until` is not; both are of the closing."""

    since: MomentText | None = None
    until: MomentText | None = None
    strategy_id: UUID | None = None
    exit_reason: ExitReason | None = None

    @property
    def wanted(self) -> Wanted:
        return Wanted(
            self.account_id,
            self.symbol,
            self.since,
            self.until,
            strategy_id=self.strategy_id,
            exit_reason=self.exit_reason,
        )


class PeriodQuery(Incoming):
    """`since` is counted in, `until` is not."""

    account_id: UUID | None = None
    since: MomentText | None = None
    until: MomentText | None = None


class ExecutionQuery(PeriodQuery):
    symbol: SymbolText | None = None
    strategy_id: UUID | None = None

    @property
    def wanted(self) -> Wanted:
        return Wanted(self.account_id, self.symbol, self.since, self.until, strategy_id=self.strategy_id)


class StatsQuery(ExecutionQuery):
    """Times are of the closing."""

    exit_reason: ExitReason | None = None
    by: GroupBy | None = None

    @property
    def wanted(self) -> Wanted:
        return Wanted(
            self.account_id,
            self.symbol,
            self.since,
            self.until,
            strategy_id=self.strategy_id,
            exit_reason=self.exit_reason,
        )


class EquityQuery(PeriodQuery):
    pass


class CandlesQuery(Incoming):
    """The `limit` candles before `until`, or the newest."""

    interval: Interval = "5m"
    limit: Annotated[int, Field(ge=1, le=1000)] = 300
    until: MomentText | None = None


class PositionsQuery(ListQuery):
    status: PositionStatus | None = None


class SignalsQuery(ListQuery):
    status: SignalStatus | None = None


class EventsQuery(PageQuery):
    after: Annotated[int, Field(ge=0, le=FIRST)] = 0

    @property
    def start(self) -> int:
        """The seq after which the page starts."""
        return self.after if self.seq is None else self.seq


class HistoryExport(PeriodQuery):
    cursor: Cursor | None = None
    symbol: SymbolText | None = None
    position_id: UUID | None = None

    def page(self, rows: int) -> PageRequest:
        return _export_page(rows, self.cursor)

    @property
    def wanted(self) -> Wanted:
        return Wanted(self.account_id, self.symbol, self.since, self.until, self.position_id)


class TradesExport(PeriodQuery):
    """Times are of the closing."""

    cursor: Cursor | None = None
    symbol: SymbolText | None = None
    strategy_id: UUID | None = None
    exit_reason: ExitReason | None = None

    def page(self, rows: int) -> PageRequest:
        return _export_page(rows, self.cursor)

    @property
    def wanted(self) -> Wanted:
        return Wanted(
            self.account_id,
            self.symbol,
            self.since,
            self.until,
            strategy_id=self.strategy_id,
            exit_reason=self.exit_reason,
        )


def _export_page(rows: int, cursor: str | None) -> PageRequest:
    seq = read_cursor(cursor) if cursor is not None else None
    return PageRequest(rows, FIRST if seq is None else seq)
