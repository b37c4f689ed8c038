"""The streamer's own path: socket, ticker, guard, trigger book, actor, engine, budget, trade socket. Only the database
behind the journal is left out: no write stands between a crossing and its close."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from typing import Any, cast
from uuid import uuid4

import aiohttp
import uvloop

from backstop.domain.ids import AccountId, OrderLinkId, PositionId, Symbol, order_link_id
from backstop.domain.instrument import Instrument
from backstop.domain.money import Price, Qty
from backstop.domain.position import Position, PositionStatus
from backstop.domain.protection import Level, LevelKind, Protection
from backstop.domain.side import PositionSide
from backstop.engine.effects import Change, Effect
from backstop.engine.events import LevelCrossed
from backstop.engine.state import AccountState
from backstop.vault import Credentials
from benchmarks.clients.target import Target, ready
from streamer.account import AccountActor
from streamer.bybit.hosts import Hosts
from streamer.bybit.rest import BybitRest
from streamer.bybit.trade import TradeSocket
from streamer.clock import now_ms
from streamer.journal import Journal
from streamer.market import Market

BTC = Symbol("BTCUSDT")
KEYS = Credentials("bench", "bench-secret-of-its-own")
POSITIONS = 10


class Unwritten:
    """In the journal's place: what is to be written is taken and forgotten, what stands behind it is done soon."""

    def __init__(self, perform: Callable[[Effect], None]) -> None:
        self._perform = perform

    def put(self, changes: tuple[Change, ...], then: tuple[Effect, ...] = ()) -> None:
        for effect in then:
            asyncio.get_running_loop().call_soon(self._perform, effect)


def rules(symbol: Symbol) -> Instrument:
    step = Decimal("0.001")
    return Instrument(symbol, Decimal("0.1"), step, Qty(step), Qty(Decimal(100)), Decimal(5), Decimal(100))


def held(symbol: Symbol, price: str = "59500") -> Position:
    """A long of 0.01 bought at 60,000 with a stop, and a target far away."""
    name = PositionId(uuid4())

    def level(kind: LevelKind, at: str, leg: str) -> Level:
        link_id: OrderLinkId = order_link_id(name, leg)
        return Level(name, symbol, PositionSide.LONG, kind, 1, Price(Decimal(at)), Decimal(1), link_id)

    return Position(
        name,
        symbol,
        PositionSide.LONG,
        Protection(),
        now_ms(),
        status=PositionStatus.OPEN,
        qty=Qty(Decimal("0.01")),
        cost=Decimal(600),
        entry_qty=Decimal("0.01"),
        entry_value=Decimal(600),
        levels=(level(LevelKind.STOP_LOSS, price, "s1"), level(LevelKind.TAKE_PROFIT, "90000", "t1r1")),
        levels_round=1,
    )


class Trader:
    """One account that holds some positions; what is closed is held anew once the price has come back."""

    def __init__(self, target: Target, session: aiohttp.ClientSession) -> None:
        hosts = Hosts(target.rest, f"{target.ws}/v5/public/linear", f"{target.ws}/v5/private", f"{target.ws}/v5/trade")
        self.market = Market("simulator", hosts, now_ms)
        symbols = [BTC, *(Symbol(f"C{number}USDT") for number in range(1, POSITIONS))]
        self.market.instruments.update({symbol: rules(symbol) for symbol in symbols})
        rest = BybitRest(hosts, KEYS, session, now_ms)
        rest.turns.learn("/v5/order/create", 0, {"x-bapi-limit": "100000", "x-bapi-limit-status": "1"}, now_ms())
        self.trade = TradeSocket(
            "bench", str(hosts.trade_ws), KEYS, turns=rest.turns, clock=now_ms, exchange_clock=now_ms
        )
        rest.trade = self.trade
        positions = [held(symbol) for symbol in symbols]
        self.account = AccountId(uuid4())
        self.actor = AccountActor(
            self.account,
            AccountState(
                instruments=self.market.instruments, positions={position.slot: position for position in positions}
            ),
            market=self.market,
            rest=rest,
            may_open=lambda: True,
            executions_from=now_ms(),
            clock=now_ms,
        )
        self.actor.journal = cast("Journal", Unwritten(self.actor.perform))
        self.market.join(self.account, self._crossed)

    def _crossed(self, event: LevelCrossed) -> None:
        self.actor.handle(event)
        asyncio.get_running_loop().call_later(0.001, self._hold_anew)

    def _hold_anew(self) -> None:
        quote = self.market.quote(BTC)
        if quote is None or quote.last < 59_500:
            asyncio.get_running_loop().call_later(0.001, self._hold_anew)
            return
        again = held(BTC)
        state = self.actor.state
        self.actor.state = replace(state, positions={**state.positions, again.slot: again}, orders={})
        self.market.arm(self.account, again.armed)

    async def run(self) -> None:
        sockets: list[asyncio.Task[Any]] = [
            asyncio.create_task(self.market.feed.run()),
            asyncio.create_task(self.trade.socket.run()),
        ]
        self.market.watch(BTC)
        async with asyncio.timeout(10):
            while not (self.trade.is_open and self.market.quotes()):  # noqa: ASYNC110 - it announces itself to no one
                await asyncio.sleep(0.01)
        self.actor.arm_all()
        ready()
        await asyncio.gather(*sockets)


async def main() -> None:
    async with aiohttp.ClientSession() as session:
        await Trader(Target.from_arguments(), session).run()


if __name__ == "__main__":
    uvloop.run(main())
