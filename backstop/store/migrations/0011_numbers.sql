-- What an account was worth over time, at most one reading a minute. Taken where equity is written, so that no reading
-- is missed whoever writes it.

create table equity_points (
  account_id uuid not null references accounts,
  at         timestamptz not null default now(),
  user_id    uuid not null references users,
  equity     numeric not null,
  primary key (account_id, at)
);
create index equity_points_of_user on equity_points (user_id, at);

alter table equity_points enable row level security;
alter table equity_points force row level security;
create policy own_rows on equity_points to backstop_api using (user_id = app_user()) with check (user_id = app_user());
create policy all_rows on equity_points to backstop_streamer using (true) with check (true);
grant select on equity_points to backstop_api;
grant select, insert, delete on equity_points to backstop_streamer;

create function note_equity() returns trigger language plpgsql set search_path = public as $$
begin
  if new.equity is not null and not exists (
    select from equity_points p where p.account_id = new.id and p.at > now() - interval '1 minute')
  then
    insert into equity_points (account_id, user_id, equity) values (new.id, new.user_id, new.equity)
    on conflict do nothing;
  end if;
  return null;
end $$;
create trigger note_equity after update of equity on accounts for each row execute function note_equity();

-- When an alert was stored, which is later than when it was received if it had to be spooled meanwhile.
alter table signals add column stored_at timestamptz, add column spooled boolean not null default false;
alter table signals alter column stored_at set default clock_timestamp();
