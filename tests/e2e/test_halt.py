"""The halt button, from outside."""

from infra.stack import Stack
from tests.e2e.trader import Trader, eventually


def test_flatten_closes_everything_and_the_halt_survives_a_restart(stack: Stack, trader: Trader) -> None:
    strategy = trader.strategy("BTCUSDT", "ETHUSDT")
    trader.alert(strategy, action="buy", symbol="BTCUSDT")
    trader.alert(strategy, action="sell", symbol="ETHUSDT", qty="0.5")
    eventually(lambda: len([p for p in trader.positions() if p["status"] == "open"]) == 2, "two positions")

    trader.post("/api/halt", {"level": "flatten"}, 202)

    trades = trader.sees_trades(2)
    assert {trade["exit_reason"] for trade in trades} == {"halt"}
    stack.kill("streamer")
    stack.start("streamer")
    stack.wait_ready("streamer")
    refused = trader.alert(strategy, action="buy", symbol="BTCUSDT", time="2099-01-01T00:00:00Z")
    record = eventually(
        lambda: found if (found := trader.signal(refused["signal_id"]))["status"] != "accepted" else None, "a decision"
    )
    assert (record["status"], record["reason_code"]) == ("refused", "halted")
    (account,) = trader.get("/api/accounts")["items"]
    assert account["halt"]["level"] == "flatten"

    trader.post("/api/resume", {}, 202)
    trader.alert(strategy, action="buy", symbol="BTCUSDT")
    trader.sees_position("long")


def test_limits_of_an_account_hold(trader: Trader) -> None:
    strategy = trader.strategy("BTCUSDT", "ETHUSDT")
    answer = trader.http.patch(f"/api/accounts/{trader.account_id}", json={"limits": {"max_open_positions": 1}})
    assert answer.status_code == 200, answer.text
    assert answer.json()["limits"]["max_open_positions"] == 1
    trader.alert(strategy, action="buy", symbol="BTCUSDT")
    trader.sees_position("long")

    second = trader.alert(strategy, action="buy", symbol="ETHUSDT", qty="0.5")

    record = eventually(
        lambda: found if (found := trader.signal(second["signal_id"]))["status"] != "accepted" else None, "a decision"
    )
    assert (record["status"], record["reason_code"]) == ("refused", "max_open_positions")
