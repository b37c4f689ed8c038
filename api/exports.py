"""History as CSV (RFC 4180), page after page: a Lambda's answer is limited, a history is not."""

import csv
import io
from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

from pydantic import BaseModel

from api.database import transaction
from api.queries import HistoryExport, TradesExport
from api.sessions import Caller
from backstop.contracts.trading import Execution, Order, Trade
from backstop.store import views
from backstop.store.paging import Numbered, PageRequest, cursor_after
from backstop.store.query import Query, fetch_all

T = TypeVar("T", bound=BaseModel)

ROWS = 5_000
"""Of one answer; some 2 MB."""


def trades(caller: Caller, query: TradesExport) -> tuple[str, str | None]:
    return _export(caller, Trade, query.page(ROWS), lambda page: views.trades_page(caller.id, page, query.wanted))


def orders(caller: Caller, query: HistoryExport) -> tuple[str, str | None]:
    return _export(caller, Order, query.page(ROWS), lambda page: views.orders_page(caller.id, page, query.wanted))


def executions(caller: Caller, query: HistoryExport) -> tuple[str, str | None]:
    return _export(
        caller, Execution, query.page(ROWS), lambda page: views.executions_page(caller.id, page, query.wanted)
    )


def _export(
    caller: Caller, model: type[T], page: PageRequest, query: Callable[[PageRequest], Query[Numbered[T]]]
) -> tuple[str, str | None]:
    """The rows as CSV, and the cursor of the next page, None on the last."""
    with transaction(caller.id) as connection:
        rows = fetch_all(connection, query(page))
    shown = rows[: page.limit]
    following = cursor_after(shown[-1].seq) if len(rows) > page.limit else None
    return written(list(model.model_fields), [row.item for row in shown]), following


def written(columns: Sequence[str], rows: Iterable[BaseModel]) -> str:
    """CSV with a header. Null is an empty cell."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(columns)
    for row in rows:
        values = row.model_dump(mode="json")
        writer.writerow([_cell(values[name]) for name in columns])
    return text.getvalue()


def _cell(value: object) -> str:
    if value is None:
        return ""
    text = str(value)
    # A spreadsheet would run a text that starts like a formula; a number may well start with a minus.
    return f"'{text}" if (text[:1] in "=+@\t\r" and text) or (text[:1] == "-" and not _is_number(text)) else text


def _is_number(text: str) -> bool:
    return text[1:].replace(".", "", 1).isdigit()
