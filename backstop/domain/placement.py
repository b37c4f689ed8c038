"""Where levels may lie when a position is opened."""

from decimal import Decimal

from backstop.domain.instrument import Instrument
from backstop.domain.money import Price, plain
from backstop.domain.protection import (
    BreakEven,
    Protection,
    break_even_price,
    stop_price,
    target_price,
    trailing_price,
)
from backstop.domain.refusal import Refused
from backstop.domain.side import PositionSide

STOP_MAX_SHARE = Decimal("0.5")
"""A stop farther from the price than this is taken for a mistake (a percentage written as a price)."""

TRAILING_MIN_SHARE = Decimal("0.0005")
"""A trailing stop closer than this is taken for a mistake too."""


def misplaced_level(protection: Protection, side: PositionSide, price: Price, instrument: Instrument) -> Refused | None:
    """Why these levels make no sense at this price, or None."""
    if protection.stop_loss is not None:
        stop = stop_price(protection.stop_loss, side, price, instrument)
        if (price - stop) * side.sign <= 0:
            return Refused("stop_wrong_side", f"stop-loss {plain(stop)} is not on the losing side of {plain(price)}")
        if abs(price - stop) > price * STOP_MAX_SHARE:
            return Refused(
                "stop_too_far",
                f"stop-loss {plain(stop)} is more than {plain(STOP_MAX_SHARE * 100)}% from {plain(price)}; "
                'a distance is written with a percent sign, like "1.5%"',
            )
    trailing = protection.trailing
    if trailing is not None:
        away = abs(price - trailing_price(trailing, side, price, instrument))
        if away < price * TRAILING_MIN_SHARE:
            return Refused(
                "trailing_too_tight",
                f"a trailing stop {trailing.distance} behind {plain(price)} is closer than the spread; "
                'a distance is written with a percent sign, like "0.8%"',
            )
        if away > price * STOP_MAX_SHARE:
            return Refused(
                "trailing_too_far",
                f"a trailing stop {trailing.distance} behind {plain(price)} is more than "
                f"{plain(STOP_MAX_SHARE * 100)}% away",
            )
    for rung in protection.take_profit:
        target = target_price(rung.at, side, price, instrument)
        if (target - price) * side.sign <= 0:
            return Refused(
                "target_wrong_side", f"take-profit {plain(target)} is not on the winning side of {plain(price)}"
            )
    return below_zero(protection, side, price, instrument)


def below_zero(protection: Protection, side: PositionSide, entry: Price, instrument: Instrument) -> Refused | None:
    """Why a level is no price at all (a short's target 150% away), or None."""
    marks = [rung.at for rung in protection.take_profit]
    if protection.trailing is not None and protection.trailing.activation is not None:
        marks.append(protection.trailing.activation)
    if protection.break_even is not None:
        marks.append(protection.break_even.trigger)
    for mark in marks:
        if target_price(mark, side, entry, instrument) <= 0:
            return Refused("level_below_zero", f"{mark} from {plain(entry)} is no price above zero")
    return None


def misplaced_break_even(
    break_even: BreakEven, side: PositionSide, entry: Price, instrument: Instrument
) -> Refused | None:
    """Why a stop moved to break-even would close at once, or None."""
    trigger = target_price(break_even.trigger, side, entry, instrument)
    moved = break_even_price(break_even, side, entry, instrument)
    if (trigger - moved) * side.sign <= 0:
        return Refused(
            "break_even_too_near",
            f"at {plain(trigger)} the stop would move to {plain(moved)}, where it closes at once; "
            "fees of both legs are counted",
        )
    return None
