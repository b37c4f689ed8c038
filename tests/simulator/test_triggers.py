"""Stops, conditional orders, trailing: what fires, when, and what goes with it."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.model import OrderStatus, PriceSource, StopKind
from simulator.protection import TradingStop, trading_stop
from tests.simulator.bench import Bench

D = Decimal


def stop_request(**changes: object) -> TradingStop:
    """A trading-stop for BTCUSDT that names nothing but what is given."""
    base = {
        "symbol": "BTCUSDT",
        "position_idx": 0,
        "full": True,
        "take_profit": None,
        "stop_loss": None,
        "trailing": None,
        "active_price": None,
        "tp_trigger_by": PriceSource.LAST,
        "sl_trigger_by": PriceSource.LAST,
        "tp_size": None,
        "sl_size": None,
        "tp_limit": None,
        "sl_limit": None,
    }
    return TradingStop(**(base | changes))  # type: ignore[arg-type]


def set_stops(bench: Bench, **changes: object) -> int:
    """The code of a trading-stop request, 0 when it is taken."""
    refusal = trading_stop(bench.exchange, bench.account, stop_request(**changes), bench.now)
    return 0 if refusal is None else refusal.code


def stop(bench: Bench, kind: StopKind = StopKind.STOP_LOSS) -> D | None:
    """Trigger price of a whole-position stop."""
    order = bench.account.protection("BTCUSDT", 0, kind)
    return order.trigger_price if order else None


def test_an_attached_stop_becomes_the_positions_and_fires_as_the_exchanges_own_order() -> None:
    bench = Bench()
    entry = bench.placed("Buy", "0.01", stopLoss="59000", takeProfit="62000", orderLinkId="e-1")
    assert (stop(bench), stop(bench, StopKind.TAKE_PROFIT)) == (D(59_000), D(62_000))
    bench.events("order")
    bench.price("59000.1")
    assert bench.position.size == D("0.01")
    bench.price(59_000)
    rows = bench.events("order")
    fired = [row for row in rows if row["stopOrderType"] == "StopLoss"]
    assert [row["orderStatus"] for row in fired] == ["Triggered", "Filled"]
    assert len({row["orderId"] for row in fired}) == 1
    last = fired[-1]
    assert (last["createType"], last["orderLinkId"], last["parentOrderLinkId"]) == ("CreateByStopLoss", "", "e-1")
    assert (last["reduceOnly"], last["closeOnTrigger"], last["side"], last["avgPrice"]) == (True, True, "Sell", "59000")
    other = next(row for row in rows if row["stopOrderType"] == "TakeProfit")
    assert (other["orderStatus"], other["cancelType"]) == ("Deactivated", "CancelByTpSlTsClear")
    assert bench.account.open_orders == {}
    assert entry.status is OrderStatus.FILLED


@pytest.mark.parametrize("source", ["MarkPrice", "IndexPrice"])
def test_a_stop_watches_the_price_it_names(source: str) -> None:
    bench = Bench()
    bench.placed("Sell", "0.01", stopLoss="61000", slTriggerBy=source)
    bench.price(61_500, mark=60_900, index=60_900)
    assert bench.position.size == D("-0.01")
    bench.price(60_500, mark=61_000, index=61_000)
    assert (bench.position.size, bench.account.executions[-1].price) == (D(0), D(60_500))


@given(st.sampled_from(["Buy", "Sell"]), st.lists(st.integers(595_000, 605_000), max_size=20))
def test_a_stop_fires_on_the_first_price_at_or_beyond_it_and_never_before(side: str, ticks: list[int]) -> None:
    bench = Bench()
    level = D(59_800) if side == "Buy" else D(60_200)
    bench.placed(side, "0.01", stopLoss=str(level))
    crossed = False
    for tick in ticks:
        price = D(tick) / 10
        bench.price(price)
        crossed = crossed or (price <= level if side == "Buy" else price >= level)
        assert (bench.position.size == 0) == crossed


def test_stops_follow_the_size_of_the_position_and_go_when_it_closes() -> None:
    bench = Bench()
    bench.placed("Buy", "0.01", stopLoss="59000")
    bench.placed("Buy", "0.02")
    order = bench.account.protection("BTCUSDT", 0, StopKind.STOP_LOSS)
    assert order is not None
    assert order.qty == D("0.03")
    bench.placed("Sell", "0.01", reduceOnly=True)
    assert order.qty == D("0.02")
    bench.placed("Sell", "0.02", reduceOnly=True)
    assert (order.status, stop(bench)) == (OrderStatus.DEACTIVATED, None)


def test_a_flip_drops_the_old_sides_stop_and_takes_the_new_orders() -> None:
    bench = Bench()
    bench.placed("Buy", "0.01", stopLoss="59000")
    bench.placed("Sell", "0.03", stopLoss="61000")
    assert stop(bench) == 61_000
    bench.price(61_000)
    assert bench.position.size == 0


def test_trading_stop_codes() -> None:
    bench = Bench()
    assert set_stops(bench, stop_loss=D(59_000)) == 10001
    bench.placed("Buy", "0.01")
    assert set_stops(bench, stop_loss=D(61_000)) == 10001
    assert set_stops(bench, stop_loss=D(0)) == 34040
    assert set_stops(bench, stop_loss=D(59_000)) == 0
    assert set_stops(bench, stop_loss=D(59_000)) == 34040
    assert set_stops(bench, stop_loss=D(59_500)) == 0
    assert stop(bench) == 59_500
    assert set_stops(bench, stop_loss=D(0)) == 0
    assert stop(bench) is None


def test_partial_stops_add_up_and_close_their_part() -> None:
    bench = Bench()
    bench.placed("Buy", "0.03")
    for price, size in ((61_000, "0.01"), (62_000, "0.02")):
        assert set_stops(bench, full=False, take_profit=D(price), tp_size=D(size)) == 0
    bench.price(61_000)
    assert bench.position.size == D("0.02")
    bench.price(62_000)
    assert bench.position.size == 0
    assert set_stops(bench, full=False, take_profit=D(63_000), tp_size=D("0.01")) == 10001


def test_a_trailing_stop_follows_the_best_price_and_fires_at_its_distance() -> None:
    bench = Bench()
    bench.placed("Buy", "0.01")
    assert set_stops(bench, trailing=D(500)) == 0
    bench.price(61_000)
    bench.price("60500.1")
    assert bench.position.size == D("0.01")
    bench.price(60_500)
    assert bench.position.size == 0
    assert bench.account.executions[-1].stop_kind is StopKind.TRAILING


def test_a_trailing_stop_waits_for_its_active_price() -> None:
    bench = Bench()
    bench.placed("Sell", "0.01")
    assert set_stops(bench, trailing=D(300), active_price=D(59_000)) == 0
    bench.price(60_900)
    assert bench.position.size == D("-0.01")
    bench.price(58_900)
    bench.price(59_200)
    assert bench.position.size == 0


def test_a_conditional_order_waits_fires_and_keeps_its_id() -> None:
    bench = Bench()
    order = bench.placed("Buy", "0.01", triggerPrice="61000", triggerDirection=1, stopLoss="60500")
    assert (order.status, bench.account.wallet) == (OrderStatus.UNTRIGGERED, D(10_000))
    bench.events("order")
    bench.price(61_000)
    rows = [row for row in bench.events("order") if row["orderId"] == order.order_id]
    assert [row["orderStatus"] for row in rows] == ["Triggered", "Filled"]
    assert rows[-1]["stopOrderType"] == "Stop"
    assert (bench.position.size, stop(bench)) == (D("0.01"), D(60_500))


def test_triggers_of_one_price_fire_oldest_first() -> None:
    bench = Bench()
    orders = [bench.placed("Buy", "0.01", triggerPrice=str(price), triggerDirection=1) for price in (62_000, 61_000)]
    bench.price(63_000)
    assert [fill.order_id for fill in bench.account.executions] == [order.order_id for order in orders]


def test_a_conditional_close_of_a_closed_position_is_cancelled() -> None:
    bench = Bench()
    bench.placed("Buy", "0.01")
    order = bench.placed("Sell", "0.01", triggerPrice="59000", triggerDirection=2, reduceOnly=True)
    bench.placed("Sell", "0.01", reduceOnly=True)
    bench.price(58_000)
    assert (order.status, order.cancel_type, bench.position.size) == (OrderStatus.CANCELLED, "CancelByReduceOnly", D(0))


def test_a_stop_in_a_thin_book_closes_what_it_can() -> None:
    bench = Bench()
    bench.placed("Buy", "0.01", stopLoss="59000")
    bench.exchange.quote("BTCUSDT").depth = D("0.004")
    bench.price(58_000)
    assert (bench.position.size, stop(bench)) == (D("0.006"), None)
