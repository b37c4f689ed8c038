"""What lists may be asked for."""

from typing import Annotated
from uuid import UUID

from pydantic import AfterValidator, Field

from backstop.contracts.base import Incoming
from backstop.contracts.strategies import SymbolText
from backstop.domain.position import PositionStatus
from backstop.domain.signal import SignalStatus
from backstop.store.paging import FIRST, PageRequest, read_cursor


def _cursor(text: str) -> str:
    if read_cursor(text) is None:
        raise ValueError("must be a next_cursor of this list")
    return text


class PageQuery(Incoming):
    limit: Annotated[int, Field(ge=1, le=200)] = 50
    cursor: Annotated[str, Field(max_length=60), AfterValidator(_cursor)] | None = None

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
