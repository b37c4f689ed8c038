"""What an entry ties up, and where the exchange would take a position over. Estimates on the safe side.

Source: Bybit help centre, "Initial margin / maintenance margin (USDT contract)", rules from 2025-09-02.
"""

from dataclasses import dataclass
from decimal import Decimal

from backstop.domain.instrument import Instrument
from backstop.domain.protection import TAKER_FEE
from backstop.domain.side import PositionSide


@dataclass(frozen=True, slots=True)
class Funds:
    """USDT that may still be used as margin, as the exchange counts it in cross margin and in isolated margin; None where
    it does not tell."""

    cross: Decimal | None
    isolated: Decimal | None

    def less(self, amount: Decimal) -> "Funds":
        return Funds(
            self.cross - amount if self.cross is not None else None,
            self.isolated - amount if self.isolated is not None else None,
        )


def margin_share(leverage: Decimal) -> Decimal:
    """What an order ties up for each USDT of its value: initial margin and the taker fees of both legs."""
    return 1 / leverage + 2 * TAKER_FEE


def maintenance_rate(leverage: Decimal, instrument: Instrument) -> Decimal:
    """The share of a position's value below which its margin must not fall.

    In each of Bybit's risk tiers this is half the initial margin at the highest leverage the tier allows. Which tier
    applies depends on the position's value: taken here is twice the lowest tier's, at most what a tier could ask that
    allows this leverage at all.
    """
    return min(1 / instrument.max_leverage, 1 / (2 * leverage))


def isolated_liquidation(side: PositionSide, entry: Decimal, leverage: Decimal, rate: Decimal) -> Decimal:
    """The mark price at which the position's own margin is down to its maintenance margin."""
    bankrupt = entry * (1 - side.sign / leverage)
    return bankrupt / (1 - side.sign * rate)


def cross_liquidation(
    side: PositionSide, price: Decimal, qty: Decimal, equity: Decimal, maintenance_of_others: Decimal, rate: Decimal
) -> Decimal:
    """The mark price at which the account's equity is down to its maintenance margin, were `qty` held while the market is
    at `price` and the other positions neither won nor lost. 0 or below: no price does that to a long position."""
    borne = (equity - maintenance_of_others) / qty
    return (price - side.sign * borne) / (1 - side.sign * rate)
