"""Finandy: a signal names the hook, a side and a symbol; sections beyond open.price are documented nowhere, and their
values count there only where they are ticked. Source: Finandy's help, "Signals"."""

from typing import Any

from api.dialects.base import OURS_BY_URL, Content, Fields, Translation, price

NAME = "finandy"
SECRET_FIELDS = ("secret",)
_SECTIONS = ("dca", "close", "sl", "slx", "tp")


def recognises(content: Content) -> bool:
    return not isinstance(content, str) and {"name", "side", "symbol"} <= set(content) and "action" not in content


def translate(content: Any) -> Translation:
    told = Translation()
    fields = Fields(content, told)
    fields.ignore("the secret of the webhook", *SECRET_FIELDS)
    fields.ignore(OURS_BY_URL, "name")
    told.use("symbol", "symbol", fields.text("symbol"))
    side, position = fields.text("side").lower(), fields.text("positionSide").lower()
    if side not in ("buy", "sell"):
        told.ambiguous("side", "must be buy or sell")
    elif position in ("long", "short") and position != {"buy": "long", "sell": "short"}[side]:
        told.use("positionSide", "action", "close", f"{side} on the {position} side leaves it")
    elif position in ("", "both", "long", "short"):
        told.use("side", "action", side)
    else:
        told.ambiguous("positionSide", "must be long, short or both")
    opening = fields.section("open")
    if (at := opening.number("price")) is not None:
        told.use("open.price", "entry", {"kind": "limit", "at": price(at)})
    opening.rest_is_unknown()
    for name in _SECTIONS:
        if fields.take(name) is not None:
            told.ambiguous(name, "counts there only where it is ticked: set it as the strategy's protection here")
    told.default("qty", "the strategy's sizing")
    fields.rest_is_unknown()
    return told
