"""A difference to the exchange that was booked as an execution nobody had told of, at a guessed price. When the true
execution is told after all, it takes its place: the guess is taken back by an entry of its own, nothing is rewritten."""

from dataclasses import dataclass, replace

from backstop.domain.execution import Execution
from backstop.domain.ids import PositionId
from backstop.domain.money import NO_QTY, NO_USDT, ZERO, Price, Qty, Usdt
from backstop.domain.position import COST_STEP, Filled, Position, apply_fill
from backstop.domain.side import Side
from backstop.domain.slot import Slot

GUESSED = "adopted-"
"""How the id of a guessed execution begins."""

TAKEN_BACK = "~"
"""Stands in the id of what takes a guess back, between the guess and the execution that came in its place."""

_CLOCKS_DIFFER_MS = 1_000


@dataclass(frozen=True, slots=True)
class Guess:
    """`qty` of it no true execution has taken the place of yet, `realised` the profit booked with that (USDT). `at`: when
    the difference was first seen; what explains it had happened by then. `closed`: its position, once that is closed."""

    exec_id: str
    position_id: PositionId
    slot: Slot
    side: Side
    qty: Qty
    price: Price
    realised: Usdt
    at: int
    closed: Position | None = None

    def stands_for(self, execution: Execution) -> bool:
        """Whether this execution is part of the difference. One of a closed position must be so whole."""
        fits = self.closed is None or execution.qty <= self.qty
        return fits and self.side is execution.side and execution.at <= self.at + _CLOCKS_DIFFER_MS


@dataclass(frozen=True, slots=True)
class Corrected:
    """`taken_back` is booked with `back` (USDT realised), then the true execution as `filled` says. `guess`: what is left
    of it."""

    guess: Guess
    taken_back: Execution
    back: Usdt
    filled: Filled


def correct(position: Position, guess: Guess, execution: Execution) -> Corrected:
    """Put the true execution in the place of as much of the guess. Quantities stay, but for what is more than guessed.

    Coins leave at the cost they had left at. A better or worse entry price goes to the cost of what is held, or to the
    profit when nothing is. All sums are exact, so that the ledger ends where the true executions alone would have led.
    """
    qty = Qty(min(guess.qty, execution.qty))
    whole = qty == guess.qty
    booked = guess.realised if whole else Usdt((guess.realised * qty / guess.qty).quantize(COST_STEP))
    difference = (execution.price - guess.price) * qty
    leaves = execution.side is position.side.exit
    realised = NO_USDT
    if leaves:
        realised = Usdt(booked + difference * position.side.sign)
        position = replace(position, exit_value=position.exit_value + difference)
    else:
        position = replace(position, entry_value=position.entry_value + difference)
        if position.qty > 0:
            position = replace(position, cost=position.cost + difference)
        else:
            realised = Usdt(-difference * position.side.sign)
    position = replace(
        position,
        gross_pnl=Usdt(position.gross_pnl + realised - booked),
        fees=Usdt(position.fees + execution.fee),
        seq=max(position.seq, execution.seq),
    )
    filled = Filled(position, realised, NO_QTY)
    if execution.qty > qty:
        more = apply_fill(position, replace(execution, qty=Qty(execution.qty - qty), fee=NO_USDT))
        filled = Filled(more.position, Usdt(realised + more.realised), more.excess)
    taken_back = replace(
        execution,
        exec_id=f"{guess.exec_id}{TAKEN_BACK}{execution.exec_id}",
        price=guess.price,
        qty=Qty(-qty),
        closed_qty=-qty if leaves else ZERO,
        fee=NO_USDT,
        at=guess.at,
        order_link_id="",
        exchange_order_id="",
        seq=0,
    )
    left = replace(guess, qty=Qty(guess.qty - qty), realised=Usdt(guess.realised - booked))
    return Corrected(left, taken_back, Usdt(-booked), filled)
