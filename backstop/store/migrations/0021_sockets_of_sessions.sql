-- A dashboard's socket lives no longer than the session it was opened in.

alter table ws_tickets add column session_id uuid references sessions;
alter table ws_connections add column session_id uuid references sessions;
comment on column ws_connections.session_id is 'null: opened before sessions were noted here; such a one lasts two hours at most.';

drop function redeem_ticket(bytea, timestamptz);
create function redeem_ticket(wanted bytea, at timestamptz) returns table (user_id uuid, session_id uuid)
language sql security definer set search_path = public as $$
  update ws_tickets t set used_at = at
   where t.ticket_hash = wanted and t.used_at is null and t.expires_at > at
  returning t.user_id, t.session_id
$$;
-- Whoever owns a function must be able to create in its schema while it is given to them.
grant create on schema public to backstop_lookup;
alter function redeem_ticket(bytea, timestamptz) owner to backstop_lookup;
revoke create on schema public from backstop_lookup;
revoke all on function redeem_ticket(bytea, timestamptz) from public;
grant execute on function redeem_ticket(bytea, timestamptz) to backstop_api;

create policy all_rows on sessions for select to backstop_streamer using (true);
grant select (id, revoked_at, expires_at) on sessions to backstop_streamer;
