"""From alert to closed trade, seen from outside."""

from decimal import Decimal

import pytest

from tests.e2e.trader import Trader, eventually, fee


def test_a_long_is_stopped_out_at_market_by_the_crossing_tick(trader: Trader) -> None:
    strategy = trader.strategy("BTCUSDT")
    with trader.dashboard() as dashboard:
        dashboard.until("snapshot")

        accepted = trader.alert(strategy, action="buy", symbol="BYBIT:BTCUSDT.P", qty="0.02", stop_loss="1.5%")
        position = trader.sees_position("long")

        assert accepted["status"] == "accepted"
        assert (position["qty"], position["entry_price"], position["stop_loss"]) == ("0.02", "60000", "59100")
        resident = Decimal(position["resident_stop"]["price"])
        assert 0 < resident <= Decimal("59100")
        held = trader.exchange.position(trader.api_key, "BTCUSDT")
        assert held is not None
        assert Decimal(held["stop_loss"]) == resident

        trader.exchange.price("BTCUSDT", "59090")
        (trade,) = trader.sees_trades(1)

        paid = fee("0.02", "60000", "59090")
        assert (trade["side"], trade["qty"], trade["exit_reason"]) == ("long", "0.02", "stop_loss")
        assert (Decimal(trade["entry_price"]), Decimal(trade["exit_price"])) == (Decimal(60000), Decimal(59090))
        assert Decimal(trade["gross_pnl"]) == Decimal("-18.20")
        assert Decimal(trade["fees"]) == paid
        assert Decimal(trade["net_pnl"]) == Decimal("-18.20") - paid
        assert trader.positions() == []
        assert trader.exchange.position(trader.api_key, "BTCUSDT") is None

        entry, close = trader.exchange.orders(trader.api_key)
        assert (entry["side"], entry["reduce_only"]) == ("Buy", False)
        assert (close["side"], close["reduce_only"], close["qty"]) == ("Sell", True, "0.02")

        dashboard.until("trade", exit_reason="stop_loss")
        kinds = {message["type"] for message in dashboard.seen}
        assert {"snapshot", "signal", "order", "execution", "position", "trade"} <= kinds
        assert dashboard.seqs == list(range(dashboard.seqs[0], dashboard.seqs[0] + len(dashboard.seqs)))


def test_a_take_profit_closes_at_the_target(trader: Trader) -> None:
    strategy = trader.strategy("BTCUSDT", protection={"stop_loss": "1.5%", "take_profit": [{"at": "2%"}]})
    trader.alert(strategy, action="buy", symbol="BTCUSDT")
    position = trader.sees_position("long")
    assert [rung["price"] for rung in position["take_profit"]] == ["61200"]

    trader.exchange.price("BTCUSDT", "61250")
    (trade,) = trader.sees_trades(1)

    assert trade["exit_reason"] == "take_profit"
    assert Decimal(trade["gross_pnl"]) == Decimal("12.50")
    assert Decimal(trade["net_pnl"]) == Decimal("12.50") - fee("0.01", "60000", "61250")


def test_a_take_profit_ladder_closes_part_by_part(trader: Trader) -> None:
    ladder = [{"at": "1%", "portion": "50%"}, {"at": "2%", "portion": "50%"}]
    strategy = trader.strategy("BTCUSDT", protection={"stop_loss": "1.5%", "take_profit": ladder})
    trader.alert(strategy, action="buy", symbol="BTCUSDT", qty="0.02")
    trader.sees_position("long")

    trader.exchange.price("BTCUSDT", "60600")
    eventually(lambda: [p for p in trader.positions() if p["qty"] == "0.01"], "half of it closed")
    trader.exchange.price("BTCUSDT", "61200")
    (trade,) = trader.sees_trades(1)

    assert (trade["qty"], trade["exit_reason"]) == ("0.02", "take_profit")
    assert Decimal(trade["gross_pnl"]) == Decimal("6") + Decimal("12")
    assert Decimal(trade["fees"]) == fee("0.02", "60000") + fee("0.01", "60600", "61200")


def test_a_short_is_stopped_out_above_its_entry(trader: Trader) -> None:
    strategy = trader.strategy("BTCUSDT")
    trader.alert(strategy, action="sell", symbol="BTC/USDT:USDT")
    position = trader.sees_position("short")
    assert position["stop_loss"] == "60900"
    assert Decimal(position["resident_stop"]["price"]) >= 60900

    trader.exchange.price("BTCUSDT", "60950")
    (trade,) = trader.sees_trades(1)

    assert (trade["side"], trade["exit_reason"]) == ("short", "stop_loss")
    assert Decimal(trade["gross_pnl"]) == Decimal("-9.50")
    assert Decimal(trade["net_pnl"]) == Decimal("-9.50") - fee("0.01", "60000", "60950")


def test_an_opposite_signal_reverses(trader: Trader) -> None:
    strategy = trader.strategy("BTCUSDT")
    trader.alert(strategy, action="buy", symbol="BTCUSDT")
    trader.sees_position("long")
    trader.exchange.price("BTCUSDT", "60300")

    reversing = trader.alert(strategy, action="sell", symbol="BTCUSDT")
    short = trader.sees_position("short")
    (trade,) = trader.sees_trades(1)

    assert (trade["side"], trade["exit_reason"]) == ("long", "reverse")
    assert Decimal(trade["gross_pnl"]) == Decimal("3")
    assert (short["entry_price"], short["stop_loss"]) == ("60300", "61204.5")
    record = eventually(
        lambda: found if (found := trader.signal(reversing["signal_id"]))["status"] == "executed" else None,
        "the reversal done",
    )
    assert [order["purpose"] for order in record["orders"]] == ["reverse", "entry"]
    buys_and_sells = [(order["side"], order["reduce_only"]) for order in trader.exchange.orders(trader.api_key)]
    assert buys_and_sells == [("Buy", False), ("Sell", True), ("Sell", False)]


def test_a_close_button_closes_part_and_then_the_rest(trader: Trader) -> None:
    strategy = trader.strategy("BTCUSDT")
    trader.alert(strategy, action="buy", symbol="BTCUSDT", qty="0.04")
    position = trader.sees_position("long")

    trader.post(f"/api/positions/{position['id']}/close", {"portion": "25%"}, 202)
    eventually(lambda: [p for p in trader.positions() if p["qty"] == "0.03"], "a quarter closed")
    trader.post(f"/api/positions/{position['id']}/close", {}, 202)
    (trade,) = trader.sees_trades(1)

    assert (trade["qty"], trade["exit_reason"]) == ("0.04", "manual")


def test_moving_a_stop_moves_the_exchanges_stop_too(trader: Trader) -> None:
    strategy = trader.strategy("BTCUSDT")
    trader.alert(strategy, action="buy", symbol="BTCUSDT")
    before = trader.sees_position("long")

    answer = trader.http.patch(f"/api/positions/{before['id']}/protection", json={"stop_loss": "59500"})

    assert answer.status_code == 202
    after = eventually(
        lambda: next(
            (
                position
                for position in trader.positions()
                if position["stop_loss"] == "59500" and position["resident_stop"] != before["resident_stop"]
            ),
            None,
        ),
        "both stops moved",
    )
    moved = Decimal(after["resident_stop"]["price"])
    assert Decimal(before["resident_stop"]["price"]) < moved <= 59500
    held = trader.exchange.position(trader.api_key, "BTCUSDT")
    assert held is not None
    assert Decimal(held["stop_loss"]) == moved

    wish = {"trailing": "0.5%", "break_even": {"trigger": "2%"}, "time_exit_s": 86_400}
    assert trader.http.patch(f"/api/positions/{before['id']}/protection", json=wish).status_code == 202
    trails = eventually(
        lambda: next((position for position in trader.positions() if position["trailing"]), None), "it trails"
    )
    assert trails["trailing"] == {"distance": "0.5%", "activation": None}
    assert (trails["break_even"], trails["time_exit_s"]) == ({"trigger": "2%", "offset": "0%"}, 86_400)
    assert Decimal(trails["stop_loss"]) > 59_500


@pytest.mark.fault(36)
def test_a_position_closed_by_hand_at_the_exchange_is_noticed(trader: Trader) -> None:
    strategy = trader.strategy("BTCUSDT")
    trader.alert(strategy, action="buy", symbol="BTCUSDT")
    trader.sees_position("long")

    trader.exchange.trade_by_hand(trader.api_key, "BTCUSDT", "Sell", "0.01")
    (trade,) = trader.sees_trades(1)

    assert trade["exit_reason"] == "external"
    assert len(trader.exchange.orders(trader.api_key)) == 1


@pytest.mark.fault(6)
def test_a_signal_older_than_its_strategy_allows_expires(trader: Trader) -> None:
    strategy = trader.strategy("BTCUSDT")
    old = trader.alert(strategy, action="buy", symbol="BTCUSDT", time="2020-01-01T00:00:00Z")

    record = eventually(
        lambda: found if (found := trader.signal(old["signal_id"]))["status"] != "accepted" else None, "a decision"
    )

    assert (record["status"], record["reason_code"]) == ("expired", "too_old")
    assert trader.exchange.orders(trader.api_key) == []


@pytest.mark.fault(59)
def test_a_dashboard_that_comes_back_is_told_what_it_missed(trader: Trader) -> None:
    strategy = trader.strategy("BTCUSDT")
    with trader.dashboard() as dashboard:
        seq = dashboard.until("snapshot")["seq"]
    trader.alert(strategy, action="buy", symbol="BTCUSDT")
    trader.sees_position("long")

    with trader.dashboard(last_seq=seq) as dashboard:
        dashboard.until("position", status="open")
        assert dashboard.seqs[0] == seq + 1
        dashboard.send({"action": "ping"})
        dashboard.until("pong")
        dashboard.until("price")
        dashboard.until("health")


def test_a_trailing_stop_locks_in_what_was_gained(trader: Trader) -> None:
    strategy = trader.strategy("BTCUSDT")
    trader.alert(strategy, action="buy", symbol="BTCUSDT", trailing="1%")
    assert trader.sees_position("long")["stop_loss"] == "59400"

    trader.exchange.price("BTCUSDT", "63000")
    eventually(lambda: [p for p in trader.positions() if p["stop_loss"] == "62370"], "the stop moved up")
    trader.exchange.price("BTCUSDT", "62360")
    (trade,) = trader.sees_trades(1)

    assert trade["exit_reason"] == "trailing"
    assert Decimal(trade["gross_pnl"]) == Decimal("23.60")


def test_levels_by_the_mark_price_leave_the_last_price_alone(trader: Trader) -> None:
    strategy = trader.strategy("BTCUSDT", protection={"stop_loss": "1.5%", "trigger_by": "mark"})
    trader.alert(strategy, action="buy", symbol="BTCUSDT")
    position = trader.sees_position("long")
    assert (position["stop_loss"], position["trigger_by"]) == ("59100", "mark")

    trader.exchange.price("BTCUSDT", "58000", mark="60000", index="60000")
    eventually(
        lambda: [p for p in trader.positions() if Decimal(p["unrealised_pnl"] or 0) <= -20], "the last price seen"
    )
    assert trader.exchange.position(trader.api_key, "BTCUSDT") is not None

    trader.exchange.price("BTCUSDT", "58500", mark="59050", index="60000")
    (trade,) = trader.sees_trades(1)
    assert (trade["exit_reason"], Decimal(trade["exit_price"])) == ("stop_loss", Decimal(58500))
    close = trader.exchange.orders(trader.api_key)[-1]
    assert (close["side"], close["reduce_only"]) == ("Sell", True)


def test_hedge_mode_holds_a_long_and_a_short_of_two_strategies(trader: Trader) -> None:
    trader.exchange.modes(trader.api_key, "BTCUSDT", hedge=True)
    rising = trader.strategy("BTCUSDT", name="rising")
    eventually(
        lambda: [one for one in trader.get("/api/accounts")["items"] if one["hedged_symbols"] == ["BTCUSDT"]],
        "the mode read",
    )
    falling = trader.strategy("BTCUSDT", name="falling")
    trader.alert(rising, action="buy", symbol="BTCUSDT")
    trader.alert(falling, action="sell", symbol="BTCUSDT")
    long, short = trader.sees_position("long"), trader.sees_position("short")
    assert (long["stop_loss"], short["stop_loss"]) == ("59100", "60900")

    trader.exchange.price("BTCUSDT", "60950")
    (trade,) = trader.sees_trades(1)
    assert (trade["id"], trade["exit_reason"]) == (short["id"], "stop_loss")
    assert [position["id"] for position in trader.positions()] == [long["id"]]

    trader.alert(rising, action="sell", symbol="BTCUSDT")
    reversed_to = trader.sees_position("short")
    assert reversed_to["strategy_id"] == rising.id
    trades = trader.sees_trades(2)
    assert (trades[0]["id"], trades[0]["exit_reason"]) == (long["id"], "reverse")
