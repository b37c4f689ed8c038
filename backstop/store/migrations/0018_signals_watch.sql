-- What a strategy's source says it holds, compared with what we hold; and whether it still speaks.

create index signals_telling on signals (strategy_id, symbol, seq desc) where status <> 'rejected' and action <> 'reverse';
create index positions_of_strategy on positions (strategy_id, symbol, seq desc) where strategy_id is not null;

comment on column strategies.watch is 'Shape of contracts.watch.WatchSettings; what is not named has its default.';
comment on column strategies.watch_state is 'Written by the streamer (store.watch.write_state): what it saw last and has told of.';
