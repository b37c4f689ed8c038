"""The one door: what one event means. The same arguments always give the same answer."""

from dataclasses import replace
from decimal import localcontext
from typing import assert_never

from backstop.domain.ids import PositionId
from backstop.domain.money import ARITHMETIC, plain
from backstop.domain.position import PositionStatus
from backstop.domain.signal import Signal
from backstop.domain.slot import Lane
from backstop.engine.commands import act_on_command
from backstop.engine.effects import Effect, ReadModes, SaveEquity, Subscribe
from backstop.engine.entries import act_on_signal, continue_reversal, is_known, open_position
from backstop.engine.events import (
    AccountModeRead,
    CancelAnswered,
    CheckOrder,
    CheckStop,
    CloseAgain,
    Command,
    CommandReceived,
    Event,
    Executed,
    FitnessJudged,
    HaltCommand,
    LevelCrossed,
    LimitsChanged,
    OrderAbsent,
    OrderAccepted,
    OrderLapsed,
    OrderRefused,
    OrderReported,
    OrderSent,
    OrderUncertain,
    PositionReported,
    Priced,
    Reminded,
    Reminder,
    ResendOrder,
    ResidentStopRefused,
    ResidentStopUncertain,
    ResumeCommand,
    SignalReceived,
    SnapshotTaken,
    StrategiesChanged,
    SymbolRead,
    TakeNext,
    WalletReported,
)
from backstop.engine.exits import close_again, on_level_crossed
from backstop.engine.fills import book_early, on_executed
from backstop.engine.misplaced import on_symbol_read
from backstop.engine.modes import on_account_mode
from backstop.engine.orders import (
    on_absent,
    on_accepted,
    on_check,
    on_lapsed,
    on_refused,
    on_reported,
    on_resend,
    on_sent,
    on_uncertain,
)
from backstop.engine.overtaking import make_way, waits_for_entry
from backstop.engine.rails import enforce, on_equity, on_halt, on_resume
from backstop.engine.reconcile import on_position_told, on_snapshot
from backstop.engine.resting import on_cancel_answered, tend_entries
from backstop.engine.reversal import EntryPlan
from backstop.engine.shield import check_stop, on_resident_refused, on_resident_uncertain
from backstop.engine.state import AccountState, Request
from backstop.engine.turn import Turn


def step(state: AccountState, event: Event, now: int) -> tuple[AccountState, tuple[Effect, ...]]:
    """Decide what `event` means at `now` (UTC milliseconds); returns the new state and what to do, in order."""
    with localcontext(ARITHMETIC):
        turn = Turn(state, now)
        _dispatch(turn, event)
        _go_on(turn, event)
        return turn.state, turn.effects()


def _dispatch(turn: Turn, event: Event) -> None:  # noqa: C901, PLR0912, PLR0915 - a table of all events
    match event:
        case LevelCrossed():
            on_level_crossed(turn, event)
        case Executed():
            on_executed(turn, event.execution)
        case OrderReported():
            on_reported(turn, event)
        case OrderSent():
            on_sent(turn, event)
        case OrderAccepted():
            on_accepted(turn, event)
        case OrderRefused():
            on_refused(turn, event)
        case OrderUncertain():
            on_uncertain(turn, event)
        case OrderAbsent():
            on_absent(turn, event)
        case OrderLapsed():
            on_lapsed(turn, event)
        case CancelAnswered():
            on_cancel_answered(turn, event)
        case SignalReceived():
            _take(turn, turn.state.lane(event.signal.symbol, event.signal.strategy_id), event.signal)
        case CommandReceived():
            _command(turn, event.command)
        case PositionReported():
            on_position_told(turn, event.position)
        case ResidentStopRefused():
            on_resident_refused(turn, event)
        case ResidentStopUncertain():
            on_resident_uncertain(turn, event)
        case SnapshotTaken():
            on_snapshot(turn, event)
        case Priced():
            turn.state = replace(turn.state, quotes={**turn.state.quotes, **event.quotes})
        case WalletReported():
            _on_wallet(turn, event)
        case StrategiesChanged():
            _on_strategies(turn, event)
        case SymbolRead():
            on_symbol_read(turn, event)
        case AccountModeRead():
            on_account_mode(turn, event)
        case LimitsChanged():
            turn.state = replace(turn.state, limits=event.limits)
        case FitnessJudged():
            turn.state = replace(turn.state, unfit=event.unfit)
        case Reminded():
            _remind(turn, event.reminder)
        case _:
            assert_never(event)


def _on_wallet(turn: Turn, event: WalletReported) -> None:
    if turn.state.equity is None or plain(turn.state.equity) != plain(event.equity):
        turn.record(SaveEquity(event.equity))
    turn.state = replace(turn.state, equity=event.equity, funds=event.funds)
    on_equity(turn, event.equity)


def _on_strategies(turn: Turn, event: StrategiesChanged) -> None:
    """What they trade is watched, and read how it is set up."""
    turn.state = replace(turn.state, strategies=event.strategies)
    for symbol in sorted({symbol for strategy in event.strategies.values() for symbol in strategy.symbols}):
        turn.afterwards(Subscribe(symbol))
    traded = {symbol for strategy in event.strategies.values() if strategy.enabled for symbol in strategy.symbols}
    unknown = traded - turn.state.hedge.keys()
    if unknown:
        turn.afterwards(ReadModes(tuple(sorted(unknown))))


def _command(turn: Turn, command: Command) -> None:
    match command:
        case HaltCommand():
            on_halt(turn, command)
        case ResumeCommand():
            on_resume(turn, command)
        case _:
            position = turn.state.position(command.position_id)
            if position is not None:
                _take(turn, turn.state.lane(position.symbol, position.strategy_id), command)
            elif not is_known(turn, command.id):
                act_on_command(turn, command)


def _remind(turn: Turn, reminder: Reminder) -> None:
    match reminder:
        case ResendOrder():
            on_resend(turn, reminder)
        case CheckOrder():
            on_check(turn, reminder)
        case CloseAgain():
            close_again(turn, reminder.slot)
        case TakeNext():
            _take_next(turn, reminder.lane)
        case CheckStop():
            check_stop(turn, reminder.slot)
        case _:
            assert_never(reminder)


def _take(turn: Turn, lane: Lane, request: Signal | Request) -> None:
    """Act now, or wait behind what is under way in this lane, in the order of arrival."""
    if not isinstance(request, EntryPlan) and is_known(turn, request.id):
        return
    if make_way(turn, lane, request):
        return
    if _busy(turn, lane, request) or lane in turn.state.waiting:
        turn.queue(lane, request)
    else:
        _act(turn, request)


def _act(turn: Turn, request: Request) -> None:
    match request:
        case Signal():
            act_on_signal(turn, request)
        case EntryPlan():
            open_position(turn, request)
        case _:
            act_on_command(turn, request)


def _busy(turn: Turn, lane: Lane, request: Request) -> bool:
    """Whether something is under way: also a close of what is gone, which could reduce what would be opened now, and for
    what means the position's size, an order that makes it larger."""
    state = turn.state
    if any(state.lane(one.plan.symbol, one.plan.strategy_id) == lane for one in state.reversals.values()):
        return True
    position = state.of_strategy(lane.symbol, lane.strategy_id)
    if position is not None:
        return position.status is not PositionStatus.OPEN or waits_for_entry(turn, request, position)
    held = {other.id for other in state.on(lane.symbol)}
    return any(order.symbol == lane.symbol and order.position_id not in held for order in state.orders.values())


def _go_on(turn: Turn, event: Event) -> None:
    """What follows once a symbol is settled: the second half of its reversal, or the next in line."""
    if isinstance(event, Priced | StrategiesChanged | LimitsChanged | FitnessJudged | WalletReported):
        return
    enforce(turn)
    tend_entries(turn)
    book_early(turn)
    for cause_id, reversal in tuple(turn.state.reversals.items()):
        waits = any(reversal.plan in line for line in turn.state.waiting.values())
        under_way = turn.state.position(reversal.position_id) or turn.state.position(PositionId(cause_id))
        if under_way is None and not waits:
            continue_reversal(turn, reversal)
    for lane in tuple(turn.state.waiting):
        _take_next(turn, lane, only_if_settled=True)


def _take_next(turn: Turn, lane: Lane, *, only_if_settled: bool = False) -> None:
    """Work off the line until something is under way again or the first in it has to wait for a price."""
    while lane in turn.state.waiting:
        first = turn.state.waiting[lane][0]
        if isinstance(first, EntryPlan):
            if only_if_settled:
                return
            turn.next_waiting(lane)
            open_position(turn, first)
            only_if_settled = True
            continue
        if _busy(turn, lane, first):
            if not make_way(turn, lane, first):
                return
            turn.next_waiting(lane)
            continue
        request = turn.next_waiting(lane)
        assert request is not None
        _act(turn, request)
