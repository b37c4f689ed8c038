"""Numbers over what happened: trades, equity, and how fast signals became fills."""

from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from decimal import Decimal
from typing import Any, LiteralString
from uuid import UUID

from backstop.contracts.stats import (
    Command,
    EquityPoint,
    ExecutionQuality,
    GroupBy,
    Percentiles,
    Slippage,
    StatsGroup,
    StatsLine,
)
from backstop.store.query import Query, Row
from backstop.store.views import Wanted

_PLACES: LiteralString = "12"
_BASIS_POINT_STEP = Decimal("0.01")

_KEYS: Mapping[GroupBy, tuple[LiteralString, LiteralString]] = {
    "strategy": ("coalesce(t.strategy_id::text, 'none')", "coalesce(s.name, 'by hand')"),
    "symbol": ("t.symbol", "t.symbol"),
    "exit_reason": ("t.exit_reason", "t.exit_reason"),
    "side": ("t.side", "t.side"),
    "day": ("(t.closed_at at time zone 'UTC')::date::text", "(t.closed_at at time zone 'UTC')::date::text"),
}


def totals(user_id: UUID, wanted: Wanted) -> Query[StatsLine]:
    """One row, always."""
    return Query(_stats("''", "''") + " group by grouping sets (())", _parameters(user_id, wanted), _line)


def groups(user_id: UUID, wanted: Wanted, by: GroupBy) -> Query[StatsGroup]:
    """Days oldest first, others by net profit; at most 1000 of them."""
    key, label = _KEYS[by]
    order: LiteralString = "key desc" if by == "day" else "net_pnl desc, key"
    sql = f"select * from ({_stats(key, label)} group by key order by {order} limit 1000) found"  # noqa: S608 - constants
    if by == "day":
        sql += " order by key"
    read_line = _line

    def read(row: Row) -> StatsGroup:
        return StatsGroup(key=row["key"], label=row["label"], **dict(read_line(row)))

    return Query(sql, _parameters(user_id, wanted), read)


def _stats(key: LiteralString, label: LiteralString) -> LiteralString:
    return f"""
        with chosen as (
          select t.*, {key} as key, {label} as label
            from trades t left join strategies s on s.id = t.strategy_id
           where t.user_id = %(user_id)s
             and (%(account_id)s::uuid is null or t.account_id = %(account_id)s)
             and (%(symbol)s::text is null or t.symbol = %(symbol)s)
             and (%(strategy_id)s::uuid is null or t.strategy_id = %(strategy_id)s)
             and (%(exit_reason)s::text is null or t.exit_reason = %(exit_reason)s)
             and (%(since)s::timestamptz is null or t.closed_at >= %(since)s)
             and (%(until)s::timestamptz is null or t.closed_at < %(until)s)),
        summed as (
          select *, sum(net_pnl) over (partition by key order by closed_at, seq) as so_far from chosen),
        fallen as (
          select *, greatest(0, max(so_far) over (partition by key order by closed_at, seq)) - so_far as fall
            from summed)
        select max(key) as key, max(label) as label, count(*) as trades,
               count(*) filter (where net_pnl > 0) as wins, count(*) filter (where net_pnl < 0) as losses,
               round(avg((net_pnl > 0)::int), 6) as win_rate,
               coalesce(sum(gross_pnl), 0) as gross_pnl, coalesce(sum(fees), 0) as fees,
               coalesce(sum(funding), 0) as funding, coalesce(sum(net_pnl), 0) as net_pnl,
               round(coalesce(sum(net_pnl) filter (where net_pnl > 0), 0)
                     / nullif(-sum(net_pnl) filter (where net_pnl < 0), 0), 6) as profit_factor,
               round(avg(net_pnl), {_PLACES}) as expectancy,
               round(avg(net_pnl) filter (where net_pnl > 0), {_PLACES}) as avg_win,
               round(avg(net_pnl) filter (where net_pnl < 0), {_PLACES}) as avg_loss,
               max(net_pnl) as best, min(net_pnl) as worst, coalesce(max(fall), 0) as max_drawdown,
               round(avg(extract(epoch from closed_at - opened_at)))::bigint as avg_duration_s
          from fallen"""  # noqa: S608 - constants


def _line(row: Row) -> StatsLine:
    return StatsLine(**{name: row[name] for name in StatsLine.model_fields})


def equity_points(
    user_id: UUID, account_id: UUID | None, since: datetime, until: datetime, step_s: int
) -> Query[EquityPoint]:
    """One point every `step_s` seconds, each with the newest reading of each account until then."""
    sql = """
        with mine as (
          select id from accounts where user_id = %(user_id)s and (%(account_id)s::uuid is null or id = %(account_id)s)),
        marks as (
          select generate_series(%(since)s::timestamptz, %(until)s::timestamptz, make_interval(secs => %(step)s)) as at)
        select marks.at,
               (select sum(newest.equity) from mine cross join lateral (
                  select p.equity from equity_points p
                   where p.account_id = mine.id and p.at <= marks.at order by p.at desc limit 1) newest) as equity,
               coalesce((select sum(l.amount) from ledger l
                          where l.user_id = %(user_id)s and l.at >= %(since)s and l.at <= marks.at
                            and (%(account_id)s::uuid is null or l.account_id = %(account_id)s)), 0) as realised_pnl
          from marks order by marks.at"""
    parameters = {"user_id": user_id, "account_id": account_id, "since": since, "until": until, "step": step_s}
    return Query(sql, parameters, lambda row: EquityPoint(**row))


def first_day(user_id: UUID, account_id: UUID | None) -> Query[datetime]:
    """When the user's first account was connected; no row without one."""
    sql = """
        select min(created_at) as at from accounts
         where user_id = %(user_id)s and (%(account_id)s::uuid is null or id = %(account_id)s)
        having min(created_at) is not null"""
    return Query(sql, {"user_id": user_id, "account_id": account_id}, lambda row: row["at"])


_STEPS: Mapping[str, LiteralString] = {
    "alert_to_received": "s.received_at - s.alert_time",
    "received_to_stored": "s.stored_at - s.received_at",
    "stored_to_decided": "s.decided_at - s.stored_at",
    "decided_to_sent": "o.sent_at - o.created_at",
    "sent_to_acknowledged": "o.acknowledged_at - o.sent_at",
    "acknowledged_to_filled": "o.filled_at - o.acknowledged_at",
    "sent_to_filled": "o.filled_at - o.sent_at",
    "received_to_filled": "o.filled_at - s.received_at",
}


def execution_quality(user_id: UUID, wanted: Wanted) -> Query[ExecutionQuality]:
    """One row, always. Only the first order of a signal counts: what follows waits for fills."""
    measures = ", ".join(
        f"""count({span}) as {name}_n,
            percentile_cont(array[0.5, 0.9, 0.95, 0.99])
              within group (order by extract(epoch from {span}) * 1000) as {name}"""
        for name, span in _STEPS.items()
    )
    sql: LiteralString = f"""
        select {measures}
          from signals s
          left join lateral (
            select o.created_at, o.sent_at, o.acknowledged_at, (select min(e.executed_at) from executions e
                                 where e.account_id = o.account_id and e.order_link_id = o.link_id) as filled_at
              from orders o where o.signal_id = s.id order by o.seq limit 1) o on true
         where s.user_id = %(user_id)s and s.status <> 'rejected'
           and (%(account_id)s::uuid is null or s.account_id = %(account_id)s)
           and (%(symbol)s::text is null or s.symbol = %(symbol)s)
           and (%(strategy_id)s::uuid is null or s.strategy_id = %(strategy_id)s)
           and (%(since)s::timestamptz is null or s.received_at >= %(since)s)
           and (%(until)s::timestamptz is null or s.received_at < %(until)s)"""  # noqa: S608 - constants

    def read(row: Row) -> ExecutionQuality:
        steps: dict[str, Any] = {name: _percentiles(row[f"{name}_n"], row[name]) for name in _STEPS}
        return ExecutionQuality(**steps, entry_slippage=None, exit_slippage=None)

    return Query(sql, _parameters(user_id, wanted), read)


def slippage(user_id: UUID, wanted: Wanted) -> Query[tuple[str, Slippage]]:
    """Of entries and of exits, no row for one that there was none of. A limit order names its price itself."""
    sql = """
        with priced as (
          select o.side, o.filled_value / o.filled_qty as paid,
                 case when o.purpose = 'entry' then 'entry' else 'exit' end as kind,
                 case when o.purpose = 'entry' then o.decided_price else l.price end as wanted
            from orders o
            left join levels l on l.close_link_id = o.link_id
            left join positions p on p.id = o.position_id
           where o.user_id = %(user_id)s and o.filled_qty > 0 and o.limit_price is null
             and (%(account_id)s::uuid is null or o.account_id = %(account_id)s)
             and (%(symbol)s::text is null or o.symbol = %(symbol)s)
             and (%(strategy_id)s::uuid is null or p.strategy_id = %(strategy_id)s)
             and (%(since)s::timestamptz is null or o.created_at >= %(since)s)
             and (%(until)s::timestamptz is null or o.created_at < %(until)s))
        select kind, count(*) as n,
               percentile_cont(array[0.5, 0.9, 0.99]) within group (
                 order by ((paid - wanted) / wanted * 10000 * case side when 'buy' then 1 else -1 end)::float8) as points
          from priced where wanted > 0 group by kind"""

    def read(row: Row) -> tuple[str, Slippage]:
        p50, p90, p99 = (Decimal(str(value)).quantize(_BASIS_POINT_STEP) for value in row["points"])
        return row["kind"], Slippage(count=row["n"], p50=p50, p90=p90, p99=p99)

    return Query(sql, _parameters(user_id, wanted), read)


def _percentiles(number: int, values: list[float] | None) -> Percentiles | None:
    if not number or values is None:
        return None
    p50, p90, p95, p99 = (round(value) for value in values)
    return Percentiles(count=number, p50=p50, p90=p90, p95=p95, p99=p99)


def command(command_id: UUID) -> Query[Command]:
    sql = """
        select id, account_id, kind, body, status, reason, reason_code, created_at, decided_at
          from commands where id = %(id)s"""
    return Query(sql, {"id": command_id}, lambda row: Command(**row))


def _parameters(user_id: UUID, wanted: Wanted) -> dict[str, object]:
    return {"user_id": user_id, **asdict(wanted)}
