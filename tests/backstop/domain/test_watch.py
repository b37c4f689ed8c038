"""What is told of a strategy's source: differences, missed alerts, silence; each once."""

from dataclasses import replace
from uuid import uuid4

import pytest

from backstop.domain.execution import ExitReason
from backstop.domain.ids import SignalId, Symbol
from backstop.domain.signal import Target
from backstop.domain.watch import InSync, Judgement, Resync, Told, Watched, WatchPolicy, WatchState, judge

NOW = 1_000_000_000
BTC = Symbol("BTCUSDT")
CAUSE = SignalId(uuid4())
LONG_WE_FLAT = Told(BTC, CAUSE, Target.LONG, Target.FLAT, InSync.DIVERGED, True, NOW - 8_000, NOW - 5_000)
FLAT_WE_LONG = replace(LONG_WE_FLAT, source=Target.FLAT, ours=Target.LONG)
IN_SYNC = replace(LONG_WE_FLAT, ours=Target.LONG, state=InSync.IN_SYNC)
NOTHING = WatchState()


def watched(
    *told: Told, policy: WatchPolicy = WatchPolicy.ALARM, every_s: int | None = None, heard_s: int = 0
) -> Watched:
    every = every_s * 1000 if every_s is not None else None
    return Watched("trend", policy, every, 30_000, NOW - heard_s * 1000, told)


def codes(judged: Judgement) -> list[str]:
    return [notice.code for notice in judged.notices]


def test_a_difference_is_told_once_for_a_signal_and_again_when_it_is_over() -> None:
    first = judge(watched(LONG_WE_FLAT), NOTHING, NOW)
    assert [notice.message for notice in first.notices] == ["trend: BTCUSDT: the source is long, we are flat"]
    assert judge(watched(LONG_WE_FLAT), first.state, NOW + 60_000).notices == ()
    newer = judge(watched(replace(LONG_WE_FLAT, signal_id=SignalId(uuid4()))), first.state, NOW)
    assert codes(newer) == ["source_diverged"]
    over = judge(watched(IN_SYNC), newer.state, NOW)
    assert codes(over) == ["source_in_sync"]
    assert over.notices[0].calms
    assert codes(judge(watched(IN_SYNC), over.state, NOW)) == []


@pytest.mark.parametrize(
    "told",
    [
        replace(LONG_WE_FLAT, state=InSync.BEHIND, settled_at=None),
        replace(LONG_WE_FLAT, settled_at=NOW - 2_000),
        replace(LONG_WE_FLAT, explicit=False),
        replace(LONG_WE_FLAT, explained_by=ExitReason.STOP_LOSS),
    ],
    ids=["still acted on", "just settled", "only concluded", "our own stop-loss"],
)
@pytest.mark.parametrize("policy", [WatchPolicy.ALARM, WatchPolicy.RESYNC])
def test_what_is_no_difference_yet_or_as_it_should_be(told: Told, policy: WatchPolicy) -> None:
    judged = judge(watched(told, policy=policy), NOTHING, NOW)
    assert (judged.notices, judged.resyncs) == ((), ())
    assert judged.state.states == {BTC: told.state}


def test_ignored_differences_are_shown_and_not_told() -> None:
    judged = judge(watched(LONG_WE_FLAT, policy=WatchPolicy.IGNORE), NOTHING, NOW)
    assert (judged.notices, judged.state.states) == ((), {BTC: InSync.DIVERGED})


def test_a_resync_asks_for_the_sources_position_as_of_its_alert() -> None:
    judged = judge(watched(LONG_WE_FLAT, policy=WatchPolicy.RESYNC), NOTHING, NOW)
    assert judged.resyncs == (Resync(CAUSE, BTC, Target.LONG, NOW - 8_000),)
    assert judged.notices[0].message.endswith("; asked for long")
    again = judge(watched(LONG_WE_FLAT, policy=WatchPolicy.RESYNC), judged.state, NOW + 5_000)
    assert again.resyncs == ()


def test_a_resync_enters_only_while_the_alert_is_fresh_and_leaves_always() -> None:
    old = {"at": NOW - 31_000, "settled_at": NOW - 30_000}
    entering = judge(watched(replace(LONG_WE_FLAT, **old), policy=WatchPolicy.RESYNC), NOTHING, NOW)  # type: ignore[arg-type]
    assert (codes(entering), entering.resyncs) == (["source_diverged"], ())
    leaving = judge(watched(replace(FLAT_WE_LONG, **old), policy=WatchPolicy.RESYNC), NOTHING, NOW)  # type: ignore[arg-type]
    assert leaving.resyncs == (Resync(CAUSE, BTC, Target.FLAT, NOW),)


def test_a_resync_is_not_followed_by_another_nor_by_what_was_not_let_in() -> None:
    judged = judge(watched(replace(FLAT_WE_LONG, may_resync=False), policy=WatchPolicy.RESYNC), NOTHING, NOW)
    assert (codes(judged), judged.resyncs) == (["source_diverged"], ())


def test_a_missed_alert_is_told_once() -> None:
    told = replace(IN_SYNC, prev=Target.SHORT, missed=True)
    judged = judge(watched(told), NOTHING, NOW)
    assert codes(judged) == ["alert_missed"]
    assert judge(watched(told), judged.state, NOW).notices == ()


def test_a_silence_is_told_once_and_again_when_it_is_over() -> None:
    quiet = judge(watched(every_s=3600, heard_s=3700), NOTHING, NOW)
    text = "trend: the source has gone quiet: no alert for 1 h 1 min, one is expected every 1 h 0 min"
    assert [notice.message for notice in quiet.notices] == [text]
    assert quiet.state.quiet_since == NOW - 3_700_000
    assert judge(watched(every_s=3600, heard_s=9999), quiet.state, NOW) == Judgement(quiet.state)
    heard = judge(watched(every_s=3600, heard_s=1), quiet.state, NOW)
    assert (codes(heard), heard.state) == (["source_heard"], NOTHING)


@pytest.mark.parametrize(("every_s", "heard_s"), [(None, 10**6), (3600, 3600)])
def test_no_silence_without_a_cadence_or_within_it(every_s: int | None, heard_s: int) -> None:
    assert judge(watched(every_s=every_s, heard_s=heard_s), NOTHING, NOW) == Judgement(NOTHING)
