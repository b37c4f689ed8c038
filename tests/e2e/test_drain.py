"""A streamer that is told to stop, as ECS tells it: SIGTERM, and thirty seconds later SIGKILL."""

import os
import signal
import time

import psycopg
import pytest

from infra.stack import Stack
from tests.e2e.trader import Trader, eventually

DRAINED_WITHIN_S = 25.0


@pytest.mark.parametrize("busy", [False, True], ids=["quiet", "with-an-alert-just-taken"])
@pytest.mark.fault(48)
def test_it_drains_in_time_and_leaves_positions_open_and_protected(stack: Stack, trader: Trader, busy: bool) -> None:
    strategy = trader.strategy("BTCUSDT", "ETHUSDT")
    trader.alert(strategy, action="buy", symbol="BTCUSDT")
    trader.sees_position("long")
    stop = trader.exchange.position(trader.api_key, "BTCUSDT")
    assert stop is not None
    pid = stack.pid("streamer")
    assert pid is not None
    if busy:
        trader.alert(strategy, action="buy", symbol="ETHUSDT")
    os.kill(pid, signal.SIGTERM)
    told_at = time.monotonic()
    try:
        eventually(lambda: stack.pid("streamer") is None, "the streamer's end", within_s=DRAINED_WITHIN_S)
        took_s = time.monotonic() - told_at
        held = trader.exchange.position(trader.api_key, "BTCUSDT")
        assert held is not None
        assert held["stop_loss"] == stop["stop_loss"]
        with psycopg.connect(stack.database_url) as connection:
            (kept,) = connection.execute("select count(*) from leases where expires_at > now()").fetchone() or (None,)
        assert kept == 0, "a successor would wait for these"
        assert not [order for order in trader.exchange.orders(trader.api_key) if order["reduce_only"]]
        assert took_s < DRAINED_WITHIN_S
    finally:
        stack.start("streamer")
        stack.wait_ready("streamer")
    if busy:
        eventually(
            lambda: trader.exchange.position(trader.api_key, "ETHUSDT"), "the alert carried out, by one or the other"
        )
        entries = [order for order in trader.exchange.orders(trader.api_key) if order["symbol"] == "ETHUSDT"]
        assert len(entries) == 1
