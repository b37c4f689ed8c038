"""The alerts of one bar come in any order. Its exits mean what was open before it, its entries what is to be open after.

So an exit that finds its position turned already by an entry of the same bar is part of that turn, and does nothing more;
and a reversal that finds its position closed already by an exit of the same bar still opens the other side.
"""

from dataclasses import replace

from backstop.domain.position import Position
from backstop.domain.side import PositionSide
from backstop.domain.signal import Flip, Leave, Signal, SignalStatus, wish_of
from backstop.engine.effects import SettleSignal
from backstop.engine.reversal import EntryPlan
from backstop.engine.state import Left
from backstop.engine.turn import Turn

SAME_BAR_MS = 2_000
"""Signals of one strategy and symbol whose times differ by no more belong to one bar: `{{time}}` is the same for all of a
bar, `{{timenow}}` has whole seconds, and alerts without a time are fired together and arrive within this."""

_JUST_CLOSED_MS = 5_000


def turned_at(turn: Turn, plan: EntryPlan) -> int | None:
    """The time of the signal that `plan` comes from, if what it opens takes the place of something: of the other side of
    a reversal, or of what has just been closed. None when it opens from flat."""
    if plan.signal_id is None or plan.adds_to is not None:
        return None
    closed_at = turn.state.settled_at.get(turn.state.slot(plan.symbol, plan.side))
    just_closed = closed_at is not None and turn.now - closed_at <= _JUST_CLOSED_MS
    return plan.at if just_closed or plan.cause_id in turn.state.reversals else None


def is_part_of_a_turn(signal: Signal, position: Position | None) -> bool:
    """Whether an exit (or a reversal) meant what `position` has taken the place of."""
    return (
        position is not None
        and position.turned_at is not None
        and position.strategy_id == signal.strategy_id
        and isinstance(wish_of(signal), Leave | Flip)
        and abs(signal.at - position.turned_at) <= SAME_BAR_MS
    )


def supersede(turn: Turn, signal: Signal, position: Position) -> None:
    message = f"a signal of the same bar has turned {position.symbol} {position.side} already, which this was part of"
    turn.record(SettleSignal(signal.id, SignalStatus.SUPERSEDED, "same_bar", message, position.id))


def note_left(turn: Turn, signal: Signal, position: Position) -> None:
    """`signal` closes `position`: a reversal of the same bar may follow."""
    lane = turn.state.lane(signal.symbol, signal.strategy_id)
    left = Left(position.side, signal.strategy_id, signal.at)
    turn.state = replace(turn.state, left={**turn.state.left, lane: left})


def side_just_left(turn: Turn, signal: Signal) -> PositionSide | None:
    """The side that a signal of the same bar has closed."""
    left = turn.state.left.get(turn.state.lane(signal.symbol, signal.strategy_id))
    if left is None or left.strategy_id != signal.strategy_id or abs(signal.at - left.at) > SAME_BAR_MS:
        return None
    return left.side
