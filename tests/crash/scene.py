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
from typing import Protocol

import psycopg

from infra.environment import environment_of
from infra.stack import Stack
from tests.crash.pause import Pair
from tests.e2e.trader import Json, Trader, eventually

SYMBOL = "BTCUSDT"
_PATIENCE_S = 90.0


class Follower(Protocol):
    def follow(self) -> None:
        """See to the streamer's successor; called again and again."""


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


def play(stack: Stack, streamer: Follower) -> None:
    """Open, stop out, open short, reverse, move the stop, close by hand; then compare all books with the exchange."""
    with Trader(stack) as trader:
        trader.exchange.price(SYMBOL, "60000")
        strategy = trader.strategy(SYMBOL, max_age_s=300)

        trader.alert(strategy, action="buy", symbol=SYMBOL, qty="0.02")
        _until(streamer, lambda: protected(trader, "long"), "a protected long")
        trader.exchange.price(SYMBOL, "59050")
        _until(streamer, lambda: len(trader.trades()) == 1, "stopped out")

        trader.exchange.price(SYMBOL, "60000")
        trader.alert(strategy, action="sell", symbol=SYMBOL)
        _until(streamer, lambda: protected(trader, "short"), "a protected short")
        trader.alert(strategy, action="buy", symbol=SYMBOL)
        _until(streamer, lambda: len(trader.trades()) == 2 and protected(trader, "long"), "reversed")

        position = protected(trader, "long")
        assert position
        assert trader.http.patch(f"/api/positions/{position}/protection", json={"stop_loss": "59500"}).is_success
        _until(streamer, lambda: _resident(trader) >= Decimal(59000), "both stops moved")
        trader.post(f"/api/positions/{position}/close", {}, 202)
        _until(streamer, lambda: len(trader.trades()) == 3, "closed by hand")
        _until(streamer, lambda: not trader.positions(), "nothing open")
        check_books(trader)
        assert len(filled(trader, reduce_only=False)) == 3
        assert statuses(trader) == {"executed"}


def play_a_late_entry(stack: Stack, pair: Pair) -> None:
    """The first stops just before it sends an entry, for longer than the entry's time."""
    with Trader(stack) as trader:
        trader.exchange.price(SYMBOL, "60000")
        strategy = trader.strategy(SYMBOL, max_age_s=5)
        _until(pair, lambda: trader.get("/api/accounts")["items"][0]["status"] == "active", "the first at work")
        trader.alert(strategy, action="buy", symbol=SYMBOL, qty="0.02")
        _until(pair, lambda: statuses(trader) <= {"expired", "failed"}, "the signal given up")
        pair.settle()
        assert trader.exchange.position(trader.api_key, SYMBOL) is None
        assert filled(trader, reduce_only=False) == []
        assert trader.positions() == []


def play_a_stop_crossed(stack: Stack, pair: Pair) -> None:
    """The first stops while a position is open; its stop is crossed, and still is when the first goes on."""
    with Trader(stack) as trader:
        trader.exchange.price(SYMBOL, "60000")
        strategy = trader.strategy(SYMBOL, max_age_s=300)
        trader.alert(strategy, action="buy", symbol=SYMBOL, qty="0.02")
        _until(pair, lambda: protected(trader, "long"), "a protected long")
        pair.first.pause()
        trader.exchange.price(SYMBOL, "59050")
        _until(pair, lambda: len(trader.trades()) == 1, "stopped out")
        pair.settle()
        check_books(trader)
        assert len(filled(trader, reduce_only=True)) == 1


def check_books(trader: Trader) -> None:
    """Positions equal the exchange's, no id was taken twice, every fill is booked once, the ledger balances."""
    held = trader.exchange.position(trader.api_key, SYMBOL)
    ours_held = [(row["side"], Decimal(row["qty"])) for row in trader.positions()]
    assert ours_held == ([(_SIDES[held["side"]], Decimal(held["qty"]))] if held else [])
    ids = Counter(order["order_link_id"] for order in filled(trader))
    assert max(ids.values()) == 1, ids

    theirs = {row["execId"]: row for row in trader.exchange.executions(trader.api_key)}
    ours = {row["id"]: row for row in trader.get("/api/executions?limit=200")["items"]}
    assert set(ours) == set(theirs)
    profit = trader.exchange.wallet(trader.api_key, trader.api_secret) - Decimal(10_000)
    assert sum((Decimal(trade["net_pnl"]) for trade in trader.trades()), Decimal(0)) == profit
    assert sum((Decimal(row["realised_pnl"]) - Decimal(row["fee"]) for row in ours.values()), Decimal(0)) == profit


_SIDES = {"Buy": "long", "Sell": "short"}


def filled(trader: Trader, *, reduce_only: bool | None = None) -> list[Json]:
    """The orders the exchange filled."""
    filled = [order for order in trader.exchange.orders(trader.api_key) if order["status"] == "Filled"]
    return [order for order in filled if reduce_only in (None, order["reduce_only"])]


def statuses(trader: Trader) -> set[str]:
    return {signal["status"] for signal in trader.get("/api/signals")["items"]}


def protected(trader: Trader, side: str) -> str | None:
    for position in trader.positions():
        if position["status"] == "open" and position["side"] == side and position["resident_stop"]["price"]:
            found: str = position["id"]
            return found
    return None


def _resident(trader: Trader) -> Decimal:
    held = trader.exchange.position(trader.api_key, SYMBOL)
    return Decimal(held["stop_loss"] or 0) if held else Decimal(0)


def _until(streamer: Follower, look: object, what: str) -> None:
    assert callable(look)
    deadline = time.monotonic() + _PATIENCE_S

    def seen() -> object:
        streamer.follow()
        return look()

    eventually(seen, what, deadline - time.monotonic())
