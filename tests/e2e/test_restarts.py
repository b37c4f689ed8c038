"""What dies comes back, and the books are right."""

from contextlib import ExitStack
from decimal import Decimal
from pathlib import Path

import pytest

from infra.environment import Place
from infra.processes import free_port
from infra.stack import Stack
from tests.e2e.trader import Trader, eventually, fee


@pytest.mark.parametrize(
    ("price", "closed_by_us"),
    [
        pytest.param("59050", True, id="between-the-two-stops"),
        pytest.param("58500", False, id="beyond-the-resident-stop"),
    ],
)
@pytest.mark.fault(32)
def test_a_stop_crossed_while_the_streamer_is_dead_closes_once(
    stack: Stack, trader: Trader, price: str, closed_by_us: bool
) -> None:
    strategy = trader.strategy("BTCUSDT")
    trader.alert(strategy, action="buy", symbol="BTCUSDT")
    trader.sees_position("long")

    stack.kill("streamer")
    trader.exchange.price("BTCUSDT", price)
    stack.start("streamer")
    stack.wait_ready("streamer")
    (trade,) = trader.sees_trades(1)

    assert trade["exit_reason"] == "stop_loss"
    assert Decimal(trade["gross_pnl"]) == (Decimal(price) - 60000) * Decimal("0.01")
    assert Decimal(trade["fees"]) == fee("0.01", "60000", price)
    assert trader.exchange.position(trader.api_key, "BTCUSDT") is None
    closes = [order for order in trader.exchange.orders(trader.api_key) if order["reduce_only"]]
    assert len([order for order in closes if order["status"] == "Filled"]) == (1 if closed_by_us else 0)
    executions = trader.get("/api/executions")["items"]
    assert len(executions) == 2
    assert sum(Decimal(row["realised_pnl"]) for row in executions) == Decimal(trade["gross_pnl"])


@pytest.mark.fault(2)
def test_an_alert_sent_while_the_streamer_is_dead_is_carried_out(stack: Stack, trader: Trader) -> None:
    strategy = trader.strategy("BTCUSDT", max_age_s=120)
    stack.kill("streamer")
    trader.alert(strategy, action="buy", symbol="BTCUSDT")
    stack.start("streamer")
    stack.wait_ready("streamer")

    trader.sees_position("long")
    assert len(trader.exchange.orders(trader.api_key)) == 1


@pytest.mark.fault(44)
def test_a_stop_closes_while_the_database_is_dead(stack: Stack, trader: Trader) -> None:
    strategy = trader.strategy("BTCUSDT")
    trader.alert(strategy, action="buy", symbol="BTCUSDT")
    trader.sees_position("long")

    stack.kill("postgres")
    try:
        trader.exchange.price("BTCUSDT", "59050")
        eventually(
            lambda: trader.exchange.position(trader.api_key, "BTCUSDT") is None,
            "closed at the exchange without a database",
        )
    finally:
        stack.start("postgres")
    (trade,) = trader.sees_trades(1)

    assert trade["exit_reason"] == "stop_loss"
    assert Decimal(trade["exit_price"]) == 59050
    closes = [order for order in trader.exchange.orders(trader.api_key) if order["reduce_only"]]
    assert len(closes) == 1


@pytest.mark.fault(9)
def test_a_close_whose_answer_is_lost_is_sent_once(trader: Trader) -> None:
    strategy = trader.strategy("BTCUSDT")
    trader.alert(strategy, action="buy", symbol="BTCUSDT")
    trader.sees_position("long")

    trader.exchange.fault("ack_lost", times=1, api_key=trader.api_key)
    try:
        trader.exchange.price("BTCUSDT", "59050")
        (trade,) = trader.sees_trades(1)
    finally:
        trader.exchange.mend()

    assert trade["exit_reason"] == "stop_loss"
    filled = [order for order in trader.exchange.orders(trader.api_key) if order["status"] == "Filled"]
    assert len(filled) == 2


def test_a_second_start_in_the_same_home_finds_everything(tmp_path: Path) -> None:
    place = Place(tmp_path, free_port(), free_port())
    with ExitStack() as ends:
        with Stack(place, durable=False, restart=False) as stack:
            trader = ends.enter_context(Trader(stack))
            trader.exchange.price("BTCUSDT", "60000")
            strategy = trader.strategy("BTCUSDT")
            trader.alert(strategy, action="buy", symbol="BTCUSDT")
            before = trader.sees_position("long")

        ends.enter_context(Stack(place, durable=False, restart=False))
        (after,) = trader.positions()
        assert (after["id"], after["qty"], after["stop_loss"]) == (before["id"], "0.01", "59100")
        assert trader.exchange.position(trader.api_key, "BTCUSDT") is not None

        trader.exchange.price("BTCUSDT", "59050")
        (trade,) = trader.sees_trades(1)
        assert trade["exit_reason"] == "stop_loss"
