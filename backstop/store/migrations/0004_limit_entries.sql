-- Entries by limit order: where and how long they wait, and why they are taken back. Positions that grow by several entries.

alter table orders
  add column limit_price     numeric check (limit_price > 0),
  add column post_only       boolean not null default false,
  add column expires_at      timestamptz,
  add column cancel_reason   text,
  add column cancel_asked_at timestamptz;

alter table positions add column entries int not null default 1;
comment on column positions.entries is 'How many orders have made it as large as it is.';

alter table signals drop constraint signals_status_check;
alter table signals add constraint signals_status_check
  check (status in ('accepted', 'executing', 'executed', 'refused', 'expired', 'failed', 'superseded', 'rejected'));
