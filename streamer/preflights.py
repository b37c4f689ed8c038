"""Answers what an alert would do, from the state the account is traded by. Sends nothing, changes nothing."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from typing import Any
from uuid import UUID

from backstop.contracts.preflight import ForeseenEntry, ForeseenOrder, Preflight
from backstop.domain.protection import TAKER_FEE
from backstop.domain.side import PositionSide
from backstop.domain.signal import Signal, SignalStatus
from backstop.engine.events import Priced
from backstop.engine.foresight import Entry, Foresight, foresee
from backstop.engine.step import step
from backstop.store import preflights as stored
from backstop.store.intake import waiting_preflights
from backstop.store.query import aexecute, afetch_all
from backstop.telemetry import logger
from streamer.account import AccountActor
from streamer.bybit.codec import create_body
from streamer.database import AWAY, Pool
from streamer.market import Market

log = logger("streamer")

_CENT = Decimal("0.01")
_PRICE_WITHIN_S = 2.0
_LOOK_EVERY_S = 0.1


class Preflights:
    """Of one account."""

    def __init__(
        self,
        account_id: UUID,
        pool: Pool,
        actor: AccountActor,
        market: Market,
        clock: Callable[[], int],
    ) -> None:
        self._account_id = account_id
        self._pool = pool
        self._actor = actor
        self._market = market
        self._clock = clock
        self._wake = asyncio.Event()

    def wake(self) -> None:
        """There may be a question."""
        self._wake.set()

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            try:
                await self._answer_all()
            except AWAY as error:
                log.warning("preflights not answered", account=str(self._account_id), reason=str(error))

    async def _answer_all(self) -> None:
        async with self._pool.connection(timeout=2.0) as connection:
            asked = await afetch_all(connection, waiting_preflights(self._account_id))
        for signal in asked:
            answer = told(await self._foresee(signal))
            async with self._pool.connection(timeout=2.0) as connection:
                await aexecute(connection, stored.answer(signal.id, answer.model_dump(mode="json")))

    async def _foresee(self, signal: Signal) -> Foresight:
        """As of now; a symbol nobody watched is watched first."""
        self._market.watch(signal.symbol)
        until = asyncio.get_running_loop().time() + _PRICE_WITHIN_S
        while True:
            now = self._clock()
            state, _ = step(self._actor.state, Priced(self._market.quotes()), now)
            foreseen = foresee(state, replace(signal, at=now), now)
            if not foreseen.needs_price or asyncio.get_running_loop().time() > until:
                return foreseen
            await asyncio.sleep(_LOOK_EVERY_S)


def told(foreseen: Foresight) -> Preflight:
    """In the words of the contract."""
    settled, entry = foreseen.settled, foreseen.entry
    orders = [*foreseen.closes, *([entry.order] if entry is not None else [])]
    code, reason = (settled.code, settled.reason) if settled is not None else (None, None)
    if foreseen.needs_price:
        code, reason = "no_price", "no fresh price is known; an alert would wait for one until it is too old"
    return Preflight(
        outcome=_outcome(foreseen),
        code=code,
        reason=reason,
        entry=_entry(entry) if entry is not None else None,
        orders=[ForeseenOrder(purpose=order.purpose.value, request=create_body(order)) for order in orders],
    )


def _outcome(foreseen: Foresight) -> Any:
    if foreseen.entry is not None:
        return "reverses" if foreseen.closes else "grows" if foreseen.adds else "opens"
    settled = foreseen.settled
    if settled is not None and settled.status in (SignalStatus.REFUSED, SignalStatus.EXPIRED, SignalStatus.FAILED):
        return "expired" if settled.status is SignalStatus.EXPIRED else "refused"
    if foreseen.closes:
        return "closes"
    return "waits" if settled is None else "nothing"


def _entry(entry: Entry) -> ForeseenEntry:
    order, side = entry.order, PositionSide.opened_by(entry.order.side)
    notional, leverage = order.qty * entry.price, order.leverage or Decimal(1)
    fees = notional * TAKER_FEE * 2
    loss = (entry.price - entry.stop) * side.sign * order.qty + fees if entry.stop is not None else None
    return ForeseenEntry(
        side=side.value,
        qty=order.qty,
        price=entry.price,
        notional=notional,
        leverage=leverage,
        margin=(notional / leverage).quantize(_CENT),
        fees=fees.quantize(_CENT),
        stop_loss=entry.stop,
        exchange_stop=order.stop_loss,
        loss_at_stop=loss.quantize(_CENT) if loss is not None else None,
        liquidation_price=entry.liquidation.quantize(_CENT) if entry.liquidation is not None else None,
    )
