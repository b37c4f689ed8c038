-- How an account is set up at the exchange, as last read there. In hedge mode two strategies may trade one symbol.

alter table accounts
  add column margin_mode    text check (margin_mode in ('isolated', 'cross', 'portfolio')),
  add column hedged_symbols text[] not null default '{}';
