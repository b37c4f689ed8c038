"""TradingView's strategy placeholders under their own names: {"market_position": "{{strategy.market_position}}", …}.

The position the strategy says it has now is what counts, not the order that led there: on a reversal `contracts` is the
old size and the new one together. Source: TradingView's help, "How to use variables in alerts".
"""

from typing import Any

from api.dialects.base import SIDES, Content, Fields, Translation, price

NAME = "tradingview"
SECRET_FIELDS = ("secret", "passphrase", "token")


def recognises(content: Content) -> bool:
    return not isinstance(content, str) and "market_position" in content


def translate(content: Any) -> Translation:
    told = Translation()
    fields = Fields(content, told)
    fields.ignore("the secret of the webhook", *SECRET_FIELDS)
    for name in ("ticker", "symbol"):
        if text := fields.text(name):
            told.use(name, "symbol", text)
    action, target = _side(fields, told)
    for name in ("time", "timenow", "timestamp"):
        if text := fields.text(name):
            told.use(name, "time", text, "when it fired")
    for name in ("id", "alert_id"):
        if text := fields.text(name):
            told.use(name, "id", text)
    _size(fields, told, action, target)
    for name in ("stop_loss", "take_profit", "leverage", "trailing"):
        if (value := fields.take(name)) is not None:
            told.use(name, name, value)
    fields.ignore("told for people", "comment", "order_id", "order_comment", "exchange", "interval", "price", "close")
    fields.ignore("told for people", "order_price", "open", "high", "low", "volume", "alert_message", "strategy")
    fields.rest_is_unknown()
    return told


def _side(fields: Fields, told: Translation) -> tuple[str, str]:
    target = SIDES.get(fields.text("market_position").lower(), "")
    before = SIDES.get(fields.text("prev_market_position").lower(), "")
    action = next((text for name in ("action", "order_action") if (text := fields.text(name).lower())), "")
    if not target:
        told.ambiguous("market_position", "must be long, short or flat")
    if before:
        told.use("prev_market_position", "prev_position", before, "what the source had before")
    opened = {"long": "buy", "short": "sell"}.get(target)
    if target and target == before and target != "flat" and action:
        if action != opened:
            told.unsupported("action", f"{action} while it stays {target} is a partial exit, which is not supported")
        else:
            told.use("action", "action", action, "one more entry on the same side")
            return action, target
    told.use("market_position", "position", target)
    told.alert["action"] = "target"
    if action:
        told.ignore("action", "the position wanted says it all")
    return "target", target


def _size(fields: Fields, told: Translation, action: str, target: str) -> None:
    size, contracts = fields.number("market_position_size"), None
    for name in ("contracts", "order_contracts", "qty", "quantity"):
        found = fields.number(name)
        contracts = found if found is not None else contracts
    fields.ignore("only the position wanted counts", "prev_market_position_size", "position_size")
    if action in ("buy", "sell"):
        if contracts is not None:
            told.use("contracts", "qty", price(contracts), "coins: one contract of a linear perpetual is one coin")
        else:
            told.default("qty", "the strategy's sizing")
    elif target != "flat" and size is not None:
        told.use("market_position_size", "qty", price(abs(size)), "coins wanted in all")
        if contracts is not None:
            told.ignore("contracts", "on a reversal it holds the old size too")
    elif target != "flat" and contracts is not None:
        told.ambiguous("contracts", "on a reversal it holds the old size too: send market_position_size as well")
    elif target != "flat":
        told.default("qty", "the strategy's sizing")
