"""A trader and their exchange, from outside: HTTP and WebSocket only."""

import hashlib
import hmac
import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from decimal import Decimal
from itertools import count
from typing import Any, TypeVar
from urllib.parse import urlsplit

import httpx
from websockets.sync.client import ClientConnection, connect

from infra.stack import Stack

Json = dict[str, Any]
T = TypeVar("T")

PATIENCE_S = 20.0
TAKER_FEE = Decimal("0.00055")

_numbers = count(1)


def eventually(look: Callable[[], T | None], what: str, within_s: float = PATIENCE_S) -> T:
    """What `look` finds, as soon as it finds it."""
    deadline = time.monotonic() + within_s
    while time.monotonic() < deadline:
        found = look()
        if found:
            return found
        time.sleep(0.02)
    raise AssertionError(f"not seen within {within_s:.0f} s: {what}")


class Exchange:
    """The simulator's control surface."""

    def __init__(self, stack: Stack) -> None:
        self._http = httpx.Client(base_url=stack.sim_url)

    def close(self) -> None:
        self._http.close()

    def open_account(self, api_key: str, api_secret: str, balance: str = "10000") -> None:
        self._post("accounts", {"api_key": api_key, "api_secret": api_secret, "balance": balance})

    def price(self, symbol: str, last: str, **others: str) -> None:
        """`others`: mark and index, where they differ from the last price."""
        self._post("price", {"symbol": symbol, "last": last, **others})

    def walk(self, symbol: str, **how: object) -> None:
        """Have its price wander, or stop (`on=False`)."""
        self._post("walk", {"symbol": symbol, **how})

    def modes(self, api_key: str, symbol: str, **changes: object) -> None:
        """Set up by hand: hedge, leverage, margin_mode."""
        self._post("modes", {"api_key": api_key, "symbol": symbol, **changes})

    def trade_by_hand(self, api_key: str, symbol: str, side: str, qty: str) -> None:
        self._post("manual", {"api_key": api_key, "symbol": symbol, "side": side, "qty": qty})

    def key(self, api_key: str, **facts: object) -> None:
        """What the exchange tells of a key from now on."""
        self._post("key", {"api_key": api_key, **facts})

    def fault(self, kind: str, **parameters: object) -> None:
        self._post("faults", {"kind": kind, **parameters})

    def mend(self) -> None:
        assert self._http.delete("/sim/faults").is_success

    def orders(self, api_key: str) -> list[Json]:
        """Every order request of an account, rejected ones too."""
        items: list[Json] = self._http.get("/sim/orders", params={"api_key": api_key}).json()["items"]
        return items

    def executions(self, api_key: str) -> list[Json]:
        items: list[Json] = self._http.get("/sim/executions", params={"api_key": api_key}).json()["items"]
        return items

    def wallet(self, api_key: str, api_secret: str) -> Decimal:
        """USDT in the account, as a signed client of the exchange reads it (Bybit V5, "Get Wallet Balance")."""
        query = "accountType=UNIFIED"
        signed_at = str(time.time_ns() // 1_000_000)
        signature = hmac.new(api_secret.encode(), f"{signed_at}{api_key}5000{query}".encode(), hashlib.sha256)
        headers = {
            "X-BAPI-API-KEY": api_key,
            "X-BAPI-TIMESTAMP": signed_at,
            "X-BAPI-RECV-WINDOW": "5000",
            "X-BAPI-SIGN": signature.hexdigest(),
        }
        answer = self._http.get(f"/v5/account/wallet-balance?{query}", headers=headers).json()
        (coin,) = [coin for coin in answer["result"]["list"][0]["coin"] if coin["coin"] == "USDT"]
        return Decimal(coin["walletBalance"])

    def positions(self, api_key: str) -> list[Json]:
        """What the account holds."""
        items: list[Json] = self._http.get("/sim/positions", params={"api_key": api_key}).json()["items"]
        return items

    def position(self, api_key: str, symbol: str) -> Json | None:
        held = self.positions(api_key)
        return next((item for item in held if item["symbol"] == symbol and Decimal(item["qty"]) > 0), None)

    def _post(self, path: str, body: Json) -> None:
        answer = self._http.post(f"/sim/{path}", json=body)
        assert answer.is_success, answer.text


class Strategy:
    """A webhook to send alerts to."""

    def __init__(self, created: Json) -> None:
        self.id: str = created["id"]
        self.secret: str = created["webhook_secret"]
        self.path = urlsplit(created["webhook_url"]).path


class Trader:
    """A signed-up user with one simulator account."""

    def __init__(self, stack: Stack, balance: str = "10000") -> None:
        number = next(_numbers)
        self._stack = stack
        self.exchange = Exchange(stack)
        self.email = f"trader-{number}-{time.time_ns()}@example.com"
        self.password = "correct horse battery"
        self.api_key = f"key{time.time_ns()}"
        self.api_secret = f"secret{time.time_ns()}"
        self.exchange.open_account(self.api_key, self.api_secret, balance)
        self.http = httpx.Client(base_url=stack.url, timeout=30)
        signed_up = self.http.post("/api/auth/signup", json={"email": self.email, "password": self.password})
        assert signed_up.status_code == 201, signed_up.text
        self.http.headers["Authorization"] = f"Bearer {signed_up.json()['access_token']}"
        self.account_id = self.post(
            "/api/accounts",
            {
                "label": "Paper",
                "environment": "simulator",
                "api_key": self.api_key,
                "api_secret": self.api_secret,
            },
            201,
        )["id"]

    def __enter__(self) -> "Trader":
        return self

    def __exit__(self, *_: object) -> None:
        self.http.close()
        self.exchange.close()

    def post(self, path: str, body: Json, status: int) -> Json:
        answer = self.http.post(path, json=body)
        assert answer.status_code == status, answer.text
        found: Json = answer.json()
        return found

    def get(self, path: str) -> Json:
        answer = self.http.get(path)
        assert answer.status_code == 200, answer.text
        found: Json = answer.json()
        return found

    def strategy(self, *symbols: str, **settings: object) -> Strategy:
        body = {
            "account_id": self.account_id,
            "name": f"On {' '.join(symbols)}",
            "symbols": list(symbols),
            "sizing": {"mode": "qty", "value": "0.01"},
            "leverage": "5",
            "max_age_s": 30,
            "on_opposite": "reverse",
            "protection": {"stop_loss": "1.5%"},
            **settings,
        }
        return Strategy(self.post("/api/strategies", body, 201))

    def alert(self, strategy: Strategy, **fields: object) -> Json:
        return self.post(strategy.path, {"secret": strategy.secret, "id": f"a{next(_numbers)}", **fields}, 202)

    def positions(self) -> list[Json]:
        items: list[Json] = self.get("/api/positions")["items"]
        return items

    def trades(self) -> list[Json]:
        """Newest first."""
        items: list[Json] = self.get("/api/trades")["items"]
        return items

    def signal(self, signal_id: str) -> Json:
        return self.get(f"/api/signals/{signal_id}")

    def sees_position(self, side: str) -> Json:
        """An open position on that side whose resident stop is proven."""
        return eventually(
            lambda: next(
                (
                    position
                    for position in self.positions()
                    if position["status"] == "open"
                    and position["side"] == side
                    and position["resident_stop"]["verified_at"]
                ),
                None,
            ),
            f"an open {side} position",
        )

    def sees_trades(self, number: int) -> list[Json]:
        return eventually(lambda: found if len(found := self.trades()) >= number else None, f"{number} trades")

    @contextmanager
    def dashboard(self, last_seq: int | None = None) -> Iterator["Dashboard"]:
        ticket = self.post("/api/ws-ticket", {}, 200)["ticket"]
        with connect(f"{self._stack.ws_url}?ticket={ticket}") as socket:
            hello = {"action": "hello"} if last_seq is None else {"action": "hello", "last_seq": last_seq}
            socket.send(json.dumps(hello))
            yield Dashboard(socket)


class Dashboard:
    """The browser's end of the WebSocket."""

    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket
        self.seen: list[Json] = []

    def until(self, type_: str, **data: object) -> Json:
        """Read on until such a message comes; returns it."""
        deadline = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline:
            try:
                message: Json = json.loads(self._socket.recv(timeout=1.0))
            except TimeoutError:
                continue
            self.seen.append(message)
            if message["type"] == type_ and all(message["data"].get(key) == value for key, value in data.items()):
                return message
        kinds = [(message["type"], message.get("seq")) for message in self.seen]
        raise AssertionError(f"no {type_} {data} came; seen: {kinds}")

    def send(self, message: Json) -> None:
        self._socket.send(json.dumps(message))

    @property
    def seqs(self) -> list[int]:
        return [message["seq"] for message in self.seen if "seq" in message]


def fee(qty: str, *prices: str) -> Decimal:
    """What the exchange takes for market orders of `qty` at each of these prices, USDT."""
    return sum((Decimal(qty) * Decimal(price) * TAKER_FEE for price in prices), Decimal(0))
