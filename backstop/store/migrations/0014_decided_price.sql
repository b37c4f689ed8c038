-- The price an opening order was decided on, so that after a crash it may still be sent near that price.

alter table orders add column decided_price numeric check (decided_price > 0);
