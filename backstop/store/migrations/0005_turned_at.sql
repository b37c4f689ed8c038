-- When the signal fired that turned a symbol into this position: the exits of the same bar are part of that.

alter table positions add column turned_at timestamptz;
