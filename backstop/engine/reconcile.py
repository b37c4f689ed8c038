"""The exchange is the truth for quantity. Its snapshot corrects ours, never the other way, and never in haste."""

from dataclasses import replace

from backstop.domain.execution import Execution
from backstop.domain.guess import GUESSED
from backstop.domain.ids import compact
from backstop.domain.money import NO_QTY, NO_USDT, Price, Qty, plain
from backstop.domain.order import OrderStatus
from backstop.domain.position import Position, PositionStatus
from backstop.domain.side import PositionSide, Side
from backstop.domain.slot import Slot
from backstop.engine.effects import Notice, NoticeLevel, Remind, ResolveOrder, TakeSnapshot
from backstop.engine.events import CloseAgain, ExchangePosition, SnapshotTaken
from backstop.engine.fills import on_executed
from backstop.engine.modes import learn
from backstop.engine.shield import on_position_reported
from backstop.engine.state import Doubt
from backstop.engine.turn import Turn

SETTLED_AFTER_MS = 12_000
"""A read may lag the stream, by ten seconds when the market is wild: no verdict before the exchange has said the same for
this long, nor sooner after something happened on the symbol."""

CERTAIN_AFTER_MS = 60_000
"""What has been said for this long is believed though a close is under way: one that finds nothing to reduce is followed by
the next, and so for ever."""

_LOOK_UP_AFTER_MS = 2_000


def on_snapshot(turn: Turn, snapshot: SnapshotTaken) -> set[Slot]:
    """Compare; returns the slots on which a position was found to be closed."""
    held = {position.slot: position for position in snapshot.positions if position.size > 0}
    closed: set[Slot] = set()
    for row in held.values():
        learn(turn, row)
    for position in tuple(turn.state.positions.values()):
        theirs = held.get(position.slot)
        if theirs is not None:
            on_position_reported(turn, theirs)
        if _adopt_difference(turn, turn.state.positions.get(position.slot, position), theirs, snapshot.at):
            closed.add(position.slot)
    _note_foreign(turn, held, snapshot.at)
    for order in turn.state.orders.values():
        if (
            turn.now - order.created_at > _LOOK_UP_AFTER_MS
            and order.status is not OrderStatus.INTENDED
            and not order.done
        ):
            turn.afterwards(ResolveOrder(order))
    for position in turn.state.positions.values():
        if position.status is PositionStatus.CLOSING and position.qty > 0:
            turn.afterwards(Remind(CloseAgain(position.slot), turn.now))
    return closed


def _adopt_difference(turn: Turn, ours: Position, theirs: ExchangePosition | None, at: int) -> bool:
    same_side = theirs is not None and theirs.side is ours.side
    size = theirs.size if theirs is not None and same_side else NO_QTY
    older = theirs is not None and 0 < theirs.seq < ours.seq
    if size == ours.qty or older or ours.status is PositionStatus.OPENING:
        _set_doubt(turn, ours.slot, None)
        return False
    doubt = turn.state.doubts.get(ours.slot)
    if doubt is None or doubt.size != size:
        doubt = Doubt(size, at)
        _set_doubt(turn, ours.slot, doubt)
    certain = at - doubt.since >= CERTAIN_AFTER_MS
    if _moving(turn, ours, but_closes=certain) or min(at - doubt.since, at - ours.updated_at) < SETTLED_AFTER_MS:
        return False
    _set_doubt(turn, ours.slot, None)
    quote = turn.state.quotes.get(ours.symbol)
    price = theirs.mark_price if theirs is not None else (quote.mark if quote is not None else ours.entry_price)
    assert price is not None, ours
    grew = size > ours.qty
    side: Side = ours.side.entry if grew else ours.side.exit
    difference = abs(size - ours.qty)
    turn.record(
        Notice(
            NoticeLevel.WARNING,
            "adopted",
            f"{ours.symbol}: the exchange holds {plain(size)}, our books {plain(ours.qty)}; adopted at {plain(price)}",
        )
    )
    on_executed(
        turn,
        Execution(
            exec_id=f"{GUESSED}{compact(ours.id)}-{plain(ours.entry_qty)}-{plain(ours.exit_qty)}-{plain(size)}",
            symbol=ours.symbol,
            side=side,
            exec_type="Trade",
            price=Price(price),
            qty=Qty(difference),
            fee=NO_USDT,
            at=doubt.since,
            closed_qty=NO_QTY if grew else Qty(difference),
        ),
    )
    return ours.slot not in turn.state.positions


def _set_doubt(turn: Turn, slot: Slot, doubt: Doubt | None) -> None:
    doubts = {other: held for other, held in turn.state.doubts.items() if other != slot}
    if doubt is not None:
        doubts[slot] = doubt
    if doubts != dict(turn.state.doubts):
        turn.state = replace(turn.state, doubts=doubts)


def _moving(turn: Turn, position: Position, *, but_closes: bool) -> bool:
    """Whether an order of ours may still change it: its outcome comes first. A limit order may rest for long."""
    return any(
        order.slot == position.slot and not order.done and not order.rests and not (but_closes and order.reduce_only)
        for order in turn.state.orders.values()
    )


def _from_before(turn: Turn, theirs: ExchangePosition, at: int) -> bool:
    """Whether a reading may still tell of what we have closed. One that says which fill it counts last leaves no doubt."""
    settled = turn.state.settled_seq.get(theirs.slot, 0)
    if settled and theirs.seq:
        return theirs.seq < settled
    return at - turn.state.settled_at.get(theirs.slot, -SETTLED_AFTER_MS) < SETTLED_AFTER_MS


def on_position_told(turn: Turn, theirs: ExchangePosition) -> None:
    """The stream's word on one slot. What somebody else opens there must be known before we open."""
    on_position_reported(turn, theirs)
    if theirs.size > 0:
        if theirs.slot not in turn.state.foreign and _is_foreign(turn, theirs, theirs.at):
            _tell_foreign(turn, theirs)
            turn.state = replace(turn.state, foreign={**turn.state.foreign, theirs.slot: theirs.size})
    elif theirs.slot in turn.state.foreign:
        turn.afterwards(TakeSnapshot())


def _note_foreign(turn: Turn, held: dict[Slot, ExchangePosition], at: int) -> None:
    foreign = {}
    for slot, theirs in held.items():
        if _is_foreign(turn, theirs, at):
            foreign[slot] = theirs.size
            if slot not in turn.state.foreign:
                _tell_foreign(turn, theirs)
    if foreign != dict(turn.state.foreign):
        turn.state = replace(turn.state, foreign=foreign)


def _is_foreign(turn: Turn, theirs: ExchangePosition, at: int) -> bool:
    ours = turn.state.positions.get(theirs.slot)
    if ours is not None and (ours.side is theirs.side or ours.status is PositionStatus.OPENING):
        return False
    return theirs.slot in turn.state.foreign or not _from_before(turn, theirs, at)


def _tell_foreign(turn: Turn, theirs: ExchangePosition) -> None:
    turn.record(
        Notice(
            NoticeLevel.WARNING,
            "foreign_position",
            f"{plain(theirs.size)} {theirs.symbol} {theirs.side or PositionSide.LONG} is held that Backstop did not open; "
            "it is not protected here, and signals for it are refused until it is closed",
        )
    )
