"""Faults that can be switched on, as data. Who consults them does the damage.

Every fault takes the optional ``times`` (how often it strikes; for ever when absent), ``api_key`` and ``symbol`` (only
requests and messages of that account, of that symbol). Kinds and their parameters, defaults in brackets:

Requests (REST and the trade socket; ``path`` is a REST path such as /v5/order/create, also for its WebSocket twin):
    ack_lost {how: drop|hang [drop], path [/v5/order/create]}   handled, but no reply ever comes
    drop_request {how: drop|hang [drop], path [/v5/order/create]}   never handled, no reply
    ack_delay {ms, path [/v5/order/create]}   handled at once, answered late: streams overtake the reply
    request_delay {ms, path [/v5/order/create]}   reaches the exchange late; the time window is checked then
    http_status {status, path [any]}   an HTTP error instead of an answer (REST only)
    broken_json {path [any]}   handled, answered with half a JSON text (REST only)
    ret_code {code, message [""], path [any]}   a business error, nothing handled
    rate_limited {path [any], reset_header [true]}   retCode 10006
    ban {}   HTTP 403 on every /v5 request, as after an IP ban
    clock_skew {ms}   the exchange's clock is ahead by ms (negative: behind)
    page_limit {limit}   lists come in pages of so many rows at most, whatever was asked for
    stale_reads {ms}   position/list, order/realtime, order/history, execution/list show the past

Fills:
    partial_fill {fraction}   taker orders fill that part of what they want, 0 to 1
    no_fill {}   taker orders find an empty book

Private stream:
    drop_private {topic [any]}   a message is lost
    duplicate_private {topic [any]}   a message comes twice
    private_delay {ms, topic [any]}   a message comes late
    reorder {order [["position","order","execution","wallet"]]}   messages of one event in that order
    mute_private {}   connected and ponging, but no data
    alter_private {fields, topic [any]}   rows carry these fields instead; one that is null is left out
    unknown_exec_type {value [NewKindOfFill]}   executions carry an execType nobody knows
    auth_rejected {}   logins on private and trade sockets fail
    refuse_private {status [503]}   new private and trade connections are refused with an HTTP status

Public stream:
    mute_public {}   connected and ponging, but no data
    drop_ticker {}   ticker deltas are lost, and what they carried with them
    refuse_public {status [503]}   new public connections are refused with an HTTP status

All sockets:
    no_pong {scope: public|private|trade|all [all]}   pings are not answered
    subscribe_rejected {topic}   subscribing to that topic fails

At once (nothing stays switched on):
    disconnect_public {code [1001], abort [false]}   close every public connection; abort resets TCP
    disconnect_private {code [1001], abort [false]}   likewise, of one account if api_key is given
    disconnect_trade {code [1001], abort [false]}   likewise, trade connections
    bad_ticker {symbol, fields}   push a ticker delta with these raw fields, e.g. {"lastPrice": "0"}
    ticker_snapshot {symbol}   push a fresh snapshot, as after a restart of the venue
    service_restart {}   closed orders vanish from order/realtime
    adl {api_key, symbol, qty [all], position_idx [0]}   an AdlTrade at the mark price
    bust {api_key, symbol, position_idx [0]}   a BustTrade at the bankruptcy price
    settle {api_key, symbol, position_idx [0]}   a Settle at the mark price
    reduce_only_position {api_key, symbol, on [true], position_idx [0]}   isReduceOnly after a risk-limit cut
    instrument_status {symbol, status}   Trading, PreLaunch, Delivering or Closed; only Trading takes orders
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from simulator.numbers import parse

ORDER_CREATE = "/v5/order/create"
_COMMON = frozenset({"kind", "times", "api_key", "symbol"})

_HOW = {"how": "drop", "path": ORDER_CREATE}
_CLOSE = {"code": 1001, "abort": False}
_ROW = {"position_idx": 0}
_REQUIRED = "required"

STANDING: dict[str, dict[str, Any]] = {
    "ack_lost": _HOW,
    "drop_request": _HOW,
    "ack_delay": {"ms": _REQUIRED, "path": ORDER_CREATE},
    "request_delay": {"ms": _REQUIRED, "path": ORDER_CREATE},
    "http_status": {"status": _REQUIRED, "path": ""},
    "broken_json": {"path": ""},
    "ret_code": {"code": _REQUIRED, "message": "", "path": ""},
    "rate_limited": {"path": "", "reset_header": True},
    "ban": {},
    "clock_skew": {"ms": _REQUIRED},
    "page_limit": {"limit": _REQUIRED},
    "stale_reads": {"ms": _REQUIRED},
    "partial_fill": {"fraction": _REQUIRED},
    "no_fill": {},
    "drop_private": {"topic": ""},
    "duplicate_private": {"topic": ""},
    "private_delay": {"ms": _REQUIRED, "topic": ""},
    "reorder": {"order": ["position", "order", "execution", "wallet"]},
    "mute_private": {},
    "alter_private": {"fields": _REQUIRED, "topic": ""},
    "unknown_exec_type": {"value": "NewKindOfFill"},
    "auth_rejected": {},
    "refuse_private": {"status": 503},
    "mute_public": {},
    "drop_ticker": {},
    "refuse_public": {"status": 503},
    "no_pong": {"scope": "all"},
    "subscribe_rejected": {"topic": _REQUIRED},
}
"""Kinds that stay on until their times are used up or they are deleted, with their parameters."""

IMMEDIATE: dict[str, dict[str, Any]] = {
    "disconnect_public": _CLOSE,
    "disconnect_private": _CLOSE,
    "disconnect_trade": _CLOSE,
    "bad_ticker": {"fields": _REQUIRED},
    "ticker_snapshot": {},
    "service_restart": {},
    "adl": {"qty": "", **_ROW},
    "bust": _ROW,
    "settle": _ROW,
    "reduce_only_position": {"on": True, **_ROW},
    "instrument_status": {"status": _REQUIRED},
}
"""Kinds that happen once, when they are posted."""

_NEEDS_SYMBOL = frozenset(
    {"bad_ticker", "ticker_snapshot", "adl", "bust", "settle", "reduce_only_position", "instrument_status"}
)
_NEEDS_KEY = frozenset({"adl", "bust", "settle", "reduce_only_position"})
_CHOICES: dict[str, frozenset[str]] = {
    "how": frozenset({"drop", "hang"}),
    "scope": frozenset({"public", "private", "trade", "all"}),
}
_INSTRUMENT_STATUSES = frozenset({"Trading", "PreLaunch", "Delivering", "Closed"})
_NUMBERS: dict[str, tuple[Decimal, Decimal]] = {
    "ms": (Decimal(-86_400_000), Decimal(86_400_000)),
    "fraction": (Decimal(0), Decimal(1)),
    "limit": (Decimal(1), Decimal(1000)),
    "code": (Decimal(-1_000_000), Decimal(10_000_000)),
    "times": (Decimal(1), Decimal(1_000_000)),
    "position_idx": (Decimal(0), Decimal(2)),
}


class FaultError(ValueError):
    """A fault that can't be switched on; says which field and what is allowed."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(f"{field}: {message}")
        self.field = field
        self.message = message


@dataclass(slots=True)
class Fault:
    """One fault that is on."""

    fault_id: int
    kind: str
    params: dict[str, Any]
    api_key: str = ""
    symbol: str = ""
    times: int | None = None
    struck: int = 0

    def view(self) -> dict[str, Any]:
        """For GET /sim/faults."""
        return {
            "id": self.fault_id,
            "kind": self.kind,
            **self.params,
            "api_key": self.api_key or None,
            "symbol": self.symbol or None,
            "times": self.times,
            "struck": self.struck,
        }

    def number(self, name: str) -> int:
        """A whole-number parameter."""
        return int(self.params[name])

    def meets(self, api_key: str | None, symbol: str | None, facts: Mapping[str, str]) -> bool:
        """Whether it strikes here; a filter that is not set strikes everywhere."""
        if self.api_key and self.api_key != api_key:
            return False
        if self.symbol and self.symbol != symbol:
            return False
        return all(not self.params.get(name) or self.params[name] == value for name, value in facts.items())


def read_fault(fault_id: int, body: Mapping[str, Any]) -> Fault:
    """Read a posted fault and fill in the defaults.

    Raises:
        FaultError: an unknown kind or parameter, a missing one, or a value out of range.
    """
    kind = body.get("kind")
    known = STANDING | IMMEDIATE
    if not isinstance(kind, str) or kind not in known:
        raise FaultError("kind", f"{kind!r} is not one of {', '.join(sorted(known))}")
    expected = known[kind]
    for name in body:
        if name not in expected and name not in _COMMON:
            raise FaultError(name, f"not a parameter of {kind}; allowed: {', '.join(sorted({*expected, *_COMMON}))}")
    params = {name: body.get(name, default) for name, default in expected.items()}
    for name, value in params.items():
        if value == _REQUIRED and name not in body:
            raise FaultError(name, f"required by {kind}")
        _check_value(kind, name, value)
    if kind in _NEEDS_SYMBOL and not body.get("symbol"):
        raise FaultError("symbol", f"required by {kind}")
    if kind in _NEEDS_KEY and not body.get("api_key"):
        raise FaultError("api_key", f"required by {kind}")
    times = body.get("times")
    if times is not None:
        _check_value(kind, "times", times)
    return Fault(
        fault_id,
        kind,
        params,
        api_key=str(body.get("api_key") or ""),
        symbol=str(body.get("symbol") or ""),
        times=None if times is None else int(times),
    )


def _check_value(kind: str, name: str, value: Any) -> None:
    if name in _CHOICES and value not in _CHOICES[name]:
        raise FaultError(name, f"{value!r} is not one of {', '.join(sorted(_CHOICES[name]))}")
    if name in _NUMBERS:
        low, high = _NUMBERS[name]
        number = parse(value)
        if number is None or not low <= number <= high:
            raise FaultError(name, f"{value!r} is not a number from {low} to {high}")
    if name == "status":
        _check_status(kind, value)
    if name == "fields" and not isinstance(value, dict):
        raise FaultError(name, "must be an object of fields")
    if name == "order" and not (isinstance(value, list) and all(isinstance(topic, str) for topic in value)):
        raise FaultError(name, "must be a list of topics")


def _check_status(kind: str, value: Any) -> None:
    if kind == "instrument_status":
        if value not in _INSTRUMENT_STATUSES:
            raise FaultError("status", f"{value!r} is not one of {', '.join(sorted(_INSTRUMENT_STATUSES))}")
    elif not isinstance(value, int) or not 400 <= value <= 599:
        raise FaultError("status", f"{value!r} is not an HTTP status from 400 to 599")


class Faults:
    """The faults that are on, oldest first."""

    def __init__(self) -> None:
        self._active: list[Fault] = []
        self._next_id = 1

    def add(self, body: Mapping[str, Any]) -> Fault:
        """Read a fault, and switch it on if it is of a standing kind.

        Raises:
            FaultError: see ``read_fault``.
        """
        fault = read_fault(self._next_id, body)
        self._next_id += 1
        if fault.kind in STANDING:
            self._active.append(fault)
        return fault

    def view(self) -> list[dict[str, Any]]:
        """All that are on."""
        return [fault.view() for fault in self._active]

    def clear(self) -> None:
        """Switch everything off."""
        self._active.clear()

    def find(self, kind: str, api_key: str | None = None, symbol: str | None = None, **facts: str) -> Fault | None:
        """The first fault of a kind that applies, without using it up."""
        if not self._active:
            return None
        for fault in self._active:
            if fault.kind == kind and fault.meets(api_key, symbol, facts):
                return fault
        return None

    def take(self, kind: str, api_key: str | None = None, symbol: str | None = None, **facts: str) -> Fault | None:
        """As ``find``, and count one strike; a fault whose times are used up goes."""
        fault = self.find(kind, api_key, symbol, **facts)
        if fault is not None:
            fault.struck += 1
            if fault.times is not None and fault.struck >= fault.times:
                self._active.remove(fault)
        return fault
