"""The decision engine and the streamer's duties in a simulated world: seeded, deterministic, with faults.

    python -m tests.simulation --seeds 300 --hours 6     many seeds and a report (make simulate)
    python -m tests.simulation --seed 7 --hours 6        one seed with its trace
    python -m tests.simulation.mutants                   planted faults, each of which must be found (make mutants)
    backstop replay 7                                    one seed, from the command line

What is the product's own: the engine, the account's actor, the journal's rules, the REST client above its transport, both
streams' decoding, the price guard and the trigger book. What stands in, and what it must be able to do:

- `clock`, `process`: virtual time on one heap; processes that are killed, stopped, continued, their clocks set.
- `books`, `exchange`, `venue`, `listings`: the exchange's books and its REST side, in one-way and hedge mode, with orders
  that come late, fill in part or wait, with reads that lag, funding and liquidations.
- `feed`, `network`: prices and the wires, with loss, delay, repetition, reordering and silence.
- `store`: the database, whole transactions or none, with outcomes nobody hears of.
- `shell`, `actor`, `sim_market`: two streamer processes around the product's parts.
- `source`: the trader, with strategies, alerts and the dashboard's commands.
- `faults`, `chaos`: which faults a seed has, and when they strike. Each seed draws its own mix. `hands` are other people's,
  who trade and switch modes; `rules` what the exchange forbids for a while: a symbol, a price, the key, the address.
- `checks` hold at every step, `watch` every second, `quiet` when faults have stopped and all has come to rest.
- `plants`, `outside`, `mutants`: faults planted into the product, which the checks must find.
- `minimise`, `trace`, `report`, `worker`: a failing seed made small, told, and many seeds run and summed up.

The numbers of invariants, mutants and faults are those of the reliability reference the product was built by.
"""
