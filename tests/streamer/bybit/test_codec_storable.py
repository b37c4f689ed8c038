"""What is read can be written down and reckoned with; what cannot is unreadable, before anything builds on it."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamer.bybit import codec
from streamer.bybit.codec import Unreadable
from tests.streamer.bybit.test_codec import EXECUTION, INSTRUMENT, ORDER, POSITION

NUMBERS = st.one_of(
    st.decimals().map(str), st.integers().map(str), st.sampled_from(["-1", "0", "1e23", "1e400", "-0", "1_0", " 7 "])
)
TEXTS = st.text(st.characters(codec="utf-8"), max_size=6) | st.sampled_from(["a\x00b", "\x00"])


@pytest.mark.parametrize(
    "damage",
    [
        {"execPrice": "-1"},
        {"execQty": "-0.001"},
        {"execTime": "-5"},
        {"execTime": "99999999999999999"},
        {"execTime": "1e20"},
        {"execId": "a\x00b"},
        {"symbol": "BTC\x00"},
        {"orderLinkId": "\x00"},
        {"orderId": "\x00"},
    ],
)
def test_an_execution_that_could_not_be_booked_is_unreadable(damage: dict[str, str]) -> None:
    with pytest.raises(Unreadable):
        codec.read_execution(EXECUTION | damage)


@given(st.dictionaries(st.sampled_from(["execPrice", "execQty", "execFee", "execTime"]), NUMBERS), TEXTS, TEXTS)
def test_an_execution_that_is_read_can_be_booked(numbers: dict[str, str], exec_id: str, link_id: str) -> None:
    try:
        execution = codec.read_execution(EXECUTION | numbers | {"execId": exec_id, "orderLinkId": link_id})
    except Unreadable:
        return
    datetime.fromtimestamp(execution.at / 1000, UTC)
    assert execution.price >= 0
    assert execution.qty >= 0
    assert all(_has_few_digits(number) for number in (execution.price, execution.qty, execution.fee))
    assert "\x00" not in execution.exec_id + execution.order_link_id


@given(NUMBERS, TEXTS)
def test_an_order_that_is_read_can_be_written(filled: str, link_id: str) -> None:
    try:
        report = codec.read_order(ORDER | {"cumExecQty": filled, "orderLinkId": link_id})
    except Unreadable:
        return
    if report is not None:
        assert report.filled_qty >= 0
        assert _has_few_digits(report.filled_qty)
        assert "\x00" not in report.link_id


@given(st.dictionaries(st.sampled_from(["size", "entryPrice", "markPrice", "stopLoss"]), NUMBERS))
def test_a_position_that_is_read_can_be_reckoned_with(numbers: dict[str, str]) -> None:
    try:
        position = codec.read_position(POSITION | numbers, 1)
    except Unreadable:
        return
    found = [position.size, position.entry_price, position.mark_price, position.stop_loss or Decimal(0)]
    assert all(number >= 0 and _has_few_digits(number) for number in found)


@pytest.mark.parametrize(
    "damage",
    [
        {"priceFilter": {"tickSize": "0"}},
        {"priceFilter": {"tickSize": "-0.1"}},
        {"priceFilter": None},
        {"lotSizeFilter": {"qtyStep": "0", "minOrderQty": "0.001", "maxMktOrderQty": "500"}},
        {"lotSizeFilter": "none"},
        {"leverageFilter": {}},
        {"symbol": None},
    ],
)
def test_an_instrument_without_a_grid_is_unreadable(damage: dict[str, Any]) -> None:
    with pytest.raises(Unreadable):
        codec.read_instrument(INSTRUMENT | damage)


@pytest.mark.parametrize(
    "rows",
    [
        ["x"],
        [None],
        [{"coin": 7}],
        [{"coin": ["USDT"]}],
        [{"coin": [{"coin": "USDT"}]}],
        [{"coin": [{"coin": "USDT", "equity": "1e999999"}]}],
    ],
)
def test_a_wallet_of_another_shape_has_no_equity(rows: list[Any]) -> None:
    assert codec.read_equity(rows) is None


def _has_few_digits(number: Decimal) -> bool:
    return len(format(number, "f")) < 200
