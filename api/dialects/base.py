"""What all dialects share: how a translation tells, field by field, what became of a message."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from typing import Any, Protocol

from backstop.contracts.imports import FieldNote, Outcome
from backstop.domain.money import plain

Content = Mapping[str, Any] | str
"""A JSON object, or text that is none."""


@dataclass(slots=True)
class Translation:
    """The native alert a message amounts to, and what became of each of its fields. Only `alert` without a refused or
    ambiguous note may be acted on."""

    alert: dict[str, Any] = field(default_factory=dict)
    notes: list[FieldNote] = field(default_factory=list)

    def use(self, name: str, becomes: str, value: Any, meaning: str = "") -> None:
        """The field `name` becomes the native field `becomes`."""
        self.alert[becomes] = value
        self._note(name, Outcome.USED, becomes, meaning)

    def default(self, becomes: str, meaning: str) -> None:
        self._note(becomes, Outcome.DEFAULTED, becomes, meaning)

    def ignore(self, name: str, meaning: str) -> None:
        self._note(name, Outcome.IGNORED, None, meaning)

    def ambiguous(self, name: str, meaning: str) -> None:
        """It may mean two things, or something we do not know."""
        self._note(name, Outcome.AMBIGUOUS, None, meaning)

    def unsupported(self, name: str, meaning: str) -> None:
        """It is understood, and cannot be done."""
        self._note(name, Outcome.UNSUPPORTED, None, meaning)

    @property
    def refused(self) -> list[FieldNote]:
        return [note for note in self.notes if note.outcome in (Outcome.AMBIGUOUS, Outcome.UNSUPPORTED)]

    def _note(self, name: str, outcome: Outcome, becomes: str | None, meaning: str) -> None:
        self.notes.append(FieldNote(field=name[:100], outcome=outcome, becomes=becomes, meaning=meaning))


class Dialect(Protocol):
    """A module of this package: another service's messages. Pure."""

    @property
    def NAME(self) -> str: ...  # noqa: N802 - a module's constant

    @property
    def SECRET_FIELDS(self) -> tuple[str, ...]: ...  # noqa: N802 - a module's constant

    def recognises(self, content: Content) -> bool: ...

    def translate(self, content: Any) -> Translation: ...


class Fields:
    """A message's fields: what was not asked for by name is told at the end."""

    def __init__(self, content: Mapping[str, Any], into: Translation, *, prefix: str = "") -> None:
        self._content = content
        self._left = dict.fromkeys(content)
        self._into = into
        self._prefix = prefix

    def take(self, name: str) -> Any:
        """The value, None when it is not there, null or empty."""
        self._left.pop(name, None)
        value = self._content.get(name)
        return None if value == "" else value

    def text(self, name: str) -> str:
        value = self.take(name)
        return str(value).strip() if isinstance(value, str | int | Decimal) and not isinstance(value, bool) else ""

    def number(self, name: str) -> Decimal | None:
        """None when it is not there; refused when it is no number."""
        text = self.text(name)
        if not text:
            return None
        found = number(text)
        if found is None:
            self._into.ambiguous(self.path(name), "must be a number")
        return found

    def section(self, name: str) -> "Fields":
        """A nested object; an empty one when it is not there."""
        value = self.take(name)
        return Fields(value if isinstance(value, dict) else {}, self._into, prefix=f"{self.path(name)}.")

    def ignore(self, meaning: str, *names: str) -> None:
        """Those that are there."""
        for name in names:
            if name in self._left:
                self._left.pop(name)
                self._into.ignore(self.path(name), meaning)

    def path(self, name: str) -> str:
        return f"{self._prefix}{name}"

    def rest_is_unknown(self) -> None:
        for name in self._left:
            self._into.ambiguous(self.path(name), "is not documented for this kind of message")

    def rest_is_ignored(self, meaning: str) -> None:
        self.ignore(meaning, *list(self._left))


def number(text: str) -> Decimal | None:
    try:
        value = Decimal(text)
    except InvalidOperation:
        return None
    return value if value.is_finite() else None


def percent(value: Decimal) -> str:
    """1.5 becomes "1.5%": a distance or portion as we write it. The sign is the side's and goes."""
    return f"{plain(abs(value))}%"


def share(value: Decimal) -> str:
    """0.015 becomes "1.5%"."""
    return percent(value * 100)


def price(value: Decimal) -> str:
    return plain(value)


def in_usdt(value: Decimal) -> dict[str, str]:
    """A position's value in the quote coin, as a sizing."""
    return {"mode": "quote", "value": plain(value)}


IN_USDT = "USDT of position value, not of margin"
SIDES = {"long": "long", "short": "short", "flat": "flat", "bullish": "long", "bearish": "short"}
BY_STRATEGY = "the strategy's own setting"
OURS_BY_URL = "the webhook's address says which strategy it is"
