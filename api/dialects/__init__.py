"""Other services' messages, as native alerts. The dialect is detected first; units are never guessed field by field."""

from collections.abc import Mapping
from typing import Any

from api.dialects import altrady, finandy, octobot, pickmytrade, threecommas, traderspost, tradingview, wundertrading
from api.dialects.base import Content, Dialect, Translation
from api.dialects.refusing import ALERTATRON, CORNIX

__all__ = ["DIALECTS", "Content", "Dialect", "Translation", "detect", "secret_in"]

DIALECTS: tuple[Dialect, ...] = (
    threecommas,
    altrady,
    tradingview,
    traderspost,
    wundertrading,
    pickmytrade,
    finandy,
    octobot,
    ALERTATRON,
    CORNIX,
)
"""The first that recognises a message has it: those with the most telling fields come first."""


def detect(content: Content) -> Dialect | None:
    """Whose message it is; None when it is native or nobody's."""
    return next((dialect for dialect in DIALECTS if dialect.recognises(content)), None)


def secret_in(content: Content, dialect: Dialect | None) -> str:
    """The secret a message brings, or "" when it has none."""
    found: Mapping[str, Any] = octobot.pairs(content) if isinstance(content, str) else content
    for name in dialect.SECRET_FIELDS if dialect is not None else ("secret",):
        value = found.get(name)
        if isinstance(value, str) and value:
            return value
    return ""
