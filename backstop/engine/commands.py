"""A user's wish goes the same way as a signal, never by a side door."""

from typing import assert_never

from backstop.domain.ids import order_link_id
from backstop.domain.order import Purpose
from backstop.domain.position import Position, PositionStatus
from backstop.domain.refusal import Refused
from backstop.domain.signal import SignalStatus
from backstop.engine.edits import edit_protection
from backstop.engine.effects import SettleCommand
from backstop.engine.entries import begin_reversal
from backstop.engine.events import CloseCommand, PositionCommand, ProtectCommand, ReverseCommand
from backstop.engine.exits import booked_under, close_position, free_quantity, leg_of, part_of, reduce_position
from backstop.engine.reversal import EntryPlan
from backstop.engine.settle import settle_command
from backstop.engine.turn import Turn


def act_on_command(turn: Turn, command: PositionCommand) -> None:
    position = turn.state.position(command.position_id)
    if position is None or position.status is not PositionStatus.OPEN:
        settle_command(turn, command.id, Refused("position_closed", "the position is not open any more"))
        return
    match command:
        case CloseCommand():
            _close(turn, position, command)
        case ReverseCommand():
            _reverse(turn, position, command)
        case ProtectCommand():
            edit_protection(turn, position, command)
        case _:
            assert_never(command)


def _close(turn: Turn, position: Position, command: CloseCommand) -> None:
    # What it has closed already, when it was sent before a crash.
    done, _ = booked_under(turn, order_link_id(command.id, leg_of(Purpose.MANUAL)))
    wanted = (free_quantity(turn, position) + done) * command.portion - done
    part = None if command.portion >= 1 else part_of(turn.state, position, wanted)
    if part is None:
        close_position(turn, position, Purpose.MANUAL, cause=command.id)
    elif wanted > 0 or not done:
        reduce_position(turn, position, Purpose.MANUAL, part, cause=command.id)
    settle_command(turn, command.id)


def _reverse(turn: Turn, position: Position, command: ReverseCommand) -> None:
    strategy = turn.state.strategies.get(position.strategy_id) if position.strategy_id is not None else None
    if strategy is None:
        settle_command(turn, command.id, Refused("strategy_disabled", "the position's strategy is deleted"))
        return
    turn.record(SettleCommand(command.id, SignalStatus.EXECUTING))
    plan = EntryPlan(
        cause_id=command.id,
        signal_id=None,
        strategy_id=strategy.id,
        symbol=position.symbol,
        side=position.side.opposite,
        qty=position.qty,
        protection=strategy.protection,
        leverage=position.leverage or strategy.leverage,
        at=command.at,
        max_age_ms=strategy.max_age_ms,
        strategy_version=strategy.version,
    )
    begin_reversal(turn, position, plan)
