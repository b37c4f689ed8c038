"""Entries that the exchange refused for their position index, after its owner switched the position mode by hand."""

from dataclasses import replace

from backstop.domain.ids import Symbol
from backstop.engine.events import SymbolRead
from backstop.engine.modes import learn
from backstop.engine.orders import reject, send_again
from backstop.engine.turn import Turn


def on_symbol_read(turn: Turn, event: SymbolRead) -> None:
    """All rows of a symbol, flat ones too: they tell its mode and leverage. What was refused for its mode goes again."""
    for row in event.rows:
        learn(turn, row)
    if event.rows:
        _place_anew(turn, event.symbol)


def _place_anew(turn: Turn, symbol: Symbol) -> None:
    """Entries that were refused for their position index go again, once, with the one that is right."""
    for link_id in sorted(turn.state.misplaced):
        order = turn.state.orders.get(link_id)
        if order is not None and order.symbol != symbol:
            continue
        turn.state = replace(turn.state, misplaced=turn.state.misplaced - {link_id})
        position = turn.state.position(order.position_id) if order is not None else None
        if order is None or position is None or order.status.final or order.filled_qty > 0:
            continue
        slot = turn.state.slot(symbol, position.side)
        if slot == order.slot or slot in turn.state.positions or slot in turn.state.foreign:
            reject(turn, order)
            continue
        turn.move_position(position, slot)
        order = replace(order, position_idx=slot.idx, ret_code=None, reason=None)
        turn.put_order(order)
        send_again(turn, order)
