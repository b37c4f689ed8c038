"""What lists may be asked for."""

from dataclasses import fields
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

_CHOSEN_BY = {field.name for field in fields(Wanted)}


class PeriodQuery(Incoming):
    """`since` is counted in, `until` is not."""

    account_id: UUID | None = None
    since: MomentText | None = None
    until: MomentText | None = None


class NarrowQuery(PeriodQuery):
    symbol: SymbolText | None = None

    @property
    def wanted(self) -> Wanted:
        """What it is narrowed to: those of its fields that rows can be chosen by."""
        return Wanted(**self.model_dump(include=_CHOSEN_BY))


class HistoryQuery(NarrowQuery, PageQuery):
    position_id: UUID | None = None


class TradesQuery(NarrowQuery, PageQuery):
    """Times are of the closing."""

    strategy_id: UUID | None = None
    exit_reason: ExitReason | None = None


class ExecutionQuery(NarrowQuery):
    strategy_id: UUID | None = None


class StatsQuery(ExecutionQuery):
    """Times are of the closing."""

    exit_reason: ExitReason | None = None
    by: GroupBy | None = None


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


class ExportQuery(NarrowQuery):
    cursor: Cursor | None = None

    def page(self, rows: int) -> PageRequest:
        seq = read_cursor(self.cursor) if self.cursor is not None else None
        return PageRequest(rows, FIRST if seq is None else seq)


class HistoryExport(ExportQuery):
    position_id: UUID | None = None


class TradesExport(ExportQuery):
    """Times are of the closing."""

    strategy_id: UUID | None = None
    exit_reason: ExitReason | None = None
