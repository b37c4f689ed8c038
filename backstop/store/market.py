"""What the API must know of the market: instruments and last prices, by environment."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from backstop.domain.instrument import Instrument
from backstop.store.query import Query, Row, no_row


def save_instruments(environment: str, instruments: list[Instrument]) -> Query[None]:
    sql = """
        insert into instruments (environment, symbol, tick_size, qty_step, min_qty, max_market_qty, min_notional,
          max_leverage, tradable)
        select %(environment)s, * from unnest(%(symbols)s::text[], %(ticks)s::numeric[], %(steps)s::numeric[],
          %(min_qtys)s::numeric[], %(max_qtys)s::numeric[], %(notionals)s::numeric[], %(leverages)s::numeric[],
          %(tradables)s::boolean[])
        on conflict (environment, symbol) do update set tick_size = excluded.tick_size, qty_step = excluded.qty_step,
          min_qty = excluded.min_qty, max_market_qty = excluded.max_market_qty, min_notional = excluded.min_notional,
          max_leverage = excluded.max_leverage, tradable = excluded.tradable, updated_at = now()"""
    values = {
        "environment": environment,
        "symbols": [instrument.symbol for instrument in instruments],
        "ticks": [instrument.tick_size for instrument in instruments],
        "steps": [instrument.qty_step for instrument in instruments],
        "min_qtys": [instrument.min_qty for instrument in instruments],
        "max_qtys": [instrument.max_market_qty for instrument in instruments],
        "notionals": [instrument.min_notional for instrument in instruments],
        "leverages": [instrument.max_leverage for instrument in instruments],
        "tradables": [instrument.tradable for instrument in instruments],
    }
    return Query(sql, values, no_row)


def known_instruments(environment: str) -> Query[Instrument]:
    """All that were ever listed there, as they were when last read."""
    sql = """
        select symbol, tick_size, qty_step, min_qty, max_market_qty, min_notional, max_leverage, tradable
          from instruments where environment = %(environment)s order by symbol"""
    return Query(sql, {"environment": environment}, lambda row: Instrument(**row))


def save_prices(environment: str, prices: Sequence[tuple[str, Decimal, Decimal, datetime]]) -> Query[None]:
    """`prices`: symbol, last, mark, when the exchange made it."""
    sql = """
        insert into prices (environment, symbol, last, mark, ticked_at)
        select %(environment)s, * from unnest(%(symbols)s::text[], %(lasts)s::numeric[], %(marks)s::numeric[],
          %(ats)s::timestamptz[])
        on conflict (environment, symbol) do update set last = excluded.last, mark = excluded.mark,
          ticked_at = excluded.ticked_at where prices.ticked_at <= excluded.ticked_at"""
    values = {
        "environment": environment,
        "symbols": [price[0] for price in prices],
        "lasts": [price[1] for price in prices],
        "marks": [price[2] for price in prices],
        "ats": [price[3] for price in prices],
    }
    return Query(sql, values, no_row)


@dataclass(frozen=True, slots=True)
class Market:
    """One symbol of one environment; `tick_size` is None until the exchange has told it."""

    environment: str
    symbol: str
    tick_size: Decimal | None


def market_of_position(position_id: UUID) -> Query[Market]:
    """Where a position is or was traded; of own positions only, as backstop_api."""
    sql = """
        select a.environment, p.symbol, i.tick_size
          from positions p
          join accounts a on a.id = p.account_id
          left join instruments i on i.environment = a.environment and i.symbol = p.symbol
         where p.id = %(id)s"""

    def read(row: Row) -> Market:
        return Market(row["environment"], row["symbol"], row["tick_size"])

    return Query(sql, {"id": position_id}, read)
