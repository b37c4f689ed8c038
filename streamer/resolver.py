"""What became of an order nobody answered for: found out by evidence, never by counting tries.

Until `sent + recv_window + slack` the request may still arrive, so nothing found proves nothing. After that, all three
witnesses (open orders, order history, executions) must answer, twice, that they know nothing. An error or a time-out is
not an empty answer.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from backstop.domain.order import Order
from backstop.engine.events import Event, Executed, OrderAbsent, OrderReported
from backstop.telemetry import logger
from streamer.bybit.answers import NoAnswer, Refusal
from streamer.bybit.rest import BybitRest
from streamer.bybit.transport import RECV_WINDOW_MS

log = logger("streamer")

SLACK_MS = 3_000
_POLLS_S = (0.2, 0.5, 1.0, 2.0)


@dataclass(frozen=True, slots=True)
class Evidence:
    """What the witnesses said in one round."""

    events: tuple[Event, ...]

    @property
    def empty(self) -> bool:
        return not self.events


async def resolve(
    rest: BybitRest,
    order: Order,
    *,
    clock: Callable[[], int],
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> tuple[Event, ...]:
    """Events that tell what is known of `order`; `OrderAbsent` only when it is proven. Goes on until it knows."""
    sent_at = order.sent_at or clock()
    proof_from = sent_at + RECV_WINDOW_MS + SLACK_MS
    empty_rounds = 0
    polls = 0
    while True:
        try:
            evidence = await look_up(rest, order)
        except (NoAnswer, Refusal) as error:
            log.warning("order not looked up", order=order.link_id, reason=str(error))
            evidence = None
        if evidence is not None and not evidence.empty:
            return evidence.events
        if evidence is not None and clock() > proof_from:
            empty_rounds += 1
            if empty_rounds >= 2:
                return (OrderAbsent(order.link_id),)
        await sleep(_POLLS_S[min(polls, len(_POLLS_S) - 1)])
        polls += 1


async def look_up(rest: BybitRest, order: Order) -> Evidence:
    """Ask all three witnesses. Raises when one does not answer."""
    executions = await rest.executions_of(order.link_id)
    report: OrderReported | None = await rest.open_order(order.link_id)
    if report is None or not report.status.final:
        report = await rest.past_order(order.link_id) or report
    events: list[Event] = [Executed(execution) for execution in executions]
    if report is not None:
        events.append(report)
    return Evidence(tuple(events))
