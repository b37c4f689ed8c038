"""The exchange: its state, its ids, and the events each change leaves behind.

No clock and no input or output: the caller passes the time and takes the events with ``drain``.
"""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from simulator.candles import Tape
from simulator.instruments import INSTRUMENTS, Instrument
from simulator.market import Quote, opening_quote
from simulator.model import ZERO, Account, LedgerRow, Order, Request, Side

FIRST_UID = 100_001
KEPT_RECORDS = 5_000
"""Closed orders, executions and ledger rows an account keeps; the oldest go first."""
KEPT_REQUESTS = 20_000


@dataclass(frozen=True, slots=True)
class PrivateEvent:
    """A row for a private topic: order, execution, position or wallet."""

    api_key: str
    topic: str
    row: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Ticked:
    """The quote of a symbol changed."""

    symbol: str


@dataclass(frozen=True, slots=True)
class Traded:
    """A public trade; ``side`` is the taker's."""

    symbol: str
    side: Side
    qty: Decimal
    price: Decimal
    time_ms: int
    trade_id: str
    seq: int


Event = PrivateEvent | Ticked | Traded


@dataclass(slots=True)
class State:
    """All that outlives a restart."""

    seed: int
    number: int = 0
    quotes: dict[str, Quote] = field(default_factory=dict)
    accounts: dict[str, Account] = field(default_factory=dict)
    requests: list[Request] = field(default_factory=list)


def all_liquidity(account: Account, order: Order, wanted: Decimal) -> Decimal:
    """A book that never runs dry."""
    return wanted


class Exchange:
    """State plus the few things every rule needs: ids, quotes, events."""

    def __init__(self, seed: int = 1, state: State | None = None) -> None:
        self.state = state or State(seed)
        for symbol, instrument in INSTRUMENTS.items():
            self.state.quotes.setdefault(symbol, opening_quote(instrument))
        self.liquidity: Callable[[Account, Order, Decimal], Decimal] = all_liquidity
        """Coins a taker order may fill of what it wants, besides the depth of the quote (faults set it)."""
        self.changes = 0
        """Rises with every change; tells a saver there is something to save."""
        self._events: list[Event] = []
        self._tapes: dict[str, Tape] = {}

    def reset(self) -> None:
        """Forget everything, as if never started; the seed stays."""
        self.state = State(self.state.seed)
        for symbol, instrument in INSTRUMENTS.items():
            self.state.quotes[symbol] = opening_quote(instrument)
        self._events.clear()
        self._tapes.clear()
        self.changes += 1

    def tape(self, symbol: str) -> Tape:
        """Minute candles of a symbol since start."""
        return self._tapes.setdefault(symbol, Tape())

    def next_number(self) -> int:
        """The next of one rising series, used for paging, seq and ids."""
        self.state.number += 1
        self.changes += 1
        return self.state.number

    def new_id(self) -> str:
        """An id in Bybit's shape, derived from the seed and a counter."""
        return derived_id(f"{self.state.seed}:{self.next_number()}")

    def quote(self, symbol: str) -> Quote:
        """The quote of a symbol that trades here."""
        return self.state.quotes[symbol]

    def instrument(self, symbol: str) -> Instrument:
        """The contract of a symbol that trades here."""
        return INSTRUMENTS[symbol]

    def account(self, api_key: str) -> Account | None:
        """The account a key belongs to."""
        return self.state.accounts.get(api_key)

    def open_account(
        self, api_key: str, api_secret: str, balance: Decimal, now_ms: int, order_rate: int | None = None
    ) -> Account:
        """Open a funded account, or return the one the key has: its wallet is left as it is."""
        account = self.state.accounts.get(api_key)
        if account is None:
            uid = FIRST_UID + len(self.state.accounts)
            account = Account(api_key, api_secret, uid, created_ms=now_ms, updated_ms=now_ms)
            self.state.accounts[api_key] = account
            self.book(account, kind="TRANSFER_IN", cash_flow=balance, now_ms=now_ms)
        account.api_secret = api_secret
        if order_rate is not None:
            account.order_rate = order_rate
        self.changes += 1
        return account

    def book(
        self,
        account: Account,
        *,
        kind: str,
        now_ms: int,
        cash_flow: Decimal = ZERO,
        funding: Decimal = ZERO,
        fee: Decimal = ZERO,
        **facts: Any,
    ) -> None:
        """Change the wallet, and write the ledger row that says why.

        Source: Bybit V5, "Get Transaction Log": change = cashFlow + funding - fee, funding above 0 is received.
        """
        change = cash_flow + funding - fee
        account.wallet += change
        if kind != "TRANSFER_IN":
            account.realised += change
        blank: dict[str, Any] = {"symbol": "", "side": "", "qty": ZERO, "size": ZERO, "price": ZERO, "fee_rate": ZERO}
        account.ledger.append(
            LedgerRow(
                row_id=self.new_id(),
                number=self.next_number(),
                kind=kind,
                cash_flow=cash_flow,
                funding=funding,
                fee=fee,
                change=change,
                balance=account.wallet,
                time_ms=now_ms,
                **(blank | facts),
            )
        )
        forget_oldest(account.ledger)

    def emit(self, event: Event) -> None:
        """Leave an event for whoever drains next."""
        self.changes += 1
        self._events.append(event)

    def drain(self) -> list[Event]:
        """Take the events since the last call, in the order they happened."""
        events, self._events = self._events, []
        return events


def derived_id(origin: str) -> str:
    """A UUID that depends on the text alone."""
    return str(uuid.UUID(bytes=hashlib.blake2b(origin.encode(), digest_size=16).digest(), version=4))


def forget_oldest(records: list[Any], kept: int = KEPT_RECORDS) -> None:
    """Cut a list to what is kept; a tenth at once, so that it is rarely done."""
    if len(records) > kept:
        del records[: kept // 10]


def close_order(account: Account, order: Order) -> None:
    """Move an order that has ended out of the open ones."""
    account.open_orders.pop(order.order_id, None)
    account.closed_orders[order.order_id] = order
    if len(account.closed_orders) > KEPT_RECORDS:
        oldest = next(iter(account.closed_orders))
        gone = account.closed_orders.pop(oldest)
        account.link_ids.pop(gone.order_link_id, None)
