"""An alert understood: what the trader's source wants, and until when it counts."""

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from backstop.domain.entry import Entry
from backstop.domain.ids import SignalId, StrategyId, Symbol
from backstop.domain.money import Qty
from backstop.domain.protection import PriceMark, PriceSource, Protection, TakeProfit, Trailing
from backstop.domain.refusal import Refused
from backstop.domain.side import PositionSide, Side
from backstop.domain.strategy import Sizing, Strategy


class Action(StrEnum):
    BUY = "buy"
    SELL = "sell"
    CLOSE = "close"
    REVERSE = "reverse"
    TARGET = "target"


class Target(StrEnum):
    """The position a source says it has now."""

    LONG = "long"
    SHORT = "short"
    FLAT = "flat"


class SignalStatus(StrEnum):
    """`accepted` waits · `executing` acts · `executed` done · `refused` we declined · `expired` too old, or a limit order's
    time was over · `failed` the exchange declined or the reversal stopped half way · `superseded` another signal or
    command took its place · `rejected` the alert was not valid."""

    ACCEPTED = "accepted"
    EXECUTING = "executing"
    EXECUTED = "executed"
    REFUSED = "refused"
    EXPIRED = "expired"
    FAILED = "failed"
    SUPERSEDED = "superseded"
    REJECTED = "rejected"


@dataclass(frozen=True, slots=True)
class Signal:
    """`at` is when the source fired, or when it reached us if it does not say (UTC milliseconds)."""

    id: SignalId
    strategy_id: StrategyId
    symbol: Symbol
    action: Action
    at: int
    qty: Qty | None = None
    stop_loss: PriceMark | None = None
    take_profit: tuple[TakeProfit, ...] | None = None
    leverage: Decimal | None = None
    target: Target | None = None
    trailing: Trailing | None = None
    trigger_by: PriceSource | None = None
    entry: Entry | None = None
    sizing: Sizing | None = None
    """How large to open, in place of the strategy's own; `qty` goes before it."""
    only: PositionSide | None = None
    """Of a close: what is held on the other side stays."""


def expired(at: int, max_age_ms: int, now: int) -> bool:
    """Whether a wish made at `at` is too old to open a position."""
    return now - at > max_age_ms


def protection_of(signal: Signal, strategy: Strategy) -> Protection:
    """The strategy's protection, with what the signal itself says on top."""
    base = strategy.protection
    return Protection(
        stop_loss=signal.stop_loss or base.stop_loss,
        take_profit=base.take_profit if signal.take_profit is None else signal.take_profit,
        resident_gap=base.resident_gap,
        trailing=signal.trailing or base.trailing,
        break_even=base.break_even,
        time_exit_ms=base.time_exit_ms,
        trigger_by=signal.trigger_by or base.trigger_by,
    )


@dataclass(frozen=True, slots=True)
class Enter:
    """Be in a position on this side."""

    side: PositionSide


@dataclass(frozen=True, slots=True)
class Leave:
    """Be flat; with `side`, only if what is held is on that side."""

    side: PositionSide | None = None

    def concerns(self, held: PositionSide) -> bool:
        return self.side in (None, held)


@dataclass(frozen=True, slots=True)
class Flip:
    """Close what is open and open the other side."""


Wish = Enter | Leave | Flip


def wish_of(signal: Signal) -> Wish | Refused:
    """What a signal asks for, whatever is open now.

    `position: flat` beside buy or sell is an exit: TradingView names the side of the order that flattens. A position
    on the other side than the order is a partial exit, which is not understood yet and refused.
    """
    match signal.action:
        case Action.BUY | Action.SELL:
            side = PositionSide.opened_by(Side(signal.action.value))
            if signal.target is Target.FLAT:
                return Leave()
            if signal.target is not None and signal.target.value != side.value:
                return Refused(
                    "partial_exit_unsupported",
                    f"{signal.action} while the source stays {signal.target} is a partial exit, not supported: "
                    "send action close, or target with the position wanted",
                )
            return Enter(side)
        case Action.CLOSE:
            return Leave(signal.only)
        case Action.REVERSE:
            return Flip()
        case Action.TARGET:
            if signal.target is None or signal.target is Target.FLAT:
                return Leave()
            return Enter(PositionSide(signal.target.value))
