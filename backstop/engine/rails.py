"""Halts and limits. They stop entries; exits always go through."""

from dataclasses import replace
from decimal import Decimal

from backstop.domain.limits import DAY_MS, MINUTE_MS, Day, Halt, HaltLevel, day_start, lost_share
from backstop.domain.money import Price, Qty, plain
from backstop.domain.order import Purpose
from backstop.domain.position import Position, PositionStatus
from backstop.domain.refusal import Refused
from backstop.engine.effects import Notice, NoticeLevel, SaveDay, SaveHalt
from backstop.engine.events import HaltCommand, ResumeCommand
from backstop.engine.exits import close_position
from backstop.engine.reversal import EntryPlan
from backstop.engine.settle import settle_command
from backstop.engine.turn import Turn


def refusal_of(turn: Turn, plan: EntryPlan, qty: Qty, price: Price) -> Refused | None:
    """Why `plan` may not open `qty` at about `price` now, or None."""
    state, limits = turn.state, turn.state.limits
    adds = plan.adds_to is not None
    if state.unfit is not None:
        return Refused("account_unfit", state.unfit)
    if state.halt is not None and not (adds and state.halt.level is HaltLevel.NO_ENTRIES):
        return Refused(
            "halted", f"trading is halted ({state.halt.level}): {state.halt.reason}; resume it to trade again"
        )
    if limits.symbols is not None and plan.symbol not in limits.symbols:
        return Refused("symbol_not_allowed", f"{plan.symbol} is not among the symbols the account may trade")
    if limits.max_leverage is not None and plan.leverage > limits.max_leverage:
        return Refused(
            "leverage_above_limit",
            f"leverage {plain(plan.leverage)} is above {plain(limits.max_leverage)}, the account's limit",
        )
    if limits.windows is not None and not any(window.contains(turn.now) for window in limits.windows):
        return Refused("outside_window", "it is outside the times at which the account may open positions")
    return _too_much(turn, plan, qty * price) or _too_often(turn, plan)


def _too_much(turn: Turn, plan: EntryPlan, value: Decimal) -> Refused | None:
    """Whether another `value` (USDT) would be more than may be open."""
    state, limits, adds = turn.state, turn.state.limits, plan.adds_to is not None
    slot, added_to = state.slot(plan.symbol, plan.side), state.position(plan.adds_to)
    open_now = [position for position in state.positions.values() if position.slot != slot]
    if limits.max_open_positions is not None and not adds and len(open_now) >= limits.max_open_positions:
        return Refused("max_open_positions", f"{len(open_now)} positions are open, the account's limit")
    ours = value + (added_to.cost if added_to is not None else Decimal(0))
    notional = sum((position.cost + _waiting_value(turn, position) for position in open_now), ours)
    for most, would_be, code in (
        (limits.max_notional, notional, "max_notional"),
        (limits.max_position_notional, ours, "max_position_notional"),
    ):
        if most is not None and would_be > most:
            return Refused(
                code,
                f"{plain(would_be.quantize(Decimal('0.01')))} USDT would be open; the account's limit is {plain(most)}",
            )
    return None


def _waiting_value(turn: Turn, position: Position) -> Decimal:
    """What the orders that may still enlarge it would cost, USDT."""
    quote = turn.state.quotes.get(position.symbol)
    last = quote.last if quote is not None else Price(Decimal(0))
    return sum(
        (
            (order.qty - order.filled_qty) * (order.limit_price or last)
            for order in turn.state.orders.values()
            if order.is_entry and order.position_id == position.id and not order.status.final
        ),
        Decimal(0),
    )


def _too_often(turn: Turn, plan: EntryPlan) -> Refused | None:
    limits, now = turn.state.limits, turn.now
    entries = turn.state.entries_at
    for most, span, code in (
        (limits.max_orders_per_minute, MINUTE_MS, "max_orders_per_minute"),
        (limits.max_orders_per_day, DAY_MS, "max_orders_per_day"),
    ):
        if most is not None and sum(at > now - span for at in entries) >= most:
            return Refused(code, f"{most} entries within {span // 1000} s, the account's limit")
    closed_at = turn.state.settled_at.get(turn.state.slot(plan.symbol, plan.side))
    reversing = plan.cause_id in turn.state.reversals
    if limits.cooldown_ms is not None and closed_at is not None and not reversing and plan.adds_to is None:
        left = limits.cooldown_ms - (now - closed_at)
        if left > 0:
            return Refused("cooldown", f"{plan.symbol} cools down for {left / 1000:.0f} s more")
    return None


def count_entry(turn: Turn) -> None:
    """An entry order was intended now."""
    recent = tuple(at for at in turn.state.entries_at if at > turn.now - DAY_MS)
    turn.state = replace(turn.state, entries_at=(*recent, turn.now))


def on_halt(turn: Turn, command: HaltCommand) -> None:
    _halt(turn, Halt(command.level, "halted by hand", turn.now))
    settle_command(turn, command.id)


def on_resume(turn: Turn, command: ResumeCommand) -> None:
    """Trade again. A day's loss that caused the halt counts anew from the present equity."""
    if turn.state.halt is not None:
        turn.record(Notice(NoticeLevel.INFO, "resumed", "trading goes on"))
        turn.record(SaveHalt(None))
    turn.state = replace(turn.state, halt=None)
    if turn.state.equity is not None:
        _begin_day(turn, turn.state.equity)
    settle_command(turn, command.id)


def on_equity(turn: Turn, equity: Decimal) -> None:
    """A new day begins with the first equity seen in it; a day's loss beyond the limit halts entries."""
    day = turn.state.day
    if day is None or day.start != day_start(turn.now):
        _begin_day(turn, equity)
        return
    allowed = turn.state.limits.daily_loss_pct
    if allowed is None or turn.state.halt is not None:
        return
    lost = lost_share(day, equity) * 100
    if lost >= allowed:
        _halt(
            turn,
            Halt(HaltLevel.NO_ENTRIES, f"{lost:.2f}% of equity lost today; the limit is {plain(allowed)}%", turn.now),
        )


def enforce(turn: Turn) -> None:
    """Close what has been open for as long as it may and, while everything is to be flat, whatever is open."""
    for position in tuple(turn.state.positions.values()):
        allowed = position.protection.time_exit_ms
        is_open = position.status is PositionStatus.OPEN and position.qty > 0
        if is_open and allowed is not None and turn.now - position.opened_at >= allowed:
            close_position(turn, position, Purpose.TIME, cause=position.id)
    halt = turn.state.halt
    if halt is None or halt.level is not HaltLevel.FLATTEN:
        return
    for position in tuple(turn.state.positions.values()):
        if position.status is PositionStatus.OPEN and position.qty > 0:
            close_position(turn, position, Purpose.HALT, cause=position.id)


def _halt(turn: Turn, halt: Halt) -> None:
    turn.state = replace(turn.state, halt=halt)
    turn.record(SaveHalt(halt))
    turn.record(Notice(NoticeLevel.WARNING, "halted", f"trading is halted ({halt.level}): {halt.reason}"))


def _begin_day(turn: Turn, equity: Decimal) -> None:
    day = Day(day_start(turn.now), equity)
    turn.state = replace(turn.state, day=day)
    turn.record(SaveDay(day))
