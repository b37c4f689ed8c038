"""A failing seed made small: only the kinds of fault it needs, and no longer than it takes."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from tests.simulation.checks import Violation
from tests.simulation.clock import START
from tests.simulation.faults import FaultPlan, Kind
from tests.simulation.world import Outcome, Setup, plan_of, run

_SHORTEST = 0.02
_MARGIN_MS = 60_000


@dataclass(frozen=True, slots=True)
class Minimal:
    setup: Setup
    outcome: Outcome
    violation: Violation
    tries: int


def minimise(
    seed: int, hours: float, violation: Violation, *, tries: int = 60, runner: Callable[[Setup], Outcome] = run
) -> Minimal:
    """Drop kinds of fault, in halves and then one by one, and shorten the run, as long as it fails in the same way."""
    plan = plan_of(seed)
    search = _Search(violation.kind, tries, runner)
    best = Setup(seed, hours, plan)
    early = (violation.at - START + _MARGIN_MS) / 3_600_000
    best = search.better(replace(best, hours=max(early, _SHORTEST)), best) if early < hours else best
    kinds = list(plan.strength)
    size = max(len(kinds) // 2, 1)
    while size:
        for start in range(0, len(kinds), size):
            dropped = [kind for kind in kinds[start : start + size] if kind in _plan(best).strength]
            if dropped:
                best = search.better(replace(best, plan=_plan(best).without(dropped)), best)
        kinds = [kind for kind in kinds if kind in _plan(best).strength]
        size = size // 2 if size > 1 else 0
    for share in (0.25, 0.5, 0.75):
        shorter = search.better(replace(best, hours=best.hours * share), best)
        if shorter is not best:
            best = shorter
            break
    outcome = runner(replace(best, keep_trace=True))
    found = next((found for found in outcome.violations if found.kind == violation.kind), violation)
    return Minimal(best, outcome, found, search.used)


class _Search:
    def __init__(self, kind: str, tries: int, runner: Callable[[Setup], Outcome]) -> None:
        self._kind = kind
        self._tries = tries
        self._runner = runner
        self.used = 0

    def better(self, candidate: Setup, otherwise: Setup) -> Setup:
        if self.used >= self._tries:
            return otherwise
        self.used += 1
        fails = any(found.kind == self._kind for found in self._runner(candidate).violations)
        return candidate if fails else otherwise


def _plan(setup: Setup) -> FaultPlan:
    assert setup.plan is not None
    return setup.plan


def kinds_of(setup: Setup) -> list[Kind]:
    return list(_plan(setup).strength)
