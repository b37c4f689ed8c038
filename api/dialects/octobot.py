"""OctoBot: KEY=VALUE, one a line or divided by semicolons. Source: OctoBot's guides, "TradingView: alert format"."""

import re
from typing import Any

from api.dialects.base import BY_STRATEGY, Content, Fields, Translation, number, percent, price

NAME = "octobot"
SECRET_FIELDS = ("TOKEN", "SECRET")
_PAIR = re.compile(r"^\s*([A-Z_0-9]+)\s*=\s*(.*?)\s*$")


def pairs(content: str) -> dict[str, str]:
    """The KEY=VALUE of a text; empty when it has anything else."""
    found = {}
    for line in re.split(r"[;\n]", content):
        if not line.strip():
            continue
        match = _PAIR.match(line)
        if match is None:
            return {}
        found[match[1]] = match[2]
    return found


def recognises(content: Content) -> bool:
    return isinstance(content, str) and {"SYMBOL", "SIGNAL"} <= set(pairs(content))


def translate(content: Any) -> Translation:
    told = Translation()
    fields = Fields(pairs(content), told)
    fields.ignore("the secret of the webhook", *SECRET_FIELDS)
    fields.ignore("only Bybit is traded", "EXCHANGE")
    told.use("SYMBOL", "symbol", fields.text("SYMBOL"))
    signal = fields.text("SIGNAL").lower()
    if signal in ("buy", "sell"):
        told.use("SIGNAL", "action", signal)
    elif signal == "cancel":
        told.unsupported("SIGNAL", "an order that waits is canceled by what comes after it")
    else:
        told.ambiguous("SIGNAL", "must be BUY, SELL or CANCEL")
    if fields.text("REDUCE_ONLY").lower() == "true":
        told.unsupported("REDUCE_ONLY", "a partial exit is not supported: send the native action close")
    _volume(fields, told)
    _entry(fields, told)
    _levels(fields, told)
    if (leverage := fields.number("LEVERAGE")) is not None:
        told.use("LEVERAGE", "leverage", price(leverage))
    fields.ignore("told for people", "TAG")
    fields.rest_is_unknown()
    return told


def _volume(fields: Fields, told: Translation) -> None:
    text = fields.text("VOLUME")
    if not text:
        told.default("qty", "the strategy's sizing")
    elif (amount := number(text)) is not None:
        told.use("VOLUME", "qty", price(amount), "coins")
    else:
        told.unsupported("VOLUME", f"a share cannot be sized by an alert: leave it out, sizing is {BY_STRATEGY}")


def _entry(fields: Fields, told: Translation) -> None:
    kind, at = fields.text("ORDER_TYPE").lower(), fields.text("PRICE")
    if kind == "limit" and number(at) is not None:
        told.use("PRICE", "entry", {"kind": "limit", "at": at})
    elif kind == "limit":
        told.ambiguous("PRICE", "a limit order needs a plain price")
    elif kind not in ("", "market"):
        told.unsupported("ORDER_TYPE", "an entry is made at market or by limit")
    elif at:
        told.ignore("PRICE", "orders go out at the market's price")


def _levels(fields: Fields, told: Translation) -> None:
    stop = fields.text("STOP_PRICE")
    if stop:
        _level("STOP_PRICE", stop, told, "stop_loss")
    rungs = []
    for suffix in ("", *(f"_{rung}" for rung in range(1, 11))):
        name = f"TAKE_PROFIT_PRICE{suffix}"
        at, part = fields.text(name), fields.number(f"TAKE_PROFIT_VOLUME_RATIO{suffix}")
        if not at:
            continue
        if (mark := _mark(at)) is None:
            told.ambiguous(name, "must be a price, or a distance like 5%")
        rungs.append((mark, part))
    if rungs:
        whole = sum((part for _, part in rungs if part is not None), start=number("0") or 0)
        if len(rungs) > 1 and any(part is None for _, part in rungs):
            told.ambiguous("TAKE_PROFIT_VOLUME_RATIO", "several targets need a ratio each")
            return
        shares = [percent(part * 100 / whole) if part is not None and whole else "100%" for _, part in rungs]
        ladder = [{"at": mark, "portion": portion} for (mark, _), portion in zip(rungs, shares, strict=True)]
        told.use("TAKE_PROFIT_PRICE", "take_profit", ladder, "ratios as shares of their sum")


def _level(name: str, text: str, told: Translation, becomes: str) -> None:
    mark = _mark(text)
    if mark is None:
        told.ambiguous(name, "must be a price, or a distance like 5%")
    else:
        told.use(name, becomes, mark)


def _mark(text: str) -> str | None:
    if text.endswith("%") and (away := number(text[:-1])) is not None:
        return percent(away)
    return text if number(text) is not None else None
