"""Faults at random, of all accounts or of one, each for a few seconds."""

from collections import Counter
from random import Random
from typing import Any

import psycopg

from infra.stack import Stack
from tests.e2e.trader import Exchange

STANDING: tuple[dict[str, Any], ...] = (
    {"kind": "ack_lost", "times": 3},
    {"kind": "drop_request", "times": 3},
    {"kind": "request_delay", "ms": 1500, "times": 5},
    {"kind": "http_status", "status": 502, "times": 5},
    {"kind": "broken_json", "times": 5},
    {"kind": "rate_limited", "times": 5},
    {"kind": "page_limit", "limit": 2},
    {"kind": "stale_reads", "ms": 3000},
    {"kind": "partial_fill", "fraction": "0.4", "times": 10},
    {"kind": "no_fill", "times": 10},
    {"kind": "drop_private", "times": 10},
    {"kind": "duplicate_private", "times": 50},
    {"kind": "private_delay", "ms": 800, "times": 50},
    {"kind": "reorder", "times": 50},
    {"kind": "mute_private"},
    {"kind": "mute_public"},
    {"kind": "drop_ticker", "times": 50},
    {"kind": "refuse_private"},
    {"kind": "no_pong"},
)
AT_ONCE: tuple[dict[str, Any], ...] = (
    {"kind": "disconnect_public"},
    {"kind": "disconnect_public", "abort": True},
    {"kind": "disconnect_private"},
    {"kind": "disconnect_private", "abort": True},
    {"kind": "disconnect_trade", "abort": True},
    {"kind": "service_restart"},
)


class Weather:
    def __init__(self, stack: Stack, exchange: Exchange, keys: list[str], random: Random) -> None:
        self._stack = stack
        self._exchange = exchange
        self._keys = keys
        self._random = random
        self.struck: Counter[str] = Counter()

    def change(self) -> None:
        """The last fault ends and another begins."""
        self._exchange.mend()
        fault = dict(self._random.choice(STANDING + AT_ONCE))
        if (
            fault in STANDING
            and fault["kind"] not in ("mute_public", "drop_ticker", "no_pong")
            and self._random.random() < 0.5
        ):
            fault["api_key"] = self._random.choice(self._keys)
        self._exchange.fault(**fault)
        self.struck[fault["kind"]] += 1

    def thin_database(self) -> None:
        """Every session of the database is ended."""
        with psycopg.connect(self._stack.database_url, autocommit=True) as connection:
            connection.execute(
                "select pg_terminate_backend(pid) from pg_stat_activity"
                " where datname = current_database() and pid <> pg_backend_pid()"
            )
        self.struck["database sessions ended"] += 1

    def clear(self) -> None:
        self._exchange.mend()
