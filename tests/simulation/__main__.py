"""`python -m tests.simulation --seeds 1000 --hours 6`: many seeds in two processes, and a report.

`--seed N` runs one seed and prints its trace. Exit status 1 when an invariant fails.
"""

import argparse
import queue
import sys
import threading
import time

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from tests.simulation.faults import FaultPlan, Kind
from tests.simulation.minimise import minimise
from tests.simulation.report import Total, print_minimal, print_report, print_trace
from tests.simulation.worker import Worker
from tests.simulation.world import Outcome, Setup, plan_of, run

_SHOWN = 5


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument("--seeds", type=int, default=100, help="how many seeds")
    parser.add_argument("--first", type=int, default=1, help="the first seed")
    parser.add_argument("--hours", type=float, default=6.0, help="simulated hours with faults, for each seed")
    parser.add_argument("--seed", type=int, help="run this one and print its trace")
    parser.add_argument("--only", action="append", metavar="KIND", help="only these kinds of fault (NONE: none)")
    parser.add_argument("--once", action="store_true", help="run each seed once, not twice to compare")
    parser.add_argument("--no-minimise", action="store_true", help="do not make failing seeds small")
    arguments = parser.parse_args()
    console = Console()
    if arguments.seed is not None:
        return replay(console, arguments.seed, arguments.hours, arguments.only)
    seeds = range(arguments.first, arguments.first + arguments.seeds)
    total = many(console, seeds, arguments.hours, once=arguments.once)
    print_report(console, total)
    if not arguments.no_minimise:
        for found in list(total.violations.values())[:_SHOWN]:
            seed, violation = found[0]
            print_minimal(console, minimise(seed, arguments.hours, violation))
    return 0 if total.passed else 1


def replay(console: Console, seed: int, hours: float, only: list[str] | None, *, lines: int = 0) -> int:
    """One seed with its trace printed; `only` names the kinds of fault it may have."""
    plan = plan_of(seed)
    if only is not None:
        wanted = {Kind[name] for name in only if name != "NONE"}
        plan = FaultPlan({kind: strength for kind, strength in plan.strength.items() if kind in wanted})
    outcome = run(Setup(seed, hours, plan, keep_trace=True))
    print_trace(console, outcome, lines=lines)
    for violation in outcome.violations:
        console.print(f"[red]✗ {violation.invariant}:[/red] {violation.text}", soft_wrap=True)
    console.print(f"seed {seed}: {outcome.hours:.2f} h, {outcome.steps:,} steps, digest {outcome.digest:016x}")
    return 1 if outcome.violations else 0


def many(console: Console, seeds: range, hours: float, *, once: bool = False) -> Total:
    """Two workers share the seeds if each is to be run `once`. Else both run all, and their digests must be alike."""
    total = Total(once=once)
    arrived: queue.Queue[Outcome | Exception | None] = queue.Queue()
    workers = [Worker(seeds[salt - 1 :: 2] if once else seeds, hours, salt) for salt in (1, 2)]
    for worker in workers:
        threading.Thread(target=_listen, args=(worker, arrived), daemon=True).start()
    started = time.monotonic()
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    try:
        with Progress(*columns, TimeRemainingColumn(), console=console) as progress:
            bar = progress.add_task("runs", total=len(seeds) * (1 if once else 2))
            running = len(workers)
            while running:
                outcome = arrived.get()
                if isinstance(outcome, Exception):
                    raise outcome
                if outcome is None:
                    running -= 1
                    continue
                total.add(outcome)
                broken = sum(len(found) for found in total.violations.values())
                progress.update(bar, advance=1, description=f"runs, {broken} violations")
    finally:
        for worker in workers:
            worker.stop()
    total.seconds = time.monotonic() - started
    return total


def _listen(worker: Worker, arrived: "queue.Queue[Outcome | Exception | None]") -> None:
    try:
        for outcome in worker.outcomes():
            arrived.put(outcome)
    except Exception as error:  # noqa: BLE001 - whatever it is, the main thread must not wait for ever
        arrived.put(error)
    else:
        arrived.put(None)


if __name__ == "__main__":
    sys.exit(main())
