"""What waits to be done for an account: signals and commands, taken in order, under an epoch."""

from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from typing import Any, LiteralString
from uuid import UUID

from backstop.domain.ids import CommandId, Epoch, PositionId, Symbol
from backstop.domain.limits import Day, Halt, HaltLevel, Limits
from backstop.domain.protection import read_price_mark
from backstop.domain.signal import Signal
from backstop.domain.strategy import Strategy
from backstop.engine.events import (
    CloseCommand,
    Command,
    Edit,
    HaltCommand,
    ProtectCommand,
    ResumeCommand,
    ReverseCommand,
)
from backstop.store.preflights import ANSWERED_WITHIN_S
from backstop.store.query import Query, Row, T
from backstop.store.settings import (
    Json,
    read_break_even,
    read_limits,
    read_rungs,
    read_signal,
    read_strategy,
    read_trailing,
)

CHANNEL: LiteralString = "backstop_work"
"""NOTIFY channel; the payload is an account id, or says what else is new."""


def claim_signals(account_id: UUID, epoch: Epoch, *, again: bool = False) -> Query[Signal]:
    """Take the waiting signals in the order they came, those of an earlier epoch that are not settled too.
    What a later epoch has claimed is its own.

    `again` takes also what this epoch has claimed: for when the answer to a claim may have been lost.
    """
    sql = """
        with claimed as (
          update signals set claimed_epoch = %(epoch)s, claimed_at = now()
           where id in (select id from signals
                         where account_id = %(account_id)s and status = 'accepted'
                           and coalesce(claimed_epoch < %(epoch)s or (claimed_epoch = %(epoch)s and %(again)s), true)
                         order by seq for update skip locked limit 100)
          returning *)
        select id, strategy_id, symbol, action, qty, parsed,
               (extract(epoch from coalesce(alert_time, received_at)) * 1000)::bigint as at_ms
          from claimed order by seq"""
    return Query(sql, {"account_id": account_id, "epoch": epoch, "again": again}, read_signal)


def claim_commands(account_id: UUID, epoch: Epoch, *, again: bool = False) -> Query[Command]:
    """As `claim_signals`."""
    sql = """
        with claimed as (
          update commands set claimed_epoch = %(epoch)s
           where id in (select id from commands
                         where account_id = %(account_id)s and status = 'accepted'
                           and coalesce(claimed_epoch < %(epoch)s or (claimed_epoch = %(epoch)s and %(again)s), true)
                         order by seq for update skip locked limit 100)
          returning *)
        select id, kind, body, (extract(epoch from created_at) * 1000)::bigint as at_ms from claimed order by seq"""
    return Query(sql, {"account_id": account_id, "epoch": epoch, "again": again}, _read_command)


def waiting_preflights(account_id: UUID) -> Query[Signal]:
    """Those still waited for, as the signals they would be if they came now; each has its preflight's id."""
    sql = """
        select id, strategy_id, alert->>'symbol' as symbol, alert->>'action' as action,
               (alert->>'qty')::numeric as qty, alert as parsed,
               (extract(epoch from asked_at) * 1000)::bigint as at_ms
          from preflights
         where account_id = %(account_id)s and answer is null
           and asked_at > clock_timestamp() - make_interval(secs => %(within)s)
         order by asked_at limit 20"""
    return Query(sql, {"account_id": account_id, "within": ANSWERED_WITHIN_S}, read_signal)


def strategies_of(account_id: UUID) -> Query[Strategy]:
    """All of them, deleted ones too (a position may outlive its strategy), those as disabled."""
    sql = """
        select id, name, symbols, settings, version, enabled and deleted_at is null as enabled
          from strategies where account_id = %(account_id)s order by id"""
    return Query(sql, {"account_id": account_id}, read_strategy)


def limits_of(account_id: UUID) -> Query[Limits]:
    sql = "select limits from accounts where id = %(account_id)s"
    return Query(sql, {"account_id": account_id}, lambda row: read_limits(row["limits"]))


def entries_of_last_day(account_id: UUID) -> Query[int]:
    """When each entry of the last 24 h was intended, UTC milliseconds."""
    sql = """
        select (extract(epoch from created_at) * 1000)::bigint as at from orders
         where account_id = %(account_id)s and purpose = 'entry' and created_at > now() - interval '1 day' order by 1"""
    return Query(sql, {"account_id": account_id}, lambda row: int(row["at"]))


class AccountRow:
    """An account to be traded."""

    def __init__(self, row: Row) -> None:
        self.id: UUID = row["id"]
        self.user_id: UUID = row["user_id"]
        self.environment: str = row["environment"]
        self.sealed: bytes = bytes(row["sealed_credentials"])
        self.created_at: datetime = row["created_at"]
        self.equity: Decimal | None = row["equity"]
        self.hedged: tuple[Symbol, ...] = tuple(Symbol(symbol) for symbol in row["hedged_symbols"])
        self.limits: Limits = read_limits(row["limits"])
        self.halt: Halt | None = (
            Halt(HaltLevel(row["halt_level"]), row["halt_reason"] or "", row["halted_ms"])
            if row["halt_level"]
            else None
        )
        self.day: Day | None = Day(row["day_ms"], row["day_equity"]) if row["day_ms"] is not None else None


def accounts_to_trade(*, most: int | None = None, free_for_s: float | None = None) -> Query[AccountRow]:
    """Accounts that are not deleted, those with open positions first; `most` so many.

    `free_for_s`: only those that nobody holds, and has not for so long.
    """
    sql = """
        select a.id, a.user_id, a.environment, a.sealed_credentials, a.created_at, a.equity, a.limits, a.hedged_symbols,
               a.halt_level, a.halt_reason, (extract(epoch from a.halted_at) * 1000)::bigint as halted_ms,
               (extract(epoch from a.day_start) * 1000)::bigint as day_ms, a.day_equity
          from accounts a
         where a.deleted_at is null
           and (%(free_for_s)s::float8 is null or not exists (
             select from leases l where l.name = 'account:' || a.id
                and l.expires_at >= now() - make_interval(secs => %(free_for_s)s::float8)))
         order by exists (select from positions p where p.account_id = a.id and p.status <> 'closed') desc,
                  a.created_at
         limit %(most)s"""
    return Query(sql, {"most": most, "free_for_s": free_for_s}, AccountRow)


def _read_command(row: Row) -> Command:
    body = row["body"]
    if row["kind"] == "halt":
        return HaltCommand(CommandId(row["id"]), HaltLevel(body["level"]), row["at_ms"])
    if row["kind"] == "resume":
        return ResumeCommand(CommandId(row["id"]), row["at_ms"])
    command_id, position_id = CommandId(row["id"]), PositionId(UUID(body["position_id"]))
    match row["kind"]:
        case "close":
            portion = read_price_mark(body["portion"])
            share = portion.share if portion is not None else None
            return CloseCommand(command_id, position_id, share if share is not None else Decimal(1), row["at_ms"])
        case "reverse":
            return ReverseCommand(command_id, position_id, row["at_ms"])
        case _:
            stop, rungs = body.get("stop_loss"), body.get("take_profit")
            return ProtectCommand(
                command_id,
                position_id,
                read_price_mark(stop) if stop is not None else None,
                read_rungs(rungs) if rungs is not None else None,
                row["at_ms"],
                _read_edit(body, "trailing", read_trailing),
                _read_edit(body, "break_even", read_break_even),
                _read_edit(body, "time_exit_s", lambda seconds: int(seconds) * 1000),
            )


def _read_edit(body: Json, name: str, read: Callable[[Any], T]) -> Edit[T] | None:
    """None where nothing is said; what is said to be null is taken away."""
    if name not in body:
        return None
    return Edit(read(body[name]) if body[name] is not None else None)
