"""A pure exchange with one account, in short words."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from simulator.exchange import Exchange, PrivateEvent
from simulator.model import Account, Order, Position, Refusal
from simulator.order_checks import read_order
from simulator.orders import accept, work
from simulator.triggers import set_price

BALANCE = Decimal(10_000)


class Bench:
    """An exchange, its clock and one trader in BTCUSDT."""

    def __init__(self, balance: Decimal = BALANCE) -> None:
        self.exchange = Exchange(seed=7)
        self.now = 1_700_000_000_000
        self.account: Account = self.exchange.open_account("k", "s", balance, self.now)

    def order(self, side: str, qty: str, **params: Any) -> Order | Refusal:
        """Place an order and have it worked."""
        body = {"category": "linear", "symbol": "BTCUSDT", "side": side, "orderType": "Market", "qty": qty} | params
        request = read_order(body)
        if isinstance(request, Refusal):
            return request
        order = accept(self.exchange, self.account, request, self.now)
        if isinstance(order, Order):
            work(self.exchange, self.account, order, self.now)
        return order

    def placed(self, side: str, qty: str, **params: Any) -> Order:
        """As ``order``, for one that must be taken."""
        order = self.order(side, qty, **params)
        assert isinstance(order, Order), order
        return order

    def refused(self, side: str, qty: str, **params: Any) -> int:
        """As ``order``, for one that must be refused; its code."""
        refusal = self.order(side, qty, **params)
        assert isinstance(refusal, Refusal), refusal
        return refusal.code

    def price(self, last: object, mark: object = None, index: object = None, symbol: str = "BTCUSDT") -> None:
        """Move the price; mark and index follow last unless given."""
        self.now += 1000
        price = Decimal(str(last))
        set_price(
            self.exchange,
            symbol,
            last=price,
            mark=Decimal(str(mark)) if mark is not None else price,
            index=Decimal(str(index)) if index is not None else price,
            now_ms=self.now,
        )

    @property
    def position(self) -> Position:
        """The one-way BTCUSDT position."""
        return self.account.position("BTCUSDT")

    def events(self, topic: str) -> list[dict[str, Any]]:
        """Rows published on a private topic since the last call of any ``events``."""
        return [
            event.row for event in self.exchange.drain() if isinstance(event, PrivateEvent) and event.topic == topic
        ]
