"""What was booked by guess is set right when the executions it stood for are told after all."""

from dataclasses import replace

from backstop.domain.execution import Execution, ExitReason
from backstop.domain.guess import Corrected, Guess, correct
from backstop.domain.money import NO_USDT, Usdt, plain
from backstop.domain.position import Filled, Position, trade_of
from backstop.domain.slot import Slot
from backstop.engine.effects import BookExecution, Notice, NoticeLevel, SavePosition, SaveTrade
from backstop.engine.turn import Turn

KEPT_FOR_MS = 3_600_000
"""Behind the newest guess; executions are not read further back."""


def note_guess(turn: Turn, position: Position, execution: Execution, realised: Usdt) -> None:
    guess = Guess(
        exec_id=execution.exec_id,
        position_id=position.id,
        slot=position.slot,
        side=execution.side,
        qty=execution.qty,
        price=execution.price,
        realised=realised,
        at=execution.at,
    )
    kept = tuple(other for other in turn.state.guesses if other.at > guess.at - KEPT_FOR_MS)
    turn.state = replace(turn.state, guesses=(*kept, guess))


def guessed(turn: Turn, execution: Execution, slot: Slot) -> Guess | None:
    """The oldest guess that stood for this execution, among others perhaps."""
    held = turn.state.positions.get(slot)
    return next(
        (
            guess
            for guess in turn.state.guesses
            if guess.slot == slot
            and guess.stands_for(execution)
            and (guess.closed is not None or (held is not None and held.id == guess.position_id))
        ),
        None,
    )


def take_back(turn: Turn, guess: Guess, position: Position, execution: Execution) -> Filled:
    """Book the guess back; returns what the execution makes of the open position."""
    corrected = correct(position, guess, execution)
    _record(turn, corrected, execution)
    return corrected.filled


def correct_closed(turn: Turn, guess: Guess, closed: Position, execution: Execution, reason: ExitReason) -> None:
    """The position is history: its row and its trade are written as they would have been."""
    corrected = correct(closed, guess, execution)
    _record(turn, corrected, execution)
    filled = corrected.filled
    now = filled.position
    if execution.side is closed.side.exit:
        now = replace(now, exit_reason=reason)
    turn.record(BookExecution(execution, now.id, filled.realised, NO_USDT))
    turn.record(SavePosition(now))
    turn.record(SaveTrade(trade_of(now)))
    turn.state = replace(
        turn.state,
        guesses=tuple(
            replace(other, closed=now) if other.position_id == now.id else other for other in turn.state.guesses
        ),
    )


def _record(turn: Turn, corrected: Corrected, execution: Execution) -> None:
    left, taken_back = corrected.guess, corrected.taken_back
    turn.record(BookExecution(taken_back, left.position_id, corrected.back, NO_USDT))
    turn.record(
        Notice(
            NoticeLevel.INFO,
            "corrected",
            f"{execution.symbol}: {plain(-taken_back.qty)} adopted at {plain(taken_back.price)} was traded at "
            f"{plain(execution.price)}; booked so",
        )
    )
    turn.state = replace(
        turn.state,
        seen={**turn.state.seen, taken_back.exec_id: taken_back.booked},
        guesses=tuple(
            left if other.exec_id == left.exec_id else other
            for other in turn.state.guesses
            if other.exec_id != left.exec_id or left.qty > 0
        ),
    )
