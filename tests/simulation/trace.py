"""What happened, as a number that two runs of a seed must share and, when wanted, as lines to read."""

from collections.abc import Callable
from dataclasses import fields, is_dataclass
from decimal import Decimal
from enum import Enum
from uuid import UUID
from zlib import crc32

from backstop.domain.ids import compact
from backstop.engine.effects import Effect
from backstop.engine.events import Event


class Trace:
    """`keep`: whether lines are kept; the number is always made."""

    def __init__(self, clock: Callable[[], int], *, keep: bool = False) -> None:
        self.digest = 0
        self.lines: list[tuple[int, str, str]] = []
        self.keep = keep
        self._clock = clock

    def event(self, who: str, event: Event) -> None:
        self._fold(f"{self._clock()}{who}{type(event).__name__}{getattr(event, 'link_id', '')}")
        if self.keep:
            self._line(who, "→ " + readable(event))

    def effect(self, who: str, effect: Effect) -> None:
        self._fold(f"{self._clock()}{who}{type(effect).__name__}")
        if self.keep:
            self._line(who, "  ← " + readable(effect))

    def note(self, who: str, text: str) -> None:
        self._fold(f"{self._clock()}{who}{text}")
        if self.keep:
            self._line(who, text)

    def seal(self, text: str) -> None:
        """Fold in how things stand at the end."""
        self._fold(text)

    def number(self, number: int) -> None:
        """Fold in something too frequent to be told."""
        self.digest = (self.digest * 1_000_003 ^ number) & 0xFFFFFFFFFFFFFFFF

    def _fold(self, text: str) -> None:
        self.digest = (self.digest * 1_000_003 ^ crc32(text.encode())) & 0xFFFFFFFFFFFFFFFF

    def _line(self, who: str, text: str) -> None:
        self.lines.append((self._clock(), who, text))


def readable(value: object) -> str:
    """A dataclass with only what says something."""
    if isinstance(value, Enum):
        return str(value.value)
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, UUID):
        return compact(value)[:6]
    if is_dataclass(value):
        parts = []
        for field in fields(value):
            held = getattr(value, field.name)
            if held is None or held == field.default or held in ((), ""):
                continue
            parts.append(f"{field.name}={readable(held)}")
        return f"{type(value).__name__}({', '.join(parts)})"
    if isinstance(value, tuple | list):
        return "[" + ", ".join(readable(item) for item in value) + "]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{readable(key)}: {readable(held)}" for key, held in value.items()) + "}"
    return str(value)
