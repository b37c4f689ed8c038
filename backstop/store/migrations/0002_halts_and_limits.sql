-- Rails around an account: a halt that survives restarts, limits, and the equity the day began with.

alter table accounts
  add column limits      jsonb not null default '{}',
  add column halt_level  text check (halt_level in ('no_entries', 'reduce_only', 'flatten')),
  add column halt_reason text,
  add column halted_at   timestamptz,
  add column day_start   timestamptz,
  add column day_equity  numeric;

alter table commands drop constraint commands_kind_check;
alter table commands add constraint commands_kind_check check (kind in ('close', 'reverse', 'protect', 'halt', 'resume'));
