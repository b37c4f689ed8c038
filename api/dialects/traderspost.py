"""TradersPost. Source: TradersPost's documentation, "Webhooks"."""

from typing import Any

from api.dialects.base import IN_USDT, SIDES, Content, Fields, Translation, in_usdt, percent, price

NAME = "traderspost"
SECRET_FIELDS = ("secret", "password")


def recognises(content: Content) -> bool:
    if isinstance(content, str) or "ticker" not in content or "market_position" in content:
        return False
    return str(content.get("action", "")).lower() in {"buy", "sell", "exit", "cancel", "add", "breakeven"}


def translate(content: Any) -> Translation:
    told = Translation()
    fields = Fields(content, told)
    fields.ignore("the secret of the webhook", *SECRET_FIELDS)
    told.use("ticker", "symbol", fields.text("ticker"))
    _what(fields, told)
    _amount(fields, told)
    _entry(fields, told)
    _levels(fields, told)
    if text := fields.text("time"):
        told.use("time", "time", text, "when it fired")
    if text := fields.text("id"):
        told.use("id", "id", text)
    fields.ignore("told for people", "price", "signalPrice", "extras", "interval", "strategy")
    fields.ignore("an order is canceled by what comes after it", "cancel", "timeInForce", "ignoreTradingWindows")
    fields.rest_is_unknown()
    return told


def _what(fields: Fields, told: Translation) -> None:
    action, wanted = fields.text("action").lower(), fields.text("sentiment").lower()
    sentiment = SIDES.get(wanted)
    if wanted and sentiment is None:
        told.ambiguous("sentiment", "must be bullish, bearish or flat")
    if action in ("cancel", "add", "breakeven"):
        told.unsupported("action", f"{action} is not supported: send buy, sell or exit")
    elif action == "exit":
        told.use("action", "action", "close")
    elif sentiment is not None:
        told.use("sentiment", "position", sentiment)
        told.use("action", "action", action)
    else:
        told.use("action", "action", action)


def _amount(fields: Fields, told: Translation) -> None:
    amount, unit = fields.number("quantity"), fields.text("quantityType").lower()
    if amount is None:
        told.default("qty", "the strategy's sizing")
    elif unit in ("", "fixed_quantity"):
        told.use("quantity", "qty", price(amount), "coins")
    elif unit == "dollar_amount":
        told.use("quantity", "sizing", in_usdt(amount), IN_USDT)
    elif unit == "percent_of_equity":
        told.use("quantity", "sizing", {"mode": "equity_pct", "value": price(amount)}, "% of equity, as position value")
    elif unit in ("risk_dollar_amount", "percent_of_position"):
        told.unsupported("quantityType", f"an alert cannot size by {unit}: leave it out and set the sizing here")
    else:
        told.ambiguous("quantityType", "is not one TradersPost documents")


def _entry(fields: Fields, told: Translation) -> None:
    kind, at = fields.text("orderType").lower(), fields.number("limitPrice")
    fields.number("stopPrice")
    if kind == "limit" and at is not None:
        told.use("limitPrice", "entry", {"kind": "limit", "at": price(at)})
    elif kind == "limit":
        told.ambiguous("limitPrice", "a limit order needs one")
    elif kind == "trailing_stop" or kind not in ("", "market"):
        told.unsupported("orderType", "an entry is made at market or by limit")
    trail_percent, trail_amount = fields.number("trailPercent"), fields.number("trailAmount")
    if trail_percent is not None:
        told.use("trailPercent", "trailing", percent(trail_percent), "follows the best price")
    elif trail_amount is not None:
        told.use("trailAmount", "trailing", price(trail_amount), "USDT behind the best price")


def _levels(fields: Fields, told: Translation) -> None:
    for name, absolute, becomes in (
        ("takeProfit", "limitPrice", "take_profit"),
        ("stopLoss", "stopPrice", "stop_loss"),
    ):
        section = fields.section(name)
        at, away, amount = section.number(absolute), section.number("percent"), section.number("amount")
        kind = section.text("type").lower()
        if kind == "trailing_stop" and name == "stopLoss":
            section.ignore("used by trailing", "trailAmount", "trailPercent")
            told.unsupported(section.path("type"), "use trailPercent or trailAmount at the top for a stop that trails")
        elif at is not None:
            told.use(section.path(absolute), becomes, price(at))
        elif away is not None:
            told.use(section.path("percent"), becomes, percent(away), "away from entry")
        elif amount is not None:
            told.unsupported(section.path("amount"), "a distance in USDT is not supported: use percent or a price")
        section.ignore("levels are watched, and closed at the market", "limitPrice")
        section.rest_is_unknown()
