"""Messages that are known for whose they are, and whose fields nobody has documented enough to trade by them.

Finandy and Altrady take most of a message only as its settings there say; Cornix publishes no format; Alertatron's
command list was not seen whole. Guessing would trade something else than was meant.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from api.dialects.base import Content, Translation

_ALERTATRON = re.compile(r"^\s*[\w-]+\([A-Za-z0-9/.:_-]+\)\s*\{.*\}", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Refusing:
    NAME: str
    known: Callable[[Content], bool]
    why: str
    SECRET_FIELDS: tuple[str, ...] = field(default=("secret",))

    def recognises(self, content: Content) -> bool:
        return self.known(content)

    def translate(self, content: Any) -> Translation:
        told = Translation()
        told.ambiguous("body", self.why)
        return told


def _is_alertatron(content: Content) -> bool:
    return isinstance(content, str) and _ALERTATRON.match(content) is not None


def _is_cornix(content: Content) -> bool:
    return not isinstance(content, str) and {"uuid", "action", "symbol"} <= set(content)


ALERTATRON = Refusing(
    "alertatron",
    _is_alertatron,
    "Alertatron's commands run one after the other there; send what they amount to as a native alert",
)
CORNIX = Refusing("cornix", _is_cornix, "Cornix publishes no format of its messages; send a native alert")
