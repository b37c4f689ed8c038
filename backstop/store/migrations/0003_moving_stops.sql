-- Levels that move a stop: trailing stops with the ratchet that advances them, and the trigger of break-even.

alter table levels drop constraint levels_kind_check;
alter table levels add constraint levels_kind_check
  check (kind in ('stop_loss', 'take_profit', 'trailing', 'ratchet', 'break_even'));
