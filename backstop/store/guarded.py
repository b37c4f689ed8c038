"""What the dead-man guards: accounts with open positions that no streamer holds."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from uuid import UUID

from backstop.domain.money import Price
from backstop.domain.protection import PriceSource
from backstop.domain.side import PositionSide
from backstop.store.query import Query, Row


@dataclass(frozen=True, slots=True)
class GuardedPosition:
    """`resident_stop` None: none was ever proven. `qty`: as the database last knew it."""

    id: UUID
    symbol: str
    position_idx: int
    side: PositionSide
    qty: Decimal
    resident_stop: Price | None
    trigger_by: PriceSource


@dataclass(frozen=True, slots=True)
class GuardedAccount:
    id: UUID
    user_id: UUID
    environment: str
    sealed: bytes
    positions: tuple[GuardedPosition, ...]


def heartbeat_age_s() -> Query[float]:
    """Seconds since any streamer's newest heartbeat; no row before the first."""
    sql = (
        "select extract(epoch from clock_timestamp() - max(beat_at))::float8 as age from heartbeats having count(*) > 0"
    )
    return Query(sql, {}, lambda row: float(row["age"]))


def unheld_accounts(for_s: float) -> Query[GuardedAccount]:
    """Those with a position that is not closed, whose lease ran out more than `for_s` seconds ago (or never was)."""
    sql = """
        select a.id, a.user_id, a.environment, a.sealed_credentials,
               json_agg(json_build_object('id', p.id, 'symbol', p.symbol, 'idx', p.position_idx, 'side', p.side,
                 'qty', p.qty::text, 'stop', p.resident_stop::text, 'trigger_by', p.protection->>'trigger_by')
                 order by p.seq) as positions
          from accounts a
          join positions p on p.account_id = a.id and p.status <> 'closed'
          left join leases l on l.name = 'account:' || a.id
         where a.deleted_at is null and coalesce(l.expires_at < now() - make_interval(secs => %(for_s)s), true)
         group by a.id order by a.seq"""
    return Query(sql, {"for_s": for_s}, _read_account)


def unowned_accounts(for_s: float) -> Query[int]:
    """How many accounts that should be traded have had no streamer for `for_s` seconds, with positions or without."""
    sql = """
        select count(*) as n from accounts a left join leases l on l.name = 'account:' || a.id
         where a.deleted_at is null and a.status <> 'paused'
           and coalesce(l.expires_at, a.created_at) < now() - make_interval(secs => %(for_s)s)"""
    return Query(sql, {"for_s": for_s}, lambda row: int(row["n"]))


def _read_account(row: Row) -> GuardedAccount:
    return GuardedAccount(
        row["id"],
        row["user_id"],
        row["environment"],
        bytes(row["sealed_credentials"]),
        tuple(_read_position(one) for one in row["positions"]),
    )


def _read_position(one: Mapping[str, Any]) -> GuardedPosition:
    return GuardedPosition(
        UUID(one["id"]),
        one["symbol"],
        int(one["idx"]),
        PositionSide(one["side"]),
        Decimal(one["qty"]),
        Price(Decimal(one["stop"])) if one["stop"] is not None else None,
        PriceSource(one["trigger_by"]) if one["trigger_by"] else PriceSource.LAST,
    )
