-- What a webhook may ask for and who may send to it; its rotated secret; signatures; how often it was called.

alter table strategies
  add column previous_secret_hash  bytea,
  add column previous_secret_until timestamptz,
  add column signing_key_sealed    bytea,
  add column hook_policy           jsonb not null default '{}',
  add column watch                 jsonb not null default '{}',
  add column watch_state           jsonb not null default '{}';
comment on column strategies.hook_policy is 'Shape of contracts.hooks.HookPolicy; what is not named has its default.';
comment on column strategies.watch is 'Shape of contracts.hooks.WatchSettings; what is not named has its default.';

alter table signals add column source jsonb;
comment on column signals.source is 'Where the alert came from: {ip, client_certificate, proved_by}.';
create index signals_of_strategy on signals (strategy_id, received_at desc);

create table hook_calls (
  strategy_id uuid not null references strategies,
  user_id     uuid not null references users,
  minute      timestamptz not null,
  calls       int not null default 1,
  primary key (strategy_id, minute)
);
create table hook_signatures (
  strategy_id uuid not null references strategies,
  user_id     uuid not null references users,
  signature   bytea not null,
  at          timestamptz not null default now(),
  primary key (strategy_id, signature)
);
comment on table hook_signatures is 'Signatures taken in the last minutes: each counts once.';

do $$
declare
  guarded text;
begin
  foreach guarded in array array['hook_calls', 'hook_signatures']
  loop
    execute format('alter table %I enable row level security', guarded);
    execute format('alter table %I force row level security', guarded);
    execute format('create policy own_rows on %I to backstop_api using (user_id = app_user()) with check (user_id = app_user())', guarded);
    execute format('grant select, insert, update, delete on %I to backstop_api', guarded);
  end loop;
end $$;

grant create on schema public to backstop_lookup;
drop function find_hook(text);
create function find_hook(wanted text)
returns table (user_id uuid, account_id uuid, strategy_id uuid, secret_hash bytea, previous_secret_hash bytea,
               signing_key_sealed bytea, policy jsonb)
language sql stable security definer set search_path = public as $$
  select s.user_id, s.account_id, s.id, s.secret_hash,
         case when s.previous_secret_until > now() then s.previous_secret_hash end, s.signing_key_sealed, s.hook_policy
    from strategies s where s.hook_id = wanted and s.deleted_at is null
$$;
alter function find_hook(text) owner to backstop_lookup;
revoke all on function find_hook(text) from public;
grant execute on function find_hook(text) to backstop_api;
revoke create on schema public from backstop_lookup;
