-- Questions to the process that trades an account: what would this alert do now? Asked by the API, answered by the
-- engine on what it knows, and gone within the minute. Nothing is sent for them.

create table preflights (
  id          uuid primary key,
  user_id     uuid not null references users,
  account_id  uuid not null references accounts,
  strategy_id uuid not null references strategies,
  alert       jsonb not null,
  asked_at    timestamptz not null default clock_timestamp(),
  answer      jsonb
);
create index preflights_waiting on preflights (account_id) where answer is null;

alter table preflights enable row level security;
alter table preflights force row level security;
create policy own_rows on preflights to backstop_api using (user_id = app_user()) with check (user_id = app_user());
create policy all_rows on preflights to backstop_streamer using (true) with check (true);
grant select, insert, delete on preflights to backstop_api;
grant select, update on preflights to backstop_streamer;
