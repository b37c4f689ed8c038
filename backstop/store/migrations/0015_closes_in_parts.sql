-- What the orders behind a partial close are to close, where it is more than the exchange takes in one order.

alter table orders add column rest numeric not null default 0 check (rest >= 0);
