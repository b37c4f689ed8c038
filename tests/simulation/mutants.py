"""Faults planted into the product or the shell, one at a time: a simulation is trusted once it finds them.

`python -m tests.simulation.mutants`. Nothing on disk changes: a name is swapped while the mutant runs. A mutant is killed by
a violation that is not a known one, within its budget of seeds. One that survives is told of, never made easier.
"""

import argparse
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from rich.console import Console
from rich.table import Table

from tests.simulation.known import known
from tests.simulation.plants import PLANTS, Swap
from tests.simulation.world import Setup, run

BUDGET = 200
HOURS = 2.0


@dataclass(frozen=True, slots=True)
class Outside:
    """A mutant that does not live in the engine or the streamer's duties, and what kills it instead."""

    number: int
    what: str
    killed_by: str


OUTSIDE = (
    Outside(
        19,
        "backoff without jitter",
        "tests/streamer/bybit/test_socket.py (the waits spread); one account here has nobody to collide with",
    ),
    Outside(20, "closes share the opens' rate budget", "nothing: the streamer keeps no order budget of its own"),
    Outside(23, "dashboard applies a delta across a gap", "frontend/src/live/sequence.test.ts"),
    Outside(
        24, "duplicate webhook creates a second signal", "tests/api/test_hooks.py::test_fifty_at_once_make_one_signal"
    ),
)


@dataclass(frozen=True, slots=True)
class Verdict:
    """`seed` None: it survived all of its budget."""

    number: int
    seed: int | None
    tried: int
    invariant: str
    text: str
    seconds: float


@contextmanager
def planted(swaps: tuple[Swap, ...]) -> Iterator[None]:
    before = [(swap, getattr(swap.target, swap.name)) for swap in swaps]
    for swap in swaps:
        setattr(swap.target, swap.name, swap.value)
    try:
        yield
    finally:
        for swap, value in before:
            setattr(swap.target, swap.name, value)


def hunt(number: int, *, budget: int = BUDGET, hours: float = HOURS, first: int = 1) -> Verdict:
    """Run seeds until one kills the mutant."""
    plant: Callable[[], tuple[Swap, ...]] = PLANTS[number].swaps
    started = time.monotonic()
    for seed in range(first, first + budget):
        with planted(plant()):
            outcome = run(Setup(seed, hours))
        found = [violation for violation in outcome.violations if known(violation) is None]
        if found:
            # Only what the seed does not do by itself counts.
            itself = {violation.kind for violation in run(Setup(seed, hours)).violations}
            found = [violation for violation in found if violation.kind not in itself]
        if found:
            seconds = time.monotonic() - started
            return Verdict(number, seed, seed - first + 1, found[0].invariant, found[0].text, seconds)
    return Verdict(number, None, budget, "", "", time.monotonic() - started)


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.simulation.mutants", description=__doc__)
    parser.add_argument("--budget", type=int, default=BUDGET, help="seeds for each mutant")
    parser.add_argument("--hours", type=float, default=HOURS, help="simulated hours for each seed")
    parser.add_argument("--only", type=int, action="append", help="only this mutant")
    chosen = parser.parse_args(arguments)
    numbers = chosen.only or sorted(PLANTS)
    console = Console()
    verdicts: dict[int, Verdict] = {}
    with console.status("hunting …") as status, ProcessPoolExecutor(2) as pool:
        hunts = [pool.submit(hunt, number, budget=chosen.budget, hours=chosen.hours) for number in numbers]
        for done in as_completed(hunts):
            verdict = done.result()
            verdicts[verdict.number] = verdict
            status.update(f"{len(verdicts)} of {len(numbers)} mutants")
    console.print(_table(verdicts, all_shown=chosen.only is None))
    alive = [number for number, verdict in sorted(verdicts.items()) if verdict.seed is None]
    console.print(
        f"{len(verdicts) - len(alive)} of {len(verdicts)} planted mutants killed"
        + (f"; alive: {alive}" if alive else "")
    )
    return 1 if alive else 0


def _table(verdicts: dict[int, Verdict], *, all_shown: bool) -> Table:
    table = Table(title="Mutants", title_justify="left")
    for column in ("", "planted", "killed by", "seeds", "s"):
        table.add_column(column, overflow="fold")
    rows: dict[int, tuple[Any, ...]] = {}
    for number, verdict in verdicts.items():
        how = f"{verdict.invariant}" if verdict.seed is not None else "[red]survived[/red]"
        rows[number] = (PLANTS[number].what, how, str(verdict.tried), f"{verdict.seconds:.0f}")
    if all_shown:
        for outside in OUTSIDE:
            rows[outside.number] = (outside.what, f"[dim]outside: {outside.killed_by}[/dim]", "–", "–")
    for number in sorted(rows):
        table.add_row(str(number), *rows[number])
    return table


if __name__ == "__main__":
    sys.exit(main())
