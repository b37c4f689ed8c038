"""The one definition of "row(s) → contract model" for what happened in trading.

Lists are a user's, newest first. The by-id queries stand alone, so that the streamer may use them inside its
committing transaction to say in `events` what REST would answer; as backstop_api only own rows are found.
"""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, LiteralString
from uuid import UUID

from psycopg import Connection

from backstop.contracts.base import Outgoing
from backstop.contracts.trading import (
    Execution,
    FlightRecord,
    Order,
    Position,
    ResidentStop,
    Signal,
    TakeProfitLevel,
    Trade,
)
from backstop.domain.execution import ExitReason
from backstop.domain.money import plain
from backstop.domain.position import PositionStatus
from backstop.domain.signal import SignalStatus
from backstop.store.paging import Numbered, PageRequest
from backstop.store.query import Query, Row, T, fetch_all, fetch_one

# levels.close_link_id names its rung and round ("…-t1r2-1"); only the rungs of the newest round are the position's.
_POSITION: LiteralString = """
    select p.id, p.seq, p.account_id, p.strategy_id, p.symbol, p.side, p.qty, p.leverage, p.status, p.stop_loss,
           round(case when p.qty > 0 then p.cost / p.qty
                      when p.entry_qty > 0 then p.entry_value / p.entry_qty end, 12) as entry_price,
           price.last, price.mark,
           case p.side when 'long' then price.last * p.qty - p.cost
                       else p.cost - price.last * p.qty end as unrealised_pnl,
           p.resident_stop, p.resident_verified_at, coalesce(p.protection->>'trigger_by', 'last') as trigger_by,
           p.protection->'trailing' as trailing, p.protection->'break_even' as break_even,
           (p.protection->>'time_exit_s')::int as time_exit_s, p.opened_at, p.updated_at,
           (select coalesce(json_agg(json_build_object('price', l.price::text, 'portion', l.portion::text,
                                                       'status', l.status) order by l.rung), '[]')
              from levels l
             where l.position_id = p.id and l.kind = 'take_profit'
               and split_part(l.close_link_id, '-', 2) = format('t%%sr%%s', l.rung, p.levels_round)) as take_profit
      from positions p
      join accounts a on a.id = p.account_id
      left join prices price on price.environment = a.environment and price.symbol = p.symbol
                            and price.ticked_at > now() - interval '3 seconds'"""

_ORDER: LiteralString = """
    select o.link_id as id, o.seq, o.account_id, o.position_id, o.signal_id, o.symbol, o.side, o.purpose, o.qty,
           o.filled_qty, round(o.filled_value / nullif(o.filled_qty, 0), 12) as avg_price, o.reduce_only, o.stop_loss,
           o.limit_price, o.expires_at,
           o.status, o.exchange_order_id, o.reason, o.created_at, o.sent_at, o.acknowledged_at, o.updated_at
      from orders o"""

_EXECUTION: LiteralString = """
    select e.exec_id as id, e.seq, e.account_id, e.position_id, e.order_link_id as order_id, e.symbol, e.side,
           e.exec_type, e.price, e.qty, e.fee, e.realised_pnl, e.executed_at
      from executions e"""

_SIGNAL: LiteralString = """
    select s.id, s.seq, s.strategy_id, t.name as strategy_name, s.account_id, s.symbol, s.action, s.qty, s.status,
           s.reason, s.reason_code, s.errors, s.position_id, s.received_at, s.decided_at, s.raw, s.parsed,
           s.source, s.alert_time, s.stored_at, s.spooled
      from signals s
      join strategies t on t.id = s.strategy_id"""

_TRADE: LiteralString = """
    select t.id, t.seq, t.account_id, t.strategy_id, t.symbol, t.side, t.qty, t.entry_price, t.exit_price,
           t.gross_pnl, t.fees, t.funding, t.net_pnl, t.exit_reason, t.opened_at, t.closed_at, t.strategy_version
      from trades t"""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a history is narrowed to; None is everything. `since` is counted in, `until` is not."""

    account_id: UUID | None = None
    symbol: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    position_id: UUID | None = None
    strategy_id: UUID | None = None
    exit_reason: ExitReason | None = None


# ---- one by id


def position(position_id: UUID) -> Query[Position]:
    """One position, closed ones too."""
    return Query(_POSITION + " where p.id = %(id)s", {"id": position_id}, _read_position)


def order(link_id: str) -> Query[Order]:
    """One order by its orderLinkId."""
    return Query(_ORDER + " where o.link_id = %(id)s", {"id": link_id}, _reader(Order))


def execution(account_id: UUID, exec_id: str) -> Query[Execution]:
    """One fill; an execId is only unique within its account."""
    sql = _EXECUTION + " where e.account_id = %(account_id)s and e.exec_id = %(id)s"
    return Query(sql, {"account_id": account_id, "id": exec_id}, _reader(Execution))


def signal(signal_id: UUID) -> Query[Signal]:
    """One signal, rejected ones too."""
    return Query(_SIGNAL + " where s.id = %(id)s", {"id": signal_id}, _reader(Signal))


def trade(position_id: UUID) -> Query[Trade]:
    """One trade; it has the id of the position it was."""
    return Query(_TRADE + " where t.id = %(id)s", {"id": position_id}, _reader(Trade))


def read_flight_record(connection: Connection[Any], signal_id: UUID) -> FlightRecord | None:
    """One alert from raw text to fills, or None if no such signal is visible."""
    by_signal = {"id": signal_id}
    orders = fetch_all(
        connection, Query(_ORDER + " where o.signal_id = %(id)s order by o.seq", by_signal, _reader(Order))
    )
    executions = fetch_all(
        connection,
        Query(
            _EXECUTION + " join orders o on o.link_id = e.order_link_id and o.account_id = e.account_id"
            " where o.signal_id = %(id)s order by e.executed_at, e.seq",
            by_signal,
            _reader(Execution),
        ),
    )

    def read(row: Row) -> FlightRecord:
        return FlightRecord.model_validate(
            _named(Signal, row)
            | {name: row[name] for name in ("raw", "parsed", "source", "alert_time", "stored_at", "spooled")}
            | {"orders": orders, "executions": executions}
        )

    return fetch_one(connection, Query(_SIGNAL + " where s.id = %(id)s", by_signal, read))


# ---- lists of a user, newest first


def positions_page(
    user_id: UUID,
    page: PageRequest,
    *,
    status: PositionStatus | None = None,
    account_id: UUID | None = None,
    symbol: str | None = None,
) -> Query[Numbered[Position]]:
    """Positions with `status`; those not closed when it is None."""
    sql = (
        _POSITION
        + """ where p.user_id = %(user_id)s and p.seq < %(before)s
                and case when %(status)s::text is null then p.status <> 'closed' else p.status = %(status)s end
                and (%(account_id)s::uuid is null or p.account_id = %(account_id)s)
                and (%(symbol)s::text is null or p.symbol = %(symbol)s)
              order by p.seq desc limit %(fetch)s"""
    )
    return Query(sql, _list(user_id, page, status, account_id, symbol), _numbered(_read_position))


def orders_page(user_id: UUID, page: PageRequest, wanted: Wanted) -> Query[Numbered[Order]]:
    sql = (
        _ORDER
        + """ where o.user_id = %(user_id)s and o.seq < %(before)s
                and (%(account_id)s::uuid is null or o.account_id = %(account_id)s)
                and (%(symbol)s::text is null or o.symbol = %(symbol)s)
                and (%(position_id)s::uuid is null or o.position_id = %(position_id)s)
                and (%(since)s::timestamptz is null or o.created_at >= %(since)s)
                and (%(until)s::timestamptz is null or o.created_at < %(until)s)
              order by o.seq desc limit %(fetch)s"""
    )
    return Query(sql, _history(user_id, page, wanted), _numbered(_reader(Order)))


def executions_page(user_id: UUID, page: PageRequest, wanted: Wanted) -> Query[Numbered[Execution]]:
    sql = (
        _EXECUTION
        + """ where e.user_id = %(user_id)s and e.seq < %(before)s
                and (%(account_id)s::uuid is null or e.account_id = %(account_id)s)
                and (%(symbol)s::text is null or e.symbol = %(symbol)s)
                and (%(position_id)s::uuid is null or e.position_id = %(position_id)s)
                and (%(since)s::timestamptz is null or e.executed_at >= %(since)s)
                and (%(until)s::timestamptz is null or e.executed_at < %(until)s)
              order by e.seq desc limit %(fetch)s"""
    )
    return Query(sql, _history(user_id, page, wanted), _numbered(_reader(Execution)))


def signals_page(
    user_id: UUID,
    page: PageRequest,
    *,
    status: SignalStatus | None = None,
    account_id: UUID | None = None,
    symbol: str | None = None,
) -> Query[Numbered[Signal]]:
    """Signals with `status`; all of them, rejected ones too, when it is None."""
    sql = (
        _SIGNAL
        + """ where s.user_id = %(user_id)s and s.seq < %(before)s
                and (%(status)s::text is null or s.status = %(status)s)
                and (%(account_id)s::uuid is null or s.account_id = %(account_id)s)
                and (%(symbol)s::text is null or s.symbol = %(symbol)s)
              order by s.seq desc limit %(fetch)s"""
    )
    return Query(sql, _list(user_id, page, status, account_id, symbol), _numbered(_reader(Signal)))


def trades_page(user_id: UUID, page: PageRequest, wanted: Wanted) -> Query[Numbered[Trade]]:
    sql = (
        _TRADE
        + """ where t.user_id = %(user_id)s and t.seq < %(before)s
                and (%(account_id)s::uuid is null or t.account_id = %(account_id)s)
                and (%(symbol)s::text is null or t.symbol = %(symbol)s)
                and (%(strategy_id)s::uuid is null or t.strategy_id = %(strategy_id)s)
                and (%(exit_reason)s::text is null or t.exit_reason = %(exit_reason)s)
                and (%(since)s::timestamptz is null or t.closed_at >= %(since)s)
                and (%(until)s::timestamptz is null or t.closed_at < %(until)s)
              order by t.seq desc limit %(fetch)s"""
    )
    return Query(sql, _history(user_id, page, wanted), _numbered(_reader(Trade)))


def open_positions(user_id: UUID) -> Query[Position]:
    """Every position of the user that is not closed, newest first."""
    sql = _POSITION + " where p.user_id = %(user_id)s and p.status <> 'closed' order by p.seq desc"
    return Query(sql, {"user_id": user_id}, _read_position)


# ---- rows to models


def _read_position(row: Row) -> Position:
    return Position(
        id=row["id"],
        account_id=row["account_id"],
        strategy_id=row["strategy_id"],
        symbol=row["symbol"],
        side=row["side"],
        qty=row["qty"],
        entry_price=row["entry_price"],
        mark_price=row["mark"],
        unrealised_pnl=row["unrealised_pnl"],
        stop_loss=row["stop_loss"],
        take_profit=[
            TakeProfitLevel(
                price=Decimal(level["price"]),
                portion=f"{plain(Decimal(level['portion']) * 100)}%",
                status=level["status"],
            )
            for level in row["take_profit"]
        ],
        resident_stop=ResidentStop(price=row["resident_stop"], verified_at=row["resident_verified_at"]),
        trigger_by=row["trigger_by"],
        trailing=row["trailing"],
        break_even=row["break_even"],
        time_exit_s=row["time_exit_s"],
        leverage=row["leverage"],
        status=row["status"],
        opened_at=row["opened_at"],
        updated_at=row["updated_at"],
    )


def _named(model: type[Outgoing], row: Row) -> dict[str, Any]:
    """The columns that are fields of `model`."""
    return {name: row[name] for name in model.model_fields}


def _reader(model: type[T]) -> Callable[[Row], T]:
    assert issubclass(model, Outgoing)

    def read(row: Row) -> T:
        built = model.model_validate(_named(model, row))
        assert isinstance(built, model)
        return built

    return read


def _numbered(read: Callable[[Row], T]) -> Callable[[Row], Numbered[T]]:
    return lambda row: Numbered(row["seq"], read(row))


def _history(user_id: UUID, page: PageRequest, wanted: Wanted) -> dict[str, object]:
    return {"user_id": user_id, "before": page.before, "fetch": page.limit + 1, **asdict(wanted)}


def _list(
    user_id: UUID, page: PageRequest, status: str | None, account_id: UUID | None, symbol: str | None
) -> dict[str, object]:
    return {
        "user_id": user_id,
        "before": page.before,
        "fetch": page.limit + 1,
        "status": status,
        "account_id": account_id,
        "symbol": symbol,
    }
