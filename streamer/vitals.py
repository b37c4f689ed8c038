"""How this process does, as CloudWatch metrics: what the alarms of infra/cloud/alarms.py watch."""

import asyncio
from collections.abc import Callable, Iterable

from backstop.domain.order import OrderStatus
from backstop.domain.position import PositionStatus
from backstop.engine.state import AccountState
from backstop.telemetry import measure
from streamer.fleet import Fleet
from streamer.market import Market

EVERY_S = 15.0


async def tell_vitals(fleet: Fleet, clock: Callable[[], int]) -> None:
    while True:
        await asyncio.sleep(EVERY_S)
        actors = [account.actor for account in fleet.accounts.values() if account.actor is not None]
        now = clock()
        states = [
            (account.row.environment, actor.state) for account in fleet.accounts.values() if (actor := account.actor)
        ]
        measure(
            "streamer",
            AccountsOwned=len(fleet.accounts),
            Tasks=len(asyncio.all_tasks()),
            LeasesTaken=fleet.taken_since_asked(),
            PositionsOpen=sum(len(state.positions) for _, state in states),
            UnprotectedSeconds=longest_unproven_s((state for _, state in states), now),
            UnknownOrderSeconds=longest_unknown_s((state for _, state in states), now),
            TickAgeSeconds=max((oldest_tick_s(fleet.markets[name], state, now) for name, state in states), default=0.0),
        )
        for actor in actors:
            while actor.close_delays:
                measure("streamer", TickToOrderMilliseconds=actor.close_delays.popleft())


def longest_unproven_s(states: Iterable[AccountState], now: int) -> float:
    """Seconds since the stop at the exchange was last proven, of the open position where that is longest ago."""
    ages = [
        now - max(position.resident.verified_at or 0, position.opened_at)
        for state in states
        for position in state.positions.values()
        if position.status is PositionStatus.OPEN
    ]
    return max(ages, default=0) / 1000


def longest_unknown_s(states: Iterable[AccountState], now: int) -> float:
    """Seconds since the order of which longest nothing is known was sent."""
    ages = [
        now - (order.sent_at or order.created_at)
        for state in states
        for order in state.orders.values()
        if order.status is OrderStatus.UNKNOWN
    ]
    return max(ages, default=0) / 1000


def oldest_tick_s(market: Market, state: AccountState, now: int) -> float:
    """Seconds since the price of a symbol with a position was last heard, of the one where that is longest ago."""
    quotes = [market.quote(slot.symbol) for slot in state.positions]
    return max((now - quote.at for quote in quotes if quote is not None), default=0) / 1000
