"""Reading orders, executions and the rest: filters, pages, cursors. Pure.

Source: Bybit V5, "Get Open & Closed Orders", "Get Order History", "Get Trade History", "Get Closed PnL".
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Protocol, TypeVar
from urllib.parse import unquote

from simulator.model import Account, Execution, Order, OrderStatus
from simulator.numbers import parse
from simulator.order_checks import MalformedError
from simulator.orders import passes

WEEK_MS = 7 * 24 * 3_600_000
DAY_MS = 24 * 3_600_000
CLOSED_SHOWN = 500
_UNFILLED_ENDS = frozenset({OrderStatus.CANCELLED, OrderStatus.REJECTED, OrderStatus.DEACTIVATED})


class Numbered(Protocol):
    """A record in the one rising series."""

    @property
    def number(self) -> int:
        """Its place."""


Record = TypeVar("Record", bound=Numbered)


def page(
    records: Iterable[Record], params: Mapping[str, Any], *, default: int, maximum: int
) -> tuple[list[Record], str]:
    """The newest ``limit`` records older than the cursor, and the cursor of the next page ("" at the end).

    Raises:
        MalformedError: a limit or cursor that can't be read.
    """
    limit = _read_limit(params, default, maximum)
    before = _read_cursor(params)
    rows = sorted((row for row in records if before is None or row.number < before), key=lambda row: -row.number)
    chosen, rest = rows[:limit], rows[limit:]
    # The cursor holds an escaped character, as the venue's do: whoever forgets to encode it again gets caught.
    return chosen, f"{chosen[-1].number}%3A{len(rest)}" if rest else ""


def realtime(account: Account, params: Mapping[str, Any]) -> list[Order]:
    """Orders for order/realtime. Priority orderId > orderLinkId > symbol > base or settle coin.

    openOnly is ignored with an id; otherwise 0 shows open orders, 1 the last 500 closed ones.

    Raises:
        MalformedError: neither an id nor symbol, baseCoin or settleCoin.
    """
    order_id, link_id = str(params.get("orderId") or ""), str(params.get("orderLinkId") or "")
    if order_id or link_id:
        order = account.find_order(order_id, link_id)
        if order is None or (order.order_id in account.closed_orders and order.number <= account.realtime_floor):
            return []
        return [order]
    if not (params.get("symbol") or params.get("baseCoin") or params.get("settleCoin")):
        raise MalformedError("params error: symbol, settleCoin or baseCoin required")
    if str(params.get("openOnly") or "0") == "0":
        source: Iterable[Order] = account.open_orders.values()
    else:
        source = list(account.closed_orders.values())[-CLOSED_SHOWN:]
        source = [order for order in source if order.number > account.realtime_floor]
    return [order for order in source if _names(order.symbol, params) and passes(order, _filter(params))]


def history(account: Account, params: Mapping[str, Any], now_ms: int) -> list[Order]:
    """Orders for order/history. Ones that ended without a fill are kept 24 hours.

    Raises:
        MalformedError: a time range of more than 7 days.
    """
    start, end = read_range(params, now_ms)
    order_id, link_id = str(params.get("orderId") or ""), str(params.get("orderLinkId") or "")
    if order_id or link_id:
        order = account.find_order(order_id, link_id)
        return [order] if order is not None and not _is_forgotten(order, now_ms) else []
    status = params.get("orderStatus")
    return [
        order
        for order in account.closed_orders.values()
        if _names(order.symbol, params)
        and passes(order, _filter(params))
        and start <= order.created_ms <= end
        and (not status or order.status == status)
        and not _is_forgotten(order, now_ms)
    ]


def executions(account: Account, params: Mapping[str, Any], now_ms: int) -> list[Execution]:
    """Rows for execution/list. With an id, every other filter is ignored.

    Raises:
        MalformedError: a time range of more than 7 days.
    """
    order_id, link_id = params.get("orderId"), params.get("orderLinkId")
    if order_id:
        return [row for row in account.executions if row.order_id == order_id]
    if link_id:
        return [row for row in account.executions if row.order_link_id == link_id]
    start, end = read_range(params, now_ms)
    kind = params.get("execType")
    return [
        row
        for row in account.executions
        if _names(row.symbol, params) and start <= row.time_ms <= end and (not kind or row.exec_type == kind)
    ]


def read_range(params: Mapping[str, Any], now_ms: int) -> tuple[int, int]:
    """startTime and endTime in ms; the last 7 days when absent.

    Raises:
        MalformedError: not numbers, or more than 7 days apart.
    """
    given = [_read_time(params, name) for name in ("startTime", "endTime")]
    start, end = given
    if start is None and end is None:
        return now_ms - WEEK_MS, now_ms + DAY_MS
    if start is None:
        assert end is not None
        return end - WEEK_MS, end
    if end is None:
        return start, start + WEEK_MS
    if not 0 <= end - start <= WEEK_MS:
        raise MalformedError("The time range between startTime and endTime cannot exceed 7 days")
    return start, end


def _read_time(params: Mapping[str, Any], name: str) -> int | None:
    value = params.get(name)
    if value in {None, ""}:
        return None
    number = parse(value)
    if number is None:
        raise MalformedError(f"params error: {name} invalid")
    return int(number)


def _read_limit(params: Mapping[str, Any], default: int, maximum: int) -> int:
    number = parse(params.get("limit") or default)
    if number is None or not 1 <= number <= maximum:
        raise MalformedError(f"params error: limit must lie within 1 and {maximum}")
    return int(number)


def _read_cursor(params: Mapping[str, Any]) -> int | None:
    cursor = params.get("cursor")
    if not cursor:
        return None
    number = parse(unquote(str(cursor)).partition(":")[0])
    if number is None:
        raise MalformedError("params error: cursor invalid")
    return int(number)


def _filter(params: Mapping[str, Any]) -> str:
    return str(params.get("orderFilter") or "")


def _names(symbol: str, params: Mapping[str, Any]) -> bool:
    wanted, base = params.get("symbol"), params.get("baseCoin")
    if wanted:
        return bool(symbol == wanted)
    if base:
        return bool(symbol == f"{base}USDT")
    return params.get("settleCoin") in {None, "", "USDT"}


def _is_forgotten(order: Order, now_ms: int) -> bool:
    return order.status in _UNFILLED_ENDS and not order.cum_exec_qty and order.updated_ms < now_ms - DAY_MS
