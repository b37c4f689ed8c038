"""PickMyTrade. Its bare tp and sl may be prices or points, so they are refused. Source: PickMyTrade's documentation."""

from typing import Any

from api.dialects.base import OURS_BY_URL, Content, Fields, Translation, percent, price

NAME = "pickmytrade"
SECRET_FIELDS = ("token", "secret")
_ACTIONS = {"buy": "buy", "sell": "sell", "close": "close"}


def recognises(content: Content) -> bool:
    return not isinstance(content, str) and {"symbol", "data"} <= set(content)


def translate(content: Any) -> Translation:
    told = Translation()
    fields = Fields(content, told)
    fields.ignore("the secret of the webhook", *SECRET_FIELDS)
    told.use("symbol", "symbol", fields.text("symbol"))
    action = fields.text("data").lower()
    if action in _ACTIONS:
        told.use("data", "action", _ACTIONS[action])
    else:
        told.ambiguous("data", "must be buy, sell or close")
    if text := fields.text("date"):
        told.use("date", "time", text, "when it fired")
    if (amount := fields.number("quantity")) is not None and amount != 0:
        told.use("quantity", "qty", price(amount), "coins: one contract of a linear perpetual is one coin")
    else:
        told.default("qty", "the strategy's sizing")
    for name, becomes in (("percentage_tp", "take_profit"), ("percentage_sl", "stop_loss")):
        if (away := fields.number(name)) is not None and away != 0:
            told.use(name, becomes, percent(away), "away from entry")
    for name in ("tp", "sl", "dollar_tp", "dollar_sl", "risk_percentage", "trail", "trail_stop", "trail_trigger"):
        value = fields.text(name)
        if value not in ("", "0", "0.0", "false", "False"):
            told.ambiguous(name, "may be a price, points or dollars there: use percentage_tp, percentage_sl, quantity")
    for name in ("update_tp", "update_sl", "breakeven", "pyramid", "reverse_order_close", "trail_freq"):
        value = fields.take(name)
        if value not in (None, False, 0, "0", "false", "False"):
            told.unsupported(name, "is a setting of the strategy here")
    fields.ignore(OURS_BY_URL, "account_id", "multiple_accounts")
    fields.ignore("orders go out at the market's price", "price")
    fields.rest_is_unknown()
    return told
