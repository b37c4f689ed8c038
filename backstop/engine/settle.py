"""How a signal, command or reversal ends."""

from dataclasses import replace

from backstop.domain.ids import CommandId, SignalId
from backstop.domain.refusal import Refused
from backstop.domain.signal import SignalStatus
from backstop.engine.effects import Notice, NoticeLevel, SaveReversal, SettleCommand, SettleSignal
from backstop.engine.reversal import EntryPlan, ReversalStep
from backstop.engine.turn import Turn


def settle_signal(turn: Turn, signal_id: SignalId, refused: Refused) -> None:
    turn.record(SettleSignal(signal_id, SignalStatus.REFUSED, refused.code, refused.message))


def settle_command(turn: Turn, command_id: CommandId, refused: Refused | None = None) -> None:
    if refused is None:
        turn.record(SettleCommand(command_id, SignalStatus.EXECUTED))
    else:
        turn.record(SettleCommand(command_id, SignalStatus.REFUSED, refused.code, refused.message))
        turn.record(Notice(NoticeLevel.WARNING, refused.code, refused.message))


def settle_plan(turn: Turn, plan: EntryPlan, status: SignalStatus, refused: Refused) -> None:
    """An entry that will not be. When it was the second half of a reversal, that ends flat, and the trader is told."""
    reversal = turn.state.reversals.get(plan.cause_id)
    if reversal is not None:
        step = ReversalStep.FLAT_EXPIRED if status is SignalStatus.EXPIRED else ReversalStep.FLAT_FAILED
        turn.forget_reversal(plan.cause_id)
        turn.record(SaveReversal(replace(reversal, step=step, reason=refused.message)))
        turn.record(
            Notice(NoticeLevel.WARNING, step.value, f"{plan.symbol} was closed but not opened again: {refused.message}")
        )
        status = status if status in (SignalStatus.EXPIRED, SignalStatus.SUPERSEDED) else SignalStatus.FAILED
    if plan.signal_id is not None:
        turn.record(SettleSignal(plan.signal_id, status, refused.code, refused.message))
    else:
        turn.record(SettleCommand(CommandId(plan.cause_id), SignalStatus.FAILED, refused.code, refused.message))


def finish_reversal(turn: Turn, plan: EntryPlan) -> None:
    """The new position stands."""
    reversal = turn.state.reversals.get(plan.cause_id)
    if reversal is not None:
        turn.forget_reversal(plan.cause_id)
        turn.record(SaveReversal(replace(reversal, step=ReversalStep.REVERSED)))
