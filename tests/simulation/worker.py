"""Runs seeds and tells each outcome as a line of JSON. `python -m tests.simulation.worker FIRST END STEP HOURS`.

A seed run by two workers, whose hashes are salted differently, shows what depends on the order of a set.
"""

import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, fields
from pathlib import Path
from typing import IO, Any

from tests.simulation.checks import Violation
from tests.simulation.faults import Kind
from tests.simulation.world import Outcome, Setup, run

ROOT = Path(__file__).parents[2]


def main(arguments: list[str]) -> None:
    first, end, step = map(int, arguments[:3])
    for seed in range(first, end, step):
        print(write(run(Setup(seed, float(arguments[3])))), flush=True)  # noqa: T201 - the line is the answer


def write(outcome: Outcome) -> str:
    told: dict[str, Any] = {field.name: getattr(outcome, field.name) for field in fields(outcome)}
    told["injected"] = {kind.name: number for kind, number in outcome.injected.items()}
    told["violations"] = [asdict(violation) for violation in outcome.violations]
    told["lines"] = []
    return json.dumps(told)


def read(line: str) -> Outcome:
    told: dict[str, Any] = json.loads(line)
    told["injected"] = Counter({Kind[name]: number for name, number in told["injected"].items()})
    told["checked"], told["counts"] = Counter(told["checked"]), Counter(told["counts"])
    told["violations"] = [Violation(**violation) for violation in told["violations"]]
    return Outcome(**told)


class Worker:
    """A process that runs seeds. `salt` differs between two that run the same."""

    def __init__(self, seeds: range, hours: float, salt: int) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.simulation.worker"]
            + [str(number) for number in (seeds.start, seeds.stop, seeds.step, hours)],
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
            env={**os.environ, "PYTHONHASHSEED": str(salt), "PYTHONPATH": str(ROOT)},
        )

    def outcomes(self) -> Iterator[Outcome]:
        out: IO[str] | None = self.process.stdout
        assert out is not None
        with out:
            for line in out:
                yield read(line)
        if self.process.wait() != 0:
            raise RuntimeError(f"a worker ended with {self.process.returncode}")

    def stop(self) -> None:
        self.process.kill()
        self.process.wait()
        if self.process.stdout is not None:
            self.process.stdout.close()


if __name__ == "__main__":
    main(sys.argv[1:])
