"""Prices that close all or part of a position: stop-loss and take-profits, and the exchange's own stop behind them."""

from dataclasses import dataclass, replace
from decimal import Decimal
from enum import StrEnum

from backstop.domain.ids import OrderLinkId, PositionId, Symbol, order_link_id
from backstop.domain.instrument import Instrument
from backstop.domain.money import Price, decimal_or_none, plain, tick_down, tick_up
from backstop.domain.side import PositionSide

TAKER_FEE = Decimal("0.00055")
"""What a market order costs without VIP level, as a share of its value (Bybit's fee schedule)."""

_RATCHETS = 50
"""A trailing stop is moved in steps of this part of its distance."""

RESIDENT_GAP = Decimal("0.005")
"""How much wider than the watched stop the exchange's stop lies, as a share of the entry price."""


class PriceSource(StrEnum):
    """Which price a level is compared with: the last trade, or the exchange's mark or index price."""

    LAST = "last"
    MARK = "mark"
    INDEX = "index"


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
class Trailing:
    """A stop that follows the best price at `distance` (a share of it, or USDT), from the entry on or, with `activation`,
    from when that is reached."""

    distance: PriceMark
    activation: PriceMark | None = None


@dataclass(frozen=True, slots=True)
class BreakEven:
    """Once `trigger` is reached the stop moves to where closing costs nothing, plus `offset` (a share of entry)."""

    trigger: PriceMark
    offset: Decimal = Decimal(0)


@dataclass(frozen=True, slots=True)
class Protection:
    """What the trader asked for. `time_exit_ms`: closed at market when it has been open that long. `trigger_by`: the
    price that all levels of the position, and the exchange's stop, are compared with."""

    stop_loss: PriceMark | None = None
    take_profit: tuple[TakeProfit, ...] = ()
    resident_gap: Decimal = RESIDENT_GAP
    trailing: Trailing | None = None
    break_even: BreakEven | None = None
    time_exit_ms: int | None = None
    trigger_by: PriceSource = PriceSource.LAST


class LevelKind(StrEnum):
    """`ratchet` and `break_even` close nothing: reaching one moves a stop."""

    STOP_LOSS = "stop_loss"
    TAKE_PROFIT = "take_profit"
    TRAILING = "trailing"
    RATCHET = "ratchet"
    BREAK_EVEN = "break_even"

    @property
    def is_stop(self) -> bool:
        return self in (LevelKind.STOP_LOSS, LevelKind.TRAILING)


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
    trigger_by: PriceSource = PriceSource.LAST

    @property
    def fires_below(self) -> bool:
        """Whether the level is crossed by a falling price."""
        return self.kind.is_stop == (self.side is PositionSide.LONG)

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


def first_stop_price(protection: Protection, side: PositionSide, entry: Price, instrument: Instrument) -> Price | None:
    """The tightest stop that is watched from the entry on, or None."""
    stops = []
    if protection.stop_loss is not None:
        stops.append(stop_price(protection.stop_loss, side, entry, instrument))
    if protection.trailing is not None and protection.trailing.activation is None:
        stops.append(trailing_price(protection.trailing, side, entry, instrument))
    return tightest(stops, side)


def tightest(stops: list[Price], side: PositionSide) -> Price | None:
    """The stop that is reached first."""
    return max(stops, key=lambda price: price * side.sign) if stops else None


def resident_stop_price(
    protection: Protection, side: PositionSide, entry: Price, instrument: Instrument
) -> Price | None:
    """Where the exchange's own stop is placed with the opening order; None when the trader wants no stop."""
    watched = first_stop_price(protection, side, entry, instrument)
    return None if watched is None else resident_behind(watched, protection, side, entry, instrument)


def resident_behind(
    watched: Price, protection: Protection, side: PositionSide, entry: Price, instrument: Instrument
) -> Price:
    """Where the exchange keeps its own stop: behind the watched one, so that ours acts first. Never below a tick."""
    wider = watched - side.sign * entry * protection.resident_gap
    resident = (
        tick_down(wider, instrument.tick_size) if side is PositionSide.LONG else tick_up(wider, instrument.tick_size)
    )
    return resident if resident > 0 else Price(instrument.tick_size)


def trailing_price(trailing: Trailing, side: PositionSide, peak: Price, instrument: Instrument) -> Price:
    """The trailing stop while `peak` is the best price seen, rounded to the tick that protects more."""
    distance = _distance(trailing, peak)
    raw = peak - side.sign * distance
    return tick_up(raw, instrument.tick_size) if side is PositionSide.LONG else tick_down(raw, instrument.tick_size)


def ratchet_price(trailing: Trailing, side: PositionSide, peak: Price, instrument: Instrument) -> Price:
    """The next price at which the trailing stop is moved: a fiftieth of its distance beyond the peak, at least a tick."""
    step = max(_distance(trailing, peak) / _RATCHETS, instrument.tick_size)
    raw = peak + side.sign * step
    return tick_up(raw, instrument.tick_size) if side is PositionSide.LONG else tick_down(raw, instrument.tick_size)


def _distance(trailing: Trailing, peak: Price) -> Decimal:
    mark = trailing.distance
    return mark.price if mark.price is not None else peak * (mark.share or Decimal(0))


def break_even_price(break_even: BreakEven, side: PositionSide, entry: Price, instrument: Instrument) -> Price:
    """The stop at which closing now would cost nothing, plus the offset.

    Counts the taker fee of both legs; rounded to the tick on the side that protects more.
    Source: Bybit, "P&L calculations (USDT contract)" and its fee schedule.
    """
    sign = side.sign
    raw = entry * (1 + sign * TAKER_FEE) / (1 - sign * TAKER_FEE) + sign * entry * break_even.offset
    return tick_up(raw, instrument.tick_size) if side is PositionSide.LONG else tick_down(raw, instrument.tick_size)


@dataclass(frozen=True, slots=True)
class ResidentStop:
    """The exchange's own stop as last read there, and when that was proved (UTC milliseconds). `trigger_by` None: not
    read yet."""

    price: Price | None = None
    verified_at: int | None = None
    trigger_by: PriceSource | None = None


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
    moving = _moving_levels(position_id, symbol, side, entry, protection, instrument, round_)
    return tuple(replace(one, trigger_by=protection.trigger_by) for one in (*levels, *moving))


def _moving_levels(
    position_id: PositionId,
    symbol: Symbol,
    side: PositionSide,
    entry: Price,
    protection: Protection,
    instrument: Instrument,
    round_: int,
) -> list[Level]:
    """What trails, and what moves the stop."""

    def level(kind: LevelKind, price: Price, leg: str) -> Level:
        return Level(
            position_id, symbol, side, kind, 0, price, Decimal(1), order_link_id(position_id, f"{leg}{round_}")
        )

    levels = []
    trailing, break_even = protection.trailing, protection.break_even
    if trailing is not None and trailing.activation is None:
        levels.append(level(LevelKind.TRAILING, trailing_price(trailing, side, entry, instrument), "w"))
        levels.append(level(LevelKind.RATCHET, ratchet_price(trailing, side, entry, instrument), "x"))
    elif trailing is not None and trailing.activation is not None:
        levels.append(level(LevelKind.RATCHET, target_price(trailing.activation, side, entry, instrument), "x"))
    if break_even is not None:
        levels.append(level(LevelKind.BREAK_EVEN, target_price(break_even.trigger, side, entry, instrument), "b"))
    return levels


NO_PROTECTION = Protection()
"""Neither stop nor target."""
