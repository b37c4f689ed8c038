"""The decision engine and the streamer's duties in a simulated world: seeded, deterministic, with faults."""
