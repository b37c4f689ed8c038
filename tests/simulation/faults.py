"""Which faults a seed has, and how often: swarm testing. Each seed draws its own mix, so that rare ones get room."""

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass, field
from enum import StrEnum
from random import Random


class Kind(StrEnum):
    # streams, per hour
    PRIVATE_DROP = "private stream dropped"
    PUBLIC_DROP = "public stream dropped"
    HALF_OPEN = "stream half open"
    PRIVATE_MUTE = "private stream mute"
    PUBLIC_MUTE = "public stream mute"
    # messages and requests, a share of all
    ACK_LOST = "reply lost"
    REQUEST_LOST = "request lost"
    REQUEST_SLOW = "request late by seconds"
    HTTP_ERROR = "HTTP 502 after acting"
    MESSAGE_LOST = "private message lost"
    DUPLICATE = "private message twice"
    REORDER = "private message out of order"
    NOVELTY = "private message with unknown fields and without optional ones"
    TICK_LATE = "ticker late by seconds"
    SMALL_PAGES = "pages of one row"
    # exchange, a share of all
    BOOK_EMPTY = "no liquidity"
    BOOK_THIN = "part of the liquidity"
    ASYNC_REJECT = "rejected after the ack"
    STRANGE_CODE = "unknown retCode"
    QUIET = "delta without last price"
    # exchange, per hour
    BAD_TICK = "absurd ticker"
    CRASH = "real crash of the price"
    MAINTENANCE = "maintenance"
    ENDPOINT_DOWN = "one endpoint down"
    VIEW_LAG = "queries lag"
    WIPE = "closed orders wiped"
    PRESSURE = "order rate used up by others"
    FUNDING = "funding"
    UNKNOWN_EXEC = "unknown execType"
    # foreign actions, per hour
    MANUAL_CLOSE = "closed by hand"
    MANUAL_PART = "reduced by hand"
    MANUAL_ADD = "added to by hand"
    MANUAL_FLIP = "traded past zero by hand"
    MANUAL_OPEN = "opened by hand"
    STOP_REMOVED = "resident stop removed"
    ADL = "auto-deleveraged"
    BUST = "liquidated"
    SETTLE = "settled without an order"
    # processes, per hour
    KILL = "killed"
    KILL_AT_POINT = "killed between two effects"
    PAUSE = "stopped and continued"
    STALL = "stopped between signing and sending"
    DEPLOY = "asked to end"
    CLOCK_JUMP = "clock set by seconds"
    # database
    DB_CUT = "database cut"
    DB_HANG = "database silent"
    COMMIT_UNKNOWN = "commit outcome lost"
    DB_SLOW = "database slow"
    # source, a share of all
    ALERT_TWICE = "alert sent twice"
    ALERT_STALE = "alert too old"
    ALERT_BURST = "alerts together"
    STRATEGY_EDIT = "strategy edited"
    # how the account is set up, a share of all symbols
    HEDGED = "symbol in hedge mode"
    # what its owner or the exchange changes about it, per hour
    MODE_SWITCHED = "position mode switched by hand"
    LEVERAGE_SET = "leverage set by hand"
    RISK_CUT = "risk limit cut"
    PRICE_BAND = "price band drawn close"
    DELISTED = "symbol delisted, and listed anew"
    KEY_REFUSED = "key refused for a while"
    BANNED = "address shut out"


PER_HOUR: dict[Kind, float] = {
    Kind.PRIVATE_DROP: 4,
    Kind.PUBLIC_DROP: 4,
    Kind.HALF_OPEN: 2,
    Kind.PRIVATE_MUTE: 1.5,
    Kind.PUBLIC_MUTE: 1.5,
    Kind.BAD_TICK: 10,
    Kind.CRASH: 0.5,
    Kind.MAINTENANCE: 0.5,
    Kind.ENDPOINT_DOWN: 1.5,
    Kind.VIEW_LAG: 3,
    Kind.WIPE: 2,
    Kind.PRESSURE: 1,
    Kind.FUNDING: 3,
    Kind.UNKNOWN_EXEC: 0.2,
    Kind.MANUAL_CLOSE: 0.5,
    Kind.MANUAL_PART: 0.5,
    Kind.MANUAL_ADD: 0.5,
    Kind.MANUAL_FLIP: 0.2,
    Kind.MANUAL_OPEN: 0.3,
    Kind.STOP_REMOVED: 1,
    Kind.ADL: 0.3,
    Kind.BUST: 0.3,
    Kind.SETTLE: 0.2,
    Kind.KILL: 1,
    Kind.KILL_AT_POINT: 2,
    Kind.PAUSE: 1,
    Kind.STALL: 0.7,
    Kind.DEPLOY: 0.5,
    Kind.CLOCK_JUMP: 0.3,
    Kind.DB_CUT: 1.2,
    Kind.DB_HANG: 0.3,
    Kind.DB_SLOW: 1,
    Kind.STRATEGY_EDIT: 1,
    Kind.MODE_SWITCHED: 2,
    Kind.LEVERAGE_SET: 2,
    Kind.RISK_CUT: 1,
    Kind.PRICE_BAND: 1,
    Kind.DELISTED: 0.5,
    Kind.KEY_REFUSED: 0.5,
    Kind.BANNED: 0.3,
}
"""How often a kind that a seed has happens in a simulated hour, at least."""

SHARE: dict[Kind, float] = {
    Kind.ACK_LOST: 0.05,
    Kind.REQUEST_LOST: 0.03,
    Kind.REQUEST_SLOW: 0.03,
    Kind.HTTP_ERROR: 0.01,
    Kind.MESSAGE_LOST: 0.02,
    Kind.DUPLICATE: 0.05,
    Kind.REORDER: 0.05,
    Kind.NOVELTY: 0.02,
    Kind.TICK_LATE: 0.01,
    Kind.SMALL_PAGES: 0.02,
    Kind.BOOK_EMPTY: 0.05,
    Kind.BOOK_THIN: 0.15,
    Kind.ASYNC_REJECT: 0.01,
    Kind.STRANGE_CODE: 0.01,
    Kind.QUIET: 0.2,
    Kind.COMMIT_UNKNOWN: 0.02,
    Kind.ALERT_TWICE: 0.1,
    Kind.ALERT_STALE: 0.05,
    Kind.ALERT_BURST: 0.05,
    Kind.HEDGED: 0.25,
}
"""How large a share of its occasions a kind that a seed has spoils, at least."""

_HAS_IT = 0.75
_HAS_A_RARE_ONE = 0.4
_RARE = frozenset(
    {
        Kind.HEDGED,
        Kind.MODE_SWITCHED,
        Kind.LEVERAGE_SET,
        Kind.RISK_CUT,
        Kind.PRICE_BAND,
        Kind.DELISTED,
        Kind.KEY_REFUSED,
        Kind.BANNED,
    }
)
"""What only every other seed may have. Each is drawn by itself, so that the others run as if these were unknown."""


@dataclass(frozen=True, slots=True)
class FaultPlan:
    """A seed's mix. A kind that is not in it does not happen."""

    strength: dict[Kind, float]

    def without(self, kinds: Collection[Kind]) -> "FaultPlan":
        return FaultPlan({kind: value for kind, value in self.strength.items() if kind not in kinds})


NO_FAULTS = FaultPlan({})


def draw_plan(seed: int) -> FaultPlan:
    """Most kinds, each at its own strength of one to four times the least."""
    common = Random(f"{seed}/plan")
    has_rare_ones = Random(f"{seed}/plan/rare").random() < 0.5
    strength = {}
    for kind in Kind:
        least = PER_HOUR.get(kind, SHARE.get(kind, 0.0))
        random, share = common, _HAS_IT
        if kind in _RARE:
            random, share = Random(f"{seed}/plan/{kind.name}"), _HAS_A_RARE_ONE * has_rare_ones
        factor = 4.0 ** random.random()
        if random.random() < share:
            most = 1.0 if kind in _RARE else 0.5
            strength[kind] = min(least * factor, most) if kind in SHARE else least * factor
    return FaultPlan(strength)


@dataclass
class Dice:
    """Decides each occasion. Every kind has its own stream of chance, so that taking one kind out of a seed leaves the
    others as they were."""

    seed: int
    plan: FaultPlan
    on: bool = True
    injected: Counter[Kind] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self._streams = {kind: Random(f"{self.seed}/{kind.name}") for kind in Kind}

    def of(self, kind: Kind) -> Random:
        return self._streams[kind]

    def hits(self, kind: Kind) -> bool:
        if not self.on:
            return False
        share = self.plan.strength.get(kind)
        if share is None or self._streams[kind].random() >= share:
            return False
        self.injected[kind] += 1
        return True
