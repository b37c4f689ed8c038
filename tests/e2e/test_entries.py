"""Entries by limit order and by several signals, and targets with a quantity, seen from outside."""

from decimal import Decimal
from typing import Any

from tests.e2e.trader import Trader, eventually, fee

MAKER_FEE = Decimal("0.0002")


def ended(trader: Trader, signal_id: str) -> dict[str, Any]:
    return eventually(
        lambda: found if (found := trader.signal(signal_id))["status"] not in ("accepted", "executing") else None,
        "the signal's end",
    )


def waits(trader: Trader) -> dict[str, Any]:
    return eventually(
        lambda: next((order for order in trader.get("/api/orders")["items"] if order["status"] == "open"), None),
        "an order that waits",
    )


def test_a_limit_entry_waits_for_its_price_and_is_protected_as_it_fills(trader: Trader) -> None:
    strategy = trader.strategy("BTCUSDT", entry="0.5%")
    accepted = trader.alert(strategy, action="buy", symbol="BTCUSDT", qty="0.02")
    order = waits(trader)
    assert (order["limit_price"], order["stop_loss"], trader.exchange.position(trader.api_key, "BTCUSDT")) == (
        "59700",
        "58506",  # 1.5 % below, and the gap of 0.5 %
        None,
    )

    trader.exchange.price("BTCUSDT", "59690")
    position = trader.sees_position("long")
    assert (position["qty"], position["entry_price"], position["stop_loss"]) == ("0.02", "59700", "58804.5")
    assert ended(trader, accepted["signal_id"])["status"] == "executed"

    trader.exchange.price("BTCUSDT", "58800")
    (trade,) = trader.sees_trades(1)
    assert trade["exit_reason"] == "stop_loss"
    assert Decimal(trade["fees"]) == Decimal("0.02") * 59700 * MAKER_FEE + fee("0.02", "58800")


def test_a_limit_entry_that_is_not_filled_in_time_expires(trader: Trader) -> None:
    strategy = trader.strategy("BTCUSDT")
    entry = {"kind": "limit", "at": "59000", "expires_s": 1}
    end = ended(trader, trader.alert(strategy, action="buy", symbol="BTCUSDT", entry=entry)["signal_id"])
    assert (end["status"], end["reason_code"]) == ("expired", "entry_expired")
    trader.exchange.price("BTCUSDT", "58900")
    assert trader.exchange.position(trader.api_key, "BTCUSDT") is None
    assert [order["status"] for order in end["orders"]] == ["canceled"]


def test_several_signals_build_one_position_and_a_target_trims_it(trader: Trader) -> None:
    strategy = trader.strategy("BTCUSDT", max_entries=2)
    trader.alert(strategy, action="buy", symbol="BTCUSDT", qty="0.01")
    first = trader.sees_position("long")
    trader.exchange.price("BTCUSDT", "60600")
    trader.alert(strategy, action="buy", symbol="BTCUSDT", qty="0.01")
    grown = eventually(lambda: next((p for p in trader.positions() if p["qty"] == "0.02"), None), "the position grown")
    assert (grown["id"], grown["entry_price"], grown["stop_loss"]) == (first["id"], "60300", "59395.5")

    def kept_behind() -> bool:
        held = trader.exchange.position(trader.api_key, "BTCUSDT")
        return held is not None and Decimal(held["stop_loss"]) == Decimal("59094")

    eventually(kept_behind, "the exchange's stop behind the new one")
    refused = ended(trader, trader.alert(strategy, action="buy", symbol="BTCUSDT", qty="0.01")["signal_id"])
    assert (refused["status"], refused["reason_code"]) == ("refused", "max_entries")

    for _ in range(2):
        trader.alert(strategy, action="target", position="long", symbol="BTCUSDT", qty="0.005")
    eventually(lambda: [p for p in trader.positions() if p["qty"] == "0.005"], "trimmed to the target")
    trader.alert(strategy, action="close", symbol="BTCUSDT")
    (trade,) = trader.sees_trades(1)
    assert (trade["qty"], trade["entry_price"]) == ("0.02", "60300")
