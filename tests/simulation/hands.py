"""Other people's hands: what the account's owner, or the exchange itself, does to what it holds and how it is set up."""

from collections.abc import Callable
from decimal import Decimal
from random import Random
from typing import TYPE_CHECKING

from backstop.domain.slot import Slot
from tests.simulation.books import Book
from tests.simulation.faults import Kind

if TYPE_CHECKING:
    from tests.simulation.world import World

_TO_WHAT_IS_HELD = (
    Kind.MANUAL_CLOSE,
    Kind.MANUAL_PART,
    Kind.MANUAL_ADD,
    Kind.MANUAL_FLIP,
    Kind.ADL,
    Kind.BUST,
    Kind.SETTLE,
    Kind.STOP_REMOVED,
)


class Hands:
    def __init__(self, world: "World") -> None:
        self._world = world

    def strikes(self) -> dict[Kind, Callable[[Random], bool]]:
        """Each returns whether it found something to do."""
        return {
            Kind.UNKNOWN_EXEC: self._unknown_exec,
            Kind.MANUAL_OPEN: self._open,
            Kind.MODE_SWITCHED: self._switch_mode,
            Kind.LEVERAGE_SET: self._set_leverage,
            **{kind: self._to_something_held(kind) for kind in _TO_WHAT_IS_HELD},
        }

    def _to_something_held(self, kind: Kind) -> Callable[[Random], bool]:
        def strike(random: Random) -> bool:
            held = [book for book in self._world.exchange.books.values() if book.size != 0]
            if not held:
                return False
            return self._lay_hands_on(kind, random, random.choice(held))

        return strike

    def _lay_hands_on(self, kind: Kind, random: Random, book: Book) -> bool:
        exchange, slot, step = self._world.exchange, book.slot, book.listing.step
        share = Decimal(random.randint(10, 90)) / 100
        part = max((abs(book.size) * share / step).to_integral_value() * step, step)
        signed = part if book.size > 0 else -part
        match kind:
            case Kind.MANUAL_CLOSE:
                exchange.by_hand(slot, -book.size)
            case Kind.MANUAL_PART:
                exchange.by_hand(slot, -signed)
            case Kind.MANUAL_ADD:
                exchange.by_hand(slot, signed)
            case Kind.MANUAL_FLIP:
                self._flip(book, signed)
            case Kind.STOP_REMOVED:
                if book.stop is None:
                    return False
                exchange.set_stop(slot, None)
            case Kind.ADL:
                exchange.taken_over(slot, part, "AdlTrade", "CreateByAdl_PassThrough")
            case Kind.SETTLE:
                exchange.settle(slot)
            case _:
                exchange.taken_over(slot, abs(book.size), "BustTrade", "CreateByLiq")
        self._world.trace.note("exchange", f"{kind.value}: {slot} is now {book.size}")
        return True

    def _flip(self, book: Book, signed: Decimal) -> None:
        """In hedge mode nothing passes zero: the other side is opened instead."""
        exchange = self._world.exchange
        if book.idx == 0:
            exchange.by_hand(book.slot, -book.size - signed)
            return
        exchange.by_hand(book.slot, -book.size)
        exchange.by_hand(Slot(book.listing.symbol, 3 - book.idx), -signed)

    def _unknown_exec(self, random: Random) -> bool:
        held = [book for book in self._world.exchange.books.values() if book.size != 0]
        if not held:
            return False
        book = random.choice(held)
        self._world.checks.unknowable.add(book.listing.symbol)
        self._world.exchange.taken_over(book.slot, abs(book.size), "CorporateAction", "")
        return True

    def _open(self, random: Random) -> bool:
        flat = [book for book in self._world.exchange.books.values() if book.size == 0 and book.market.is_listed]
        if not flat:
            return False
        book = random.choice(flat)
        size = book.listing.step * random.randint(5, 50)
        signed = size if random.random() < 0.5 else -size
        self._world.exchange.by_hand(book.slot, abs(signed) if book.idx == 1 else -abs(signed) if book.idx else signed)
        return True

    def _switch_mode(self, random: Random) -> bool:
        exchange = self._world.exchange
        symbol = random.choice(list(exchange.markets))
        if not exchange.switch_mode(symbol, tell=random.random() < 0.5):
            return False
        self._world.trace.note("exchange", f"{symbol} has {len(exchange.of(symbol))} slots now")
        return True

    def _set_leverage(self, random: Random) -> bool:
        exchange = self._world.exchange
        held = [slot.symbol for slot, book in exchange.books.items() if book.size != 0]
        symbol = random.choice(held or list(exchange.markets))
        leverage = random.choice(("1", "2", "3", "10", "20"))
        if exchange.markets[symbol].leverage == leverage:
            return False
        exchange.set_leverage(symbol, leverage)
        return True
