"""Prices that close all or part of a position: stop-loss and take-profits, and the exchange's own stop behind them."""

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from backstop.domain.ids import OrderLinkId, PositionId, Symbol, order_link_id
from backstop.domain.instrument import Instrument
from backstop.domain.money import Price, decimal_or_none, plain, tick_down, tick_up
from backstop.domain.side import PositionSide

RESIDENT_GAP = Decimal("0.005")
"""How much wider than the watched stop the exchange's stop lies, as a share of the entry price."""


@dataclass(frozen=True, slots=True)
class PriceMark:
    """Where a level lies: at a price, or a share of the entry price away from it."""

    price: Price | None = None
    share: Decimal | None = None

    def __post_init__(self) -> None:
        assert (self.price is None) != (self.share is None)

    def __str__(self) -> str:
        return plain(self.price) if self.price is not None else f"{plain((self.share or Decimal(0)) * 100)}%"


def read_price_mark(text: str) -> PriceMark | None:
    """`"1.5%"` is a distance from entry, `"64000"` a price. None for anything else, zero and negatives included."""
    text = text.strip()
    if text.endswith("%"):
        percent = decimal_or_none(text[:-1].strip())
        return PriceMark(share=percent / 100) if percent is not None and 0 < percent < 1000 else None
    price = decimal_or_none(text)
    return PriceMark(price=Price(price)) if price is not None and price > 0 else None


@dataclass(frozen=True, slots=True)
class TakeProfit:
    """One rung of the ladder: where, and which share of the opened quantity it closes."""

    at: PriceMark
    portion: Decimal = Decimal(1)


@dataclass(frozen=True, slots=True)
class Protection:
    """What the trader asked for."""

    stop_loss: PriceMark | None = None
    take_profit: tuple[TakeProfit, ...] = ()
    resident_gap: Decimal = RESIDENT_GAP


class LevelKind(StrEnum):
    STOP_LOSS = "stop_loss"
    TAKE_PROFIT = "take_profit"


class LevelStatus(StrEnum):
    ARMED = "armed"
    FIRED = "fired"
    DISARMED = "disarmed"


@dataclass(frozen=True, slots=True)
class Level:
    """An armed price. `close_id` is the id its close will use, known before it is ever crossed."""

    position_id: PositionId
    symbol: Symbol
    side: PositionSide
    kind: LevelKind
    rung: int
    price: Price
    portion: Decimal
    close_id: OrderLinkId
    status: LevelStatus = LevelStatus.ARMED

    @property
    def fires_below(self) -> bool:
        """Whether the level is crossed by a falling price."""
        return (self.kind is LevelKind.STOP_LOSS) == (self.side is PositionSide.LONG)

    def crossed_by(self, price: Decimal) -> bool:
        return price <= self.price if self.fires_below else price >= self.price


def stop_price(mark: PriceMark, side: PositionSide, entry: Price, instrument: Instrument) -> Price:
    """The stop-loss price, rounded to the tick on the side that protects more."""
    raw = mark.price if mark.price is not None else entry * (1 - side.sign * (mark.share or Decimal(0)))
    return tick_up(raw, instrument.tick_size) if side is PositionSide.LONG else tick_down(raw, instrument.tick_size)


def target_price(mark: PriceMark, side: PositionSide, entry: Price, instrument: Instrument) -> Price:
    """A take-profit price, rounded to the tick that is reached first."""
    raw = mark.price if mark.price is not None else entry * (1 + side.sign * (mark.share or Decimal(0)))
    return tick_down(raw, instrument.tick_size) if side is PositionSide.LONG else tick_up(raw, instrument.tick_size)


def resident_stop_price(
    protection: Protection, side: PositionSide, entry: Price, instrument: Instrument
) -> Price | None:
    """Where the exchange keeps its own stop: behind the watched one, so that ours acts first.

    Never on the wrong side of zero; None when the trader wants no stop.
    """
    if protection.stop_loss is None:
        return None
    watched = stop_price(protection.stop_loss, side, entry, instrument)
    wider = watched - side.sign * entry * protection.resident_gap
    resident = (
        tick_down(wider, instrument.tick_size) if side is PositionSide.LONG else tick_up(wider, instrument.tick_size)
    )
    return resident if resident > 0 else Price(instrument.tick_size)


@dataclass(frozen=True, slots=True)
class ResidentStop:
    """The exchange's own stop as last read there, and when that was proved (UTC milliseconds)."""

    price: Price | None = None
    verified_at: int | None = None


def levels_of(
    position_id: PositionId,
    symbol: Symbol,
    side: PositionSide,
    entry: Price,
    protection: Protection,
    instrument: Instrument,
    *,
    round_: int = 1,
) -> tuple[Level, ...]:
    """The levels to arm for a position opened at `entry`, each with the id of its close.

    `round_` counts how often the levels were laid anew, so that an edited level gets a new id.
    """
    levels = []
    if protection.stop_loss is not None:
        price = stop_price(protection.stop_loss, side, entry, instrument)
        close_id = order_link_id(position_id, f"s{round_}")
        levels.append(Level(position_id, symbol, side, LevelKind.STOP_LOSS, 0, price, Decimal(1), close_id))
    for rung, target in enumerate(protection.take_profit, start=1):
        price = target_price(target.at, side, entry, instrument)
        close_id = order_link_id(position_id, f"t{rung}r{round_}")
        levels.append(Level(position_id, symbol, side, LevelKind.TAKE_PROFIT, rung, price, target.portion, close_id))
    return tuple(levels)


NO_PROTECTION = Protection()
"""Neither stop nor target."""
