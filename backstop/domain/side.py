"""Which way an order goes, and which way a position gains."""

from enum import StrEnum


class Side(StrEnum):
    """Direction of an order."""

    BUY = "buy"
    SELL = "sell"

    @property
    def opposite(self) -> "Side":
        return Side.SELL if self is Side.BUY else Side.BUY


class PositionSide(StrEnum):
    """Direction of a position."""

    LONG = "long"
    SHORT = "short"

    @property
    def opposite(self) -> "PositionSide":
        return PositionSide.SHORT if self is PositionSide.LONG else PositionSide.LONG

    @property
    def entry(self) -> Side:
        """The order side that opens or adds to it."""
        return Side.BUY if self is PositionSide.LONG else Side.SELL

    @property
    def exit(self) -> Side:
        """The order side that reduces or closes it."""
        return self.entry.opposite

    @property
    def sign(self) -> int:
        """+1 where a rising price gains, -1 where it loses."""
        return 1 if self is PositionSide.LONG else -1

    @classmethod
    def opened_by(cls, side: Side) -> "PositionSide":
        return cls.LONG if side is Side.BUY else cls.SHORT
