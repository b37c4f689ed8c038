"""Every wrong alert: the documented answer, a message that names the field, a row where it belongs, and no order."""

import json

import psycopg
import pytest

from infra.stack import Stack
from tests.e2e.trader import Trader

GOOD = {"action": "buy", "symbol": "BTCUSDT", "qty": "0.01"}


@pytest.mark.parametrize(
    ("change", "field"),
    [
        pytest.param({"symbol": "NOSUCHUSDT"}, "symbol", id="unknown symbol"),
        pytest.param({"symbol": "SOLUSDT"}, "symbol", id="symbol of another strategy"),
        pytest.param({"action": "moon"}, "action", id="unknown action"),
        pytest.param({"qty": "-0.01"}, "qty", id="negative size"),
        pytest.param({"qty": "0"}, "qty", id="no size"),
        pytest.param({"qty": "NaN"}, "qty", id="NaN"),
        pytest.param({"qty": float("nan")}, "qty", id="bare NaN"),
        pytest.param({"qty": "1e999"}, "qty", id="too large for a number"),
        pytest.param({"action": "{{strategy.order.action}}"}, "action", id="unfilled placeholder"),
        pytest.param({"stop_loss": "abc"}, "stop_loss", id="a level that is none"),
        pytest.param({"leverage": "1000"}, "leverage", id="leverage beyond the exchange's"),
        pytest.param({"break_even": "0.8%"}, "break_even", id="not supported yet"),
        pytest.param({"colour": "red"}, "colour", id="unknown field"),
        pytest.param({"action": "target"}, None, id="target without a position"),
    ],
)
def test_a_wrong_field_is_named_and_recorded(trader: Trader, change: dict[str, object], field: str | None) -> None:
    strategy = trader.strategy("BTCUSDT")
    body = json.dumps({"secret": strategy.secret, **GOOD, **change})

    answer = trader.http.post(strategy.path, content=body, headers={"Content-Type": "application/json"})

    assert answer.status_code == 422, answer.text
    assert answer.headers["Content-Type"] == "application/problem+json"
    problem = answer.json()
    assert problem["errors"]
    if field is not None:
        assert field in {error["field"] for error in problem["errors"]}
    assert strategy.secret not in answer.text
    (signal,) = trader.get("/api/signals")["items"]
    assert signal["status"] == "rejected"
    assert signal["errors"] == problem["errors"]
    assert trader.exchange.orders(trader.api_key) == []


@pytest.mark.parametrize(
    ("content", "status"),
    [
        pytest.param("not json", 422, id="bad JSON"),
        pytest.param('{"secret": "wrong", "action": "buy", "symbol": "BTCUSDT"}', 401, id="wrong secret"),
        pytest.param('{"action": "buy", "symbol": "BTCUSDT"}', 401, id="no secret"),
        pytest.param("[1, 2]", 422, id="not an object"),
        pytest.param("x" * 1_000_000, 413, id="1 MB"),
    ],
)
@pytest.mark.parametrize("content_type", ["application/json", "text/plain; charset=utf-8"])
def test_what_does_not_know_the_secret_is_recorded_apart(
    stack: Stack, trader: Trader, content: str, status: int, content_type: str
) -> None:
    strategy = trader.strategy("BTCUSDT")

    answer = trader.http.post(strategy.path, content=content, headers={"Content-Type": content_type})

    assert answer.status_code == status, answer.text
    assert answer.json()["code"]
    assert trader.get("/api/signals")["items"] == []
    with psycopg.connect(stack.database_url) as connection:
        rows = connection.execute(
            "select status, body_bytes from refused_alerts where strategy_id = %s", [strategy.id]
        ).fetchall()
    assert rows == [(status, len(content))]
    assert trader.exchange.orders(trader.api_key) == []


def test_a_plain_text_alert_is_read_as_tradingview_sends_it(trader: Trader) -> None:
    strategy = trader.strategy("BTCUSDT")
    body = json.dumps({"secret": strategy.secret, **GOOD})

    answer = trader.http.post(strategy.path, content=body, headers={"Content-Type": "text/plain; charset=utf-8"})

    assert answer.status_code == 202, answer.text
    trader.sees_position("long")


@pytest.mark.fault(1)
def test_an_alert_sent_again_is_a_duplicate_with_the_first_ones_id(trader: Trader) -> None:
    strategy = trader.strategy("BTCUSDT")
    first = trader.alert(strategy, id="bar-17", **GOOD)

    again = trader.post(strategy.path, {"secret": strategy.secret, "id": "bar-17", **GOOD}, 200)

    assert again == {"signal_id": first["signal_id"], "status": "duplicate"}
    trader.sees_position("long")
    assert len(trader.exchange.orders(trader.api_key)) == 1


def test_a_hook_that_does_not_exist_is_not_found(trader: Trader) -> None:
    assert trader.http.post("/api/hooks/nosuchhook", json=GOOD).status_code == 404
