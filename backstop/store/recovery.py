"""Reading an account's unfinished business back, as the engine left it."""

from collections.abc import Sequence
from decimal import Decimal
from typing import LiteralString
from uuid import UUID

from backstop.domain.execution import Booked, ExitReason
from backstop.domain.guess import GUESSED, TAKEN_BACK, Guess
from backstop.domain.ids import OrderLinkId, PositionId, SignalId, StrategyId, Symbol
from backstop.domain.money import Price, Qty, Usdt
from backstop.domain.order import CancelReason, Order, OrderStatus, Purpose
from backstop.domain.position import Position, PositionStatus
from backstop.domain.protection import Level, LevelKind, LevelStatus, PriceSource, ResidentStop
from backstop.domain.side import PositionSide, Side
from backstop.domain.slot import Slot
from backstop.engine.reversal import Reversal, ReversalStep
from backstop.store.query import Query, Row
from backstop.store.settings import read_plan, read_protection

# Each with its levels in the order they were laid: by the round in their ids, for rounds may have been written at the
# same moment.
_POSITIONS: LiteralString = """
        select p.*, (extract(epoch from p.opened_at) * 1000)::bigint as opened_ms,
               (extract(epoch from p.updated_at) * 1000)::bigint as updated_ms,
               (extract(epoch from p.turned_at) * 1000)::bigint as turned_ms,
               (extract(epoch from p.closed_at) * 1000)::bigint as closed_ms,
               (extract(epoch from p.resident_verified_at) * 1000)::bigint as verified_ms,
               coalesce((select jsonb_agg(jsonb_build_object('close_id', l.close_link_id, 'kind', l.kind, 'rung',
                   l.rung, 'price', l.price::text, 'portion', l.portion::text, 'status', l.status)
                   order by substring(l.close_link_id from '-[a-z]+(?:[0-9]+r)?([0-9]+)-[0-9]+$')::int, l.kind, l.rung)
                 from levels l where l.position_id = p.id), '[]') as levels
          from positions p"""


def live_positions(account_id: UUID) -> Query[Position]:
    """Positions not closed."""
    sql = _POSITIONS + " where p.account_id = %(account_id)s and p.status <> 'closed' order by p.seq"
    return Query(sql, {"account_id": account_id}, _read_position)


def closed_positions(account_id: UUID, ids: Sequence[UUID]) -> Query[Position]:
    """Those of `ids` that are closed."""
    sql = _POSITIONS + " where p.account_id = %(account_id)s and p.id = any(%(ids)s) and p.status = 'closed'"
    return Query(sql, {"account_id": account_id, "ids": list(ids)}, _read_position)


def guesses_since(account_id: UUID, since: int) -> Query[Guess]:
    """Differences booked from `since` (UTC milliseconds) on, as far as no true execution has taken their place. Their
    positions are to be put beside them."""
    sql = """
        select split_part(e.exec_id, %(back)s, 1) as exec_id, e.position_id, p.symbol, p.position_idx, e.side, e.price,
               (extract(epoch from e.executed_at) * 1000)::bigint as at, sum(e.qty) as qty, sum(e.realised_pnl) as realised
          from executions e join positions p on p.id = e.position_id
         where e.account_id = %(account_id)s and starts_with(e.exec_id, %(guessed)s)
           and e.executed_at >= to_timestamp(%(since)s / 1000.0)
         group by 1, e.position_id, p.symbol, p.position_idx, e.side, e.price, e.executed_at
        having sum(e.qty) > 0
         order by e.executed_at"""
    values = {"account_id": account_id, "since": since, "guessed": GUESSED, "back": TAKEN_BACK}
    return Query(sql, values, _read_guess)


def live_orders(account_id: UUID) -> Query[Order]:
    """Orders not known to be over, and those over whose fills are not all booked."""
    sql = """
        select o.*, (extract(epoch from o.created_at) * 1000)::bigint as created_ms,
               (extract(epoch from o.not_after) * 1000)::bigint as not_after_ms,
               (extract(epoch from o.sent_at) * 1000)::bigint as sent_ms,
               coalesce(p.protection->>'trigger_by', 'last') as stop_trigger_by,
               (extract(epoch from o.expires_at) * 1000)::bigint as expires_ms,
               (extract(epoch from o.cancel_asked_at) * 1000)::bigint as cancel_asked_ms
          from orders o
          left join positions p on p.id = o.position_id
         where o.account_id = %(account_id)s
           and (o.status in ('intended', 'sent', 'unknown', 'open')
                or (o.filled_qty < o.reported_qty and o.updated_at > now() - interval '1 day'))
         order by o.seq"""
    return Query(sql, {"account_id": account_id}, _read_order)


def live_reversals(account_id: UUID) -> Query[Reversal]:
    sql = """
        select cause_id, symbol, position_id, step, plan, reason from reversals
         where account_id = %(account_id)s and step in ('closing', 'opening')"""
    return Query(sql, {"account_id": account_id}, _read_reversal)


def newest_execution(account_id: UUID) -> Query[int]:
    """When the newest booked execution happened, UTC milliseconds."""
    sql = """
        select (extract(epoch from max(executed_at)) * 1000)::bigint as at from executions
         where account_id = %(account_id)s having max(executed_at) is not null"""
    return Query(sql, {"account_id": account_id}, lambda row: int(row["at"]))


def executions_since(account_id: UUID, since: int) -> Query[tuple[str, Booked]]:
    """Booked executions from `since` (UTC milliseconds) on, by their ids."""
    sql = """
        select exec_id, (extract(epoch from executed_at) * 1000)::bigint as at, coalesce(order_link_id, '') as link_id,
               qty, price * qty as value
          from executions where account_id = %(account_id)s and executed_at >= to_timestamp(%(since)s / 1000.0)"""
    return Query(
        sql,
        {"account_id": account_id, "since": since},
        lambda row: (str(row["exec_id"]), Booked(row["at"], row["link_id"], row["qty"], row["value"])),
    )


def _read_position(row: Row) -> Position:
    position_id, symbol, side = PositionId(row["id"]), Symbol(row["symbol"]), PositionSide(row["side"])
    protection = read_protection(row["protection"])
    return Position(
        id=position_id,
        symbol=symbol,
        side=side,
        protection=protection,
        opened_at=row["opened_ms"],
        strategy_id=StrategyId(row["strategy_id"]) if row["strategy_id"] is not None else None,
        signal_id=SignalId(row["signal_id"]) if row["signal_id"] is not None else None,
        leverage=row["leverage"],
        position_idx=row["position_idx"],
        status=PositionStatus(row["status"]),
        qty=Qty(row["qty"]),
        cost=row["cost"],
        entry_qty=row["entry_qty"],
        entry_value=row["entry_value"],
        exit_qty=row["exit_qty"],
        exit_value=row["exit_value"],
        gross_pnl=Usdt(row["gross_pnl"]),
        fees=Usdt(row["fees"]),
        funding=Usdt(row["funding"]),
        levels=tuple(_read_level(position_id, symbol, side, protection.trigger_by, level) for level in row["levels"]),
        levels_round=row["levels_round"],
        resident=ResidentStop(
            Price(row["resident_stop"]) if row["resident_stop"] is not None else None, row["verified_ms"]
        ),
        closing_link_id=OrderLinkId(row["closing_link_id"]) if row["closing_link_id"] is not None else None,
        exit_reason=ExitReason(row["exit_reason"]) if row["exit_reason"] is not None else None,
        updated_at=row["updated_ms"],
        entries=row["entries"],
        turned_at=row["turned_ms"],
        closed_at=row["closed_ms"],
        strategy_version=row["strategy_version"],
    )


def _read_guess(row: Row) -> Guess:
    return Guess(
        exec_id=row["exec_id"],
        position_id=PositionId(row["position_id"]),
        slot=Slot(Symbol(row["symbol"]), row["position_idx"]),
        side=Side(row["side"]),
        qty=Qty(row["qty"]),
        price=Price(row["price"]),
        realised=Usdt(row["realised"]),
        at=row["at"],
    )


def _read_level(
    position_id: PositionId, symbol: Symbol, side: PositionSide, trigger_by: PriceSource, level: Row
) -> Level:
    return Level(
        position_id=position_id,
        symbol=symbol,
        side=side,
        kind=LevelKind(level["kind"]),
        rung=level["rung"],
        price=Price(Decimal(level["price"])),
        portion=Decimal(level["portion"]),
        close_id=OrderLinkId(level["close_id"]),
        status=LevelStatus(level["status"]),
        trigger_by=trigger_by,
    )


def _read_order(row: Row) -> Order:
    return Order(
        link_id=OrderLinkId(row["link_id"]),
        symbol=Symbol(row["symbol"]),
        side=Side(row["side"]),
        purpose=Purpose(row["purpose"]),
        qty=Qty(row["qty"]),
        created_at=row["created_ms"],
        position_id=PositionId(row["position_id"]) if row["position_id"] is not None else None,
        signal_id=SignalId(row["signal_id"]) if row["signal_id"] is not None else None,
        position_idx=row["position_idx"],
        reduce_only=row["reduce_only"],
        stop_loss=Price(row["stop_loss"]) if row["stop_loss"] is not None else None,
        stop_trigger_by=PriceSource(row["stop_trigger_by"]),
        leverage=row["leverage"],
        status=OrderStatus(row["status"]),
        exchange_order_id=row["exchange_order_id"],
        filled_qty=row["filled_qty"],
        filled_value=row["filled_value"],
        reported_qty=row["reported_qty"],
        not_after=row["not_after_ms"],
        decided_price=Price(row["decided_price"]) if row["decided_price"] is not None else None,
        sent_at=row["sent_ms"],
        ret_code=row["ret_code"],
        reason=row["reason"],
        limit_price=Price(row["limit_price"]) if row["limit_price"] is not None else None,
        post_only=row["post_only"],
        expires_at=row["expires_ms"],
        cancel_reason=CancelReason(row["cancel_reason"]) if row["cancel_reason"] is not None else None,
        cancel_asked_at=row["cancel_asked_ms"],
        rest=row["rest"],
    )


def _read_reversal(row: Row) -> Reversal:
    return Reversal(
        plan=read_plan(row["cause_id"], row["symbol"], row["plan"]),
        position_id=PositionId(row["position_id"]),
        step=ReversalStep(row["step"]),
        reason=row["reason"],
    )
