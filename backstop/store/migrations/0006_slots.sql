-- Hedge mode: a symbol may hold a long and a short at once, told apart by Bybit's positionIdx, and two strategies may
-- each be reversing on it. Positions have had the column from the start.

alter table orders add column position_idx int not null default 0;

drop index reversals_one_live;
create unique index reversals_one_live on reversals (account_id, symbol, (plan->>'strategy_id'))
  where step in ('closing', 'opening');
