"""The invariants that hold when faults have stopped and everything has come to rest, and that life goes on then."""

from decimal import Decimal
from typing import TYPE_CHECKING

from backstop.domain.ids import OrderLinkId
from backstop.domain.order import Order, OrderStatus
from backstop.domain.position import Position, PositionStatus
from backstop.domain.signal import Action, SignalStatus
from backstop.domain.slot import Slot
from backstop.engine.reversal import ReversalStep
from streamer.bybit.codec import TRIGGER_NAMES
from tests.simulation.shell import Streamer
from tests.simulation.sim_market import LIMITED_TO
from tests.simulation.store import _shown
from tests.simulation.venue import ORDERS_PER_S, READS_PER_S

if TYPE_CHECKING:
    from tests.simulation.world import World

_SAME_PRICE = Decimal("0.0001")
_LAST_DIGIT = Decimal("0.0000000001")
_RATE_SHARE = Decimal("0.6")
_CANCELS_WITHIN_MS = 15_000
_ENDED = (
    SignalStatus.SUPERSEDED,
    SignalStatus.EXECUTED,
    SignalStatus.REFUSED,
    SignalStatus.EXPIRED,
    SignalStatus.FAILED,
)
_UNDER_WAY = (OrderStatus.INTENDED, OrderStatus.SENT, OrderStatus.UNKNOWN, OrderStatus.OPEN)


def check_quiet(world: "World") -> None:
    leader = world.leader()
    if leader is None or leader.actor is None or leader.trading_since is None:
        world.checks.fail("14 somebody trades when faults have stopped", "nobody does, 60 s after")
        return
    books_agree(world, leader)
    every_execution_is_booked(world)
    ledger_balances(world)
    nothing_is_left_undone(world, leader)
    nothing_waits_unwanted(world)
    dashboards_agree(world)
    resident_stops_stand(world)


def _live(world: "World") -> dict[Slot, Position]:
    return {p.slot: p for p in world.store.positions.values() if p.status is not PositionStatus.CLOSED}


def books_agree(world: "World", leader: Streamer) -> None:
    name = "10 the database holds what the exchange holds"
    world.checks.done[name] += 1
    live = _live(world)
    assert leader.actor is not None
    for slot, book in world.exchange.books.items():
        position = live.get(slot)
        if position is None:
            if book.size != 0 and slot not in leader.actor.state.foreign:
                world.checks.fail(name, f"{slot}: {book.size} at the exchange, nothing in the database", str(slot))
            continue
        signed = position.qty * position.side.sign
        foreign = slot in leader.actor.state.foreign
        if signed != book.size and not (foreign and signed == 0):
            world.checks.fail(name, f"{slot}: {book.size} at the exchange, {signed} in the database", str(slot))
        elif book.size != 0 and position.entry_price is not None and slot.symbol not in world.checks.unknowable:
            theirs = book.cost / abs(book.size)
            if abs(position.entry_price - theirs) > theirs * _SAME_PRICE:
                world.checks.fail(
                    name, f"{slot}: entry {theirs} at the exchange, {position.entry_price} here", str(slot)
                )
        memory = leader.actor.state.positions.get(slot)
        if memory is None or memory.qty != position.qty or memory.status is not position.status:
            world.checks.fail(name, f"{slot}: the streamer and the database differ: {memory} {position}", str(slot))

    for slot, position in live.items():
        if slot not in world.exchange.books and position.qty > 0:
            world.checks.fail(
                name, f"{slot}: {position.qty} in the database, and the exchange has no such slot", str(slot)
            )


def every_execution_is_booked(world: "World") -> None:
    name = "3 each execution is booked"
    world.checks.done[name] += 1
    known = world.store.executions
    for execution in world.exchange.executions:
        row = execution.row
        booked = known.get(str(row["execId"]))
        if booked is not None and booked.execution.order_link_id != row["orderLinkId"]:
            world.checks.fail(
                name, f"{row['execId']} of {row['orderLinkId'] or 'others'} is booked as another's", "whose"
            )
        if str(row["execId"]) not in known and row["execType"] != "CorporateAction":
            world.checks.fail(
                name, f"{row['execId']} {row['execType']} {row['side']} {row['execQty']} {row['symbol']}", "x"
            )
    theirs = {str(execution.row["execId"]) for execution in world.exchange.executions}
    for exec_id, booked in known.items():
        if exec_id not in theirs and booked.execution.symbol not in world.checks.unknowable:
            world.checks.fail(name, f"{exec_id} is booked and never happened", booked.execution.symbol)


def ledger_balances(world: "World") -> None:
    """Profit is compared with what is still held taken into account, so that the order in which fills were heard of
    does not matter; fees and funding to the last digit."""
    name = "11 the ledger balances with the wallet"
    world.checks.done[name] += 1
    live = _live(world)
    unowned = {b.execution.symbol for b in world.store.executions.values() if b.position_id is None}
    flipped = {notice.message.split()[0] for notice in world.store.notices if notice.code == "flipped"}
    for symbol in world.exchange.markets:
        log = [line for line in world.exchange.log if line.symbol == symbol and line.exec_type != "CorporateAction"]
        ledger = [line for line in world.store.ledger if line.symbol == symbol]
        for kind, theirs in (
            ("fee", -sum((line.fee for line in log), Decimal(0))),
            ("funding", sum((line.funding for line in log), Decimal(0))),
        ):
            ours = sum((line.amount for line in ledger if line.kind == kind), Decimal(0))
            if ours != theirs:
                world.checks.fail(name, f"{symbol} {kind}: wallet {theirs}, ledger {ours}", f"{symbol}{kind}")
        if symbol in unowned | flipped | world.checks.unknowable:
            continue
        held = sum((b.cost if b.size > 0 else -b.cost for b in world.exchange.of(symbol)), Decimal(0))
        ours_held = sum((p.cost * p.side.sign for p in live.values() if p.symbol == symbol), Decimal(0))
        theirs = sum((line.pnl for line in log), Decimal(0)) - held
        ours = sum((line.amount for line in ledger if line.kind == "realised_pnl"), Decimal(0)) - ours_held
        if abs(theirs - ours) > _LAST_DIGIT:
            world.checks.fail(name, f"{symbol} profit: wallet {theirs}, ledger {ours}", symbol)


def nothing_is_left_undone(world: "World", leader: Streamer) -> None:
    name = "12 nothing is left undone"
    store = world.store
    world.checks.done[name] += 1
    waiting = [order for order in store.orders.values() if _may_wait(world, order)]
    wanted = {order.signal_id for order in waiting}
    opening = {order.position_id for order in waiting}
    for signal_id, row in store.signals.items():
        if row.status is SignalStatus.EXECUTING and signal_id in wanted:
            continue
        if row.status not in _ENDED:
            age = world.heap.now - row.received_at
            text = f"signal {row.signal.action} {row.signal.symbol} is {row.status} after {age} ms"
            world.checks.fail(name, text, "signal")
        elif row.endings != 1 or (row.status is not SignalStatus.EXECUTED and not row.reason):
            world.checks.fail(
                name, f"signal {signal_id} ended {row.endings} times, {row.status}: {row.reason}", "ending"
            )
    for command_id, command in store.commands.items():
        if command.status not in _ENDED and command_id not in opening:
            world.checks.fail(name, f"{type(command.command).__name__} is {command.status}", "command")
    for order in store.orders.values():
        if order.status in _UNDER_WAY and order not in waiting:
            age = world.heap.now - order.created_at
            world.checks.fail(
                name, f"order {order.link_id} {order.symbol} is {order.status}, made {age} ms ago", "order"
            )
    for reversal in store.reversals.values():
        if reversal.step in (ReversalStep.CLOSING, ReversalStep.OPENING) and reversal.plan.cause_id not in opening:
            world.checks.fail(name, f"reversal of {reversal.plan.symbol} is {reversal.step}", "reversal")
    for position in _live(world).values():
        if position.status is not PositionStatus.OPEN and position.id not in opening:
            age = world.heap.now - position.updated_at
            text = f"{position.symbol} is {position.status} with {position.qty}, moved {age} ms ago"
            world.checks.fail("14 what is to be closed gets closed", text, "closing")
    assert leader.actor is not None
    for lane, line in leader.actor.state.waiting.items():
        world.checks.fail(name, f"{len(line)} wait for {lane.symbol}", "waiting")


def _may_wait(world: "World", order: Order) -> bool:
    """A limit order whose time is not over is no loose end."""
    return (
        order.status is OrderStatus.OPEN
        and order.limit_price is not None
        and order.expires_at is not None
        and order.expires_at > world.heap.now - _CANCELS_WITHIN_MS
    )


def nothing_waits_unwanted(world: "World") -> None:
    """An order waits at the exchange only while it may: known to us, and not over its time."""
    name = "12 no limit order outlives its time"
    world.checks.done[name] += 1
    for book in world.exchange.books.values():
        for order in book.resting:
            intent = world.store.orders.get(OrderLinkId(order.link))
            if intent is None or intent.status is not OrderStatus.OPEN:
                world.checks.fail(name, f"{order.link} waits, and is {intent and intent.status} here", order.link)
            elif intent.expires_at is not None and intent.expires_at < world.heap.now - _CANCELS_WITHIN_MS:
                late = world.heap.now - intent.expires_at
                world.checks.fail(name, f"{order.link} waits {late} ms longer than it may", order.link)


def dashboards_agree(world: "World") -> None:
    name = "13 a dashboard that took every event shows the database"
    world.checks.done[name] += 1
    store = world.store
    for position_id, position in store.positions.items():
        told = store.told.get(("position", position_id))
        if told != _shown(position):
            differs = ["status", "qty", "cost", "levels", "resident stop", "exit reason"]
            fields = zip(differs, told if isinstance(told, tuple) else (None,) * 6, _shown(position), strict=True)
            wrong = ", ".join(f"{what} {a} is {b}" for what, a, b in fields if a != b)
            world.checks.fail(name, f"position {position.symbol} {position.status}: {wrong}", "position")
    for link, order in store.orders.items():
        if store.told.get(("order", link)) != order:
            world.checks.fail(name, f"order {link}", "order")


def resident_stops_stand(world: "World") -> None:
    """5: behind the watched stop, or on it, and not much farther than its gap."""
    name = "5 the exchange's stop stands where it should"
    world.checks.done[name] += 1
    for slot, position in _live(world).items():
        book = world.exchange.books.get(slot)
        stop, entry = position.stop_loss, position.entry_price
        if (
            position.status is not PositionStatus.OPEN
            or book is None
            or book.size == 0
            or stop is None
            or entry is None
        ):
            continue
        if book.stop is None:
            world.checks.fail(name, f"{slot} has none", str(slot))
            continue
        if book.stop_by != TRIGGER_NAMES[position.protection.trigger_by]:
            text = f"{slot} is compared with {book.stop_by}, wanted {position.protection.trigger_by}"
            world.checks.fail(name, text, str(slot))
        behind = (stop - book.stop) * position.side.sign
        if not 0 <= behind <= entry * position.protection.resident_gap * 4 + book.listing.tick * 4:
            world.checks.fail(
                name, f"{slot} {position.side}: watched {stop}, resident {book.stop}, entry {entry}", str(slot)
            )


def probe(world: "World") -> None:
    """14: a stop that is reached closes within 10 s, a signal is handled within 2 s; then all is well again."""
    feed, exchange, now = world.feed, world.exchange, world.heap.now
    watched = [p.id for p in _live(world).values() if p.status is PositionStatus.OPEN and p.stop_loss is not None]
    in_parts = any(abs(book.size) > book.market.listing.most // LIMITED_TO for book in exchange.books.values())
    world.venue.order_rate.most = world.venue.read_rate.most = 0
    for position in (world.store.positions[position_id] for position_id in watched):
        level = next((lv for lv in position.armed if lv.kind.is_stop and lv.price == position.stop_loss), None)
        book = exchange.books.get(position.slot)
        if level is None or book is None or book.size == 0:
            continue
        _walk_to(world, position.symbol, level.price - position.side.sign * book.listing.tick)
        world.heap.run_until(world.heap.now + 10_000)
        name = "14 a reached stop closes within 10 s"
        world.checks.done[name] += 1
        if book.size != 0:
            world.checks.fail(
                name, f"{position.slot} still holds {book.size}, stop {level.price}, last {book.market.last}", "stop"
            )
    _probe_a_signal(world)
    world.heap.run_until(max(now + 30_000, world.heap.now + 20_000))
    name = "14 request rates stay under 60 % of the limits"
    world.checks.done[name] += 1
    # What is closed in many parts may take what the exchange allows.
    orders = Decimal(1) if in_parts else _RATE_SHARE
    for rate, limit, share in (
        (world.venue.order_rate, ORDERS_PER_S, orders),
        (world.venue.read_rate, READS_PER_S, _RATE_SHARE),
    ):
        if rate.most > limit * share:
            world.checks.fail(name, f"{rate.most} of {limit} a second", str(limit))
    check_quiet(world)
    assert feed.frozen


def _walk_to(world: "World", symbol: str, price: Decimal) -> None:
    """Without a jump that needs a second witness."""
    market = world.exchange.markets[symbol]
    while abs(price - market.last) > market.last * Decimal("0.05"):
        step = market.last * Decimal("0.05")
        towards = market.last + (step if price > market.last else -step)
        world.feed.move(symbol, (towards / market.listing.tick).to_integral_value() * market.listing.tick)
        world.heap.run_until(world.heap.now + 500)
    world.feed.move(symbol, price)


def _probe_a_signal(world: "World") -> None:
    name = "14 a signal is handled within 2 s"
    live = {slot.symbol for slot in _live(world)}
    for strategy in world.store.strategies.values():
        flat = sorted(symbol for symbol in strategy.symbols if symbol not in live)
        if not flat or not strategy.enabled:
            continue
        signal = world.source.signal(strategy, flat[0], Action.BUY)
        world.store.add_signal(signal, str(signal.id))
        world.source.wake()
        world.heap.run_until(world.heap.now + 2_000)
        world.checks.done[name] += 1
        if world.store.signals[signal.id].status is SignalStatus.ACCEPTED:
            world.checks.fail(name, f"a buy of {flat[0]} still waits", "signal")
        return
