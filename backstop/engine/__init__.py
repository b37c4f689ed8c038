"""The decision core: `step(state, event, now) -> (state, effects)`. Pure: no clock, no I/O, no randomness."""
