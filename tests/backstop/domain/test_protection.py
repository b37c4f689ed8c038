"""Where stops and targets lie, on which side they are rounded, and which tick crosses them."""

from decimal import Decimal
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backstop.domain.ids import PositionId
from backstop.domain.instrument import Instrument
from backstop.domain.money import Price
from backstop.domain.protection import (
    LevelKind,
    PriceMark,
    Protection,
    TakeProfit,
    levels_of,
    read_price_mark,
    resident_stop_price,
    stop_price,
    target_price,
)
from backstop.domain.side import PositionSide
from tests.backstop.domain.values import BTC, PROFILE, instruments

ENTRIES = st.integers(100, 10_000_000).map(lambda ticks: Price(Decimal(ticks) / 100))
SHARES = st.integers(1, 5_000).map(lambda units: Decimal(units) / 10_000)
SIDES = st.sampled_from(PositionSide)


@pytest.mark.parametrize(
    ("text", "mark"),
    [
        ("1.5%", PriceMark(share=Decimal("0.015"))),
        (" 2 % ", PriceMark(share=Decimal("0.02"))),
        ("64000", PriceMark(price=Price(Decimal(64000)))),
        ("0.0001", PriceMark(price=Price(Decimal("0.0001")))),
        *((text, None) for text in ("", "%", "0", "0%", "-1", "-1%", "NaN", "NaN%", "Infinity", "1000%", "abc", "1%%")),
    ],
)
def test_marks_are_read_as_distance_or_price(text: str, mark: PriceMark | None) -> None:
    assert read_price_mark(text) == mark


@PROFILE
@given(share=SHARES)
def test_mark_reads_back_as_it_is_written(share: Decimal) -> None:
    assert read_price_mark(str(PriceMark(share=share))) == PriceMark(share=share)


def test_mark_is_one_of_the_two() -> None:
    with pytest.raises(AssertionError):
        PriceMark()
    with pytest.raises(AssertionError):
        PriceMark(price=Price(Decimal(1)), share=Decimal(1))


@PROFILE
@given(side=SIDES, entry=ENTRIES, share=SHARES, instrument=instruments())
def test_stop_is_on_the_tick_that_protects_more(
    side: PositionSide, entry: Price, share: Decimal, instrument: Instrument
) -> None:
    exact = entry * (1 - side.sign * share)
    stop = stop_price(PriceMark(share=share), side, entry, instrument)
    assert stop % instrument.tick_size == 0
    assert 0 <= (stop - exact) * side.sign < instrument.tick_size


@PROFILE
@given(side=SIDES, entry=ENTRIES, share=SHARES, instrument=instruments())
def test_target_is_on_the_tick_that_is_reached_first(
    side: PositionSide, entry: Price, share: Decimal, instrument: Instrument
) -> None:
    exact = entry * (1 + side.sign * share)
    target = target_price(PriceMark(share=share), side, entry, instrument)
    assert target % instrument.tick_size == 0
    assert 0 <= (exact - target) * side.sign < instrument.tick_size


@PROFILE
@given(
    side=SIDES,
    entry=ENTRIES,
    share=SHARES,
    gap=st.integers(0, 500).map(lambda units: Decimal(units) / 10_000),
    instrument=instruments(),
)
def test_resident_stop_is_never_before_the_watched_one(
    side: PositionSide, entry: Price, share: Decimal, gap: Decimal, instrument: Instrument
) -> None:
    mark = PriceMark(share=share)
    resident = resident_stop_price(Protection(stop_loss=mark, resident_gap=gap), side, entry, instrument)
    assert resident is not None and resident > 0
    watched = stop_price(mark, side, entry, instrument)
    if watched > instrument.tick_size:
        assert (watched - resident) * side.sign >= 0
        assert resident % instrument.tick_size == 0


def test_no_stop_wanted_means_no_resident_stop(instrument: Instrument) -> None:
    assert resident_stop_price(Protection(), PositionSide.LONG, Price(Decimal(100)), instrument) is None


def test_levels_have_ids_of_their_own_and_new_ones_each_round(instrument: Instrument) -> None:
    wanted = Protection(
        stop_loss=PriceMark(share=Decimal("0.01")),
        take_profit=tuple(TakeProfit(PriceMark(share=Decimal(n) / 100), Decimal("0.5")) for n in (1, 2)),
    )
    rounds = [
        levels_of(PositionId(UUID(int=9)), BTC, PositionSide.LONG, Price(Decimal(100)), wanted, instrument, round_=n)
        for n in (1, 2)
    ]
    ids = [level.close_id for levels in rounds for level in levels]
    assert len(set(ids)) == len(ids) == 6
    assert [(level.kind, level.rung, level.price) for level in rounds[0]] == [
        (LevelKind.STOP_LOSS, 0, Decimal(99)),
        (LevelKind.TAKE_PROFIT, 1, Decimal(101)),
        (LevelKind.TAKE_PROFIT, 2, Decimal(102)),
    ]


@pytest.mark.parametrize(
    ("side", "kind", "crossed", "not_crossed"),
    [
        (PositionSide.LONG, LevelKind.STOP_LOSS, "100", "100.1"),
        (PositionSide.LONG, LevelKind.TAKE_PROFIT, "100", "99.9"),
        (PositionSide.SHORT, LevelKind.STOP_LOSS, "100", "99.9"),
        (PositionSide.SHORT, LevelKind.TAKE_PROFIT, "100", "100.1"),
    ],
)
def test_level_is_crossed_when_it_is_touched(
    side: PositionSide, kind: LevelKind, crossed: str, not_crossed: str, instrument: Instrument
) -> None:
    at = PriceMark(price=Price(Decimal(100)))
    wanted = Protection(stop_loss=at) if kind is LevelKind.STOP_LOSS else Protection(take_profit=(TakeProfit(at),))
    (level,) = levels_of(PositionId(UUID(int=9)), BTC, side, Price(Decimal(100)), wanted, instrument)
    assert level.crossed_by(Decimal(crossed))
    assert not level.crossed_by(Decimal(not_crossed))
