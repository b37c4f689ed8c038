"""What an account's margin allows: how much may be opened, and no stop that liquidation would forestall."""

from dataclasses import replace
from decimal import Decimal

from backstop.domain.instrument import Instrument
from backstop.domain.margin import cross_liquidation, isolated_liquidation, maintenance_rate, margin_share
from backstop.domain.modes import MarginMode
from backstop.domain.money import Price, Qty, plain
from backstop.domain.position import Position
from backstop.domain.refusal import Refused
from backstop.domain.side import PositionSide
from backstop.engine.reversal import EntryPlan
from backstop.engine.state import AccountState
from backstop.engine.turn import Turn

_CENT = Decimal("0.01")


def available(state: AccountState) -> Decimal | None:
    """USDT free for margin; None while that is not known, as after each fill until the exchange has told again."""
    if state.funds is None:
        return None
    return state.funds.isolated if is_isolated(state) else state.funds.cross


def is_isolated(state: AccountState) -> bool:
    """Whether each position stands on its own margin. An account is in cross margin unless it is known otherwise."""
    return state.mode is not None and state.mode.margin is MarginMode.ISOLATED


def reserve(turn: Turn, plan: EntryPlan, value: Decimal) -> None:
    """An entry of `value` (USDT) was decided on: the next may not count on the same money."""
    if turn.state.funds is not None:
        turn.state = replace(turn.state, funds=turn.state.funds.less(value * margin_share(plan.leverage)))


def short_of_margin(turn: Turn, plan: EntryPlan, value: Decimal) -> Refused | None:
    free, needed = available(turn.state), value * margin_share(plan.leverage)
    if free is None or needed <= free:
        return None
    return Refused(
        "insufficient_margin",
        f"{plain(needed.quantize(_CENT))} USDT of margin and fees are needed, "
        f"{plain(max(free, Decimal(0)).quantize(_CENT))} USDT are available",
    )


def beyond_liquidation(
    turn: Turn, plan: EntryPlan, qty: Qty, price: Price, stop: Price | None, instrument: Instrument
) -> Refused | None:
    """Why a position protected by `stop` would be liquidated before that is reached, or None."""
    if stop is None:
        return None
    state, side = turn.state, plan.side
    held = state.position(plan.adds_to)
    liquidation = liquidation_price(state, held, side, plan.leverage, qty, price, instrument)
    if liquidation is None:
        return None
    if (stop - liquidation) * side.sign > 0:
        return None
    return Refused(
        "stop_beyond_liquidation",
        f"the position would be liquidated at about {plain(liquidation.quantize(instrument.tick_size))}, "
        f"before the exchange's stop at {plain(stop)} is reached; use less leverage, a smaller size or a nearer stop",
    )


def liquidation_price(
    state: AccountState,
    held: Position | None,
    side: PositionSide,
    leverage: Decimal,
    qty: Qty,
    price: Price,
    instrument: Instrument,
) -> Decimal | None:
    """At about what mark price the exchange would take a position over to which `qty` is added at `price`; None while the
    account's equity is not known."""
    rate = maintenance_rate(leverage, instrument)
    whole = qty + (held.qty if held is not None else 0)
    if is_isolated(state):
        cost = held.cost if held is not None else Decimal(0)
        return isolated_liquidation(side, (cost + qty * price) / whole, leverage, rate)
    if state.equity is None:
        return None
    return cross_liquidation(side, price, whole, state.equity, _maintenance_of_others(state, held, leverage), rate)


def _maintenance_of_others(state: AccountState, held: Position | None, leverage: Decimal) -> Decimal:
    needed = Decimal(0)
    for position in state.positions.values():
        instrument = state.instruments.get(position.symbol)
        if instrument is not None and (held is None or position.id != held.id):
            needed += position.cost * maintenance_rate(position.leverage or leverage, instrument)
    return needed
