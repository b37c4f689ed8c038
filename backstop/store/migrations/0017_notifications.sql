-- Notifications outside the dashboard. Each event is what was committed; those a channel wants are queued with it, in the
-- same transaction, and sent by the streamer until the provider takes them.

create table notification_channels (
  user_id      uuid not null references users,
  provider     text not null check (provider in ('telegram', 'discord', 'slack', 'email')),
  enabled      boolean not null default true,
  topics       text[] not null,
  destination  text not null,
  sealed       bytea not null,
  created_at   timestamptz not null default now(),
  failures     int not null default 0,
  retry_at     timestamptz,
  last_sent_at timestamptz,
  last_error   text,
  primary key (user_id, provider)
);
comment on column notification_channels.destination is 'For people; nothing secret in it.';
comment on column notification_channels.sealed is 'Where to, as JSON, sealed by the vault for user and provider.';

create table notifications (
  id          bigint generated always as identity primary key,
  user_id     uuid not null references users,
  provider    text not null,
  topic       text not null,
  subject     text not null,
  seq         bigint,
  created_at  timestamptz not null default now(),
  attempts    int not null default 0,
  sent_at     timestamptz,
  given_up_at timestamptz,
  unique (user_id, provider, subject)
);
comment on column notifications.subject is 'What it tells of; told once.';
comment on column notifications.seq is 'The event it tells; null for a test.';
create index notifications_waiting on notifications (user_id, provider, id) where sent_at is null and given_up_at is null;

do $$
declare
  guarded text;
begin
  foreach guarded in array array['notification_channels', 'notifications']
  loop
    execute format('alter table %I enable row level security', guarded);
    execute format('alter table %I force row level security', guarded);
    execute format('create policy own_rows on %I to backstop_api using (user_id = app_user()) with check (user_id = app_user())', guarded);
    execute format('create policy all_rows on %I to backstop_streamer using (true) with check (true)', guarded);
  end loop;
end $$;
grant select, insert, update, delete on notification_channels to backstop_api;
grant select, insert, delete on notifications to backstop_api;
grant select, update on notification_channels to backstop_streamer;
grant select, insert, update on notifications to backstop_streamer;

-- No foreign key to the channel: one that goes at this moment must not fail the transaction that trades.
create function queue_notifications() returns trigger language plpgsql set search_path = public as $$
declare
  wanted text;
begin
  wanted := case
    when new.type = 'position' and new.data->>'status' = 'open' then 'opened'
    when new.type = 'trade' then 'closed'
    when new.type = 'signal' and new.data->>'status' in ('refused', 'expired', 'failed', 'rejected') then 'refused'
    when new.type = 'notice' and new.data->>'level' in ('warning', 'error') then new.data->>'level'
  end;
  if wanted is not null then
    insert into notifications (user_id, provider, topic, subject, seq)
    select c.user_id, c.provider, wanted, wanted || ':' || coalesce(new.data->>'id', new.seq::text), new.seq
      from notification_channels c
     where c.user_id = new.user_id and c.enabled and wanted = any(c.topics)
       and (wanted <> 'opened' or (new.data->>'opened_at')::timestamptz >= c.created_at)
    on conflict do nothing;
  end if;
  return null;
end $$;
create trigger queue_notifications after insert on events for each row execute function queue_notifications();
