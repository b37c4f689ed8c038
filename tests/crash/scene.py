"""One life of an account, played against a streamer that is killed somewhere on the way."""

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from decimal import Decimal
from pathlib import Path

import psycopg

from infra.environment import environment_of
from infra.stack import Stack
from tests.e2e.trader import Trader, eventually

SYMBOL = "BTCUSDT"
_PATIENCE_S = 90.0


class Streamer:
    """A streamer process of the test's own, started beside a stack that has none. One that was killed is followed by a
    successor that is not."""

    def __init__(self, stack: Stack, crash: Mapping[str, str], log: Path) -> None:
        self._stack = stack
        self._environment = environment_of("streamer", os.environ, stack.place, stack.database_url)
        self._log = log
        self.crashed = False
        self._process = self._start(crash)

    def _start(self, extra: Mapping[str, str]) -> "subprocess.Popen[bytes]":
        with self._log.open("ab") as log:
            return subprocess.Popen(
                [sys.executable, "-m", "streamer"], env={**self._environment, **extra}, stdout=log, stderr=log
            )

    def follow(self) -> None:
        """Start the successor once the first was killed. Its leases are let run out at once, which only saves time."""
        if self.crashed or self._process.poll() is None:
            return
        assert self._process.returncode == -signal.SIGKILL, self._log.read_text()[-2000:]
        self.crashed = True
        with psycopg.connect(self._stack.database_url, autocommit=True) as connection:
            connection.execute("update leases set expires_at = now()")
        self._process = self._start({})

    def stop(self) -> None:
        self._process.send_signal(signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(20)
        self._process.kill()
        self._process.wait()


def play(stack: Stack, streamer: Streamer) -> None:
    """Open, stop out, open short, reverse, move the stop, close by hand; then compare all books with the exchange."""
    with Trader(stack) as trader:
        trader.exchange.price(SYMBOL, "60000")
        strategy = trader.strategy(SYMBOL, max_age_s=300)

        trader.alert(strategy, action="buy", symbol=SYMBOL, qty="0.02")
        _until(streamer, lambda: _protected(trader, "long"), "a protected long")
        trader.exchange.price(SYMBOL, "59050")
        _until(streamer, lambda: len(trader.trades()) == 1, "stopped out")

        trader.exchange.price(SYMBOL, "60000")
        trader.alert(strategy, action="sell", symbol=SYMBOL)
        _until(streamer, lambda: _protected(trader, "short"), "a protected short")
        trader.alert(strategy, action="buy", symbol=SYMBOL)
        _until(streamer, lambda: len(trader.trades()) == 2 and _protected(trader, "long"), "reversed")

        position = _protected(trader, "long")
        assert position
        assert trader.http.patch(f"/api/positions/{position}/protection", json={"stop_loss": "59500"}).is_success
        _until(streamer, lambda: _resident(trader) >= Decimal(59000), "both stops moved")
        trader.post(f"/api/positions/{position}/close", {}, 202)
        _until(streamer, lambda: len(trader.trades()) == 3, "closed by hand")
        _until(streamer, lambda: not trader.positions(), "nothing open")
        check_books(trader)


def check_books(trader: Trader) -> None:
    """Positions equal the exchange's, no id was taken twice, every fill is booked once, the ledger balances."""
    assert trader.exchange.position(trader.api_key, SYMBOL) is None
    taken = [order for order in trader.exchange.orders(trader.api_key) if order["status"] == "Filled"]
    ids = Counter(order["order_link_id"] for order in taken)
    assert max(ids.values()) == 1, ids
    entries = [order for order in taken if not order["reduce_only"]]
    assert len(entries) == 3, entries

    theirs = {row["execId"]: row for row in trader.exchange.executions(trader.api_key)}
    ours = {row["id"]: row for row in trader.get("/api/executions?limit=200")["items"]}
    assert set(ours) == set(theirs)
    profit = trader.exchange.wallet(trader.api_key, trader.api_secret) - Decimal(10_000)
    assert sum((Decimal(trade["net_pnl"]) for trade in trader.trades()), Decimal(0)) == profit
    assert sum((Decimal(row["realised_pnl"]) - Decimal(row["fee"]) for row in ours.values()), Decimal(0)) == profit
    statuses = {signal["status"] for signal in trader.get("/api/signals")["items"]}
    assert statuses == {"executed"}, statuses


def _protected(trader: Trader, side: str) -> str | None:
    for position in trader.positions():
        if position["status"] == "open" and position["side"] == side and position["resident_stop"]["price"]:
            found: str = position["id"]
            return found
    return None


def _resident(trader: Trader) -> Decimal:
    held = trader.exchange.position(trader.api_key, SYMBOL)
    return Decimal(held["stop_loss"] or 0) if held else Decimal(0)


def _until(streamer: Streamer, look: object, what: str) -> None:
    assert callable(look)
    deadline = time.monotonic() + _PATIENCE_S

    def seen() -> object:
        streamer.follow()
        return look()

    eventually(seen, what, deadline - time.monotonic())
