"""The dead-man guards what a dead streamer leaves: real PostgreSQL, the simulator, a streamer killed."""

import hashlib
import hmac
import json
import time
from collections.abc import Iterator
from decimal import Decimal

import httpx
import psycopg
import pytest

from infra.deadman.handler import handler
from infra.environment import with_role
from infra.stack import Stack
from tests.e2e.trader import Trader


class Deadman:
    def __init__(self, stack: Stack, environment: pytest.MonkeyPatch) -> None:
        self._stack = stack
        self._environment = environment
        environment.setenv("BACKSTOP_STREAMER_DATABASE_URL", with_role(stack.database_url, "backstop_streamer"))
        environment.setenv("BACKSTOP_VAULT_PRIVATE_KEY_FILE", str(stack.place.keys / "vault.private.pem"))
        environment.setenv("BACKSTOP_BYBIT_REST_URL", stack.sim_url)

    def runs(self, policy: str = "repair") -> dict[str, float]:
        self._environment.setenv("BACKSTOP_DEADMAN_POLICY", policy)
        return handler({}, None)

    def leases_run_out(self) -> None:
        """As they do ten seconds after the streamer's death."""
        with psycopg.connect(self._stack.database_url, autocommit=True) as connection:
            connection.execute("update leases set expires_at = now() - interval '1 minute'")


@pytest.fixture
def deadman(stack: Stack, trader: Trader, monkeypatch: pytest.MonkeyPatch) -> Iterator[Deadman]:
    yield Deadman(stack, monkeypatch)
    if stack.pid("streamer") is None:
        stack.start("streamer")
        stack.wait_ready("streamer")


def loses_its_stop(stack: Stack, trader: Trader, price: str = "0") -> None:
    """As the user's own hand would set it at the exchange; 0 takes it away."""
    body = json.dumps(
        {"category": "linear", "symbol": "BTCUSDT", "tpslMode": "Full", "positionIdx": 0, "stopLoss": price}
    )
    signed_at = str(time.time_ns() // 1_000_000)
    text = f"{signed_at}{trader.api_key}5000{body}"
    headers = {
        "X-BAPI-API-KEY": trader.api_key,
        "X-BAPI-TIMESTAMP": signed_at,
        "X-BAPI-RECV-WINDOW": "5000",
        "X-BAPI-SIGN": hmac.new(trader.api_secret.encode(), text.encode(), hashlib.sha256).hexdigest(),
        "Content-Type": "application/json",
    }
    answer = httpx.post(f"{stack.sim_url}/v5/position/trading-stop", content=body, headers=headers).json()
    assert answer["retCode"] == 0, answer


def stop_at_exchange(trader: Trader) -> Decimal:
    held = trader.exchange.position(trader.api_key, "BTCUSDT")
    assert held is not None
    return Decimal(held["stop_loss"] or 0)


def test_a_lost_stop_is_restored_while_no_streamer_lives(stack: Stack, trader: Trader, deadman: Deadman) -> None:
    trader.alert(trader.strategy("BTCUSDT"), action="buy", symbol="BTCUSDT")
    trader.sees_position("long")
    before = stop_at_exchange(trader)
    stack.kill("streamer")
    loses_its_stop(stack, trader)
    assert stop_at_exchange(trader) == 0

    assert deadman.runs()["checked"] == 0  # its lease is valid still: somebody may be acting
    deadman.leases_run_out()
    found = deadman.runs()

    assert (found["missing"], found["repaired"], found["failed"]) == (1, 1, 0)
    assert stop_at_exchange(trader) == before
    deadman.leases_run_out()
    again = deadman.runs()
    assert again["checked"] >= 1
    assert again["missing"] == 0


def test_what_can_no_longer_be_protected_is_closed_by_policy_and_booked_once(
    stack: Stack, trader: Trader, deadman: Deadman
) -> None:
    trader.alert(trader.strategy("BTCUSDT"), action="buy", symbol="BTCUSDT")
    trader.sees_position("long")
    stack.kill("streamer")
    loses_its_stop(stack, trader)
    trader.exchange.price("BTCUSDT", "58000")
    deadman.leases_run_out()

    told = deadman.runs("repair")
    assert (told["unprotected"], told["closed"]) == (1, 0)
    assert trader.exchange.position(trader.api_key, "BTCUSDT") is not None

    deadman.leases_run_out()
    assert deadman.runs("flatten")["closed"] == 1
    assert trader.exchange.position(trader.api_key, "BTCUSDT") is None
    stack.start("streamer")
    stack.wait_ready("streamer")
    (trade,) = trader.sees_trades(1)
    assert Decimal(trade["gross_pnl"]) == (Decimal(58000) - 60000) * Decimal("0.01")
    closes = [order for order in trader.exchange.orders(trader.api_key) if order["reduce_only"]]
    assert len(closes) == 1


def test_an_exchange_that_does_not_answer_is_told_of_and_nothing_is_done(
    stack: Stack, trader: Trader, deadman: Deadman
) -> None:
    trader.alert(trader.strategy("BTCUSDT"), action="buy", symbol="BTCUSDT")
    trader.sees_position("long")
    stack.kill("streamer")
    deadman.leases_run_out()
    trader.exchange.fault("http_status", status=503)
    try:
        found = deadman.runs("flatten")
    finally:
        trader.exchange.mend()
    assert found["failed"] >= 1
    assert (found["closed"], found["repaired"]) == (0, 0)
    assert trader.exchange.position(trader.api_key, "BTCUSDT") is not None
