-- Second factors, sessions that can be seen and ended, who did what, and answers kept for repeats of a request.

alter table users
  add column totp_sealed       bytea,
  add column totp_confirmed_at timestamptz,
  add column totp_last_step    bigint not null default 0;
comment on column users.totp_last_step is 'The 30-second step of the newest code taken: a code counts once.';

create table backup_codes (
  user_id   uuid not null references users,
  code_hash bytea not null,
  used_at   timestamptz,
  primary key (user_id, code_hash)
);

create table sessions (
  id           uuid primary key,
  user_id      uuid not null references users,
  created_at   timestamptz not null default now(),
  last_used_at timestamptz not null default now(),
  expires_at   timestamptz not null,
  confirmed_at timestamptz,
  revoked_at   timestamptz,
  source_ip    text not null default '',
  user_agent   text not null default ''
);
create index sessions_of_user on sessions (user_id, created_at desc);
comment on table sessions is 'One login, on one device. Its refresh tokens carry its id as family_id.';
comment on column sessions.confirmed_at is 'When the user last proved who they are: password, and second factor where there is one.';

-- The owner stands behind the walls too.
alter table refresh_tokens no force row level security;
insert into sessions (id, user_id, created_at, last_used_at, expires_at, revoked_at)
select family_id, user_id, min(created_at), max(created_at), max(expires_at), max(revoked_at)
  from refresh_tokens group by family_id, user_id;
alter table refresh_tokens force row level security;

create table audit_log (
  id         bigint generated always as identity primary key,
  user_id    uuid not null references users,
  at         timestamptz not null default now(),
  action     text not null,
  subject    text,
  details    jsonb not null default '{}',
  session_id uuid,
  source_ip  text not null default ''
);
create index audit_of_user on audit_log (user_id, id desc);
comment on table audit_log is 'Who changed what. Rows are added, never changed.';

create table kept_answers (
  user_id      uuid not null references users,
  key_hash     bytea not null,
  request_hash bytea not null,
  sealed       bytea,
  created_at   timestamptz not null default now(),
  primary key (user_id, key_hash)
);
comment on table kept_answers is 'By Idempotency-Key, for a day. Sealed by the key itself, of which only a hash is kept.';

do $$
declare
  guarded text;
begin
  foreach guarded in array array['backup_codes', 'sessions', 'audit_log', 'kept_answers']
  loop
    execute format('alter table %I enable row level security', guarded);
    execute format('alter table %I force row level security', guarded);
    execute format('create policy own_rows on %I to backstop_api using (user_id = app_user()) with check (user_id = app_user())', guarded);
  end loop;
end $$;

grant select, insert, update on sessions to backstop_api;
grant select, insert, update, delete on backup_codes, kept_answers to backstop_api;
grant select, insert on audit_log to backstop_api;
