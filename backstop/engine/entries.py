"""A signal becomes an order, waits for its symbol, or is declined with a reason."""

from dataclasses import replace
from typing import assert_never
from uuid import UUID

from backstop.domain.entry import LimitEntry
from backstop.domain.ids import PositionId, Symbol, order_link_id
from backstop.domain.instrument import Instrument
from backstop.domain.money import Qty, plain
from backstop.domain.order import Order, Purpose
from backstop.domain.position import Position, PositionStatus
from backstop.domain.refusal import Refused
from backstop.domain.side import PositionSide
from backstop.domain.signal import (
    Action,
    Enter,
    Flip,
    Leave,
    Signal,
    SignalStatus,
    expired,
    protection_of,
    wish_of,
)
from backstop.domain.strategy import OnOpposite, Strategy
from backstop.engine.bars import is_part_of_a_turn, note_left, side_just_left, supersede, turned_at
from backstop.engine.edits import change_protection
from backstop.engine.effects import ReadModes, Remind, SaveReversal, SendOrder, SettleSignal, Subscribe
from backstop.engine.events import TakeNext
from backstop.engine.exits import CAUSED_LEGS, close_position
from backstop.engine.margin import reserve
from backstop.engine.modes import is_mode_known, mode_refusal, note_leverage
from backstop.engine.rails import count_entry
from backstop.engine.reversal import EntryPlan, Reversal, ReversalStep
from backstop.engine.settle import settle_plan, settle_signal
from backstop.engine.targets import missing
from backstop.engine.terms import Terms, terms_of
from backstop.engine.turn import Turn

QUOTE_MAX_AGE_MS = 3_000
_QUOTE_RETRY_MS = 250


def act_on_signal(turn: Turn, signal: Signal) -> None:
    """Do what a signal wants, given that its symbol is neither opening, closing nor reversing."""
    strategy = turn.state.strategies.get(signal.strategy_id)
    if strategy is None or not strategy.enabled:
        settle_signal(turn, signal.id, Refused("strategy_disabled", "the strategy is switched off or deleted"))
        return
    wish = wish_of(signal)
    if isinstance(wish, Refused):
        settle_signal(turn, signal.id, wish)
        return
    position = turn.state.of_strategy(signal.symbol, signal.strategy_id)
    if position is not None and position.strategy_id not in (None, signal.strategy_id):
        message = f"another strategy holds {signal.symbol}, and in one-way mode there is one position a symbol"
        settle_signal(turn, signal.id, Refused("slot_taken", message))
        return
    match wish:
        case Leave() | Flip() if position is not None and is_part_of_a_turn(signal, position):
            supersede(turn, signal, position)
        case Leave():
            _leave(turn, signal, position if position is not None and wish.concerns(position.side) else None)
        case Enter(side=side):
            _enter(turn, signal, strategy, position, side)
        case Flip():
            side_before = position.side if position is not None else side_just_left(turn, signal)
            if side_before is None:
                settle_signal(turn, signal.id, Refused("no_position", f"nothing is open on {signal.symbol} to reverse"))
            elif position is None:
                open_position(turn, _plan(signal, strategy, side_before.opposite))
            else:
                begin_reversal(turn, position, _plan(signal, strategy, side_before.opposite))
        case _:
            assert_never(wish)


def _leave(turn: Turn, signal: Signal, position: Position | None) -> None:
    if position is not None:
        note_left(turn, signal, position)
        close_position(turn, position, Purpose.SIGNAL, cause=signal.id, signal_id=signal.id)
        turn.record(SettleSignal(signal.id, SignalStatus.EXECUTED, position_id=position.id))
    elif signal.action is Action.TARGET:
        turn.record(SettleSignal(signal.id, SignalStatus.EXECUTED, "already_there", "already flat"))
    else:
        what = f"no {signal.only} position" if signal.only is not None else "nothing"
        settle_signal(turn, signal.id, Refused("no_position", f"{what} is open on {signal.symbol} to close"))


def _enter(turn: Turn, signal: Signal, strategy: Strategy, position: Position | None, side: PositionSide) -> None:
    plan = _plan(signal, strategy, side)
    if position is None:
        open_position(turn, plan)
    elif position.side is side:
        if signal.action is Action.TARGET and signal.qty is not None:
            lacking = missing(turn, signal, position, signal.qty)
            if lacking is not None:
                _add_to(turn, position, signal, strategy, lacking)
        elif signal.action is Action.TARGET:
            turn.record(SettleSignal(signal.id, SignalStatus.EXECUTED, "already_there", f"already {side}", position.id))
        elif strategy.max_entries > 1:
            _scale_in(turn, position, signal, strategy)
        else:
            settle_signal(
                turn, signal.id, Refused("already_in_position", f"a {side} position is open on {signal.symbol} already")
            )
    elif strategy.on_opposite is OnOpposite.REVERSE:
        begin_reversal(turn, position, plan)
    elif strategy.on_opposite is OnOpposite.CLOSE:
        _leave(turn, signal, position)
    else:
        settle_signal(
            turn,
            signal.id,
            Refused(
                "opposite_ignored", f"a {position.side} position is open and the strategy ignores opposite signals"
            ),
        )


def _scale_in(turn: Turn, position: Position, signal: Signal, strategy: Strategy) -> None:
    """One more entry on the side that is held, as large as the first would be now."""
    entries = max(position.entries, 1)
    if entries >= strategy.max_entries:
        message = f"{entries} entries have made the {position.side} position on {signal.symbol}, the strategy's limit"
        settle_signal(turn, signal.id, Refused("max_entries", message))
    else:
        _add_to(turn, position, signal, strategy, signal.qty)


def _add_to(turn: Turn, position: Position, signal: Signal, strategy: Strategy, qty: Qty | None) -> None:
    """Make `position` larger. It keeps its leverage, and its protection but for what the signal itself says."""
    plan = _plan(signal, strategy, position.side)
    if signal.leverage is not None and signal.leverage != position.leverage:
        message = f"the position has leverage {position.leverage}, which stays as it is until it is closed"
        settle_signal(turn, signal.id, Refused("leverage_fixed", message))
        return
    protection = protection_of(signal, replace(strategy, protection=position.protection))
    leverage = position.leverage or plan.leverage
    open_position(turn, replace(plan, qty=qty, protection=protection, leverage=leverage, adds_to=position.id))


def _plan(signal: Signal, strategy: Strategy, side: PositionSide) -> EntryPlan:
    return EntryPlan(
        cause_id=signal.id,
        signal_id=signal.id,
        strategy_id=strategy.id,
        symbol=signal.symbol,
        side=side,
        qty=signal.qty,
        protection=protection_of(signal, strategy),
        leverage=signal.leverage or strategy.leverage,
        at=signal.at,
        max_age_ms=strategy.max_age_ms,
        entry=signal.entry or strategy.entry,
        strategy_version=strategy.version,
        sizing=signal.sizing,
    )


def begin_reversal(turn: Turn, position: Position, plan: EntryPlan) -> None:
    """Close `position`, then open by `plan` once it is confirmed flat. A plan too old closes nothing either."""
    if expired(plan.at, plan.max_age_ms, turn.now):
        settle_plan(turn, plan, SignalStatus.EXPIRED, _too_old(turn, plan))
        return
    reversal = Reversal(plan, position.id, ReversalStep.CLOSING)
    turn.put_reversal(reversal)
    turn.record(SaveReversal(reversal))
    if plan.signal_id is not None:
        turn.record(SettleSignal(plan.signal_id, SignalStatus.EXECUTING, position_id=position.id))
    close_position(turn, position, Purpose.REVERSE, cause=plan.cause_id, signal_id=plan.signal_id)


def continue_reversal(turn: Turn, reversal: Reversal) -> None:
    """The old position is flat: open the new one, or end flat with the reason."""
    turn.forget_reversal(reversal.plan.cause_id)
    reversal = replace(reversal, step=ReversalStep.OPENING)
    turn.put_reversal(reversal)
    turn.record(SaveReversal(reversal))
    open_position(turn, reversal.plan)


def open_position(turn: Turn, plan: EntryPlan) -> None:
    """Intend and send the opening order with its resident stop, or say why not.

    Without a fresh price it waits, until the plan is too old; to add to a position it does not, for what comes to close
    it would have to wait behind.
    """
    if expired(plan.at, plan.max_age_ms, turn.now):
        settle_plan(turn, plan, SignalStatus.EXPIRED, _too_old(turn, plan))
        return
    instrument = turn.state.instruments.get(plan.symbol)
    refusal = _blocked(turn, plan, instrument)
    if refusal is not None or instrument is None:
        settle_plan(turn, plan, SignalStatus.REFUSED, refusal or _unknown(plan.symbol))
        return
    if plan.adds_to is None and not is_mode_known(turn, plan):
        turn.afterwards(ReadModes((plan.symbol,)))
        _wait(turn, plan)
        return
    quote = turn.state.quotes.get(plan.symbol)
    trigger = quote.of(plan.protection.trigger_by) if quote is not None else None
    if quote is None or trigger is None or turn.now - min(quote.at, trigger[1]) > QUOTE_MAX_AGE_MS:
        if plan.adds_to is not None:
            refusal = Refused("no_price", f"no price of {plan.symbol} is fresh enough to add to the position")
            settle_plan(turn, plan, SignalStatus.REFUSED, refusal)
            return
        turn.afterwards(Subscribe(plan.symbol))
        _wait(turn, plan)
        return
    terms = terms_of(turn, plan, quote, instrument)
    if isinstance(terms, Refused):
        settle_plan(turn, plan, SignalStatus.REFUSED, terms)
        return
    count_entry(turn)
    note_leverage(turn, plan)
    position = _grown(turn, plan) or _new_position(turn, plan)
    reserve(turn, plan, terms.qty * terms.price)
    _send_entry(turn, plan, position, terms)


def _wait(turn: Turn, plan: EntryPlan) -> None:
    lane = turn.state.lane(plan.symbol, plan.strategy_id)
    turn.queue(lane, plan, first=True)
    turn.afterwards(Remind(TakeNext(lane), turn.now + _QUOTE_RETRY_MS))


def _grown(turn: Turn, plan: EntryPlan) -> Position | None:
    """The open position that `plan` adds to, protected from now on as the plan says; None when it opens a new one."""
    position = turn.state.position(plan.adds_to)
    if position is None:
        return None
    return position if plan.protection == position.protection else change_protection(turn, position, plan.protection)


def _new_position(turn: Turn, plan: EntryPlan) -> Position:
    position = Position(
        id=PositionId(plan.cause_id),
        symbol=plan.symbol,
        side=plan.side,
        protection=plan.protection,
        opened_at=turn.now,
        strategy_id=plan.strategy_id,
        strategy_version=plan.strategy_version,
        signal_id=plan.signal_id,
        leverage=plan.leverage,
        position_idx=turn.state.slot(plan.symbol, plan.side).idx,
        status=PositionStatus.OPENING,
        updated_at=turn.now,
        turned_at=turned_at(turn, plan),
    )
    turn.put_position(position)
    return position


def _send_entry(turn: Turn, plan: EntryPlan, position: Position, terms: Terms) -> None:
    limit = plan.entry if isinstance(plan.entry, LimitEntry) else None
    order = Order(
        link_id=order_link_id(plan.cause_id, "o"),
        symbol=plan.symbol,
        side=plan.side.entry,
        purpose=Purpose.ENTRY,
        qty=terms.qty,
        created_at=turn.now,
        position_id=position.id,
        signal_id=plan.signal_id,
        position_idx=position.position_idx,
        reduce_only=False,
        stop_loss=terms.stop,
        stop_trigger_by=plan.protection.trigger_by,
        leverage=plan.leverage,
        not_after=plan.at + plan.max_age_ms,
        limit_price=terms.limit_price,
        post_only=limit is not None and limit.post_only,
        expires_at=turn.now + limit.expires_ms if limit is not None else None,
        decided_price=turn.state.quotes[plan.symbol].last,
    )
    turn.put_order(order)
    if plan.signal_id is not None:
        turn.record(SettleSignal(plan.signal_id, SignalStatus.EXECUTING, position_id=position.id))
    turn.afterwards(Subscribe(plan.symbol))
    turn.afterwards(SendOrder(order))


def _blocked(turn: Turn, plan: EntryPlan, instrument: Instrument | None) -> Refused | None:
    if instrument is None:
        return _unknown(plan.symbol)
    strategy = turn.state.strategies.get(plan.strategy_id)
    if strategy is None or not strategy.enabled:
        return Refused("strategy_disabled", "the strategy is switched off or deleted")
    if not instrument.tradable:
        return Refused("not_tradable", f"{plan.symbol} takes no new positions at the exchange now")
    misfit = mode_refusal(turn, plan, strategy)
    if misfit is not None:
        return misfit
    if turn.state.slot(plan.symbol, plan.side) in turn.state.foreign:
        return Refused(
            "foreign_position",
            f"a position that Backstop did not open is held on {plan.symbol}; close it at the exchange first",
        )
    strategy_symbols = strategy.symbols if plan.signal_id is not None else {plan.symbol}
    if plan.symbol not in strategy_symbols:
        return Refused("symbol_not_traded", f"the strategy does not trade {plan.symbol} any more")
    if plan.leverage > instrument.max_leverage:
        return Refused(
            "leverage_too_high",
            f"leverage {plain(plan.leverage)} is above {plain(instrument.max_leverage)}, the most {plan.symbol} allows",
        )
    return None


def _unknown(symbol: Symbol) -> Refused:
    return Refused("unknown_symbol", f"{symbol} is not a linear perpetual of this exchange")


def _too_old(turn: Turn, plan: EntryPlan) -> Refused:
    age = (turn.now - plan.at) / 1000
    return Refused("too_old", f"{age:.1f} s old; the strategy acts within {plan.max_age_ms / 1000:.0f} s")


def is_known(turn: Turn, cause_id: UUID) -> bool:
    """Whether something is already under way for this signal or command (it was told twice)."""
    state = turn.state
    if any(position.id == cause_id for position in state.positions.values()):
        return True
    if any(reversal.plan.cause_id == cause_id for reversal in state.reversals.values()):
        return True
    if any(order_link_id(cause_id, leg) in state.orders for leg in ("o", *CAUSED_LEGS)):
        return True
    return any(
        (request.cause_id if isinstance(request, EntryPlan) else request.id) == cause_id
        for line in state.waiting.values()
        for request in line
    )
