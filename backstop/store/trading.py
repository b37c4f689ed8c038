"""Writing down what the engine decided. Every statement is an upsert or an insert by natural key: running one twice,
after a commit whose outcome was lost, changes nothing."""

from dataclasses import dataclass
from uuid import UUID

from psycopg.types.json import Jsonb

from backstop.domain.limits import Day, Halt
from backstop.domain.order import Order
from backstop.domain.position import Position, Trade
from backstop.domain.protection import Level
from backstop.engine.effects import BookExecution, Quarantine, SaveModes, SettleCommand, SettleSignal
from backstop.engine.reversal import Reversal
from backstop.store.query import Query, moment, no_row
from backstop.store.settings import write_plan, write_protection


@dataclass(frozen=True, slots=True)
class Owner:
    """Whose rows are written."""

    user_id: UUID
    account_id: UUID


def storable(text: str) -> str:
    """Text as PostgreSQL takes it: what the exchange sends may hold what no column can."""
    return text.replace("\0", "\ufffd").encode(errors="replace").decode()


def _storable(text: str | None) -> str | None:
    return storable(text) if text is not None else None


def save_position(owner: Owner, position: Position) -> Query[None]:
    sql = """
        insert into positions (id, user_id, account_id, strategy_id, signal_id, symbol, position_idx, side, status, qty,
          cost, entry_qty, entry_value, exit_qty, exit_value, gross_pnl, fees, funding, leverage, protection, stop_loss,
          resident_stop, resident_verified_at, levels_round, closing_link_id, exit_reason, opened_at, closed_at,
          updated_at, entries, turned_at, strategy_version)
        values (%(id)s, %(user_id)s, %(account_id)s, %(strategy_id)s, %(signal_id)s, %(symbol)s, %(position_idx)s,
          %(side)s, %(status)s,
          %(qty)s, %(cost)s, %(entry_qty)s, %(entry_value)s, %(exit_qty)s, %(exit_value)s, %(gross_pnl)s, %(fees)s,
          %(funding)s, %(leverage)s, %(protection)s, %(stop_loss)s, %(resident_stop)s, %(resident_verified_at)s,
          %(levels_round)s, %(closing_link_id)s, %(exit_reason)s, %(opened_at)s, %(closed_at)s, %(updated_at)s,
          %(entries)s, %(turned_at)s, %(strategy_version)s)
        on conflict (id) do update set
          position_idx = excluded.position_idx,
          status = excluded.status, qty = excluded.qty, cost = excluded.cost, entry_qty = excluded.entry_qty,
          entry_value = excluded.entry_value, exit_qty = excluded.exit_qty, exit_value = excluded.exit_value,
          gross_pnl = excluded.gross_pnl, fees = excluded.fees, funding = excluded.funding,
          leverage = excluded.leverage, protection = excluded.protection, stop_loss = excluded.stop_loss,
          resident_stop = excluded.resident_stop, resident_verified_at = excluded.resident_verified_at,
          levels_round = excluded.levels_round, closing_link_id = excluded.closing_link_id,
          exit_reason = excluded.exit_reason, opened_at = excluded.opened_at, closed_at = excluded.closed_at,
          updated_at = excluded.updated_at, entries = excluded.entries"""
    values = {
        "id": position.id,
        "user_id": owner.user_id,
        "account_id": owner.account_id,
        "strategy_id": position.strategy_id,
        "signal_id": position.signal_id,
        "symbol": position.symbol,
        "position_idx": position.position_idx,
        "side": position.side.value,
        "status": position.status.value,
        "qty": position.qty,
        "cost": position.cost,
        "entry_qty": position.entry_qty,
        "entry_value": position.entry_value,
        "exit_qty": position.exit_qty,
        "exit_value": position.exit_value,
        "gross_pnl": position.gross_pnl,
        "fees": position.fees,
        "funding": position.funding,
        "leverage": position.leverage,
        "protection": Jsonb(write_protection(position.protection)),
        "stop_loss": position.stop_loss,
        "resident_stop": position.resident.price,
        "resident_verified_at": moment(position.resident.verified_at),
        "levels_round": position.levels_round,
        "closing_link_id": position.closing_link_id,
        "exit_reason": position.exit_reason.value if position.exit_reason is not None else None,
        "opened_at": moment(position.opened_at),
        "closed_at": moment(position.closed_at),
        "updated_at": moment(position.updated_at),
        "entries": position.entries,
        "turned_at": moment(position.turned_at),
        "strategy_version": position.strategy_version,
    }
    return Query(sql, values, no_row)


def save_level(owner: Owner, level: Level, at: int) -> Query[None]:
    sql = """
        insert into levels (close_link_id, user_id, account_id, position_id, symbol, kind, rung, price, portion, status,
          armed_at, fired_at)
        values (%(close_id)s, %(user_id)s, %(account_id)s, %(position_id)s, %(symbol)s, %(kind)s, %(rung)s, %(price)s,
          %(portion)s, %(status)s, %(at)s, case when %(status)s = 'fired' then %(at)s::timestamptz end)
        on conflict (close_link_id) do update set price = excluded.price, status = excluded.status,
          fired_at = case when excluded.status = 'fired' then coalesce(levels.fired_at, %(at)s) end"""
    values = {
        "close_id": level.close_id,
        "user_id": owner.user_id,
        "account_id": owner.account_id,
        "position_id": level.position_id,
        "symbol": level.symbol,
        "kind": level.kind.value,
        "rung": level.rung,
        "price": level.price,
        "portion": level.portion,
        "status": level.status.value,
        "at": moment(at),
    }
    return Query(sql, values, no_row)


def save_order(owner: Owner, order: Order) -> Query[None]:
    sql = """
        insert into orders (link_id, user_id, account_id, position_id, signal_id, symbol, position_idx, side, purpose, qty,
          reduce_only, stop_loss, leverage, status, filled_qty, filled_value, reported_qty, exchange_order_id, ret_code,
          reason, created_at, not_after, decided_price, sent_at, limit_price, post_only, expires_at, cancel_reason,
          cancel_asked_at, acknowledged_at, rest)
        values (%(link_id)s, %(user_id)s, %(account_id)s, %(position_id)s, %(signal_id)s, %(symbol)s,
          %(position_idx)s, %(side)s,
          %(purpose)s, %(qty)s, %(reduce_only)s, %(stop_loss)s, %(leverage)s, %(status)s, %(filled_qty)s,
          %(filled_value)s, %(reported_qty)s, %(exchange_order_id)s, %(ret_code)s, %(reason)s, %(created_at)s,
          %(not_after)s, %(decided_price)s, %(sent_at)s, %(limit_price)s, %(post_only)s, %(expires_at)s,
          %(cancel_reason)s, %(cancel_asked_at)s, %(acknowledged_at)s, %(rest)s)
        on conflict (link_id) do update set
          position_idx = excluded.position_idx,
          qty = greatest(orders.qty, excluded.qty), status = excluded.status, filled_qty = excluded.filled_qty,
          filled_value = excluded.filled_value, reported_qty = excluded.reported_qty,
          exchange_order_id = coalesce(excluded.exchange_order_id, orders.exchange_order_id),
          ret_code = excluded.ret_code, reason = excluded.reason,
          cancel_reason = excluded.cancel_reason, cancel_asked_at = excluded.cancel_asked_at,
          sent_at = coalesce(excluded.sent_at, orders.sent_at),
          acknowledged_at = coalesce(orders.acknowledged_at, excluded.acknowledged_at), updated_at = now()"""
    values = {
        "link_id": order.link_id,
        "user_id": owner.user_id,
        "account_id": owner.account_id,
        "position_id": order.position_id,
        "signal_id": order.signal_id,
        "symbol": order.symbol,
        "position_idx": order.position_idx,
        "side": order.side.value,
        "purpose": order.purpose.value,
        "qty": order.qty,
        "reduce_only": order.reduce_only,
        "stop_loss": order.stop_loss,
        "leverage": order.leverage,
        "status": order.status.value,
        "filled_qty": order.filled_qty,
        "filled_value": order.filled_value,
        "reported_qty": order.reported_qty,
        "exchange_order_id": order.exchange_order_id,
        "ret_code": order.ret_code,
        "reason": _storable(order.reason),
        "created_at": moment(order.created_at),
        "not_after": moment(order.not_after),
        "decided_price": order.decided_price,
        "sent_at": moment(order.sent_at),
        "limit_price": order.limit_price,
        "post_only": order.post_only,
        "expires_at": moment(order.expires_at),
        "cancel_reason": order.cancel_reason.value if order.cancel_reason is not None else None,
        "cancel_asked_at": moment(order.cancel_asked_at),
        "acknowledged_at": moment(order.acknowledged_at),
        "rest": order.rest,
    }
    return Query(sql, values, no_row)


def book_execution(owner: Owner, booked: BookExecution) -> Query[str]:
    """Answers the exec id if it was new, no row if it was booked before."""
    sql = """
        with booked as (
          insert into executions (account_id, exec_id, user_id, position_id, order_link_id, exchange_order_id, symbol,
            side, exec_type, price, qty, fee, realised_pnl, executed_at)
          values (%(account_id)s, %(exec_id)s, %(user_id)s, %(position_id)s, %(link_id)s, %(exchange_order_id)s,
            %(symbol)s, %(side)s, %(exec_type)s, %(price)s, %(qty)s, %(fee)s, %(realised)s, %(at)s)
          on conflict (account_id, exec_id) do nothing
          returning exec_id
        ), kept as (
          insert into ledger (user_id, account_id, position_id, exec_id, kind, amount, at)
          select %(user_id)s, %(account_id)s, %(position_id)s, booked.exec_id, line.kind, line.amount, %(at)s
            from booked, (values ('realised_pnl', %(realised)s::numeric), ('fee', -%(ledger_fee)s::numeric),
                                 ('funding', %(funding)s::numeric)) as line (kind, amount)
           where line.amount <> 0
        )
        select exec_id from booked"""
    execution = booked.execution
    values = {
        "account_id": owner.account_id,
        "user_id": owner.user_id,
        "exec_id": execution.exec_id,
        "position_id": booked.position_id,
        "link_id": execution.order_link_id or None,
        "exchange_order_id": execution.exchange_order_id or None,
        "symbol": execution.symbol,
        "side": execution.side.value,
        "exec_type": execution.exec_type,
        "price": execution.price,
        "qty": execution.qty,
        "fee": execution.fee,
        "ledger_fee": execution.fee if booked.funding == 0 else 0,
        "realised": booked.realised,
        "funding": booked.funding,
        "at": moment(execution.at),
    }
    return Query(sql, values, lambda row: str(row["exec_id"]))


def save_trade(owner: Owner, trade: Trade) -> Query[None]:
    """Written again when an execution was told late: what it was traded at changes, not when."""
    sql = """
        insert into trades (id, user_id, account_id, strategy_id, symbol, side, qty, entry_price, exit_price, gross_pnl,
          fees, funding, net_pnl, exit_reason, opened_at, closed_at, strategy_version)
        values (%(id)s, %(user_id)s, %(account_id)s, %(strategy_id)s, %(symbol)s, %(side)s, %(qty)s, %(entry_price)s,
          %(exit_price)s, %(gross_pnl)s, %(fees)s, %(funding)s, %(net_pnl)s, %(exit_reason)s, %(opened_at)s,
          %(closed_at)s, %(strategy_version)s)
        on conflict (id) do update set
          entry_price = excluded.entry_price, exit_price = excluded.exit_price, gross_pnl = excluded.gross_pnl,
          fees = excluded.fees, net_pnl = excluded.net_pnl, exit_reason = excluded.exit_reason"""
    values = {
        "id": trade.id,
        "user_id": owner.user_id,
        "account_id": owner.account_id,
        "strategy_id": trade.strategy_id,
        "symbol": trade.symbol,
        "side": trade.side.value,
        "qty": trade.qty,
        "entry_price": trade.entry_price,
        "exit_price": trade.exit_price,
        "gross_pnl": trade.gross_pnl,
        "fees": trade.fees,
        "funding": trade.funding,
        "net_pnl": trade.net_pnl,
        "exit_reason": trade.exit_reason.value,
        "opened_at": moment(trade.opened_at),
        "closed_at": moment(trade.closed_at),
        "strategy_version": trade.strategy_version,
    }
    return Query(sql, values, no_row)


def settle_signal(settled: SettleSignal) -> Query[None]:
    """A signal that has ended stays as it ended."""
    sql = """
        update signals set status = %(status)s, reason_code = %(code)s, reason = %(reason)s,
               position_id = coalesce(%(position_id)s, position_id), decided_at = coalesce(decided_at, now())
         where id = %(id)s and status in ('accepted', 'executing')"""
    values = {
        "id": settled.signal_id,
        "status": settled.status.value,
        "code": settled.code,
        "reason": _storable(settled.reason),
        "position_id": settled.position_id,
    }
    return Query(sql, values, no_row)


def settle_command(settled: SettleCommand) -> Query[None]:
    sql = """
        update commands set status = %(status)s, reason_code = %(code)s, reason = %(reason)s, decided_at = now()
         where id = %(id)s and status in ('accepted', 'executing')"""
    status = "failed" if settled.status.value == "expired" else settled.status.value
    values = {"id": settled.command_id, "status": status, "code": settled.code, "reason": _storable(settled.reason)}
    return Query(sql, values, no_row)


def save_reversal(owner: Owner, reversal: Reversal) -> Query[None]:
    sql = """
        insert into reversals (cause_id, user_id, account_id, symbol, position_id, step, plan, reason)
        values (%(cause_id)s, %(user_id)s, %(account_id)s, %(symbol)s, %(position_id)s, %(step)s, %(plan)s, %(reason)s)
        on conflict (cause_id) do update set step = excluded.step, reason = excluded.reason, updated_at = now()"""
    values = {
        "cause_id": reversal.plan.cause_id,
        "user_id": owner.user_id,
        "account_id": owner.account_id,
        "symbol": reversal.plan.symbol,
        "position_id": reversal.position_id,
        "step": reversal.step.value,
        "plan": Jsonb(write_plan(reversal.plan)),
        "reason": _storable(reversal.reason),
    }
    return Query(sql, values, no_row)


def save_equity(owner: Owner, equity: object) -> Query[None]:
    sql = "update accounts set equity = %(equity)s where id = %(account_id)s"
    return Query(sql, {"equity": equity, "account_id": owner.account_id}, no_row)


def save_halt(owner: Owner, halt: Halt | None) -> Query[None]:
    sql = """
        update accounts set halt_level = %(level)s, halt_reason = %(reason)s, halted_at = %(at)s where id = %(account_id)s"""
    values = {
        "level": halt.level.value if halt is not None else None,
        "reason": halt.reason if halt is not None else None,
        "at": moment(halt.at) if halt is not None else None,
        "account_id": owner.account_id,
    }
    return Query(sql, values, no_row)


def save_day(owner: Owner, day: Day) -> Query[None]:
    sql = "update accounts set day_start = %(start)s, day_equity = %(equity)s where id = %(account_id)s"
    return Query(sql, {"start": moment(day.start), "equity": day.equity, "account_id": owner.account_id}, no_row)


def save_modes(owner: Owner, modes: SaveModes) -> Query[None]:
    sql = "update accounts set margin_mode = %(margin)s, hedged_symbols = %(hedged)s where id = %(account_id)s"
    values = {
        "margin": modes.margin.value if modes.margin is not None else None,
        "hedged": sorted(modes.hedged),
        "account_id": owner.account_id,
    }
    return Query(sql, values, no_row)


def set_account_status(account_id: UUID, status: str, reason: str | None) -> Query[None]:
    sql = "update accounts set status = %(status)s, status_reason = %(reason)s where id = %(id)s"
    return Query(sql, {"id": account_id, "status": status, "reason": reason}, no_row)


def quarantine(owner: Owner, kept: Quarantine) -> Query[None]:
    sql = """
        insert into quarantine (user_id, account_id, topic, reason, payload)
        values (%(user_id)s, %(account_id)s, %(topic)s, %(reason)s, %(payload)s)"""
    values = {
        "user_id": owner.user_id,
        "account_id": owner.account_id,
        "topic": kept.topic,
        "reason": storable(kept.reason),
        "payload": Jsonb(storable(kept.payload)),
    }
    return Query(sql, values, no_row)
