"""Where a position is held.

Source: Bybit V5, "Switch Position Mode" and positionIdx of "Place Order".
"""

from typing import NamedTuple

from backstop.domain.ids import StrategyId, Symbol
from backstop.domain.side import PositionSide


class Slot(NamedTuple):
    """A symbol and Bybit's positionIdx: 0 in one-way mode; in hedge mode 1 holds the long and 2 the short."""

    symbol: Symbol
    idx: int = 0

    def __str__(self) -> str:
        return self.symbol if self.idx == 0 else f"{self.symbol} {'long' if self.idx == 1 else 'short'}"


class Lane(NamedTuple):
    """What waits for its turn in one line: all that concerns a symbol, or in hedge mode one strategy on it."""

    symbol: Symbol
    strategy_id: StrategyId | None = None


def slot_for(symbol: Symbol, side: PositionSide, *, hedged: bool) -> Slot:
    """The slot that a position on this side is held in."""
    if not hedged:
        return Slot(symbol)
    return Slot(symbol, 1 if side is PositionSide.LONG else 2)
