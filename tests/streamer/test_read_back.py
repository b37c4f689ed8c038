"""From when a new owner of an account reads executions."""

from decimal import Decimal

from backstop.domain.ids import OrderLinkId, Symbol
from backstop.domain.money import Qty
from backstop.domain.order import Order, Purpose
from backstop.domain.side import Side
from streamer.account import executions_from
from streamer.bybit.budget import BAN_MS

HOUR = 3_600_000


def test_what_the_stream_did_not_tell_while_nothing_could_be_read_is_read_by_the_next_owner() -> None:
    """The newest booked came over the stream, at the end of a ban during which a funding row was told by nobody."""
    funding, newest = 100 * HOUR, 100 * HOUR + BAN_MS
    assert executions_from(newest, 0, ()) <= funding


def test_nothing_from_before_the_account_was_added_is_read() -> None:
    assert executions_from(None, 100 * HOUR, ()) == 100 * HOUR
    assert executions_from(100 * HOUR + 5, 100 * HOUR, ()) == 100 * HOUR


def test_an_order_under_way_is_read_from_its_beginning() -> None:
    order = Order(
        link_id=OrderLinkId("a-o-1"),
        symbol=Symbol("BTCUSDT"),
        side=Side.BUY,
        purpose=Purpose.ENTRY,
        qty=Qty(Decimal(1)),
        created_at=90 * HOUR,
    )
    assert executions_from(100 * HOUR, 0, (order,)) == 90 * HOUR
