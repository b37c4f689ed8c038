"""What the dead-man does about a position, case by case."""

from decimal import Decimal
from uuid import UUID

import pytest

from backstop.domain.ids import Symbol
from backstop.domain.money import Price
from backstop.domain.protection import PriceSource
from backstop.domain.side import PositionSide
from backstop.engine.events import ExchangePosition
from backstop.store.guarded import GuardedPosition
from infra.deadman.rule import Fine, PlaceStop, Unprotected, judge

LONG, SHORT = PositionSide.LONG, PositionSide.SHORT


def known(side: PositionSide = LONG, stop: str | None = "59000") -> GuardedPosition:
    price = Price(Decimal(stop)) if stop else None
    return GuardedPosition(UUID(int=1), "BTCUSDT", 0, side, Decimal("0.01"), price, PriceSource.MARK)


def held(
    side: PositionSide | None = LONG, stop: str | None = None, mark: str = "60000", size: str = "0.01"
) -> ExchangePosition:
    price = Price(Decimal(stop)) if stop else None
    return ExchangePosition(Symbol("BTCUSDT"), side, Decimal(size), Decimal(60000), Decimal(mark), price, 0)


@pytest.mark.parametrize("flat", [None, held(None, size="0"), held(size="0")])
def test_what_is_closed_needs_nothing(flat: ExchangePosition | None) -> None:
    assert judge(known(), flat) == Fine()


@pytest.mark.parametrize(
    ("side", "stop", "fine"),
    [
        (LONG, "59000", True),
        (LONG, "59500", True),
        (LONG, "58999.9", False),
        (SHORT, "61000", True),
        (SHORT, "60500", True),
        (SHORT, "61000.1", False),
    ],
)
def test_a_stop_that_protects_as_much_or_more_stays(side: PositionSide, stop: str, fine: bool) -> None:
    resident = "59000" if side is LONG else "61000"
    found = judge(known(side, resident), held(side, stop))
    assert isinstance(found, Fine if fine else PlaceStop)


def test_a_lost_stop_comes_back_where_it_was() -> None:
    assert judge(known(), held()) == PlaceStop(Price(Decimal(59000)), PriceSource.MARK)


@pytest.mark.parametrize(("side", "mark"), [(LONG, "59000"), (LONG, "58000"), (SHORT, "59000"), (SHORT, "60001")])
def test_a_stop_that_the_price_has_passed_protects_nothing(side: PositionSide, mark: str) -> None:
    assert isinstance(judge(known(side), held(side, mark=mark)), Unprotected)


def test_a_position_without_a_known_stop_is_told_of() -> None:
    assert isinstance(judge(known(stop=None), held()), Unprotected)
    assert judge(known(stop=None), held(stop="1")) == Fine()


def test_a_position_of_the_other_side_is_not_stopped_with_ours() -> None:
    assert isinstance(judge(known(LONG), held(SHORT)), Unprotected)
    assert judge(known(LONG), held(SHORT, stop="61000")) == Fine()
