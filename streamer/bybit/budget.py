"""How many requests may be made, and which of them first. Pure: the caller brings a monotonic clock in milliseconds.

Bybit counts requests per account and endpoint over a rolling second, all requests of one address over five seconds, and
connections over five minutes. A rolling count keeps such a limit exactly, where a bucket that refills would let twice as
many through within one window. Of each limit a share is kept for closes: they never wait behind what opens or asks.

Source: Bybit V5, "Rate Limit Rules"; "Connect" (connections).
"""

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field

CLOSES_SHARE = 0.4
"""Of an endpoint that carries orders: what only closes may use."""

BAN_MS = 600_000
REFUSED_FOR_MS = 1_000
"""How long an endpoint rests after a refusal that does not say when its limit is reset."""

_RESET_MOST_MS = 5_000
_SECOND_MS = 1_100
"""A little more than a second: requests bunch up on their way."""

_ORDERS = 10
_READS = 50
PER_SECOND: Mapping[str, int] = {
    "/v5/order/create": _ORDERS,
    "/v5/order/amend": _ORDERS,
    "/v5/order/cancel": _ORDERS,
    "/v5/order/cancel-all": _ORDERS,
    "/v5/position/trading-stop": _ORDERS,
    "/v5/position/set-leverage": _ORDERS,
    "/v5/position/switch-mode": _ORDERS,
    "/v5/order/realtime": _READS,
    "/v5/order/history": _READS,
    "/v5/execution/list": _READS,
    "/v5/position/list": _READS,
    "/v5/position/closed-pnl": _READS,
    "/v5/account/wallet-balance": _READS,
    "/v5/account/info": _READS,
    "/v5/account/transaction-log": 25,
    "/v5/account/fee-rate": 5,
    "/v5/user/query-api": 10,
}
"""Requests a second of one account, non-VIP; replies tell the account's own limit. Others count for the address only."""


@dataclass(slots=True)
class Window:
    """At most `limit` within any `span_ms`, the last `reserved` of them for closes."""

    limit: int
    span_ms: int
    reserved: int = 0
    resting_until: int = 0
    _spent: deque[int] = field(default_factory=deque)

    def wait_ms(self, now: int, *, closes: bool) -> int:
        """0: it may go now. Else how long until it is worth asking again."""
        spent = self._spent
        while spent and spent[0] <= now - self.span_ms:
            spent.popleft()
        most = self.limit if closes else max(1, self.limit - self.reserved)
        full = 0 if len(spent) < most else spent[len(spent) - most] + self.span_ms - now
        return max(full, self.resting_until - now, 0)

    def spend(self, now: int) -> None:
        self._spent.append(now)

    def rest(self, until: int) -> None:
        """Nothing goes before `until`, closes neither: they would be refused."""
        self.resting_until = max(self.resting_until, until)


@dataclass(slots=True)
class AddressBudget:
    """What one address may do: shared by all accounts of the process, whatever their environment."""

    requests: Window = field(default_factory=lambda: Window(500, 5_000, reserved=100))
    """Bybit allows 600; beyond them it bans the address."""

    connections: Window = field(default_factory=lambda: Window(400, 300_000, reserved=100))
    """Bybit allows 500."""

    bursts: Window = field(default_factory=lambda: Window(60, 10_000, reserved=20))
    """Connections made anew, spread out: an outage that takes all of them is not to cost the five minutes' budget at once,
    and a few accounts that start together are not to wait."""

    banned_until: int = 0

    def banned_for(self, now: int) -> int:
        return max(0, self.banned_until - now)

    def ban(self, now: int) -> bool:
        """The exchange shuts this address out; whether that is new."""
        new = self.banned_for(now) == 0
        self.banned_until = now + BAN_MS
        return new

    def connect(self, now: int, *, holds: bool) -> int:
        """0: connect now, it is counted. Else milliseconds to wait. `holds`: positions depend on this connection."""
        wait = max(self.connections.wait_ms(now, closes=holds), self.bursts.wait_ms(now, closes=holds))
        if wait == 0:
            self.connections.spend(now)
            self.bursts.spend(now)
        return wait


@dataclass(slots=True)
class AccountBudget:
    """What one account may ask of each endpoint, within what its address may."""

    address: AddressBudget
    _windows: dict[str, Window] = field(default_factory=dict)

    def take(self, path: str, now: int, *, closes: bool, over_rest: bool = True) -> int:
        """0: send now, it is counted. Else milliseconds to wait. `over_rest` False: it makes no HTTP request."""
        window = self._window(path)
        wait = window.wait_ms(now, closes=closes) if window is not None else 0
        if over_rest:
            wait = max(wait, self.address.requests.wait_ms(now, closes=closes))
        if wait:
            return wait
        if window is not None:
            window.spend(now)
        if over_rest:
            self.address.requests.spend(now)
        return 0

    def told(self, path: str, limit: int, left: int, reset_in_ms: int, now: int) -> None:
        """What a reply's headers say: the account's own limit, and when an exhausted one is whole again."""
        window = self._window(path)
        if window is None or limit <= 0:
            return
        window.limit, window.reserved = limit, _reserved(path, limit)
        if left <= 0 and 0 < reset_in_ms <= _RESET_MOST_MS:
            window.rest(now + reset_in_ms)

    def refused(self, path: str, reset_in_ms: int | None, now: int) -> None:
        """Too many requests: the endpoint rests until its limit is reset."""
        window = self._window(path)
        if window is not None:
            known = reset_in_ms is not None and 0 < reset_in_ms <= _RESET_MOST_MS
            window.rest(now + (reset_in_ms if known and reset_in_ms is not None else REFUSED_FOR_MS))

    def _window(self, path: str) -> Window | None:
        limit = PER_SECOND.get(path)
        if limit is None:
            return None
        if path not in self._windows:
            self._windows[path] = Window(limit, _SECOND_MS, _reserved(path, limit))
        return self._windows[path]


def _reserved(path: str, limit: int) -> int:
    return int(limit * CLOSES_SHARE) if path == "/v5/order/create" else 0
