"""Entries by limit order, by all parts of the streamer together: placed, filled, expired, and through a crash."""

from decimal import Decimal
from typing import Any

from tests.streamer.desk import Desk
from tests.streamer.test_account import desk as desk  # noqa: PLC0414 - the fixture
from tests.streamer.waiting import eventually

LIMIT: dict[str, Any] = {"kind": "limit", "at": "1%", "expires_s": 60, "post_only": False}


async def waits(desk: Desk) -> dict[str, Any]:
    """The order, once the exchange is known to have it."""

    def look() -> dict[str, Any] | None:
        return next((row for row in desk.orders() if row["status"] == "open"), None)

    return await eventually(look, "a limit order that waits")


async def test_a_limit_order_fills_at_its_price_and_is_protected(desk: Desk) -> None:
    desk.trades_by(entry=LIMIT)
    await desk.own()
    signal = desk.signals("buy")
    order = await waits(desk)
    assert (order["limit_price"], desk.exchange.held) == (Decimal(59400), Decimal(0))
    await desk.exchange.price("59390")
    position = await desk.opens()
    assert (position["cost"], position["stop_loss"]) == (Decimal(594), Decimal(58509))
    assert (await desk.settled(signal))["status"] == "executed"
    await desk.exchange.price("58500")
    (trade,) = await desk.has_traded(1)
    assert trade["exit_reason"] == "stop_loss"
    await desk.agrees_with_the_exchange()


async def test_a_limit_order_expires(desk: Desk) -> None:
    desk.trades_by(entry={**LIMIT, "expires_s": 1})
    await desk.own()
    end = await desk.settled(desk.signals("buy"))
    assert (end["status"], end["reason_code"]) == ("expired", "entry_expired")
    await desk.exchange.price("59000")
    assert desk.exchange.held == 0
    assert [row["cancel_reason"] for row in desk.orders()] == ["expired"]


async def test_a_cancel_nobody_answered_is_asked_for_again(desk: Desk) -> None:
    desk.trades_by(entry={**LIMIT, "expires_s": 1})
    await desk.own()
    signal = desk.signals("buy")
    await waits(desk)
    await desk.exchange.fault("http_status", status=502, path="/v5/order/cancel", times=1)
    assert (await desk.settled(signal))["reason_code"] == "entry_expired"


async def test_an_order_that_waits_outlives_its_process_and_fills_while_nobody_looks(desk: Desk) -> None:
    desk.trades_by(entry=LIMIT)
    first = await desk.own()
    signal = desk.signals("buy")
    await waits(desk)
    await first.kill()
    await desk.exchange.price("59390")
    await desk.own("two")
    position = await desk.opens()
    assert (position["cost"], position["entries"]) == (Decimal(594), 1)
    assert (await desk.settled(signal))["status"] == "executed"
    await desk.agrees_with_the_exchange()


async def test_an_order_whose_time_was_over_while_nobody_ran_is_canceled(desk: Desk) -> None:
    desk.trades_by(entry={**LIMIT, "expires_s": 1})
    first = await desk.own()
    signal = desk.signals("buy")
    await waits(desk)
    await first.kill()
    await desk.own("two")
    assert (await desk.settled(signal))["reason_code"] == "entry_expired"
    assert desk.positions() == []


async def test_a_close_takes_back_what_waits(desk: Desk) -> None:
    desk.trades_by(entry=LIMIT)
    await desk.own()
    entry = desk.signals("buy")
    await waits(desk)
    close = desk.signals("close")
    assert (await desk.settled(close))["reason_code"] == "entry_canceled"
    assert (await desk.settled(entry))["status"] == "superseded"
    await desk.exchange.price("59000")
    assert desk.exchange.held == 0
