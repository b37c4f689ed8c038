"""Altrady signal bots. Orders, targets and stops have fields documented nowhere we know, so those are refused.
Source: Altrady's help, "Signal bot: webhook"."""

from typing import Any

from api.dialects.base import Content, Fields, Translation, price

NAME = "altrady"
SECRET_FIELDS = ("api_secret", "secret")
_BOTS = frozenset({"start_bot", "start_and_open", "stop_bot", "stop_and_close"})


def recognises(content: Content) -> bool:
    return not isinstance(content, str) and {"api_key", "api_secret", "action"} <= set(content)


def translate(content: Any) -> Translation:
    told = Translation()
    fields = Fields(content, told)
    fields.ignore("the secret of the webhook", *SECRET_FIELDS)
    fields.ignore("the webhook's secret alone counts", "api_key")
    fields.ignore("only Bybit is traded", "exchange")
    fields.ignore("told for people", "signal_price")
    _symbol(fields, told)
    action, side = fields.text("action").lower(), fields.text("side").lower()
    if action in _BOTS or action == "reduce":
        told.unsupported("action", f"{action} is not supported")
    elif action == "open" and side in ("long", "short"):
        told.use("side", "action", {"long": "buy", "short": "sell"}[side])
    elif action == "increase" and side in ("long", "short"):
        told.use(
            "side", "action", {"long": "buy", "short": "sell"}[side], "one more entry, where the strategy allows it"
        )
    elif action in ("close", "reverse"):
        told.use("action", "action", action)
    else:
        told.ambiguous("action", "must be open, increase, close or reverse, and open needs side")
    if text := fields.text("signal_id"):
        told.use("signal_id", "id", text)
    if (leverage := fields.number("leverage")) is not None:
        told.use("leverage", "leverage", price(leverage))
    if fields.take("quote_amount") is not None:
        told.unsupported("quote_amount", "an alert cannot size in USDT: leave it out and set the sizing here")
    else:
        told.default("qty", "the strategy's sizing")
    if fields.take("test") is True:
        told.unsupported("test", "to try a message without trading, import it")
    for name in ("dca_orders", "take_profit", "stop_loss"):
        if fields.take(name) is not None:
            told.ambiguous(name, "its fields are not documented: set it as the strategy's protection here")
    fields.rest_is_unknown()
    return told


def _symbol(fields: Fields, told: Translation) -> None:
    text = fields.text("symbol")
    parts = text.split("_")
    # BYBI_USDT_SOL: exchange, quote, base.
    told.use("symbol", "symbol", f"{parts[2]}{parts[1]}" if len(parts) == 3 else text)
