"""Domain values kept as JSON: a strategy's settings, a signal's alert, a position's protection, a reversal's plan."""

from decimal import Decimal
from typing import Any
from uuid import UUID

from backstop.domain.entry import AT_MARKET, Entry, LimitEntry
from backstop.domain.ids import SignalId, StrategyId, Symbol
from backstop.domain.limits import Limits
from backstop.domain.modes import MarginMode
from backstop.domain.money import Qty, plain
from backstop.domain.protection import (
    RESIDENT_GAP,
    BreakEven,
    PriceMark,
    PriceSource,
    Protection,
    TakeProfit,
    Trailing,
    read_price_mark,
)
from backstop.domain.side import PositionSide
from backstop.domain.signal import Action, Signal, Target
from backstop.domain.strategy import OnOpposite, Sizing, SizingMode, Strategy
from backstop.domain.windows import WEEKDAYS, Window
from backstop.engine.reversal import EntryPlan
from backstop.store.zones import zone_named

Json = dict[str, Any]


def write_protection(protection: Protection) -> Json:
    """The shape of `contracts.strategies.ProtectionSettings`."""
    return {
        "stop_loss": str(protection.stop_loss) if protection.stop_loss is not None else None,
        "take_profit": [{"at": str(rung.at), "portion": _percent(rung.portion)} for rung in protection.take_profit],
        "resident_gap": _percent(protection.resident_gap),
        "trailing": _write_trailing(protection.trailing) if protection.trailing is not None else None,
        "break_even": (
            {"trigger": str(protection.break_even.trigger), "offset": _percent(protection.break_even.offset)}
            if protection.break_even is not None
            else None
        ),
        "time_exit_s": protection.time_exit_ms // 1000 if protection.time_exit_ms is not None else None,
        "trigger_by": protection.trigger_by.value,
    }


def _write_trailing(trailing: Trailing) -> Json:
    return {
        "distance": str(trailing.distance),
        "activation": str(trailing.activation) if trailing.activation is not None else None,
    }


def read_trailing(value: Json) -> Trailing:
    activation = value.get("activation")
    return Trailing(_mark(value["distance"]), _mark(activation) if activation is not None else None)


def read_break_even(value: Json) -> BreakEven:
    return BreakEven(_mark(value["trigger"]), _offset(value.get("offset")))


def read_protection(value: Json) -> Protection:
    gap = value.get("resident_gap")
    stop = value.get("stop_loss")
    trailing, break_even, time_exit_s = value.get("trailing"), value.get("break_even"), value.get("time_exit_s")
    return Protection(
        stop_loss=_mark(stop) if stop is not None else None,
        take_profit=read_rungs(value.get("take_profit") or []),
        resident_gap=_share(gap) if gap is not None else RESIDENT_GAP,
        trailing=read_trailing(trailing) if trailing is not None else None,
        break_even=read_break_even(break_even) if break_even is not None else None,
        time_exit_ms=time_exit_s * 1000 if time_exit_s is not None else None,
        trigger_by=PriceSource(value.get("trigger_by") or PriceSource.LAST),
    )


def read_rungs(rungs: list[Json]) -> tuple[TakeProfit, ...]:
    return tuple(TakeProfit(_mark(rung["at"]), _share(rung["portion"])) for rung in rungs)


def read_strategy(row: Json) -> Strategy:
    """From a row of `strategies` with columns id, name, symbols, settings, enabled, version."""
    settings = row["settings"]
    return Strategy(
        id=StrategyId(row["id"]),
        name=row["name"],
        symbols=frozenset(Symbol(symbol) for symbol in row["symbols"]),
        sizing=Sizing(SizingMode(settings["sizing"]["mode"]), Decimal(settings["sizing"]["value"])),
        leverage=Decimal(settings["leverage"]),
        max_age_ms=int(settings["max_age_s"]) * 1000,
        on_opposite=OnOpposite(settings["on_opposite"]),
        protection=read_protection(settings["protection"]),
        enabled=row["enabled"],
        margin_mode=_margin_mode(settings.get("margin_mode")),
        entry=read_entry(settings.get("entry")) or AT_MARKET,
        max_entries=settings.get("max_entries", 1),
        version=row.get("version", 1),
    )


def write_entry(entry: Entry) -> Json:
    """The shape of `contracts.strategies.EntrySettings`."""
    if isinstance(entry, LimitEntry):
        expires_s = entry.expires_ms // 1000
        return {"kind": "limit", "at": str(entry.at), "expires_s": expires_s, "post_only": entry.post_only}
    return {"kind": "market"}


def read_entry(value: Json | None) -> Entry | None:
    """None where nothing is said."""
    if value is None:
        return None
    if value["kind"] == "market":
        return AT_MARKET
    return LimitEntry(_mark(value["at"]), value["expires_s"] * 1000, value["post_only"])


def _margin_mode(text: str | None) -> MarginMode | None:
    return None if text in (None, "any") else MarginMode(text)


def read_signal(row: Json) -> Signal:
    """From a row of `signals` with columns id, strategy_id, symbol, action, qty, parsed, at_ms."""
    alert = row["parsed"]
    rungs = alert.get("take_profit")
    return Signal(
        id=SignalId(row["id"]),
        strategy_id=StrategyId(row["strategy_id"]),
        symbol=Symbol(row["symbol"]),
        action=Action(row["action"]),
        at=row["at_ms"],
        qty=Qty(row["qty"]) if row["qty"] is not None else None,
        stop_loss=_mark(alert["stop_loss"]) if alert.get("stop_loss") is not None else None,
        take_profit=read_rungs(rungs) if rungs is not None else None,
        leverage=Decimal(alert["leverage"]) if alert.get("leverage") is not None else None,
        trailing=read_trailing(alert["trailing"]) if alert.get("trailing") is not None else None,
        target=Target(alert["position"]) if alert.get("position") is not None else None,
        trigger_by=PriceSource(alert["trigger_by"]) if alert.get("trigger_by") is not None else None,
        entry=read_entry(alert.get("entry")),
        sizing=read_sizing(alert.get("sizing")),
        only=PositionSide(alert["only"]) if alert.get("only") is not None else None,
    )


def read_sizing(value: Json | None) -> Sizing | None:
    """None where nothing is said."""
    return Sizing(SizingMode(value["mode"]), Decimal(value["value"])) if value is not None else None


def read_limits(value: Json) -> Limits:
    """From `accounts.limits`, which has the shape of `contracts.accounts.AccountLimits`."""

    def number(key: str) -> Decimal | None:
        return Decimal(value[key]) if value.get(key) is not None else None

    cooldown_s = value.get("cooldown_s")
    return Limits(
        daily_loss_pct=number("daily_loss_pct"),
        max_open_positions=value.get("max_open_positions"),
        max_notional=number("max_notional"),
        max_orders_per_minute=value.get("max_orders_per_minute"),
        max_orders_per_day=value.get("max_orders_per_day"),
        cooldown_ms=cooldown_s * 1000 if cooldown_s is not None else None,
        max_position_notional=number("max_position_notional"),
        max_leverage=number("max_leverage"),
        symbols=frozenset(map(Symbol, value["symbols"])) if value.get("symbols") is not None else None,
        windows=tuple(map(_read_window, value["windows"])) if value.get("windows") is not None else None,
    )


def _read_window(value: Json) -> Window:
    days = frozenset(WEEKDAYS.index(day) for day in value["days"])
    return Window(days, _minute(value["start"]), _minute(value["end"]), zone_named(value["zone"]))


def _minute(text: str) -> int:
    hours, _, minutes = text.partition(":")
    return int(hours) * 60 + int(minutes)


def write_plan(plan: EntryPlan) -> Json:
    return {
        "signal_id": str(plan.signal_id) if plan.signal_id is not None else None,
        "strategy_id": str(plan.strategy_id),
        "side": plan.side.value,
        "qty": plain(plan.qty) if plan.qty is not None else None,
        "protection": write_protection(plan.protection),
        "leverage": plain(plan.leverage),
        "at": plan.at,
        "max_age_ms": plan.max_age_ms,
        "entry": write_entry(plan.entry),
        "strategy_version": plan.strategy_version,
        "sizing": (
            {"mode": plan.sizing.mode.value, "value": plain(plan.sizing.value)} if plan.sizing is not None else None
        ),
    }


def read_plan(cause_id: UUID, symbol: str, value: Json) -> EntryPlan:
    signal_id = value["signal_id"]
    return EntryPlan(
        cause_id=cause_id,
        signal_id=SignalId(UUID(signal_id)) if signal_id is not None else None,
        strategy_id=StrategyId(UUID(value["strategy_id"])),
        symbol=Symbol(symbol),
        side=PositionSide(value["side"]),
        qty=Qty(Decimal(value["qty"])) if value["qty"] is not None else None,
        protection=read_protection(value["protection"]),
        leverage=Decimal(value["leverage"]),
        at=value["at"],
        max_age_ms=value["max_age_ms"],
        entry=read_entry(value.get("entry")) or AT_MARKET,
        strategy_version=value.get("strategy_version"),
        sizing=read_sizing(value.get("sizing")),
    )


def _mark(text: str) -> PriceMark:
    mark = read_price_mark(text)
    if mark is None:
        raise ValueError(f"not a price or distance: {text!r}")
    return mark


def _share(text: str) -> Decimal:
    share = _mark(text).share
    if share is None:
        raise ValueError(f"not a share: {text!r}")
    return share


def _offset(text: str | None) -> Decimal:
    return Decimal(0) if text in (None, "0%") else _share(text or "")


def _percent(share: Decimal) -> str:
    return f"{plain(share * 100)}%"
