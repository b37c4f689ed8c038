"""Candles of a position's market, read at an exchange that is played here."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from api import config
from backstop.contracts.accounts import Environment
from tests.api.conftest import User
from tests.store.books import Books


class Bybit:
    """Answers with `reply` and keeps what it was asked."""

    def __init__(self) -> None:
        self.asked: list[dict[str, str]] = []
        self.status = 200
        self.reply: Any = {
            "retCode": 0,
            "result": {
                "list": [
                    ["1795514460000", "101", "102.5", "100", "102", "5", "510"],
                    ["1795514400000", "100", "101", "99.5", "101", "7", "700"],
                ]
            },
        }
        bybit = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                url = urlsplit(self.path)
                bybit.asked.append({"path": url.path, **{k: v[0] for k, v in parse_qs(url.query).items()}})
                self.send_response(bybit.status)
                self.end_headers()
                self.wfile.write(bybit.reply if isinstance(bybit.reply, bytes) else json.dumps(bybit.reply).encode())

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)


@pytest.fixture
def bybit(monkeypatch: pytest.MonkeyPatch) -> Iterator[Bybit]:
    bybit = Bybit()
    thread = threading.Thread(target=bybit.server.serve_forever, daemon=True)
    thread.start()
    monkeypatch.setenv("BACKSTOP_BYBIT_REST_URL", f"http://127.0.0.1:{bybit.server.server_port}")
    yield bybit
    bybit.server.shutdown()
    bybit.server.server_close()
    thread.join()


@pytest.fixture
def position_id(user: User, books: Books) -> str:
    return str(books.position(user.id, user.account()["id"]))


def test_candles_are_oldest_first_and_exact(user: User, bybit: Bybit, position_id: str) -> None:
    answer = user.api.get(f"/api/positions/{position_id}/candles?interval=15m&limit=2&until=2026-11-24T10:00:00Z")
    assert answer.status == 200
    assert bybit.asked == [
        {
            "path": "/v5/market/kline",
            "category": "linear",
            "symbol": "BTCUSDT",
            "interval": "15",
            "limit": "2",
            "end": "1795514399999",
        }
    ]
    assert answer.json["symbol"] == "BTCUSDT"
    first, second = answer.json["candles"]
    assert first == {
        "start": "2026-11-24T10:00:00Z",
        "open": "100",
        "high": "101",
        "low": "99.5",
        "close": "101",
        "volume": "7",
    }
    assert second["start"] == "2026-11-24T10:01:00Z"


@pytest.mark.parametrize(
    ("status", "reply"),
    [
        (200, {"retCode": 10006, "retMsg": "Too many visits!", "result": {}}),
        (200, {"retCode": 0, "result": {"list": [["x", "1", "1", "1", "1", "1"]]}}),
        (200, {"retCode": 0, "result": {"list": [["1", "1"]]}}),
        (200, {"retCode": 0, "result": None}),
        (200, []),
        (200, b"<html>"),
        (403, b""),
    ],
)
def test_an_exchange_that_does_not_say_is_no_empty_chart(
    user: User, bybit: Bybit, position_id: str, status: int, reply: Any
) -> None:
    bybit.status, bybit.reply = status, reply
    answer = user.api.get(f"/api/positions/{position_id}/candles")
    assert (answer.status, answer.json["code"]) == (503, "market_unreachable")


def test_an_exchange_that_is_away(user: User, monkeypatch: pytest.MonkeyPatch, position_id: str) -> None:
    monkeypatch.setenv("BACKSTOP_BYBIT_REST_URL", "http://127.0.0.1:1")
    assert user.api.get(f"/api/positions/{position_id}/candles").status == 503


@pytest.mark.parametrize("query", ["interval=2m", "limit=0", "limit=1001", "until=x"])
def test_a_query_that_makes_no_sense(user: User, bybit: Bybit, position_id: str, query: str) -> None:
    answer = user.api.get(f"/api/positions/{position_id}/candles?{query}")
    assert (answer.status, answer.fields) == (422, [query.partition("=")[0]])
    assert bybit.asked == []


def test_real_environments_are_read_at_bybit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BACKSTOP_BYBIT_REST_URL", "http://127.0.0.1:1")
    assert config.market_url(Environment.MAINNET) == config.market_url(Environment.DEMO) == "https://api.bybit.com"
    assert config.market_url(Environment.TESTNET) == "https://api-testnet.bybit.com"
