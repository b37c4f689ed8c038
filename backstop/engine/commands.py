"""A user's wish goes the same way as a signal, never by a side door."""

from dataclasses import replace
from typing import assert_never

from backstop.domain.ids import order_link_id
from backstop.domain.order import Purpose
from backstop.domain.placement import misplaced_level
from backstop.domain.position import Position, PositionStatus
from backstop.domain.refusal import Refused
from backstop.domain.signal import SignalStatus
from backstop.engine.effects import SettleCommand
from backstop.engine.entries import begin_reversal
from backstop.engine.events import CloseCommand, PositionCommand, ProtectCommand, ReverseCommand
from backstop.engine.exits import booked_under, close_position, free_quantity, leg_of, part_of, reduce_position
from backstop.engine.reversal import EntryPlan
from backstop.engine.settle import settle_command
from backstop.engine.shield import change_protection, may_change
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
            _protect(turn, position, command)
        case _:
            assert_never(command)


def _close(turn: Turn, position: Position, command: CloseCommand) -> None:
    # What it has closed already, when it was sent before a crash.
    done, _ = booked_under(turn, order_link_id(command.id, leg_of(Purpose.MANUAL)))
    wanted = (free_quantity(turn, position) + done) * command.portion - done
    part = None if command.portion >= 1 else part_of(turn, position, wanted)
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
    )
    begin_reversal(turn, position, plan)


def _protect(turn: Turn, position: Position, command: ProtectCommand) -> None:
    instrument = turn.state.instruments.get(position.symbol)
    entry = position.entry_price
    if instrument is None or entry is None:
        settle_command(turn, command.id, Refused("not_open", "the position has no entry price yet"))
        return
    wanted = replace(
        position.protection,
        stop_loss=command.stop_loss or position.protection.stop_loss,
        take_profit=position.protection.take_profit if command.take_profit is None else command.take_profit,
    )
    quote = turn.state.quotes.get(position.symbol)
    price = quote.of(position.protection.trigger_by) if quote is not None else None
    if command.stop_loss is not None and (price is not None or command.stop_loss.share is not None):
        reference = price[0] if price is not None and command.stop_loss.price is not None else entry
        refusal = misplaced_level(replace(wanted, take_profit=()), position.side, reference, instrument)
        if refusal is not None:
            settle_command(turn, command.id, refusal)
            return
    if not may_change(position, wanted):
        text = "its protection was changed so often that no ids are left for new levels; close it and open it anew"
        settle_command(turn, command.id, Refused("too_many_changes", text))
        return
    change_protection(turn, position, wanted)
    settle_command(turn, command.id)
