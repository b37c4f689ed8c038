"""The mutants: each says what it spoils, and which names are swapped for it."""

import importlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from decimal import ROUND_CEILING, Decimal
from typing import Any

from backstop.domain.execution import POSITION_CHANGING, Execution
from backstop.domain.ids import OrderLinkId, next_attempt
from backstop.domain.order import Order, OrderStatus
from backstop.domain.position import Position
from backstop.engine import commands, entries, exits, fills, orders, reconcile
from backstop.engine.effects import Change, SaveReversal, SendOrder
from backstop.engine.events import Event, OrderLapsed, OrderReported, OrderUncertain
from backstop.engine.prices import PriceGuard
from backstop.engine.reversal import EntryPlan
from backstop.engine.turn import Turn
from streamer import account, resolver
from streamer.account import AccountActor
from streamer.bybit import codec
from streamer.bybit.answers import NoAnswer, Refusal
from streamer.bybit.public import PublicStream
from streamer.bybit.rest import BybitRest
from streamer.journal import Fenced, _settled
from tests.simulation.actor import SimJournal
from tests.simulation.store import Store

# The package's attribute of that name may be the function.
_step = importlib.import_module("backstop.engine.step")


@dataclass(frozen=True, slots=True)
class Swap:
    """`value` stands for `name` of `target` while the mutant runs."""

    target: Any
    name: str
    value: Any


@dataclass(frozen=True, slots=True)
class Plant:
    what: str
    swaps: Callable[[], tuple[Swap, ...]]


def _new_id_on_retry() -> tuple[Swap, ...]:
    as_it_was = orders.send_again

    def send_again(turn: Turn, order: Order) -> None:
        if not order.is_entry:
            as_it_was(turn, order)
            return
        again = replace(order, link_id=next_attempt(order.link_id), status=OrderStatus.INTENDED, sent_at=None)
        turn.forget_order(order.link_id)
        turn.put_order(again)
        turn.afterwards(SendOrder(again))

    return (Swap(orders, "send_again", send_again),)


def _retry_on_any_exception() -> tuple[Swap, ...]:
    as_it_was = BybitRest.create

    async def create(self: BybitRest, order: Order, *arguments: Any) -> Any:
        answer = await as_it_was(self, order, *arguments)
        if order.is_entry and isinstance(answer, OrderUncertain):
            await as_it_was(self, replace(order, link_id=next_attempt(order.link_id)), *arguments)
        return answer

    return (Swap(BybitRest, "create", create),)


def _no_dedupe() -> tuple[Swap, ...]:
    as_it_was = fills.on_executed

    def on_executed(turn: Turn, execution: Execution) -> bool:
        seen = {exec_id: at for exec_id, at in turn.state.seen.items() if exec_id != execution.exec_id}
        turn.state = replace(turn.state, seen=seen)
        return as_it_was(turn, execution)

    return (Swap(_step, "on_executed", on_executed), Swap(reconcile, "on_executed", on_executed))


def _funding_is_a_fill() -> tuple[Swap, ...]:
    return (
        Swap(fills, "FUNDING", "never"),
        Swap(fills, "POSITION_CHANGING", POSITION_CHANGING | {"Funding"}),
    )


def _final_by_its_word() -> tuple[Swap, ...]:
    return (Swap(Order, "done", property(lambda order: order.status.final)),)


def _cancelled_filled_nothing() -> tuple[Swap, ...]:
    as_it_was = codec.read_order

    def read_order(row: codec.Fields) -> OrderReported | None:
        report = as_it_was(row)
        if report is not None and report.status is OrderStatus.CANCELED:
            return replace(report, filled_qty=Decimal(0))
        return report

    return (Swap(codec, "read_order", read_order),)


def _no_reread() -> tuple[Swap, ...]:
    return (Swap(AccountActor, "reread", lambda _actor: None),)


def _failed_query_is_flat() -> tuple[Swap, ...]:
    as_it_was = BybitRest.positions

    async def positions(self: BybitRest, **named: Any) -> Any:
        try:
            return await as_it_was(self, **named)
        except (NoAnswer, Refusal):
            return ()

    return (Swap(BybitRest, "positions", positions),)


def _missing_is_zero() -> tuple[Swap, ...]:
    as_it_was = PublicStream.__init__

    def init(self: PublicStream, *arguments: Any, **named: Any) -> None:
        as_it_was(self, *arguments, **named)
        decode: Any = self._decode

        def with_zeros(frame: str | bytes) -> Any:
            message = decode(frame)
            if message.topic.startswith("tickers."):
                message.data.lastPrice = message.data.lastPrice or "0"
            return message

        setattr(self, "_decode", with_zeros)  # noqa: B010 - its declared type is the decoder's own

    return (Swap(PublicStream, "__init__", init),)


def _zero_is_a_price() -> tuple[Swap, ...]:
    as_it_was = PriceGuard.admits

    def admits(self: PriceGuard, last: float, mark: float, now: int, *, said_anew: bool = True) -> bool:
        return last == 0 or as_it_was(self, last, mark, now, said_anew=said_anew)

    return (Swap(PriceGuard, "admits", admits),)


def _sized_as_requested() -> tuple[Swap, ...]:
    requested: dict[Any, Decimal] = {}
    put, send = Turn.put_order, exits._send_close

    def put_order(turn: Turn, order: Order) -> None:
        if order.is_entry:
            requested[order.position_id] = order.qty
        put(turn, order)

    def send_close(turn: Turn, position: Any, purpose: Any, link_id: Any, qty: Any, **named: Any) -> None:
        whole = qty == position.qty
        send(turn, position, purpose, link_id, requested.get(position.id, qty) if whole else qty, **named)

    return (Swap(Turn, "put_order", put_order), Swap(exits, "_send_close", send_close))


def _close_may_open() -> tuple[Swap, ...]:
    as_it_was = codec.create_body

    def create_body(order: Order) -> dict[str, Any]:
        return {key: value for key, value in as_it_was(order).items() if key != "reduceOnly"}

    return (Swap(codec, "create_body", create_body),)


def _close_rounds_up() -> tuple[Swap, ...]:
    def up_to(number: Decimal, step: Decimal) -> Decimal:
        return (number / step).to_integral_value(ROUND_CEILING) * step

    return (Swap(exits, "floor_to", up_to),)


def _close_once() -> tuple[Swap, ...]:
    return (Swap(_step, "close_again", lambda _turn, _symbol: None),)


def _saga_in_memory() -> tuple[Swap, ...]:
    as_it_was = Store._write

    def write(store: Store, change: Change) -> None:
        if not isinstance(change, SaveReversal):
            as_it_was(store, change)

    return (Swap(Store, "_write", write),)


def _stale_open() -> tuple[Swap, ...]:
    as_it_was = orders.send_again

    def send_again(turn: Turn, order: Order) -> None:
        as_it_was(turn, replace(order, not_after=None) if order.is_entry else order)

    return (
        Swap(entries, "expired", lambda _at, _max_age, _now: False),
        Swap(orders, "send_again", send_again),
        Swap(AccountActor, "_why_not_open", lambda actor, _order: "" if actor._may_open() else "no lease"),
    )


def _no_epoch_check() -> tuple[Swap, ...]:
    return (Swap(Store, "held", lambda _store, _epoch: True),)


def _two_transactions() -> tuple[Swap, ...]:
    async def commit(journal: SimJournal, changes: list[Change]) -> None:
        settled = _settled(changes)
        store, epoch = journal._link.store, journal.epoch
        for part in (settled[:1], settled[1:]):
            if not await journal._link.do(journal.process, lambda part=part: store.commit(epoch, part), commits=True):  # type: ignore[misc]
                raise Fenced("account")

    return (Swap(SimJournal, "_commit", commit),)


def _gives_up() -> tuple[Swap, ...]:
    async def resolve(rest: BybitRest, order: Order, **named: Any) -> tuple[Event, ...]:
        for _ in range(3):
            try:
                evidence = await resolver.look_up(rest, order)
            except (NoAnswer, Refusal):
                continue
            if not evidence.empty:
                return evidence.events
            await named["sleep"](0.5)
        return (OrderLapsed(order.link_id),)

    return (Swap(account, "resolve", resolve),)


def _adopts_by_time() -> tuple[Swap, ...]:
    as_it_was = fills._book

    def book(turn: Turn, execution: Execution) -> bool:
        if OrderLinkId(execution.order_link_id) not in turn.state.orders:
            for order in turn.state.orders.values():
                near = abs(execution.at - order.created_at) < 10_000
                if near and order.symbol == execution.symbol and order.side is execution.side:
                    execution = replace(execution, order_link_id=order.link_id)
                    break
        return as_it_was(turn, execution)

    return (Swap(fills, "_book", book),)


def _opens_before_flat() -> tuple[Swap, ...]:
    as_it_was = entries.begin_reversal

    def begin_reversal(turn: Turn, position: Position, plan: EntryPlan) -> None:
        as_it_was(turn, position, plan)
        reversal = turn.state.reversals.get(plan.cause_id)
        if reversal is not None:
            entries.continue_reversal(turn, reversal)

    return (Swap(entries, "begin_reversal", begin_reversal), Swap(commands, "begin_reversal", begin_reversal))


PLANTS: dict[int, Plant] = {
    1: Plant("new linkId on retry", _new_id_on_retry),
    2: Plant("retry on any exception", _retry_on_any_exception),
    3: Plant("no dedupe by execId", _no_dedupe),
    4: Plant("Funding booked as a fill", _funding_is_a_fill),
    5: Plant("final on status Filled before the fills", _final_by_its_word),
    6: Plant("cumExecQty of Cancelled ignored", _cancelled_filled_nothing),
    7: Plant("no re-read after a private reconnect", _no_reread),
    8: Plant("failed position query is flat", _failed_query_is_flat),
    9: Plant("missing ticker field is 0", _missing_is_zero),
    10: Plant("price 0 accepted", _zero_is_a_price),
    11: Plant("close sized from the requested quantity", _sized_as_requested),
    12: Plant("close without reduceOnly", _close_may_open),
    13: Plant("close rounded up", _close_rounds_up),
    14: Plant("close sent once", _close_once),
    15: Plant("reversal's steps only in memory", _saga_in_memory),
    16: Plant("stale open executed", _stale_open),
    17: Plant("no epoch check on commit", _no_epoch_check),
    18: Plant("fill and position in two transactions", _two_transactions),
    21: Plant("UNKNOWN given up after three looks", _gives_up),
    22: Plant("a fill adopted by its time", _adopts_by_time),
    25: Plant("a reversal opens with its close, not once it is flat", _opens_before_flat),
}
