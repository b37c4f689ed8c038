"""The invariants that are looked at every second: nothing held is left unprotected, nothing is overlooked for long."""

from typing import TYPE_CHECKING

from backstop.domain.position import Position, PositionStatus
from backstop.domain.slot import Slot
from tests.simulation.actor import SimActor
from tests.simulation.books import Book
from tests.simulation.checks import CLOCKS_DIFFER_MS, PRICE_MAX_AGE_MS, Checks

if TYPE_CHECKING:
    from tests.simulation.shell import Streamer
    from tests.simulation.world import World

NAKED_MS = 5_000
BLIND_MS = 10_000
UNKEPT_MS = 60_000
REREAD_WITHIN_MS = 4_000
READ_WITHIN_MS = 2_000
KEY_TOLD_WITHIN_MS = 60_000


class Watch:
    def __init__(self, world: "World", checks: Checks) -> None:
        self._world = world
        self._checks = checks
        self._naked: dict[Slot, int] = {}
        self._blind: dict[Slot, int] = {}
        self._unkept: dict[Slot, int] = {}
        self._key_refused_since = 0

    def second(self) -> None:
        leader = self._world.leader()
        if leader is None or leader.actor is None or leader.trading_since is None:
            self._naked.clear()
            self._blind.clear()
            self._unkept.clear()
        else:
            for slot, book in self._world.exchange.books.items():
                self.never_unprotected(leader, leader.actor, slot, book)
        self.refused_key_is_told(leader)
        self.read_anew_after_a_reconnect(leader)
        self.fills_are_known_after_a_reconnect(leader)

    def never_unprotected(self, leader: "Streamer", actor: SimActor, slot: Slot, book: Book) -> None:
        name = "5 never unprotected"
        self._checks.done[name] += 1
        position = actor.state.positions.get(slot)
        held = position is not None and book.size != 0 and (book.size > 0) is (position.side.sign > 0)
        if position is None or not held or position.stop_loss is None:
            for since in (self._naked, self._blind, self._unkept):
                since.pop(slot, None)
            return
        native = book.stop is not None
        armed = position.status is PositionStatus.CLOSING or self._watched(leader, position)
        reachable = self._world.venue.serves and not leader.rest.address.banned_for(leader.process.clock())
        quote = leader.market.quote(slot.symbol)
        price = quote.of(position.protection.trigger_by) if quote is not None else None
        sighted = price is not None and leader.process.clock() - price[1] <= PRICE_MAX_AGE_MS + CLOCKS_DIFFER_MS
        self._lasts(name, self._naked, slot, not native and not armed, NAKED_MS, f"{slot}: no stop, no watcher")
        blind = not native and not sighted and position.status is PositionStatus.OPEN and reachable
        self._lasts(name, self._blind, slot, blind, BLIND_MS, f"{slot}: no stop, and the watcher sees no price")
        unkept = not native and position.status is PositionStatus.OPEN and reachable and not self._world.venue.lag
        self._lasts(name, self._unkept, slot, unkept, UNKEPT_MS, f"{slot}: the exchange keeps no stop")

    def _lasts(self, name: str, since: dict[Slot, int], slot: Slot, bad: bool, allowed: int, text: str) -> None:
        now = self._world.heap.now
        if not bad:
            since.pop(slot, None)
        elif now - since.setdefault(slot, now) > allowed + 1_000:
            self._checks.fail(name, f"{text} for more than {allowed} ms", text)

    @staticmethod
    def _watched(leader: "Streamer", position: Position) -> bool:
        return any(level.kind.is_stop and leader.market.watches(level.close_id) for level in position.armed)

    def read_anew_after_a_reconnect(self, leader: "Streamer | None") -> None:
        """14: nothing is replayed by the exchange, so that each private reconnect is followed by a reading over REST."""
        name = "14 the exchange is read anew after a private reconnect"
        now = self._world.heap.now
        if leader is None or leader.private is None or leader.trading_since is None:
            return
        opened = leader.private.opened_at
        if not leader.private.open or not READ_WITHIN_MS <= now - opened < READ_WITHIN_MS + 1_000:
            return
        if opened <= leader.trading_since or self._world.wire.troubled_at > opened - 12_000:
            return
        self._checks.done[name] += 1
        if self._world.venue.asked_at.get("private_get_v5_position_list", 0) < opened:
            self._checks.fail(name, f"positions were not asked for within {READ_WITHIN_MS} ms")

    def fills_are_known_after_a_reconnect(self, leader: "Streamer | None") -> None:
        """14: what filled while the private stream was away is booked soon after it is back."""
        name = "14 fills of a gap are known soon after it"
        now = self._world.heap.now
        if leader is None or leader.actor is None or leader.private is None or leader.trading_since is None:
            return
        opened = leader.private.opened_at
        if not leader.private.open or not REREAD_WITHIN_MS <= now - opened < REREAD_WITHIN_MS + 1_000:
            return
        if opened <= leader.trading_since or self._world.wire.troubled_at > opened - 7_000:
            return
        self._checks.done[name] += 1
        exchange = self._world.exchange
        for execution in exchange.executions[
            exchange.executions_until(opened - 120_000) : exchange.executions_until(opened)
        ]:
            if execution.row["execType"] == "CorporateAction":
                continue  # set aside, maybe in an earlier life
            exec_id = str(execution.row["execId"])
            early = any(exec_id == e.exec_id for held in leader.actor.state.early.values() for e in held)
            if exec_id not in leader.actor.state.seen and not early:
                self._checks.fail(name, f"{exec_id} of {execution.row['symbol']} filled before the reconnect", exec_id)

    def refused_key_is_told(self, leader: "Streamer | None") -> None:
        """14: whose key is refused hears of it soon, though nobody but the exchange can protect what he holds."""
        name = "14 a refused key is told"
        venue, now = self._world.venue, self._world.heap.now
        if venue.key_code is None or leader is None or leader.trading_since is None or not venue.answers:
            self._key_refused_since = now
        elif now - self._key_refused_since > KEY_TOLD_WITHIN_MS:
            self._checks.done[name] += 1
            if not leader.key_refused and not leader.rest.address.banned_for(leader.process.clock()):
                self._checks.fail(name, f"not within {KEY_TOLD_WITHIN_MS} ms", "key")
