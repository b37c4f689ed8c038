"""WunderTrading: a comment code alone, or JSON with a code. Fractions, not percent. The codes are set per bot; those of
its documentation are taken. Source: WunderTrading's help, "TradingView alerts: JSON".
"""

import re
from typing import Any

from api.dialects.base import IN_USDT, Content, Fields, Translation, in_usdt, price, share

NAME = "wundertrading"
SECRET_FIELDS = ("secret",)
_CODES = {
    "enter-long": "buy",
    "enter-short": "sell",
    "exit-long": "close",
    "exit-short": "close",
    "exit-all": "close",
}
_EXITS = {"exit-long": "long", "exit-short": "short"}
_TEXT = re.compile(r"^(enter-long|enter-short|exit-long|exit-short|exit-all)$", re.IGNORECASE)


def recognises(content: Content) -> bool:
    if isinstance(content, str):
        return any(_TEXT.match(line.strip()) for line in content.splitlines())
    return "code" in content and "action" not in content


def translate(content: Any) -> Translation:
    told = Translation()
    if isinstance(content, str):
        told.unsupported("body", "a code alone names no symbol: send JSON with code, symbol and secret")
        return told
    fields = Fields(content, told)
    fields.ignore("the secret of the webhook", *SECRET_FIELDS)
    code = fields.text("code").lower()
    if code in _CODES:
        told.use("code", "action", _CODES[code])
        if side := _EXITS.get(code):
            told.use("code", "only", side, "a position on the other side stays")
    else:
        told.ambiguous(
            "code", "is a bot's own word there: use Enter-Long, Enter-Short, Exit-Long, Exit-Short or Exit-All"
        )
    for name in ("symbol", "pair"):
        if text := fields.text(name):
            told.use(name, "symbol", text)
    _amount(fields, told)
    kind, at = fields.text("orderType").lower(), fields.number("price")
    if kind == "limit" and at is not None:
        told.use("price", "entry", {"kind": "limit", "at": price(at)})
    elif kind not in ("", "market"):
        told.ambiguous("orderType", "must be market, or limit with price")
    if (leverage := fields.number("leverage")) is not None:
        told.use("leverage", "leverage", price(leverage))
    _levels(fields, told)
    fields.ignore("exits are reduce-only always", "reduceOnly")
    fields.ignore("the exchange's own stop is always placed", "placeConditionalOrdersOnExchange")
    fields.ignore("how long a limit order waits is the strategy's own setting", "timeToLive")
    fields.rest_is_unknown()
    return told


def _amount(fields: Fields, told: Translation) -> None:
    amount, unit = fields.number("amountPerTrade"), fields.text("amountPerTradeType").lower()
    if amount is None:
        told.default("qty", "the strategy's sizing")
    elif unit in ("base", "contracts"):
        told.use("amountPerTrade", "qty", price(amount), "coins")
    elif unit == "quote":
        told.use("amountPerTrade", "sizing", in_usdt(amount), IN_USDT)
    elif unit == "percents":
        told.unsupported("amountPerTradeType", f"an alert cannot size in {unit}: leave it out and set the sizing here")
    else:
        told.ambiguous("amountPerTrade", "without amountPerTradeType it may be coins, USDT or a fraction")


def _levels(fields: Fields, told: Translation) -> None:
    rungs = []
    targets = fields.take("takeProfits")
    for index, target in enumerate(targets if isinstance(targets, list) else []):
        one = Fields(target if isinstance(target, dict) else {}, told, prefix=f"takeProfits.{index}.")
        at, away, part = one.number("price"), one.number("priceDeviation"), one.number("portfolio")
        if at is None and away is None:
            told.ambiguous(one.path("price"), "needs price or priceDeviation")
            continue
        mark = price(at) if at is not None else share(away) if away is not None else ""
        rungs.append({"at": mark, "portion": share(part) if part is not None else "100%"})
        one.rest_is_unknown()
    if rungs:
        told.use("takeProfits", "take_profit", rungs, "deviations and portions are fractions")
    stop = fields.section("stopLoss")
    at, away = stop.number("price"), stop.number("priceDeviation")
    if at is not None:
        told.use("stopLoss.price", "stop_loss", price(at))
    elif away is not None:
        told.use("stopLoss.priceDeviation", "stop_loss", share(away), "a fraction, away from entry")
    stop.rest_is_unknown()
    if fields.take("moveToBreakeven") is not None:
        told.unsupported("moveToBreakeven", "break-even is a setting of the strategy")
