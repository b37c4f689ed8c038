-- What an account's key may do and how its account at the exchange is set up, line by line; asked for by its owner, when it
-- is added, each day, and when the exchange refuses the key.

create table self_tests (
  id           uuid primary key,
  seq          bigint generated always as identity unique,
  user_id      uuid not null references users,
  account_id   uuid not null references accounts,
  cause        text not null check (cause in ('added', 'user', 'daily', 'key_refused')),
  requested_at timestamptz not null default now(),
  finished_at  timestamptz,
  outcome      text check (outcome in ('passed', 'warned', 'failed')),
  check ((finished_at is null) = (outcome is null))
);
create index self_tests_of_account on self_tests (account_id, seq desc);
create unique index self_tests_one_under_way on self_tests (account_id) where finished_at is null;

create table self_test_lines (
  user_id      uuid not null references users,
  self_test_id uuid not null references self_tests,
  position     int not null,
  code         text not null,
  status       text not null check (status in ('ok', 'warning', 'failed')),
  title        text not null,
  detail       text not null,
  primary key (self_test_id, position)
);

do $$
declare
  guarded text;
begin
  foreach guarded in array array['self_tests', 'self_test_lines']
  loop
    execute format('alter table %I enable row level security', guarded);
    execute format('alter table %I force row level security', guarded);
    execute format('create policy own_rows on %I to backstop_api using (user_id = app_user()) with check (user_id = app_user())', guarded);
    execute format('create policy all_rows on %I to backstop_streamer using (true) with check (true)', guarded);
  end loop;
end $$;

grant select, insert on self_tests to backstop_api;
grant select on self_test_lines to backstop_api;
grant select, insert, update, delete on self_tests, self_test_lines to backstop_streamer;
