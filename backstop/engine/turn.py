"""The pen and paper of one step: the state as it becomes, what to write down, and what to do before and after."""

from collections.abc import Mapping
from dataclasses import replace
from typing import TypeVar
from uuid import UUID

from backstop.domain.ids import OrderLinkId
from backstop.domain.order import Order
from backstop.domain.position import Position, PositionStatus
from backstop.domain.slot import Lane, Slot
from backstop.engine.effects import Change, Commit, Effect, SaveOrder, SavePosition
from backstop.engine.reversal import Reversal
from backstop.engine.state import AccountState, Request

K = TypeVar("K")
V = TypeVar("V")


class Turn:
    """Lives for one `step` only; whoever holds the old state never sees it change."""

    def __init__(self, state: AccountState, now: int) -> None:
        self.state = state
        self.now = now
        self._first: list[Effect] = []
        self._changes: list[Change] = []
        self._then: list[Effect] = []

    def effects(self) -> tuple[Effect, ...]:
        commit = (Commit(tuple(self._changes)),) if self._changes else ()
        return (*self._first, *commit, *self._then)

    def at_once(self, effect: Effect) -> None:
        """Do it before anything is written: only what protects."""
        self._first.append(effect)

    def record(self, change: Change) -> None:
        self._changes.append(change)

    def afterwards(self, effect: Effect) -> None:
        """Do it once what was recorded is durable."""
        self._then.append(effect)

    def put_position(self, position: Position, *, quiet: bool = False) -> None:
        positions = dict(self.state.positions)
        if position.status is PositionStatus.CLOSED:
            positions.pop(position.slot, None)
        else:
            positions[position.slot] = position
        self.state = replace(self.state, positions=positions)
        before = [c for c in self._changes if isinstance(c, SavePosition) and c.position.id == position.id]
        self._changes = [change for change in self._changes if change not in before]
        self.record(SavePosition(position, quiet and all(change.quiet for change in before)))

    def move_position(self, position: Position, slot: Slot) -> None:
        """It is held in another slot than was thought."""
        self.state = replace(self.state, positions=_without(self.state.positions, position.slot))
        self.put_position(replace(position, position_idx=slot.idx))

    def keep_order(self, order: Order) -> None:
        """What of it nobody need write down has changed."""
        self.state = replace(self.state, orders={**self.state.orders, order.link_id: order})

    def put_order(self, order: Order) -> None:
        self.keep_order(order)
        self._changes = [
            change
            for change in self._changes
            if not (isinstance(change, SaveOrder) and change.order.link_id == order.link_id)
        ]
        self.record(SaveOrder(order))

    def forget_order(self, link_id: OrderLinkId) -> None:
        self.state = replace(self.state, orders=_without(self.state.orders, link_id))

    def put_reversal(self, reversal: Reversal) -> None:
        self.state = replace(self.state, reversals={**self.state.reversals, reversal.plan.cause_id: reversal})

    def forget_reversal(self, cause_id: UUID) -> None:
        self.state = replace(self.state, reversals=_without(self.state.reversals, cause_id))

    def queue(self, lane: Lane, request: Request, *, first: bool = False) -> None:
        line = self.state.waiting.get(lane, ())
        self.state = replace(
            self.state, waiting={**self.state.waiting, lane: (request, *line) if first else (*line, request)}
        )

    def next_waiting(self, lane: Lane) -> Request | None:
        line = self.state.waiting.get(lane, ())
        if not line:
            return None
        rest = {**self.state.waiting, lane: line[1:]} if line[1:] else _without(self.state.waiting, lane)
        self.state = replace(self.state, waiting=rest)
        return line[0]


def _without(mapping: Mapping[K, V], key: K) -> dict[K, V]:
    return {k: v for k, v in mapping.items() if k != key}
