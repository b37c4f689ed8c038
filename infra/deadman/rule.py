"""What is to be done about one position that nobody watches. Pure."""

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from backstop.domain.money import Price
from backstop.domain.protection import PriceSource
from backstop.domain.side import PositionSide
from backstop.engine.events import ExchangePosition
from backstop.store.guarded import GuardedPosition


class Policy(StrEnum):
    """What becomes of a position whose stop can't be placed any more: told of only, or closed at the market."""

    REPAIR = "repair"
    FLATTEN = "flatten"


@dataclass(frozen=True, slots=True)
class Fine:
    """Nothing is held, or its stop is where it should be."""


@dataclass(frozen=True, slots=True)
class PlaceStop:
    price: Price
    trigger_by: PriceSource


@dataclass(frozen=True, slots=True)
class Unprotected:
    """There is no stop to place, or none would hold; `why` for people."""

    why: str


Finding = Fine | PlaceStop | Unprotected


def judge(known: GuardedPosition, held: ExchangePosition | None) -> Finding:
    """Compare what we know of a position with what the exchange holds.

    A stop that is tighter than the one we know is left alone: it protects more. Of a position that is of the other side
    than ours we know nothing: it is not ours to stop.
    """
    if held is None or held.side is None or held.size == 0:
        return Fine()
    if held.side is not known.side:
        return (
            Unprotected(f"the exchange holds a {held.side}, not a {known.side}") if held.stop_loss is None else Fine()
        )
    if held.stop_loss is not None and (known.resident_stop is None or _protects(held.stop_loss, known)):
        return Fine()
    if known.resident_stop is None:
        return Unprotected("no stop at the exchange was ever proven, so none is known to place")
    if _is_beyond(held.mark_price, known.side, known.resident_stop):
        return Unprotected(f"the price is beyond its stop {known.resident_stop} already")
    return PlaceStop(known.resident_stop, known.trigger_by)


def _protects(stop: Price, known: GuardedPosition) -> bool:
    assert known.resident_stop is not None
    return stop >= known.resident_stop if known.side is PositionSide.LONG else stop <= known.resident_stop


def _is_beyond(price: Decimal, side: PositionSide, stop: Price) -> bool:
    return price <= stop if side is PositionSide.LONG else price >= stop
