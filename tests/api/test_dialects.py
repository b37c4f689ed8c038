"""Other services' messages: whose they are, what they amount to, and what is refused rather than guessed."""

import json
from typing import Any

import pytest

from api.dialects import DIALECTS, detect, octobot
from tests.api.conftest import Hook, User
from tests.store.books import Books

THREECOMMAS_STRATEGY = {
    "secret": "SECRET",
    "max_lag": "300",
    "timestamp": "2026-11-24T00:00:00Z",
    "trigger_price": "64000.5",
    "tv_exchange": "BYBIT",
    "tv_instrument": "BTCUSDT.P",
    "action": "sell",
    "bot_uuid": "5f4dcc3b-5aa7",
    "strategy_info": {
        "market_position": "short",
        "market_position_size": "0.02",
        "prev_market_position": "long",
        "prev_market_position_size": "0.01",
    },
    "order": {"amount": "0.03", "currency_type": "base"},
}
THREECOMMAS_CUSTOM = {
    "secret": "SECRET",
    "tv_instrument": "BTCUSDT.P",
    "action": "enter_short",
    "bot_uuid": "5f4dcc3b",
    "order": {
        "amount": "0.05",
        "currency_type": "base",
        "order_type": "limit",
        "price_percent": "-0.2",
        "price_percent_ref_type": "current_price",
    },
    "take_profit": {
        "enabled": True,
        "steps": [
            {"order_type": "limit", "price_percent": "-2", "volume_percent": "40"},
            {"price": "60000", "volume_percent": "60", "trailing": {"enabled": False}},
        ],
    },
    "stop_loss": {"enabled": True, "order_type": "market", "trigger_price_percent": "1.5"},
}
WUNDER = {
    "secret": "SECRET",
    "code": "Enter-Long",
    "symbol": "BTCUSDT",
    "orderType": "limit",
    "price": "64000",
    "amountPerTradeType": "base",
    "amountPerTrade": 0.01,
    "leverage": 5,
    "takeProfits": [{"priceDeviation": 0.01, "portfolio": 0.5}, {"price": 70000, "portfolio": 0.5}],
    "stopLoss": {"priceDeviation": 0.015},
    "reduceOnly": False,
    "placeConditionalOrdersOnExchange": True,
}
TRADERSPOST = {
    "secret": "SECRET",
    "ticker": "BTCUSDT.P",
    "action": "buy",
    "sentiment": "bullish",
    "price": "64000",
    "quantity": "0.01",
    "quantityType": "fixed_quantity",
    "orderType": "market",
    "takeProfit": {"percent": 5},
    "stopLoss": {"type": "stop", "stopPrice": 60000},
    "time": "2026-11-24T00:00:00Z",
    "extras": {"note": "x"},
}
TRADINGVIEW = {
    "secret": "SECRET",
    "ticker": "BTCUSDT.P",
    "action": "buy",
    "contracts": "0.03",
    "market_position": "long",
    "market_position_size": "0.02",
    "prev_market_position": "short",
    "prev_market_position_size": "0.01",
    "order_id": "Long",
    "price": "64000",
    "timenow": "2026-11-24T00:00:00Z",
}
OCTOBOT = """EXCHANGE=bybit
SYMBOL=BTC/USDT:USDT
SIGNAL=BUY
TOKEN=SECRET
ORDER_TYPE=LIMIT
PRICE=64000
VOLUME=0.01
STOP_PRICE=5%
TAKE_PROFIT_PRICE_1=66000
TAKE_PROFIT_VOLUME_RATIO_1=1
TAKE_PROFIT_PRICE_2=10%
TAKE_PROFIT_VOLUME_RATIO_2=3
LEVERAGE=3
TAG=mine"""
ALTRADY = {
    "api_key": "k",
    "api_secret": "SECRET",
    "action": "open",
    "exchange": "BYBI",
    "symbol": "BYBI_USDT_BTC",
    "side": "short",
    "signal_id": "77",
    "leverage": "3",
}
PICKMYTRADE = {
    "symbol": "BTCUSDT",
    "date": "2026-11-24T00:00:00Z",
    "data": "sell",
    "quantity": "0.01",
    "price": "64000",
    "tp": 0,
    "sl": 0,
    "percentage_tp": 3,
    "percentage_sl": 1.5,
    "token": "SECRET",
    "update_tp": False,
    "account_id": "a1",
}
FINANDY = {
    "name": "hook",
    "secret": "SECRET",
    "side": "buy",
    "symbol": "BTCUSDT",
    "positionSide": "long",
    "open": {"price": "64000"},
}

GOLDEN: list[tuple[str, Any, dict[str, Any]]] = [
    (
        "3commas",
        THREECOMMAS_STRATEGY,
        {
            "action": "target",
            "symbol": "BTCUSDT",
            "position": "short",
            "prev_position": "long",
            "qty": "0.02",
            "time": "2026-11-24T00:00:00Z",
        },
    ),
    (
        "3commas",
        THREECOMMAS_CUSTOM,
        {
            "action": "sell",
            "symbol": "BTCUSDT",
            "qty": "0.05",
            "entry": {"kind": "limit", "at": "0.2%", "expires_s": 60, "post_only": False},
            "take_profit": [{"at": "2%", "portion": "40%"}, {"at": "60000", "portion": "60%"}],
            "stop_loss": "1.5%",
        },
    ),
    (
        "wundertrading",
        WUNDER,
        {
            "action": "buy",
            "symbol": "BTCUSDT",
            "qty": "0.01",
            "leverage": "5",
            "entry": {"kind": "limit", "at": "64000", "expires_s": 60, "post_only": False},
            "take_profit": [{"at": "1%", "portion": "50%"}, {"at": "70000", "portion": "50%"}],
            "stop_loss": "1.5%",
        },
    ),
    (
        "traderspost",
        TRADERSPOST,
        {
            "action": "buy",
            "symbol": "BTCUSDT",
            "position": "long",
            "qty": "0.01",
            "take_profit": [{"at": "5%", "portion": "100%"}],
            "stop_loss": "60000",
            "time": "2026-11-24T00:00:00Z",
        },
    ),
    (
        "tradingview",
        TRADINGVIEW,
        {
            "action": "target",
            "symbol": "BTCUSDT",
            "position": "long",
            "prev_position": "short",
            "qty": "0.02",
            "time": "2026-11-24T00:00:00Z",
        },
    ),
    (
        "octobot",
        OCTOBOT,
        {
            "action": "buy",
            "symbol": "BTCUSDT",
            "qty": "0.01",
            "entry": {"kind": "limit", "at": "64000", "expires_s": 60, "post_only": False},
            "stop_loss": "5%",
            "take_profit": [{"at": "66000", "portion": "25%"}, {"at": "10%", "portion": "75%"}],
            "leverage": "3",
        },
    ),
    ("altrady", ALTRADY, {"action": "sell", "symbol": "BTCUSDT", "id": "77", "leverage": "3"}),
    (
        "pickmytrade",
        PICKMYTRADE,
        {
            "action": "sell",
            "symbol": "BTCUSDT",
            "qty": "0.01",
            "take_profit": [{"at": "3%", "portion": "100%"}],
            "stop_loss": "1.5%",
            "time": "2026-11-24T00:00:00Z",
        },
    ),
    (
        "finandy",
        FINANDY,
        {
            "action": "buy",
            "symbol": "BTCUSDT",
            "entry": {"kind": "limit", "at": "64000", "expires_s": 60, "post_only": False},
        },
    ),
]
golden = pytest.mark.parametrize(
    ("name", "message", "alert"), GOLDEN, ids=[f"{one[0]}-{at}" for at, one in enumerate(GOLDEN)]
)


def text_of(message: Any) -> str:
    return message if isinstance(message, str) else json.dumps(message)


def explain(user: User, hook: Hook, message: Any) -> dict[str, Any]:
    reply = user.api.post(f"/api/strategies/{hook.id}/import", {"message": text_of(message)})
    assert reply.status == 200, reply.text
    explained: dict[str, Any] = reply.json
    return explained


@pytest.mark.parametrize(("name", "message", "alert"), GOLDEN)
def test_only_one_dialect_recognises_a_message(name: str, message: Any, alert: Any) -> None:
    assert [dialect.NAME for dialect in DIALECTS if dialect.recognises(message)] == [name]


def test_native_alerts_are_nobodys() -> None:
    assert detect({"secret": "x", "action": "buy", "symbol": "BTCUSDT", "position": "long", "id": "1"}) is None


@golden
def test_documented_messages_amount_to(user: User, hook: Hook, name: str, message: Any, alert: dict[str, Any]) -> None:
    explained = explain(user, hook, message)
    assert (explained["dialect"], explained["accepted"], explained["alert"]) == (name, True, alert), explained["notes"]


@golden
def test_every_field_is_accounted_for(user: User, hook: Hook, name: str, message: Any, alert: dict[str, Any]) -> None:
    explained = explain(user, hook, message)
    told = {note["field"].split(".")[0] for note in explained["notes"]}
    told |= {name.partition("_1")[0].partition("_2")[0] for name in told}
    structural = {"order", "orderType", "quantityType", "amountPerTradeType", "ORDER_TYPE", "action", "side", "data"}
    fields = set(octobot.pairs(message)) if isinstance(message, str) else set(message)
    missing = {field for field in fields - told - structural if not field.startswith(("TAKE_PROFIT", "percentage"))}
    assert missing <= {"tp", "sl", "update_tp", "positionSide"}


@golden
def test_the_webhook_takes_them(hook: Hook, books: Books, name: str, message: Any, alert: dict[str, Any]) -> None:
    books.instrument(max_leverage=100)
    body = text_of(message).replace("SECRET", hook.secret)
    reply = hook.api.post(hook.path, body, content_type="text/plain")
    assert reply.status == 202, reply.text
    (signal,) = books.rows("select raw, parsed, source, action from signals")
    assert {field: value for field, value in signal["parsed"].items() if value is not None} == alert
    assert (signal["source"]["dialect"], signal["action"]) == (name, alert["action"])
    assert hook.secret not in str(signal)
    assert hook.api.post(hook.path, body, content_type="text/plain").status == 200


@golden
def test_a_wrong_secret_is_refused_in_any_dialect(hook: Hook, name: str, message: Any, alert: dict[str, Any]) -> None:
    assert hook.api.post(hook.path, text_of(message)).status == 401


@pytest.mark.parametrize(
    ("message", "field"),
    [
        ({**THREECOMMAS_CUSTOM, "order": {"amount": "50", "currency_type": "margin_percent"}}, "order.currency_type"),
        ({**THREECOMMAS_CUSTOM, "order": {"amount": "50"}}, "order.amount"),
        ({**THREECOMMAS_CUSTOM, "action": "disable"}, "action"),
        ({**WUNDER, "code": "my-own-word"}, "code"),
        ({**WUNDER, "amountPerTradeType": "percents"}, "amountPerTradeType"),
        ({**WUNDER, "somethingNew": 1}, "somethingNew"),
        ("Enter-Long", "body"),
        ({**TRADERSPOST, "action": "cancel"}, "action"),
        ({**TRADERSPOST, "quantityType": "risk_dollar_amount"}, "quantityType"),
        ({**TRADERSPOST, "stopLoss": {"amount": 10}}, "stopLoss.amount"),
        ({**TRADINGVIEW, "market_position_size": ""}, "contracts"),
        ({**TRADINGVIEW, "prev_market_position": "long", "action": "sell"}, "action"),
        (OCTOBOT.replace("VOLUME=0.01", "VOLUME=10%"), "VOLUME"),
        (OCTOBOT.replace("SIGNAL=BUY", "SIGNAL=CANCEL"), "SIGNAL"),
        ({**ALTRADY, "stop_loss": {"x": 1}}, "stop_loss"),
        ({**ALTRADY, "quote_amount": 100}, "quote_amount"),
        ({**PICKMYTRADE, "sl": 20}, "sl"),
        ({**PICKMYTRADE, "breakeven": 10}, "breakeven"),
        ({**FINANDY, "tp": {"price": 1}}, "tp"),
        ("MyKeys(BTCUSDT) { market(side=buy, amount=10%); } #bot", "body"),
        ({"uuid": "1", "action": "create", "symbol": "BTCUSDT"}, "body"),
        ("hello", "body"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_what_might_mean_two_things_is_refused(user: User, hook: Hook, message: Any, field: str) -> None:
    explained = explain(user, hook, message)
    refused = [note["field"] for note in explained["notes"] if note["outcome"] in ("ambiguous", "unsupported")]
    assert (explained["accepted"], explained["alert"]) == (False, None)
    assert field in refused


def test_a_refused_message_is_a_rejected_signal(hook: Hook, books: Books) -> None:
    message = {**TRADERSPOST, "quantityType": "percent_of_position"}
    reply = hook.api.post(hook.path, text_of(message).replace("SECRET", hook.secret))
    assert (reply.status, reply.fields) == (422, ["quantityType"])
    assert [row["status"] for row in books.rows("select status from signals")] == ["rejected"]


def test_an_exit_says_flat(user: User, hook: Hook) -> None:
    message = {**TRADINGVIEW, "action": "sell", "market_position": "flat", "market_position_size": "0"}
    assert explain(user, hook, message)["alert"]["position"] == "flat"
    assert "qty" not in explain(user, hook, message)["alert"]


def test_one_more_entry_on_the_same_side_is_an_order(user: User, hook: Hook) -> None:
    message = {**TRADINGVIEW, "prev_market_position": "long", "contracts": "0.01"}
    alert = explain(user, hook, message)["alert"]
    assert (alert["action"], alert["qty"]) == ("buy", "0.01")


def test_a_native_message_is_explained_too(user: User, hook: Hook) -> None:
    explained = explain(user, hook, {"secret": "x", "action": "buy", "symbol": "BTCUSDT", "stop_loss": "1%"})
    outcomes = {note["field"]: note["outcome"] for note in explained["notes"]}
    assert outcomes == {
        "secret": "ignored",
        "action": "used",
        "symbol": "used",
        "stop_loss": "used",
        "qty": "defaulted",
        "take_profit": "defaulted",
        "leverage": "defaulted",
        "id": "defaulted",
    }
    assert "x" not in str(explained["alert"])


@pytest.mark.parametrize(
    ("message", "sizing"),
    [
        ({**THREECOMMAS_CUSTOM, "order": {"amount": "50", "currency_type": "quote"}}, ("quote", "50")),
        ({**WUNDER, "amountPerTradeType": "quote", "amountPerTrade": 120.5}, ("quote", "120.5")),
        ({**TRADERSPOST, "quantity": 300, "quantityType": "dollar_amount"}, ("quote", "300")),
        ({**TRADERSPOST, "quantity": 5, "quantityType": "percent_of_equity"}, ("equity_pct", "5")),
    ],
    ids=lambda value: str(value)[:20],
)
def test_a_size_whose_unit_is_named_is_taken_in_that_unit(
    user: User, hook: Hook, message: Any, sizing: tuple[str, str]
) -> None:
    explained = explain(user, hook, message)
    assert explained["accepted"], explained
    assert explained["alert"]["sizing"] == dict(zip(("mode", "value"), sizing, strict=True))
    assert explained["alert"].get("qty") is None


@pytest.mark.parametrize(
    ("message", "only"),
    [
        ({**THREECOMMAS_CUSTOM, "action": "exit_long"}, "long"),
        ({**THREECOMMAS_CUSTOM, "action": "exit_short"}, "short"),
        ({**WUNDER, "code": "Exit-Long"}, "long"),
        ({**WUNDER, "code": "Exit-All"}, None),
    ],
    ids=lambda value: str(value)[:20],
)
def test_an_exit_of_one_side_leaves_the_other(user: User, hook: Hook, message: Any, only: str | None) -> None:
    alert = explain(user, hook, message)["alert"]
    assert (alert["action"], alert.get("only")) == ("close", only)
