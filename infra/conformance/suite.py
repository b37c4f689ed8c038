"""Cases, and running them one after the other."""

import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum

from infra.conformance.desk import Desk, Differs, NotHere

Check = Callable[[Desk], Awaitable[None]]


class Outcome(StrEnum):
    """`differs`: the exchange does otherwise than is believed. `broken`: it could not be found out."""

    PASSED = "passed"
    DIFFERS = "differs"
    SKIPPED = "skipped"
    BROKEN = "broken"


@dataclass(frozen=True, slots=True)
class Case:
    """One belief. `name` states it."""

    name: str
    check: Check


@dataclass(frozen=True, slots=True)
class Result:
    case: Case
    outcome: Outcome
    said: str
    took_s: float


class Cases(list[Case]):
    """The cases of one module, in the order they are written."""

    def case(self, name: str) -> Callable[[Check], Check]:
        def add(check: Check) -> Check:
            self.append(Case(name, check))
            return check

        return add


async def run(desk: Desk, cases: Iterable[Case]) -> AsyncIterator[Result]:
    """Each case starts flat and without orders, whatever became of the one before."""
    for case in cases:
        began = time.perf_counter()
        outcome, said = await _judge(desk, case)
        try:
            await desk.tidy()
        except Exception as error:  # noqa: BLE001 - whatever it is, the rest would build on it
            outcome, said = Outcome.BROKEN, f"{said}; not tidied up after it: {error}"
        yield Result(case, outcome, said, time.perf_counter() - began)


async def _judge(desk: Desk, case: Case) -> tuple[Outcome, str]:
    try:
        await case.check(desk)
    except Differs as difference:
        return Outcome.DIFFERS, str(difference)
    except NotHere as reason:
        return Outcome.SKIPPED, str(reason)
    except Exception as error:  # noqa: BLE001 - one case that breaks is one line, not the end
        return Outcome.BROKEN, f"{type(error).__name__}: {error}"
    return Outcome.PASSED, ""
