"""What sources say they hold, against our ledger; and what was told of it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, LiteralString
from uuid import UUID, uuid5

from psycopg.types.json import Jsonb

from backstop.contracts.watch import SourceState, SymbolWatch
from backstop.domain.execution import ExitReason
from backstop.domain.ids import SignalId, Symbol
from backstop.domain.signal import SignalStatus, Target
from backstop.domain.watch import InSync, Resync, Told, Watched, WatchPolicy, WatchState
from backstop.store.query import Query, Row, moment, no_row
from backstop.store.signals import NewSignal, add_signal

_JUST_BEFORE_S = 10
"""What came so shortly before an alert may not have been done when it came: then nothing is said of what we held."""

# Alerts that were not let in tell too: the source has moved on.
_TOLD: LiteralString = """
    select s.id as strategy_id, traded.symbol, n.id as signal_id, n.source, n.explicit, n.prev, n.received_at,
           (extract(epoch from n.fired_at) * 1000)::bigint as at_ms,
           (extract(epoch from n.decided_at) * 1000)::bigint as settled_ms,
           coalesce(held.side, 'flat') as ours,
           case when n.source = coalesce(held.side, 'flat') then 'in_sync'
                when n.status in ('accepted', 'executing') then 'behind' else 'diverged' end as state,
           case when held.side is null then (
             select p.exit_reason from positions p
              where p.strategy_id = s.id and p.symbol = traded.symbol and p.status = 'closed' and p.entry_qty > 0
                and p.closed_at >= n.received_at and p.exit_reason not in ('signal', 'reverse')
              order by p.seq desc limit 1) end as explained_by,
           n.prev is not null and n.prev <> coalesce(had.side, 'flat') and had.own_exit is null and not exists (
             select from signals e where e.strategy_id = s.id and e.symbol = traded.symbol and e.status <> 'rejected'
                and e.seq < n.seq and e.received_at > n.received_at - make_interval(secs => %(just_before)s)) as missed,
           s.enabled and n.dedupe_key not like 'refused:%%' and n.dedupe_key not like 'resync:%%'
             and n.reason_code is distinct from 'strategy_disabled' as may_resync
      from strategies s
      cross join unnest(s.symbols) as traded (symbol)
      cross join lateral (
        select g.id, g.seq, g.status, g.received_at, g.decided_at, g.dedupe_key, g.reason_code,
               coalesce(g.alert_time, g.received_at) as fired_at, g.parsed->>'prev_position' as prev,
               g.parsed->>'position' is not null or g.action = 'close' as explicit,
               coalesce(g.parsed->>'position', case g.action when 'buy' then 'long' when 'sell' then 'short'
                                                             when 'close' then 'flat' end) as source
          from signals g
         where g.strategy_id = s.id and g.symbol = traded.symbol and g.status <> 'rejected' and g.action <> 'reverse'
           and g.parsed->>'only' is null
         order by g.seq desc limit 1) n
      left join lateral (
        select p.side from positions p
         where p.strategy_id = s.id and p.symbol = traded.symbol and p.status <> 'closed'
         order by p.seq desc limit 1) held on true
      left join lateral (
        select case when p.closed_at is null or p.closed_at > n.received_at then p.side end as side,
               case when p.closed_at <= n.received_at and p.side = n.prev and p.exit_reason not in ('signal', 'reverse')
                    then p.exit_reason end as own_exit
          from positions p
         where p.strategy_id = s.id and p.symbol = traded.symbol and p.opened_at < n.received_at
           and (p.status <> 'closed' or p.entry_qty > 0)
         order by p.seq desc limit 1) had on true"""


def watched(strategy_id: UUID) -> Query[SymbolWatch]:
    """One row a symbol that had a signal which tells."""
    sql: LiteralString = f"{_TOLD} where s.id = %(id)s order by traded.symbol"
    names = tuple(SymbolWatch.model_fields)

    def read(row: Row) -> SymbolWatch:
        return SymbolWatch(**{name: row[name] for name in names if name in row}, last_signal_at=row["received_at"])

    return Query(sql, {"id": strategy_id, "just_before": _JUST_BEFORE_S}, read)


@dataclass(frozen=True, slots=True)
class Watch:
    """A strategy to be judged, and what was told of it before."""

    strategy_id: UUID
    user_id: UUID
    account_id: UUID
    watched: Watched
    before: WatchState


def watches(account_ids: list[UUID]) -> Query[Watch]:
    """The strategies of these accounts that are on and watched for anything."""
    sql: LiteralString = f"""
        with told as ({_TOLD} where s.account_id = any(%(ids)s) and s.deleted_at is null)
        select s.id, s.user_id, s.account_id, s.name, s.watch, s.watch_state, (s.settings->>'max_age_s')::int as max_age_s,
               (extract(epoch from greatest(
                  (select max(g.received_at) from signals g where g.strategy_id = s.id),
                  s.created_at, (s.watch_state->>'since')::timestamptz)) * 1000)::bigint as heard_ms,
               coalesce((select json_agg(t) from told t where t.strategy_id = s.id), '[]') as told
          from strategies s
         where s.account_id = any(%(ids)s) and s.deleted_at is null and s.enabled
           and (coalesce(s.watch->>'policy', 'alarm') <> 'ignore' or s.watch->>'expected_every_s' is not null)"""  # noqa: S608
    return Query(sql, {"ids": account_ids, "just_before": _JUST_BEFORE_S}, _read_watch)


def _read_watch(row: Row) -> Watch:
    every_s = row["watch"].get("expected_every_s")
    return Watch(
        row["id"],
        row["user_id"],
        row["account_id"],
        Watched(
            name=row["name"],
            policy=WatchPolicy(row["watch"].get("policy", WatchPolicy.ALARM)),
            expected_every_ms=every_s * 1000 if every_s is not None else None,
            max_age_ms=row["max_age_s"] * 1000,
            heard_at=row["heard_ms"],
            told=tuple(_read_told(one) for one in row["told"]),
        ),
        read_state(row["watch_state"]),
    )


def _read_told(row: Mapping[str, Any]) -> Told:
    return Told(
        symbol=Symbol(row["symbol"]),
        signal_id=SignalId(UUID(row["signal_id"])),
        source=Target(row["source"]),
        ours=Target(row["ours"]),
        state=InSync(row["state"]),
        explicit=row["explicit"],
        at=row["at_ms"],
        settled_at=row["settled_ms"],
        explained_by=ExitReason(row["explained_by"]) if row["explained_by"] is not None else None,
        prev=Target(row["prev"]) if row["prev"] is not None else None,
        missed=row["missed"],
        may_resync=row["may_resync"],
    )


def read_state(value: Mapping[str, Any]) -> WatchState:
    """From `strategies.watch_state`."""

    def signals(name: str) -> dict[Symbol, SignalId]:
        return {Symbol(symbol): SignalId(UUID(cause)) for symbol, cause in value.get(name, {}).items()}

    states = {Symbol(symbol): InSync(state) for symbol, state in value.get("states", {}).items()}
    return WatchState(states, signals("alarmed"), signals("missed"), value.get("quiet_since"))


def write_state(state: WatchState) -> dict[str, Any]:
    return {
        "states": {symbol: one.value for symbol, one in state.states.items()},
        "alarmed": {symbol: str(cause) for symbol, cause in state.alarmed.items()},
        "missed": {symbol: str(cause) for symbol, cause in state.missed.items()},
        "quiet_since": state.quiet_since,
    }


def source_state(value: Mapping[str, Any]) -> SourceState:
    """From `strategies.watch_state`, for people."""
    state = read_state(value)
    order = [InSync.IN_SYNC, InSync.BEHIND, InSync.DIVERGED]
    worst = max(state.states.values(), key=order.index, default=None)
    return SourceState(state=worst, quiet_since=moment(state.quiet_since))


def save_state(strategy_id: UUID, state: WatchState) -> Query[None]:
    """`since`, when the cadence was set, stays."""
    sql = "update strategies set watch_state = watch_state || %(state)s where id = %(id)s"
    return Query(sql, {"id": strategy_id, "state": Jsonb(write_state(state))}, no_row)


def add_resync(watch: Watch, resync: Resync) -> Query[UUID]:
    """The source's position as a signal like any other. No row when the alert had caused one already."""
    alert = {"action": "target", "symbol": resync.symbol, "position": resync.target.value}
    raw = json.dumps(alert)
    return add_signal(
        NewSignal(
            id=uuid5(resync.cause, "resync"),
            user_id=watch.user_id,
            account_id=watch.account_id,
            strategy_id=watch.strategy_id,
            dedupe_key=f"resync:{resync.cause}",
            body_hash=sha256(raw.encode()).digest(),
            raw=raw,
            status=SignalStatus.ACCEPTED,
            parsed=alert,
            symbol=resync.symbol,
            action=alert["action"],
            alert_time=moment(resync.at),
        )
    )
