-- Settings as they were: each change of a strategy or an account adds a version, nothing changes or removes one. Trades say
-- under which version of their strategy they were entered. And when the exchange acknowledged an order.

alter table strategies add column version int not null default 1;
alter table accounts add column version int not null default 1;
alter table positions add column strategy_version int;
alter table trades add column strategy_version int;
alter table orders add column acknowledged_at timestamptz;

create table settings_versions (
  user_id        uuid not null references users,
  subject_id     uuid not null,
  version        int not null,
  at             timestamptz not null default now(),
  cause          text not null check (cause in ('created', 'changed', 'rolled_back')),
  rolled_back_to int,
  session_id     uuid,
  settings       jsonb not null,
  primary key (subject_id, version)
);
comment on table settings_versions is 'Of strategies and accounts. Rows are added, never changed.';

create function strategy_settings(s strategies) returns jsonb language sql stable as $$
  select s.settings || jsonb_build_object('name', s.name, 'symbols', s.symbols, 'enabled', s.enabled, 'watch', s.watch)
$$;
create function account_settings(a accounts) returns jsonb language sql stable as $$
  select jsonb_build_object('label', a.label, 'limits', a.limits)
$$;

-- The owner stands behind the walls too.
alter table strategies no force row level security;
alter table accounts no force row level security;
insert into settings_versions (user_id, subject_id, version, at, cause, settings)
select s.user_id, s.id, 1, s.created_at, 'created', strategy_settings(s) from strategies s
union all
select a.user_id, a.id, 1, a.created_at, 'created', account_settings(a) from accounts a;
alter table strategies force row level security;
alter table accounts force row level security;

alter table settings_versions enable row level security;
alter table settings_versions force row level security;
create policy own_rows on settings_versions to backstop_api using (user_id = app_user()) with check (user_id = app_user());
grant select, insert on settings_versions to backstop_api;
