"""What is taken, what is refused, what fills."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from simulator.instruments import INSTRUMENTS
from simulator.market import price_band
from simulator.model import OrderStatus, Refusal
from simulator.orders import amend, cancel, work
from tests.simulator.bench import Bench

D = Decimal


@pytest.mark.parametrize(
    ("code", "params"),
    [
        (10001, {"category": "spot"}),
        (10001, {"symbol": "NOPEUSDT"}),
        (10001, {"side": "buy"}),
        (10001, {"qty": "0"}),
        (10001, {"qty": "0.0005"}),
        (10001, {"qty": "0.0015"}),
        (10001, {"qty": "501"}),
        (10001, {"qty": None}),
        (10001, {"positionIdx": 1}),
        (10001, {"orderLinkId": "a" * 37}),
        (10001, {"orderLinkId": "a b"}),
        (10001, {"orderType": "Limit"}),
        (110003, {"orderType": "Limit", "price": "60000.05"}),
        (10001, {"stopLoss": "60000"}),
        (10001, {"takeProfit": "59999"}),
        (10001, {"stopLoss": "59000.05"}),
        (10001, {"slOrderType": "Market", "stopLoss": "59000"}),
        (10001, {"stopLoss": "59000", "reduceOnly": True}),
        (10001, {"triggerPrice": "61000"}),
        (110092, {"triggerPrice": "60000", "triggerDirection": 1}),
        (110093, {"triggerPrice": "60000", "triggerDirection": 2}),
        (110017, {"reduceOnly": True}),
        (110007, {"qty": "10"}),
    ],
)
def test_an_order_is_refused_with_the_venues_code(code: int, params: dict[str, Any]) -> None:
    bench = Bench()
    qty = params.pop("qty", "0.01")
    body = {"side": "Buy", "qty": qty} | params
    assert bench.refused(body.pop("side"), body.pop("qty"), **body) == code
    assert bench.account.open_orders == {}


def test_a_stop_on_the_wrong_side_is_refused_with_the_documented_text() -> None:
    refusal = Bench().order("Buy", "0.01", stopLoss="60001")
    assert isinstance(refusal, Refusal)
    expected = "StopLoss:600010000 set for Buy position should lower than base_price:600000000??LastPrice"
    assert refusal.message == expected


def test_an_order_below_the_minimum_value_is_refused_unless_it_reduces() -> None:
    bench = Bench()
    bench.price("0.1", symbol="XRPUSDT")
    assert bench.refused("Buy", "40", symbol="XRPUSDT") == 110094
    bench.placed("Buy", "50", symbol="XRPUSDT")
    bench.placed("Sell", "10", symbol="XRPUSDT", reduceOnly=True)


def test_an_order_link_id_is_taken_once() -> None:
    bench = Bench()
    bench.placed("Buy", "0.01", orderLinkId="a-1")
    assert bench.refused("Buy", "0.01", orderLinkId="a-1") == 110072


def test_a_refused_order_leaves_its_link_id_free() -> None:
    bench = Bench()
    assert bench.refused("Buy", "10", orderLinkId="a-1") == 110007
    bench.placed("Buy", "0.01", orderLinkId="a-1")


def test_a_market_order_fills_at_exactly_the_last_price() -> None:
    bench = Bench()
    bench.price("60123.4")
    order = bench.placed("Buy", "0.01")
    assert (order.status, order.cum_exec_value, order.price) == (OrderStatus.FILLED, D("601.234"), D("60724.6"))


@pytest.mark.parametrize(
    ("depth", "status", "filled"),
    [("0", OrderStatus.CANCELLED, "0"), ("0.004", OrderStatus.CANCELLED, "0.004"), ("1", OrderStatus.FILLED, "0.01")],
)
def test_a_market_order_fills_as_far_as_the_book_reaches(depth: str, status: OrderStatus, filled: str) -> None:
    bench = Bench()
    bench.exchange.quote("BTCUSDT").depth = D(depth)
    order = bench.placed("Buy", "0.01")
    assert (order.status, order.cum_exec_qty) == (status, D(filled))
    assert bench.position.size == D(filled)


def test_close_all_takes_the_whole_position() -> None:
    bench = Bench()
    bench.placed("Buy", "0.013")
    order = bench.placed("Sell", "0", reduceOnly=True, closeOnTrigger=True)
    assert (order.qty, bench.position.size) == (D("0.013"), D(0))


def test_a_reduce_only_order_is_cut_to_the_position() -> None:
    bench = Bench()
    bench.placed("Buy", "0.01")
    order = bench.placed("Sell", "0.05", reduceOnly=True)
    assert (order.qty, order.status, bench.position.size) == (D("0.01"), OrderStatus.FILLED, D(0))


def test_a_resting_reduce_only_order_is_clipped_when_it_fills() -> None:
    bench = Bench()
    bench.placed("Buy", "0.02")
    resting = bench.placed("Sell", "0.02", orderType="Limit", price="61000", reduceOnly=True)
    bench.placed("Sell", "0.015")
    bench.price(61_000)
    assert (resting.cum_exec_qty, resting.status, resting.cancel_type) == (
        D("0.005"),
        OrderStatus.CANCELLED,
        "CancelByReduceOnly",
    )
    assert bench.position.size == 0


def test_a_limit_order_rests_and_fills_as_maker_at_its_own_price() -> None:
    bench = Bench()
    order = bench.placed("Buy", "0.01", orderType="Limit", price="59000")
    assert order.status is OrderStatus.NEW
    bench.price(58_000)
    fill = bench.account.executions[-1]
    assert (fill.price, fill.is_maker, fill.fee) == (D(59_000), True, D("0.118"))  # 590·0.0002


def test_a_marketable_limit_order_fills_as_taker_at_the_touch() -> None:
    bench = Bench()
    bench.placed("Buy", "0.01", orderType="Limit", price="61000")
    fill = bench.account.executions[-1]
    assert (fill.price, fill.is_maker) == (D(60_000), False)


@pytest.mark.parametrize(
    ("side", "asked", "becomes"),
    [
        ("Buy", "70000", "60600"),
        ("Buy", "60600", "60600"),
        ("Buy", "50000", "50000"),
        ("Sell", "50000", "59400"),
        ("Sell", "70000", "70000"),
    ],
)
def test_a_price_beyond_the_band_is_moved_to_it(side: str, asked: str, becomes: str) -> None:
    bench = Bench()
    bench.exchange.quote("BTCUSDT").depth = D(0)
    assert bench.placed(side, "0.01", orderType="Limit", price=asked).price == D(becomes)


def test_the_band_reaches_to_the_index_and_never_beyond_its_outer_bound() -> None:
    bench = Bench()
    quote = bench.exchange.quote("BTCUSDT")
    bench.price(60_000, 60_000, 60_900)
    assert price_band(quote, INSTRUMENTS["BTCUSDT"]) == (D(59_400), D(60_900))
    bench.price(60_000, 60_000, 70_000)
    assert price_band(quote, INSTRUMENTS["BTCUSDT"]) == (D(59_400), D(61_200))
    bench.price(60_000, D("60000.07"), 59_000)
    assert price_band(quote, INSTRUMENTS["BTCUSDT"]) == (D("59000.0"), D("60600.0"))


@pytest.mark.parametrize(
    ("time_in_force", "price", "reason"),
    [
        ("PostOnly", "60000", "EC_PostOnlyWillTakeLiquidity"),
        ("IOC", "59000", "EC_NoImmediateQtyToFill"),
        ("FOK", "60000", "EC_CancelForNoFullFill"),
    ],
)
def test_time_in_force_ends_an_order_that_cannot_do_as_told(time_in_force: str, price: str, reason: str) -> None:
    bench = Bench()
    bench.exchange.quote("BTCUSDT").depth = D("0.001")
    order = bench.placed("Buy", "0.01", orderType="Limit", price=price, timeInForce=time_in_force)
    assert (order.status, order.reject_reason, order.cum_exec_qty) == (OrderStatus.CANCELLED, reason, D(0))


def test_margin_is_held_while_an_order_rests_and_freed_when_it_is_cancelled() -> None:
    bench = Bench(D(100))
    order = bench.placed("Buy", "0.015", orderType="Limit", price="59000")
    assert bench.refused("Buy", "0.005") == 110007
    cancel(bench.exchange, bench.account, order, bench.now)
    bench.placed("Buy", "0.005")


def test_an_amended_price_that_crosses_fills_at_once() -> None:
    bench = Bench()
    order = bench.placed("Buy", "0.01", orderType="Limit", price="59000")
    assert amend(bench.exchange, bench.account, order, {"price": "60500", "qty": "0.02"}, bench.now) is None
    work(bench.exchange, bench.account, order, bench.now)
    assert (order.status, bench.position.size, bench.position.entry_price) == (OrderStatus.FILLED, D("0.02"), D(60_000))


def test_hedge_rows_are_apart_and_never_flip() -> None:
    bench = Bench()
    bench.account.hedge["BTCUSDT"] = True
    bench.placed("Buy", "0.02", positionIdx=1)
    bench.placed("Sell", "0.01", positionIdx=2)
    bench.placed("Sell", "0.05", positionIdx=1)
    assert bench.account.position("BTCUSDT", 1).size == 0
    assert bench.account.position("BTCUSDT", 2).size == D("-0.01")
    assert bench.refused("Buy", "0.01") == 10001


def test_at_most_ten_conditional_orders_wait_per_symbol() -> None:
    bench = Bench()
    for tick in range(10):
        bench.placed("Buy", "0.01", triggerPrice=str(61_000 + tick), triggerDirection=1)
    assert bench.refused("Buy", "0.01", triggerPrice="62000", triggerDirection=1) == 110009
