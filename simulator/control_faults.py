"""POST, GET and DELETE /sim/faults: switches faults on and off, and makes happen those that happen at once."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from simulator.faults import STANDING, Fault, FaultError
from simulator.instruments import INSTRUMENTS
from simulator.margin import bankruptcy_price
from simulator.model import Account, Position
from simulator.numbers import parse
from simulator.rows import emit_position
from simulator.settlement import take_over
from simulator.sockets import Connections
from simulator.sockets_public import PublicStream
from simulator.venue import Venue

_GRID = Decimal("1e-8")


class FaultSwitch:
    """The control of faults."""

    def __init__(self, venue: Venue, public: PublicStream) -> None:
        self._venue = venue
        self._public = public

    async def add(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """Switch a fault on, or let it happen; kinds in ``simulator.faults``."""
        symbol = body.get("symbol")
        if symbol is not None and symbol not in INSTRUMENTS:
            raise FaultError("symbol", f"{symbol!r} is not one of {', '.join(INSTRUMENTS)}")
        fault = self._venue.faults.add(body)
        if fault.kind == "stale_reads":
            self._venue.remember_all()
        if fault.kind not in STANDING:
            await self._happen(fault)
            self._venue.publish()
        return fault.view()

    async def view(self, _query: Mapping[str, Any]) -> dict[str, Any]:
        """The faults that are on."""
        return {"items": self._venue.faults.view()}

    async def clear(self, _body: Mapping[str, Any]) -> dict[str, Any]:
        """Switch every fault off; instruments trade again, and tickers start from a snapshot."""
        self._venue.faults.clear()
        for symbol in INSTRUMENTS:
            self._venue.exchange.quote(symbol).status = "Trading"
            self._public.push_snapshot(symbol)
        return {"items": []}

    async def _happen(self, fault: Fault) -> None:
        match fault.kind:
            case "disconnect_public":
                await self._disconnect(self._venue.public, fault)
            case "disconnect_private":
                await self._disconnect(self._venue.private, fault)
            case "disconnect_trade":
                await self._disconnect(self._venue.trade, fault)
            case "bad_ticker":
                self._public.push_fields(fault.symbol, fault.params["fields"])
            case "ticker_snapshot":
                self._public.push_snapshot(fault.symbol)
            case "instrument_status":
                self._venue.exchange.quote(fault.symbol).status = fault.params["status"]
            case "service_restart":
                for account in self._venue.exchange.state.accounts.values():
                    account.realtime_floor = self._venue.exchange.state.number
            case _:
                self._strike_position(fault)

    def _strike_position(self, fault: Fault) -> None:
        exchange, now = self._venue.exchange, self._venue.now_ms()
        account, position = self._position(fault)
        mark = exchange.quote(fault.symbol).mark
        match fault.kind:
            case "reduce_only_position":
                position.reduce_only = bool(fault.params["on"])
                emit_position(exchange, account, fault.symbol, position.position_idx)
            case "bust":
                leverage = account.leverage_of(fault.symbol)
                price = bankruptcy_price(position.size, position.entry_price, leverage).quantize(_GRID)
                take_over(exchange, account, position, now, price=price)
            case "adl":
                qty = parse(fault.params["qty"]) if fault.params["qty"] else None
                take_over(exchange, account, position, now, price=mark, exec_type="AdlTrade", qty=qty)
            case "settle":
                take_over(exchange, account, position, now, price=mark, exec_type="Settle")
            case _:
                raise AssertionError(fault.kind)

    def _position(self, fault: Fault) -> tuple[Account, Position]:
        account = self._venue.exchange.account(fault.api_key)
        if account is None:
            raise FaultError("api_key", f"{fault.api_key} has no account here")
        position = account.position(fault.symbol, fault.number("position_idx"))
        if not position.size and fault.kind != "reduce_only_position":
            raise FaultError("symbol", f"{fault.api_key} holds no {fault.symbol}; {fault.kind} needs a position")
        return account, position

    async def _disconnect(self, connections: Connections, fault: Fault) -> None:
        for connection in connections:
            if fault.api_key and connection.api_key != fault.api_key:
                continue
            if fault.params["abort"]:
                connection.abort()
            else:
                await connection.close(fault.number("code"))
