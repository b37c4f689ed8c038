"""What a source says it holds, against what we hold."""

from uuid import UUID

from backstop.contracts.watch import SymbolWatch
from backstop.store.query import Query


def watched(strategy_id: UUID) -> Query[SymbolWatch]:
    """One row a symbol that had a signal which tells. Alerts that were not let in tell too: the source has moved on."""
    sql = """
        with told as (
          select distinct on (symbol) symbol, status, received_at,
                 coalesce(parsed->>'position', case action when 'buy' then 'long' when 'sell' then 'short'
                                                           when 'close' then 'flat' end) as source
            from signals
           where strategy_id = %(id)s and symbol is not null and status <> 'rejected' and action <> 'reverse'
           order by symbol, seq desc),
        held as (
          select told.*, coalesce((select p.side from positions p
                                    where p.strategy_id = %(id)s and p.symbol = told.symbol and p.status <> 'closed'
                                    order by p.seq desc limit 1), 'flat') as ours
            from told)
        select symbol, source, ours, received_at as last_signal_at,
               case when source = ours then 'in_sync'
                    when status in ('accepted', 'executing') then 'behind' else 'diverged' end as state
          from held order by symbol"""
    return Query(sql, {"id": strategy_id}, lambda row: SymbolWatch(**row))
