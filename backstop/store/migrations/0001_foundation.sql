-- Everything the first release keeps: users, their exchange accounts and strategies, what was asked for
-- (signals, commands), what was done about it (orders, executions, positions, levels, trades, ledger),
-- who may do it (leases), and what dashboards are told (events).
--
-- Tenants are walls: row-level security is forced on every table that holds a user's rows. Two roles use them:
--   backstop_api       sees the rows of the user named in app.user_id, and nothing when none is named;
--   backstop_streamer  trades for everybody.
-- Neither owns a table or may bypass the walls. What must be found before a user is known (a hook, a login)
-- goes through functions owned by backstop_lookup, each of which reveals one row.

do $$
begin
  if not exists (select from pg_roles where rolname = 'backstop_api') then create role backstop_api nologin; end if;
  if not exists (select from pg_roles where rolname = 'backstop_streamer') then create role backstop_streamer nologin; end if;
  if not exists (select from pg_roles where rolname = 'backstop_lookup') then create role backstop_lookup nologin; end if;
  execute format('grant backstop_api, backstop_streamer, backstop_lookup to %I', current_user);
end $$;

create function app_user() returns uuid language sql stable
  return nullif(current_setting('app.user_id', true), '')::uuid;

create table users (
  id            uuid primary key,
  email         text not null,
  password_hash text not null,
  last_seq      bigint not null default 0,
  created_at    timestamptz not null default now()
);
create unique index users_email on users (lower(email));
comment on column users.last_seq is 'The seq of the newest row in events; rises by one per event.';

create table refresh_tokens (
  token_hash bytea primary key,
  user_id    uuid not null references users,
  family_id  uuid not null,
  created_at timestamptz not null default now(),
  expires_at timestamptz not null,
  used_at    timestamptz,
  revoked_at timestamptz
);
create index refresh_tokens_family on refresh_tokens (family_id);

create table login_failures (
  subject   text not null,
  failed_at timestamptz not null default now()
);
create index login_failures_subject on login_failures (subject, failed_at);

create table accounts (
  id                 uuid primary key,
  seq                bigint generated always as identity unique,
  user_id            uuid not null references users,
  label              text not null,
  environment        text not null check (environment in ('simulator', 'demo', 'testnet', 'mainnet')),
  api_key_last4      text not null,
  sealed_credentials bytea not null,
  status             text not null default 'connecting' check (status in ('connecting', 'active', 'paused')),
  status_reason      text,
  equity             numeric,
  deleted_at         timestamptz,
  created_at         timestamptz not null default now(),
  unique (user_id, id)
);

create table leases (
  name       text primary key,
  epoch      bigint not null,
  holder     text not null,
  expires_at timestamptz not null
);
comment on table leases is 'One writer for each name (account:<id>, pusher). epoch is the fencing token of every write.';

create table heartbeats (
  holder  text primary key,
  beat_at timestamptz not null,
  health  jsonb not null
);

create table strategies (
  id             uuid primary key,
  seq            bigint generated always as identity unique,
  user_id        uuid not null references users,
  account_id     uuid not null,
  name           text not null,
  symbols        text[] not null,
  settings       jsonb not null,
  enabled        boolean not null default true,
  hook_id        text not null unique,
  secret_hash    bytea not null,
  deleted_at     timestamptz,
  created_at     timestamptz not null default now(),
  unique (user_id, id),
  foreign key (user_id, account_id) references accounts (user_id, id)
);

create table signals (
  id            uuid primary key,
  seq           bigint generated always as identity unique,
  user_id       uuid not null references users,
  account_id    uuid not null references accounts,
  strategy_id   uuid not null references strategies,
  dedupe_key    text not null,
  body_hash     bytea not null,
  raw           text not null,
  parsed        jsonb,
  errors        jsonb not null default '[]',
  symbol        text,
  action        text,
  qty           numeric,
  status        text not null check (status in ('accepted', 'executing', 'executed', 'refused', 'expired', 'failed', 'rejected')),
  reason_code   text,
  reason        text,
  position_id   uuid,
  alert_time    timestamptz,
  received_at   timestamptz not null default now(),
  claimed_epoch bigint,
  claimed_at    timestamptz,
  decided_at    timestamptz,
  constraint signals_once unique (strategy_id, dedupe_key)
);
create index signals_waiting on signals (account_id, seq) where status in ('accepted', 'executing');
create index signals_of_user on signals (user_id, seq desc);
create index signals_recent_body on signals (strategy_id, body_hash, received_at);

create table refused_alerts (
  id          bigint generated always as identity primary key,
  user_id     uuid not null references users,
  strategy_id uuid not null references strategies,
  received_at timestamptz not null default now(),
  status      int not null,
  code        text not null,
  errors      jsonb not null default '[]',
  body_bytes  int not null,
  body_hash   bytea not null,
  excerpt     text not null,
  source_ip   text
);
comment on table refused_alerts is 'Alerts that could not be tied to a holder of the secret: wrong secret, unreadable, too large.';
create index refused_alerts_of_user on refused_alerts (user_id, id desc);

create table commands (
  id            uuid primary key,
  seq           bigint generated always as identity unique,
  user_id       uuid not null references users,
  account_id    uuid not null references accounts,
  kind          text not null check (kind in ('close', 'reverse', 'protect')),
  body          jsonb not null,
  status        text not null default 'accepted' check (status in ('accepted', 'executing', 'executed', 'refused', 'failed')),
  reason_code   text,
  reason        text,
  created_at    timestamptz not null default now(),
  claimed_epoch bigint,
  decided_at    timestamptz
);
create index commands_waiting on commands (account_id, seq) where status in ('accepted', 'executing');

create table positions (
  id                   uuid primary key,
  seq                  bigint generated always as identity unique,
  user_id              uuid not null references users,
  account_id           uuid not null references accounts,
  strategy_id          uuid references strategies,
  signal_id            uuid references signals,
  symbol               text not null,
  position_idx         int not null default 0,
  side                 text not null check (side in ('long', 'short')),
  status               text not null check (status in ('opening', 'open', 'closing', 'closed')),
  qty                  numeric not null check (qty >= 0),
  cost                 numeric not null,
  entry_qty            numeric not null,
  entry_value          numeric not null,
  exit_qty             numeric not null,
  exit_value           numeric not null,
  gross_pnl            numeric not null,
  fees                 numeric not null,
  funding              numeric not null,
  leverage             numeric,
  protection           jsonb not null,
  stop_loss            numeric,
  resident_stop        numeric,
  resident_verified_at timestamptz,
  levels_round         int not null default 0,
  closing_link_id      text,
  exit_reason          text,
  opened_at            timestamptz not null,
  closed_at            timestamptz,
  updated_at           timestamptz not null default now()
);
create unique index positions_one_live on positions (account_id, symbol, position_idx) where status <> 'closed';
create index positions_of_user on positions (user_id, seq desc);

create table levels (
  close_link_id text primary key,
  user_id       uuid not null references users,
  account_id    uuid not null references accounts,
  position_id   uuid not null references positions,
  symbol        text not null,
  kind          text not null check (kind in ('stop_loss', 'take_profit')),
  rung          int not null,
  price         numeric not null check (price > 0),
  portion       numeric not null check (portion > 0 and portion <= 1),
  status        text not null check (status in ('armed', 'fired', 'disarmed')),
  armed_at      timestamptz not null default now(),
  fired_at      timestamptz
);
create index levels_of_position on levels (position_id);

create table orders (
  link_id           text primary key,
  seq               bigint generated always as identity unique,
  user_id           uuid not null references users,
  account_id        uuid not null references accounts,
  position_id       uuid references positions,
  signal_id         uuid references signals,
  symbol            text not null,
  side              text not null check (side in ('buy', 'sell')),
  purpose           text not null,
  qty               numeric not null check (qty > 0),
  reduce_only       boolean not null,
  stop_loss         numeric,
  leverage          numeric,
  status            text not null check (status in ('intended', 'sent', 'unknown', 'open', 'filled', 'canceled', 'rejected', 'expired')),
  filled_qty        numeric not null default 0,
  reported_qty      numeric not null default 0,
  filled_value      numeric not null default 0,
  exchange_order_id text,
  ret_code          int,
  reason            text,
  created_at        timestamptz not null,
  not_after         timestamptz,
  sent_at           timestamptz,
  updated_at        timestamptz not null default now()
);
create index orders_live on orders (account_id) where status in ('intended', 'sent', 'unknown', 'open');
create index orders_of_user on orders (user_id, seq desc);
create index orders_of_signal on orders (signal_id);

create table executions (
  account_id        uuid not null references accounts,
  exec_id           text not null,
  seq               bigint generated always as identity unique,
  user_id           uuid not null references users,
  position_id       uuid references positions,
  order_link_id     text,
  exchange_order_id text,
  symbol            text not null,
  side              text not null check (side in ('buy', 'sell')),
  exec_type         text not null,
  price             numeric not null,
  qty               numeric not null,
  fee               numeric not null,
  realised_pnl      numeric not null,
  executed_at       timestamptz not null,
  booked_at         timestamptz not null default now(),
  primary key (account_id, exec_id)
);
create index executions_of_user on executions (user_id, seq desc);
create index executions_of_position on executions (position_id);
create index executions_newest on executions (account_id, executed_at desc);

create table ledger (
  id          bigint generated always as identity primary key,
  user_id     uuid not null references users,
  account_id  uuid not null references accounts,
  position_id uuid references positions,
  exec_id     text not null,
  kind        text not null check (kind in ('realised_pnl', 'fee', 'funding')),
  amount      numeric not null,
  at          timestamptz not null,
  constraint ledger_once unique (account_id, exec_id, kind)
);
comment on column ledger.amount is 'USDT; above 0 the wallet gained.';

create table trades (
  id          uuid primary key references positions,
  seq         bigint generated always as identity unique,
  user_id     uuid not null references users,
  account_id  uuid not null references accounts,
  strategy_id uuid references strategies,
  symbol      text not null,
  side        text not null check (side in ('long', 'short')),
  qty         numeric not null,
  entry_price numeric not null,
  exit_price  numeric not null,
  gross_pnl   numeric not null,
  fees        numeric not null,
  funding     numeric not null,
  net_pnl     numeric not null,
  exit_reason text not null,
  opened_at   timestamptz not null,
  closed_at   timestamptz not null
);
create index trades_of_user on trades (user_id, seq desc);

create table reversals (
  cause_id    uuid primary key,
  user_id     uuid not null references users,
  account_id  uuid not null references accounts,
  symbol      text not null,
  position_id uuid not null references positions,
  step        text not null check (step in ('closing', 'opening', 'reversed', 'flat_expired', 'flat_failed')),
  plan        jsonb not null,
  reason      text,
  updated_at  timestamptz not null default now()
);
comment on column reversals.cause_id is 'The signal or command that asked for it.';
create unique index reversals_one_live on reversals (account_id, symbol) where step in ('closing', 'opening');

create table quarantine (
  id         bigint generated always as identity primary key,
  user_id    uuid not null references users,
  account_id uuid not null references accounts,
  topic      text not null,
  reason     text not null,
  payload    jsonb not null,
  at         timestamptz not null default now()
);
comment on table quarantine is 'Messages of the exchange that were understood too little to act on.';

create table prices (
  environment text not null,
  symbol      text not null,
  last        numeric not null,
  mark        numeric not null,
  ticked_at   timestamptz not null,
  primary key (environment, symbol)
);
comment on table prices is 'The last price of each watched symbol, written about once a second, for answers over REST.';

create table instruments (
  environment    text not null,
  symbol         text not null,
  tick_size      numeric not null,
  qty_step       numeric not null,
  min_qty        numeric not null,
  max_market_qty numeric not null,
  min_notional   numeric not null,
  max_leverage   numeric not null,
  tradable       boolean not null,
  updated_at     timestamptz not null default now(),
  primary key (environment, symbol)
);

create table events (
  user_id uuid not null references users,
  seq     bigint not null,
  type    text not null,
  data    jsonb not null,
  at      timestamptz not null default now(),
  primary key (user_id, seq)
);

create table ws_tickets (
  ticket_hash bytea primary key,
  user_id     uuid not null references users,
  expires_at  timestamptz not null,
  used_at     timestamptz
);

create table ws_connections (
  connection_id text primary key,
  user_id       uuid not null references users,
  connected_at  timestamptz not null default now(),
  live_from     bigint
);
create index ws_connections_of_user on ws_connections (user_id);
comment on column ws_connections.live_from is 'seq up to which hello has told this connection; null before hello.';

-- Append one event: takes the user's next seq, so events of one user are numbered in commit order.
create function append_event(for_user uuid, event_type text, event_data jsonb) returns bigint
language sql as $$
  with next as (update users set last_seq = last_seq + 1 where id = for_user returning last_seq)
  insert into events (user_id, seq, type, data) select for_user, last_seq, event_type, event_data from next returning seq
$$;

-- Walls.
do $$
declare
  guarded text;
begin
  foreach guarded in array array['refresh_tokens', 'accounts', 'strategies', 'signals', 'refused_alerts', 'commands',
    'positions', 'levels', 'orders', 'executions', 'ledger', 'trades', 'reversals', 'quarantine', 'events',
    'ws_tickets', 'ws_connections']
  loop
    execute format('alter table %I enable row level security', guarded);
    execute format('alter table %I force row level security', guarded);
    execute format('create policy own_rows on %I to backstop_api using (user_id = app_user()) with check (user_id = app_user())', guarded);
    execute format('create policy all_rows on %I to backstop_streamer using (true) with check (true)', guarded);
  end loop;
end $$;

alter table users enable row level security;
alter table users force row level security;
create policy own_row on users to backstop_api using (id = app_user()) with check (id = app_user());
create policy all_rows on users to backstop_streamer using (true) with check (true);

grant usage on schema public to backstop_api, backstop_streamer, backstop_lookup;
grant select, insert, update on users, refresh_tokens, accounts, strategies, ws_tickets, ws_connections to backstop_api;
grant select, insert, delete on login_failures to backstop_api;
grant delete on ws_connections, ws_tickets to backstop_api;
grant select, insert, update on signals to backstop_api;
grant select, insert on refused_alerts, commands, events to backstop_api;
grant select on positions, levels, orders, executions, ledger, trades, reversals, heartbeats, prices, instruments to backstop_api;

grant select, insert, update, delete on all tables in schema public to backstop_streamer;
revoke all on login_failures, refresh_tokens, ws_tickets from backstop_streamer;

-- What must be found before a user is known. Each reveals one row to whoever can name it exactly.
grant create on schema public to backstop_lookup;
grant select on users, strategies, refresh_tokens, ws_tickets, ws_connections to backstop_lookup;
grant update on ws_tickets to backstop_lookup;
create policy lookup on users for select to backstop_lookup using (true);
create policy lookup on strategies for select to backstop_lookup using (true);
create policy lookup on refresh_tokens for select to backstop_lookup using (true);
create policy lookup on ws_connections for select to backstop_lookup using (true);
create policy lookup on ws_tickets to backstop_lookup using (true) with check (true);

create function find_login(wanted_email text) returns table (user_id uuid, password_hash text)
language sql stable security definer set search_path = public as $$
  select u.id, u.password_hash from users u where lower(u.email) = lower(wanted_email)
$$;

create function find_hook(wanted text)
returns table (user_id uuid, account_id uuid, strategy_id uuid, secret_hash bytea)
language sql stable security definer set search_path = public as $$
  select s.user_id, s.account_id, s.id, s.secret_hash from strategies s where s.hook_id = wanted and s.deleted_at is null
$$;

create function find_refresh_token(wanted bytea) returns table (user_id uuid)
language sql stable security definer set search_path = public as $$
  select t.user_id from refresh_tokens t where t.token_hash = wanted
$$;

create function find_connection(wanted text) returns table (user_id uuid)
language sql stable security definer set search_path = public as $$
  select c.user_id from ws_connections c where c.connection_id = wanted
$$;

-- A ticket is good once, and not after it has run out.
create function redeem_ticket(wanted bytea, at timestamptz) returns table (user_id uuid)
language sql security definer set search_path = public as $$
  update ws_tickets t set used_at = at
   where t.ticket_hash = wanted and t.used_at is null and t.expires_at > at
  returning t.user_id
$$;

do $$
declare
  finder text;
begin
  foreach finder in array array['find_login(text)', 'find_hook(text)', 'find_refresh_token(bytea)', 'find_connection(text)',
    'redeem_ticket(bytea, timestamptz)']
  loop
    execute format('alter function %s owner to backstop_lookup', finder);
    execute format('revoke all on function %s from public', finder);
    execute format('grant execute on function %s to backstop_api', finder);
  end loop;
end $$;
revoke create on schema public from backstop_lookup;
