"""Position mode, margin mode and leverage belong to the exchange. They are read, believed, and never changed but for the
leverage of an entry; an account whose mode a strategy cannot trade in is told so."""

from dataclasses import replace
from decimal import Decimal

from backstop.domain.modes import MarginMode
from backstop.domain.money import plain
from backstop.domain.position import PositionStatus
from backstop.domain.refusal import Refused
from backstop.domain.slot import Slot
from backstop.domain.strategy import Strategy
from backstop.engine.effects import Notice, NoticeLevel, SaveModes
from backstop.engine.events import AccountModeRead, ExchangePosition
from backstop.engine.reversal import EntryPlan
from backstop.engine.turn import Turn

_OTHER = {1: 2, 2: 1}


def mode_refusal(turn: Turn, plan: EntryPlan, strategy: Strategy) -> Refused | None:
    """Why `plan` may not open in the account's mode, or None."""
    mode = turn.state.mode
    if mode is not None and not mode.unified:
        return Refused("classic_account", "the account is not a unified trading account; upgrade it at the exchange")
    if mode is not None and mode.margin is MarginMode.PORTFOLIO:
        return Refused("portfolio_margin", "portfolio margin is not supported; set cross or isolated at the exchange")
    if mode is not None and strategy.margin_mode not in (None, mode.margin):
        return Refused(
            "margin_mode", f"the account is in {mode.margin} margin, and the strategy needs {strategy.margin_mode}"
        )
    slot = turn.state.slot(plan.symbol, plan.side)
    held = turn.state.positions.get(slot)
    if held is not None and held.id != plan.adds_to:
        return Refused("slot_taken", f"another strategy holds the {plan.side} position on {plan.symbol}")
    return _leverage_taken(turn, plan, slot)


def _leverage_taken(turn: Turn, plan: EntryPlan, slot: Slot) -> Refused | None:
    """Both sides of a symbol in hedge mode are set to one leverage: what the other side has stays as it is."""
    other = Slot(slot.symbol, _OTHER.get(slot.idx, 0))
    held = other in turn.state.positions or other in turn.state.foreign
    leverage = turn.state.leverage.get(other)
    if other == slot or not held or leverage is None or leverage == plan.leverage:
        return None
    return Refused(
        "leverage_taken", f"{plan.symbol} is held the other way at leverage {plain(leverage)}, which stays as it is"
    )


def is_mode_known(turn: Turn, plan: EntryPlan) -> bool:
    """Whether enough was read to open by `plan`."""
    strategy = turn.state.strategies.get(plan.strategy_id)
    needs_margin = strategy is not None and strategy.margin_mode is not None
    return plan.symbol in turn.state.hedge and (turn.state.mode is not None or not needs_margin)


def note_leverage(turn: Turn, plan: EntryPlan) -> None:
    """An entry sets it, on both sides."""
    slots = [slot for slot in (Slot(plan.symbol, idx) for idx in (0, 1, 2)) if slot in turn.state.leverage]
    asked = dict.fromkeys((*slots, turn.state.slot(plan.symbol, plan.side)), plan.leverage)
    turn.state = replace(turn.state, leverage={**turn.state.leverage, **asked})


def on_account_mode(turn: Turn, event: AccountModeRead) -> None:
    before = turn.state.mode
    if event.mode == before:
        return
    if before is not None:
        turn.record(
            Notice(
                NoticeLevel.WARNING,
                "margin_mode",
                f"the account was switched from {before.margin} to {event.mode.margin} margin at the exchange",
            )
        )
    turn.state = replace(turn.state, mode=event.mode)
    _save(turn)


def learn(turn: Turn, row: ExchangePosition) -> None:
    """Each row of a position tells the mode of its symbol, and its leverage."""
    hedged, known = row.idx != 0, turn.state.hedge.get(row.symbol)
    if known is not hedged:
        turn.state = replace(turn.state, hedge={**turn.state.hedge, row.symbol: hedged})
        _save(turn)
        if known is not None:
            mode = "hedge" if hedged else "one-way"
            message = f"{row.symbol} was switched to {mode} mode at the exchange; it is traded in that mode from now on"
            turn.record(Notice(NoticeLevel.WARNING, "position_mode", message))
    if row.leverage is not None:
        _learn_leverage(turn, row.slot, row.leverage)


def _learn_leverage(turn: Turn, slot: Slot, leverage: Decimal) -> None:
    if turn.state.leverage.get(slot) == leverage:
        return
    turn.state = replace(turn.state, leverage={**turn.state.leverage, slot: leverage})
    position = turn.state.positions.get(slot)
    if position is None or position.status is PositionStatus.OPENING or position.leverage == leverage:
        return
    turn.put_position(replace(position, leverage=leverage))
    message = f"leverage on {slot} was set to {plain(leverage)} at the exchange; the next entry sets its own"
    turn.record(Notice(NoticeLevel.WARNING, "leverage", message))


def _save(turn: Turn) -> None:
    hedged = frozenset(symbol for symbol, is_hedged in turn.state.hedge.items() if is_hedged)
    turn.record(SaveModes(turn.state.mode.margin if turn.state.mode is not None else None, hedged))
