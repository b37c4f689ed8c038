"""Where levels may lie when a position is opened."""

from decimal import Decimal

from backstop.domain.instrument import Instrument
from backstop.domain.money import Price, plain
from backstop.domain.protection import Protection, stop_price, target_price, trailing_price
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
    if (
        trailing is not None
        and abs(price - trailing_price(trailing, side, price, instrument)) < price * TRAILING_MIN_SHARE
    ):
        return Refused(
            "trailing_too_tight",
            f"a trailing stop {trailing.distance} behind {plain(price)} is closer than the spread; "
            'a distance is written with a percent sign, like "0.8%"',
        )
    for rung in protection.take_profit:
        target = target_price(rung.at, side, price, instrument)
        if (target - price) * side.sign <= 0:
            return Refused(
                "target_wrong_side", f"take-profit {plain(target)} is not on the winning side of {plain(price)}"
            )
    return None
