"""Whether a strategy's source and we hold the same, and whether it still speaks: what to tell, and what to ask for."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum

from backstop.domain.execution import ExitReason
from backstop.domain.ids import SignalId, Symbol
from backstop.domain.signal import Target

SETTLED_FOR_MS = 3_000
"""A signal that was decided has had so long to become a position before it is said that it did not."""


class WatchPolicy(StrEnum):
    """What a difference does: `alarm` tells, `resync` also asks for a target to the source's position, `ignore` nothing."""

    ALARM = "alarm"
    RESYNC = "resync"
    IGNORE = "ignore"


class InSync(StrEnum):
    """`behind`: the newest signal is still being acted on · `diverged`: it is settled, and we hold something else."""

    IN_SYNC = "in_sync"
    BEHIND = "behind"
    DIVERGED = "diverged"


@dataclass(frozen=True, slots=True)
class Told:
    """What the newest signal of a symbol says of its source, and what is true of us. Times in UTC milliseconds.

    `explicit`: it says so, rather than that we conclude it from buy or sell. `at`: when it fired. `explained_by`: what took
    us out since, other than a signal. `missed`: it said its source held something else before it than we did.
    `may_resync`: it was let in, is of a strategy that is on, and is not itself a resync.
    """

    symbol: Symbol
    signal_id: SignalId
    source: Target
    ours: Target
    state: InSync
    explicit: bool
    at: int
    settled_at: int | None
    explained_by: ExitReason | None = None
    prev: Target | None = None
    missed: bool = False
    may_resync: bool = True


@dataclass(frozen=True, slots=True)
class WatchState:
    """What was seen and told so far. `alarmed`, `missed`: by symbol, the signal it was told of."""

    states: Mapping[Symbol, InSync] = field(default_factory=dict)
    alarmed: Mapping[Symbol, SignalId] = field(default_factory=dict)
    missed: Mapping[Symbol, SignalId] = field(default_factory=dict)
    quiet_since: int | None = None


@dataclass(frozen=True, slots=True)
class Watched:
    """A strategy under watch. `heard_at`: its newest alert or, before the first, when its cadence was set."""

    name: str
    policy: WatchPolicy
    expected_every_ms: int | None
    max_age_ms: int
    heard_at: int
    told: Sequence[Told]


@dataclass(frozen=True, slots=True)
class WatchNotice:
    code: str
    message: str
    calms: bool = False
    """Whether it takes back what was told before."""


@dataclass(frozen=True, slots=True)
class Resync:
    """Ask for the position that the source says it has. `at`: when it counts from; an entry that is too old expires."""

    cause: SignalId
    symbol: Symbol
    target: Target
    at: int


@dataclass(frozen=True, slots=True)
class Judgement:
    state: WatchState
    notices: tuple[WatchNotice, ...] = ()
    resyncs: tuple[Resync, ...] = ()


def judge(watched: Watched, before: WatchState, now: int) -> Judgement:
    """Each difference is told once for each signal, and once more when it is over; a silence once."""
    notices: list[WatchNotice] = []
    resyncs: list[Resync] = []
    told_of = {
        symbol: cause for symbol, cause in before.alarmed.items() if any(t.symbol == symbol for t in watched.told)
    }
    missed = {symbol: cause for symbol, cause in before.missed.items() if any(t.symbol == symbol for t in watched.told)}
    for told in watched.told:
        if watched.policy is WatchPolicy.IGNORE:
            told_of.pop(told.symbol, None)
            continue
        if told.missed and missed.get(told.symbol) != told.signal_id:
            missed[told.symbol] = told.signal_id
            notices.append(_missed(watched, told))
        if told.state is InSync.IN_SYNC and told_of.pop(told.symbol, None) is not None:
            text = f"{watched.name}: {told.symbol}: the source and we are both {told.ours} again"
            notices.append(WatchNotice("source_in_sync", text, calms=True))
        if _alarming(told, now) and told_of.get(told.symbol) != told.signal_id:
            told_of[told.symbol] = told.signal_id
            resync = _resync(watched, told, now)
            resyncs += [resync] if resync is not None else []
            notices.append(_diverged(watched, told, resync))
    quiet_since, said = _quiet(watched, before.quiet_since, now)
    notices += [said] if said is not None else []
    states = {told.symbol: told.state for told in watched.told}
    after = replace(before, states=states, alarmed=told_of, missed=missed, quiet_since=quiet_since)
    return Judgement(after, tuple(notices), tuple(resyncs))


def _alarming(told: Told, now: int) -> bool:
    """Where we are flat by an exit of our own, the difference is as it should be."""
    settled = told.settled_at is not None and now - told.settled_at >= SETTLED_FOR_MS
    return told.state is InSync.DIVERGED and told.explicit and settled and told.explained_by is None


def _resync(watched: Watched, told: Told, now: int) -> Resync | None:
    """Leaving is never too late; entering is, as for any signal."""
    if watched.policy is not WatchPolicy.RESYNC or not told.may_resync:
        return None
    if told.source is Target.FLAT:
        return Resync(told.signal_id, told.symbol, told.source, now)
    fresh = now - told.at <= watched.max_age_ms
    return Resync(told.signal_id, told.symbol, told.source, told.at) if fresh else None


def _quiet(watched: Watched, since: int | None, now: int) -> tuple[int | None, WatchNotice | None]:
    every = watched.expected_every_ms
    if every is not None and now - watched.heard_at > every:
        if since is not None:
            return since, None
        text = f"{watched.name}: the source has gone quiet: no alert for {_span(now - watched.heard_at)}"
        return watched.heard_at, WatchNotice("source_quiet", f"{text}, one is expected every {_span(every)}")
    if since is None:
        return None, None
    return None, WatchNotice("source_heard", f"{watched.name}: the source speaks again", calms=True)


def _missed(watched: Watched, told: Told) -> WatchNotice:
    text = f"{watched.name}: {told.symbol}: the source was {told.prev} before its newest alert and we were not"
    return WatchNotice("alert_missed", f"{text}: an alert may be missing")


def _diverged(watched: Watched, told: Told, resync: Resync | None) -> WatchNotice:
    text = f"{watched.name}: {told.symbol}: the source is {told.source}, we are {told.ours}"
    return WatchNotice("source_diverged", f"{text}; asked for {resync.target}" if resync is not None else text)


def _span(ms: int) -> str:
    minutes = ms // 60_000
    if minutes < 60:
        return f"{minutes} min"
    return f"{minutes // 60} h {minutes % 60} min" if minutes < 2880 else f"{minutes // 1440} days"
