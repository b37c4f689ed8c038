"""A short run of the simulation; `make simulate` and `make mutants` run it at length."""

import pytest

from tests.simulation.checks import Violation
from tests.simulation.faults import NO_FAULTS, Kind
from tests.simulation.minimise import kinds_of, minimise
from tests.simulation.mutants import hunt
from tests.simulation.outside import OUTSIDE, judge
from tests.simulation.plants import PLANTS
from tests.simulation.worker import Worker
from tests.simulation.world import Outcome, Setup, plan_of, run

SEEDS = 48
TOGETHER = 6
HOURS = 0.5


@pytest.mark.parametrize("first", range(1, SEEDS + 1, TOGETHER))
def test_invariants_hold_whatever_goes_wrong(first: int) -> None:
    found = []
    for seed in range(first, first + TOGETHER):
        found += [(seed, violation) for violation in run(Setup(seed, HOURS)).violations]
    again = f"python -m tests.simulation --seed {found[0][0]} --hours {HOURS}" if found else ""
    assert not found, f"{found}\nagain: {again}"


@pytest.mark.parametrize("seed", range(1, 5))
def test_nothing_at_all_fails_while_nothing_goes_wrong(seed: int) -> None:
    outcome = run(Setup(seed, HOURS, NO_FAULTS))
    assert outcome.violations == []
    assert outcome.counts["executions"] > 0


def test_faults_of_every_kind_are_injected() -> None:
    injected = set[Kind]()
    for seed in range(1, 25):
        injected |= set(run(Setup(seed, HOURS)).injected)
    assert injected == set(Kind)


def test_a_seed_runs_the_same_twice_and_whatever_the_order_of_sets() -> None:
    salted = Worker(range(1, 4), HOURS, salt=7)
    here = [run(Setup(seed, HOURS)).digest for seed in range(1, 4)]
    assert [run(Setup(seed, HOURS)).digest for seed in range(1, 4)] == here
    assert [outcome.digest for outcome in salted.outcomes()] == here


def test_different_seeds_run_differently() -> None:
    assert len({run(Setup(seed, HOURS)).digest for seed in range(1, 5)}) == 4


@pytest.mark.parametrize("number", [1, 3, 10, 12, 17, 18])
def test_a_planted_fault_is_found(number: int) -> None:
    assert hunt(number, budget=10, hours=1).seed is not None


@pytest.mark.parametrize("number", [19, 20])
def test_a_fault_where_the_simulation_does_not_reach_fails_its_test(number: int) -> None:
    judgement = judge(number)
    assert judgement.killed, judgement.text


def test_every_mutant_of_the_list_is_planted() -> None:
    assert {*PLANTS, *OUTSIDE} == set(range(1, 26))


def test_a_failing_seed_is_reduced_to_the_faults_it_needs() -> None:
    violation = Violation("0 a rule", 1_790_000_060_000, "fails")

    def fails_when_killed(setup: Setup) -> Outcome:
        outcome = Outcome(setup.seed, 0, setup.hours)
        if setup.plan is not None and Kind.KILL in setup.plan.strength:
            outcome.violations.append(violation)
        return outcome

    seed = next(seed for seed in range(1, 50) if Kind.KILL in plan_of(seed).strength)
    minimal = minimise(seed, 6.0, violation, runner=fails_when_killed)
    assert kinds_of(minimal.setup) == [Kind.KILL]
    assert minimal.setup.hours < 0.1
