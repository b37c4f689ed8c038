"""What a preflight tells is what the alert then does."""

from decimal import Decimal

from tests.e2e.trader import Json, Trader, eventually


def foreseen(trader: Trader, strategy_id: str, **alert: object) -> Json:
    def ask() -> Json | None:
        answer = trader.http.post(f"/api/strategies/{strategy_id}/preflight", json=alert)
        assert answer.status_code in (200, 503), answer.text
        found: Json = answer.json()
        return found if answer.status_code == 200 and found["code"] != "no_price" else None

    return eventually(ask, "an answer")


def test_an_alert_does_what_was_foreseen(trader: Trader) -> None:
    strategy = trader.strategy("BTCUSDT", protection={"stop_loss": "2%"}, leverage="5")
    wish = {"action": "buy", "symbol": "BTCUSDT", "qty": "0.0129"}

    told = foreseen(trader, strategy.id, **wish)

    entry, (order,) = told["entry"], told["orders"]
    assert (told["outcome"], entry["side"], entry["qty"], entry["leverage"]) == ("opens", "long", "0.012", "5")
    assert Decimal(entry["margin"]) == (Decimal(entry["notional"]) / 5).quantize(Decimal("0.01"))
    assert Decimal(entry["liquidation_price"]) < Decimal(entry["exchange_stop"]) < Decimal(entry["stop_loss"])
    assert Decimal(entry["loss_at_stop"]) > Decimal(entry["fees"]) > 0
    assert order["request"] == order["request"] | {
        "category": "linear",
        "symbol": "BTCUSDT",
        "side": "Buy",
        "orderType": "Market",
        "qty": "0.012",
        "stopLoss": entry["exchange_stop"],
    }
    assert trader.get("/api/orders")["items"] == []

    trader.alert(strategy, **wish)
    position = trader.sees_position("long")
    assert position["qty"] == "0.012"

    assert foreseen(trader, strategy.id, **wish)["code"] == "already_in_position"
    assert foreseen(trader, strategy.id, action="close", symbol="BTCUSDT")["outcome"] == "closes"
    turned = foreseen(trader, strategy.id, action="sell", symbol="BTCUSDT")
    assert (turned["outcome"], [order["request"].get("reduceOnly") for order in turned["orders"]]) == (
        "reverses",
        [True, None],
    )
    assert len(trader.positions()) == 1
