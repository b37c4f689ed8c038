"""3Commas Signal Bot: strategy and custom type. Fields 3Commas does not know it does not read, and neither do we.

Source: 3Commas' help, "Signal Bot: JSON file for strategy type" and "for custom signal type".
"""

from decimal import Decimal
from typing import Any

from api.dialects.base import (
    BY_STRATEGY,
    IN_USDT,
    OURS_BY_URL,
    SIDES,
    Content,
    Fields,
    Translation,
    in_usdt,
    percent,
    price,
)

NAME = "3commas"
SECRET_FIELDS = ("secret",)
_CUSTOM = {"enter_long": "buy", "enter_short": "sell", "exit_long": "close", "exit_short": "close"}
_EXITS = {"exit_long": "long", "exit_short": "short"}


def recognises(content: Content) -> bool:
    if isinstance(content, str):
        return False
    action = str(content.get("action", "")).lower()
    return bool({"bot_uuid", "tv_instrument", "strategy_info"} & set(content)) or action in {*_CUSTOM, "disable"}


def translate(content: Any) -> Translation:
    told = Translation()
    fields = Fields(content, told)
    fields.ignore("the secret of the webhook", *SECRET_FIELDS)
    fields.ignore(OURS_BY_URL, "bot_uuid")
    fields.ignore("only Bybit is traded", "tv_exchange")
    fields.ignore("orders go out at the market's price", "trigger_price")
    fields.ignore(f"how old an alert may be is {BY_STRATEGY}", "max_lag")
    for name in ("tv_instrument", "symbol"):
        if text := fields.text(name):
            told.use(name, "symbol", text)
    if text := fields.text("timestamp"):
        told.use("timestamp", "time", text, "when it fired")
    order = fields.section("order")
    action = fields.text("action").lower()
    if action in ("buy", "sell"):
        _strategy(fields.section("strategy_info"), order, told, action)
    elif action in _CUSTOM:
        told.use("action", "action", _CUSTOM[action])
        if side := _EXITS.get(action):
            told.use("action", "only", side, "a position on the other side stays")
        if action.startswith("enter"):
            _amount(order, told)
            _order(order, told)
            _take_profit(fields.section("take_profit"), told)
            _stop_loss(fields.section("stop_loss"), told)
    elif action == "disable":
        told.unsupported("action", "a strategy is switched off in the dashboard or by PATCH, not by an alert")
    else:
        told.ambiguous("action", "must be buy, sell, enter_long, enter_short, exit_long, exit_short or disable")
    order.rest_is_ignored("3Commas does not read it")
    fields.rest_is_ignored("3Commas does not read it")
    return told


def _strategy(info: Fields, order: Fields, told: Translation, action: str) -> None:
    target = SIDES.get(info.text("market_position").lower())
    if target is None:
        told.use("action", "action", action)
        _amount(order, told)
        return
    told.use("strategy_info.market_position", "position", target)
    told.alert["action"] = "target"
    told.ignore("action", "the position wanted says it all")
    if before := SIDES.get(info.text("prev_market_position").lower()):
        told.use("strategy_info.prev_market_position", "prev_position", before)
    size, unit = info.number("market_position_size"), order.text("currency_type").lower()
    info.ignore("only the position wanted counts", "prev_market_position_size")
    order.ignore("the position's size counts: on a reversal the order's holds the old size too", "amount")
    if target == "flat":
        return
    if size is not None and unit in ("base", ""):
        told.use("strategy_info.market_position_size", "qty", price(abs(size)), "coins wanted in all")
    else:
        told.default("qty", "the strategy's sizing")


def _amount(order: Fields, told: Translation) -> None:
    amount, unit = order.number("amount"), order.text("currency_type").lower()
    if amount is None:
        told.default("qty", "the strategy's sizing")
    elif unit == "base":
        told.use("order.amount", "qty", price(amount), "coins")
    elif unit == "quote":
        told.use("order.amount", "sizing", in_usdt(amount), IN_USDT)
    elif unit in ("margin_percent", "position_percent"):
        told.unsupported(
            "order.currency_type", f"an alert cannot size in {unit}: leave order out and set the sizing here"
        )
    else:
        told.ambiguous("order.amount", "without currency_type it may be coins, USDT or percent")


def _order(order: Fields, told: Translation) -> None:
    kind, at = order.text("order_type").lower(), order.number("price")
    away, of = order.number("price_percent"), order.text("price_percent_ref_type").lower()
    if kind in ("", "market"):
        return
    if kind != "limit":
        told.ambiguous("order.order_type", "must be market or limit")
    elif at is not None:
        told.use("order.price", "entry", {"kind": "limit", "at": price(at)})
    elif away is not None and of in ("", "current_price"):
        told.use("order.price_percent", "entry", {"kind": "limit", "at": percent(away)}, "better than the last price")
    else:
        told.unsupported("order.price_percent_ref_type", "a limit lies away from the current price only")


def _take_profit(section: Fields, told: Translation) -> None:
    enabled, steps = section.take("enabled"), section.take("steps")
    if enabled is None and steps is None:
        return
    if enabled is False:
        told.use("take_profit.enabled", "take_profit", [], "no take-profit")
        return
    rungs = []
    for index, step in enumerate(steps if isinstance(steps, list) else []):
        one = Fields(step if isinstance(step, dict) else {}, told, prefix=f"take_profit.steps.{index}.")
        at, away, part = one.number("price"), one.number("price_percent"), one.number("volume_percent")
        one.ignore("levels are watched, and closed at the market", "order_type")
        if one.section("trailing").take("enabled") is True:
            told.unsupported(one.path("trailing"), "a target that trails is not supported: use trailing")
        if at is None and away is None:
            told.ambiguous(one.path("price"), "a step needs price or price_percent")
            continue
        mark = price(at) if at is not None else percent(away if away is not None else Decimal(0))
        rungs.append({"at": mark, "portion": percent(part if part is not None else Decimal(100))})
    told.use("take_profit.steps", "take_profit", rungs)


def _stop_loss(section: Fields, told: Translation) -> None:
    at, away = section.number("trigger_price"), section.number("trigger_price_percent")
    trailing = section.section("trailing")
    section.ignore("levels are watched, and closed at the market", "order_type")
    if section.take("enabled") is False or (at is None and away is None):
        return
    if trailing.take("enabled") is True:
        if away is None:
            told.unsupported("stop_loss.trailing", "a stop trails by trigger_price_percent only")
        else:
            told.use("stop_loss.trigger_price_percent", "trailing", percent(away), "follows the best price")
    elif at is not None:
        told.use("stop_loss.trigger_price", "stop_loss", price(at))
    elif away is not None:
        told.use("stop_loss.trigger_price_percent", "stop_loss", percent(away), "away from entry")
