"""Each fault that the simulation knows, alone and often: a quarter of an hour in which hardly anything else goes wrong."""

import pytest

from tests.simulation.faults import PER_HOUR, SHARE, FaultPlan, Kind
from tests.simulation.world import Setup, run

HOURS = 0.25
OFTEN = 10
SEEDS = (1, 2)

ROWS: dict[int, tuple[Kind, ...]] = {
    1: (Kind.ALERT_TWICE,),
    5: (Kind.ALERT_BURST,),
    6: (Kind.ALERT_STALE,),
    9: (Kind.ACK_LOST,),
    10: (Kind.REQUEST_LOST,),
    11: (Kind.REQUEST_SLOW,),
    12: (Kind.HTTP_ERROR,),
    14: (Kind.PRESSURE,),
    16: (Kind.CLOCK_JUMP,),
    18: (Kind.ASYNC_REJECT,),
    20: (Kind.BOOK_EMPTY, Kind.BOOK_THIN),
    21: (Kind.STRANGE_CODE,),
    22: (Kind.PRIVATE_MUTE,),
    23: (Kind.PUBLIC_MUTE,),
    24: (Kind.HALF_OPEN,),
    25: (Kind.PRIVATE_DROP, Kind.SMALL_PAGES, Kind.BOOK_THIN),
    26: (Kind.DUPLICATE, Kind.REORDER, Kind.MESSAGE_LOST),
    29: (Kind.PUBLIC_DROP, Kind.QUIET),
    30: (Kind.BAD_TICK, Kind.CRASH),
    31: (Kind.NOVELTY, Kind.UNKNOWN_EXEC),
    33: (Kind.BOOK_EMPTY, Kind.BOOK_THIN),
    36: (Kind.MANUAL_CLOSE, Kind.MANUAL_PART, Kind.MANUAL_ADD, Kind.MANUAL_FLIP, Kind.MANUAL_OPEN),
    37: (Kind.ADL, Kind.BUST, Kind.SETTLE),
    38: (Kind.FUNDING,),
    39: (Kind.STOP_REMOVED,),
    40: (Kind.KILL_AT_POINT, Kind.BOOK_THIN),
    43: (Kind.COMMIT_UNKNOWN,),
    44: (Kind.DB_CUT,),
    45: (Kind.DB_HANG, Kind.DB_SLOW),
    46: (Kind.KILL, Kind.KILL_AT_POINT),
    47: (Kind.PAUSE, Kind.STALL),
    48: (Kind.DEPLOY,),
    54: (Kind.MAINTENANCE, Kind.ENDPOINT_DOWN),
    56: (Kind.WIPE, Kind.KILL),
    57: (Kind.VIEW_LAG,),
    59: (Kind.PRIVATE_DROP, Kind.KILL),
}


@pytest.mark.parametrize(
    "kinds", [pytest.param(kinds, id=f"row {row}", marks=pytest.mark.fault(row)) for row, kinds in ROWS.items()]
)
def test_invariants_hold_while_it_strikes_again_and_again(kinds: tuple[Kind, ...]) -> None:
    plan = FaultPlan({kind: _strength(kind) for kind in kinds})
    outcomes = [run(Setup(seed, HOURS, plan)) for seed in SEEDS]
    assert [violation for outcome in outcomes for violation in outcome.violations] == []
    struck = {kind for outcome in outcomes for kind in outcome.injected}
    assert struck == set(kinds)
    assert all(outcome.counts["executions"] > 0 for outcome in outcomes)


def _strength(kind: Kind) -> float:
    """Events an hour, or the share of occasions spoilt."""
    return max(PER_HOUR[kind] * OFTEN, 12) if kind in PER_HOUR else min(SHARE[kind] * OFTEN, 0.4)
