"""What may become of an order."""

from dataclasses import replace
from decimal import Decimal

import pytest

from backstop.domain.ids import OrderLinkId
from backstop.domain.money import Qty
from backstop.domain.order import TRANSITIONS, Order, OrderStatus, Purpose
from backstop.domain.protection import LevelKind
from backstop.domain.side import Side
from tests.backstop.domain.values import BTC

ORDER = Order(OrderLinkId("a"), BTC, Side.SELL, Purpose.SIGNAL, Qty(Decimal(1)), created_at=0)


def test_what_is_over_stays_over_but_for_a_fill_that_raced_a_cancel() -> None:
    for status in OrderStatus:
        if status.final:
            expected = {OrderStatus.FILLED} if status is OrderStatus.CANCELED else set()
            assert TRANSITIONS[status] == expected


def test_accepted_order_is_never_unknown_again() -> None:
    assert TRANSITIONS[OrderStatus.OPEN] == {OrderStatus.FILLED, OrderStatus.CANCELED, OrderStatus.REJECTED}


@pytest.mark.parametrize("status", list(OrderStatus))
def test_nothing_becomes_an_intent_again(status: OrderStatus) -> None:
    assert OrderStatus.INTENDED not in TRANSITIONS[status]


@pytest.mark.parametrize(
    ("status", "filled", "reported", "done"),
    [
        (OrderStatus.FILLED, "1", "1", True),
        (OrderStatus.FILLED, "0.4", "1", False),
        (OrderStatus.CANCELED, "0", "0", True),
        (OrderStatus.CANCELED, "0", "0.4", False),
        (OrderStatus.OPEN, "1", "1", False),
    ],
)
def test_order_is_done_when_over_and_all_its_fills_are_booked(
    status: OrderStatus, filled: str, reported: str, done: bool
) -> None:
    order = replace(ORDER, status=status, filled_qty=Decimal(filled), reported_qty=Decimal(reported))
    assert order.done is done


def test_closes_are_reduce_only_unless_said_otherwise() -> None:
    assert ORDER.reduce_only and not ORDER.is_entry


def test_purpose_of_a_level() -> None:
    assert Purpose.of_level(LevelKind.STOP_LOSS) is Purpose.STOP_LOSS
    assert Purpose.of_level(LevelKind.TAKE_PROFIT) is Purpose.TAKE_PROFIT
