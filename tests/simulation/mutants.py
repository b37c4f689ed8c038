"""Faults planted into the product or the shell, one at a time: a simulation is trusted once it finds them.

`python -m tests.simulation.mutants`. Nothing on disk changes: a name is swapped while the mutant runs. A mutant is killed by
a violation within its budget of seeds; one where the simulation does not reach, by the test that names its rule. One that
survives is told of, never made easier.
"""

import argparse
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import dataclass

from rich.console import Console
from rich.table import Table
from rich.text import Text

from tests.simulation.outside import OUTSIDE, Judgement, judge
from tests.simulation.plants import PLANTS, Swap
from tests.simulation.world import Setup, run

BUDGET = 200
HOURS = 2.0


@dataclass(frozen=True, slots=True)
class Verdict:
    """`seed` None: it survived all of its budget."""

    number: int
    seed: int | None
    tried: int
    invariant: str
    text: str
    seconds: float

    @property
    def killed(self) -> bool:
        return self.seed is not None


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
        # An exception says that the plant does not fit any more, not that its fault was found.
        found = [violation for violation in outcome.violations if not violation.invariant.startswith("0 ")]
        if found:
            # Only what the seed does not do by itself counts.
            itself = {violation.kind for violation in run(Setup(seed, hours)).violations}
            found = [violation for violation in found if violation.kind not in itself]
        if found:
            seconds = time.monotonic() - started
            return Verdict(number, seed, seed - first + 1, found[0].invariant, found[0].text, seconds)
    return Verdict(number, None, budget, "", "", time.monotonic() - started)


def pursue(number: int, budget: int, hours: float) -> Verdict | Judgement:
    return judge(number) if number in OUTSIDE else hunt(number, budget=budget, hours=hours)


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.simulation.mutants", description=__doc__)
    parser.add_argument("--budget", type=int, default=BUDGET, help="seeds for each mutant")
    parser.add_argument("--hours", type=float, default=HOURS, help="simulated hours for each seed")
    parser.add_argument("--only", type=int, action="append", help="only this mutant")
    chosen = parser.parse_args(arguments)
    numbers = chosen.only or sorted({*PLANTS, *OUTSIDE})
    console = Console()
    verdicts: list[Verdict | Judgement] = []
    with console.status("hunting …") as status, ProcessPoolExecutor(2) as pool:
        hunts = [pool.submit(pursue, number, chosen.budget, chosen.hours) for number in numbers]
        for done in as_completed(hunts):
            verdicts.append(done.result())
            status.update(f"{len(verdicts)} of {len(numbers)} mutants")
    verdicts.sort(key=lambda verdict: verdict.number)
    console.print(_table(verdicts))
    alive = [verdict.number for verdict in verdicts if not verdict.killed]
    console.print(
        f"{len(verdicts) - len(alive)} of {len(verdicts)} planted mutants killed"
        + (f"; alive: {alive}" if alive else "")
    )
    return 1 if alive else 0


def _table(verdicts: list[Verdict | Judgement]) -> Table:
    table = Table(title="Mutants", title_justify="left")
    for column in ("", "planted", "killed by", "seeds", "s"):
        table.add_column(column, overflow="fold")
    for verdict in verdicts:
        if isinstance(verdict, Verdict):
            what, how, tried = PLANTS[verdict.number].what, verdict.invariant, str(verdict.tried)
        else:
            what, how, tried = OUTSIDE[verdict.number].what, verdict.text, "–"
        alive = Text(f"survived {'' if isinstance(verdict, Verdict) else how}", style="red")
        shown = Text(how) if verdict.killed else alive
        table.add_row(str(verdict.number), what, shown, tried, f"{verdict.seconds:.0f}")
    return table


if __name__ == "__main__":
    sys.exit(main())
