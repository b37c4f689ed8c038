"""The exchange as a running thing: state, clock, faults, and who is connected."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal

import msgspec

from simulator.exchange import Exchange, PrivateEvent, Ticked, Traded, derived_id
from simulator.faults import Faults
from simulator.model import Account, Order
from simulator.rate_limits import AddressLimit, RateLimits
from simulator.sockets import Connections

_SNAPSHOTS_KEPT = 2_000


def wall_clock_ms() -> int:
    """UTC milliseconds."""
    return time.time_ns() // 1_000_000


@dataclass(frozen=True, slots=True)
class Snapshot:
    """An account as it was, for stale reads."""

    time_ms: int
    account: bytes


class Venue:
    """Ties the pure exchange to time, faults and sockets. One per server."""

    def __init__(self, exchange: Exchange, clock: Callable[[], int] = wall_clock_ms) -> None:
        self.exchange = exchange
        self.faults = Faults()
        self.limits = RateLimits()
        self.address = AddressLimit()
        self.public = Connections()
        self.private = Connections()
        self.trade = Connections()
        self.clock = clock
        """UTC milliseconds; a test may stop it."""
        self._socket_ids = 0
        self._snapshots: dict[str, deque[Snapshot]] = {}
        self._listeners: list[Callable[[list[Ticked | Traded]], None]] = []
        self._private_listener: Callable[[list[PrivateEvent]], None] | None = None
        exchange.liquidity = self._liquidity

    def now_ms(self) -> int:
        """The exchange's own clock: true time plus the clock_skew fault."""
        fault = self.faults.find("clock_skew")
        return self.clock() + (fault.number("ms") if fault else 0)

    def socket_id(self) -> str:
        """An id for a connection or a message, from a series of its own: clients that connect change no order id."""
        self._socket_ids += 1
        return derived_id(f"{self.exchange.state.seed}:socket:{self._socket_ids}")

    def on_market(self, listener: Callable[[list[Ticked | Traded]], None]) -> None:
        """Register who sends public messages."""
        self._listeners.append(listener)

    def on_private(self, listener: Callable[[list[PrivateEvent]], None]) -> None:
        """Register who sends private messages."""
        self._private_listener = listener

    def publish(self) -> None:
        """Hand the events of the last change to the streams."""
        events = self.exchange.drain()
        if not events:
            return
        private = [event for event in events if isinstance(event, PrivateEvent)]
        market = [event for event in events if not isinstance(event, PrivateEvent)]
        if self.faults.find("stale_reads") is not None:
            self._remember({event.api_key for event in private})
        for listener in self._listeners:
            listener(market)
        if private and self._private_listener is not None:
            self._private_listener(private)

    def remember_all(self) -> None:
        """Start remembering what accounts looked like, for stale reads from now on."""
        self._snapshots.clear()
        self._remember(set(self.exchange.state.accounts))

    def as_read(self, account: Account) -> Account:
        """The account as a read shows it: now, or as it was when stale_reads is on."""
        fault = self.faults.find("stale_reads", account.api_key)
        known = self._snapshots.get(account.api_key)
        if fault is None or not known:
            return account
        horizon = self.now_ms() - fault.number("ms")
        chosen = known[0]
        for snapshot in known:
            if snapshot.time_ms <= horizon:
                chosen = snapshot
        return msgspec.json.decode(chosen.account, type=Account)

    def _remember(self, api_keys: set[str]) -> None:
        for api_key in sorted(api_keys):
            account = self.exchange.account(api_key)
            if account is not None:
                kept = self._snapshots.setdefault(api_key, deque(maxlen=_SNAPSHOTS_KEPT))
                kept.append(Snapshot(self.now_ms(), msgspec.json.encode(account)))

    def _liquidity(self, account: Account, order: Order, wanted: Decimal) -> Decimal:
        if self.faults.take("no_fill", account.api_key, order.symbol) is not None:
            return Decimal(0)
        fault = self.faults.take("partial_fill", account.api_key, order.symbol)
        return wanted if fault is None else wanted * Decimal(str(fault.params["fraction"]))
