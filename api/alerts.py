"""Reading an alert's body: values in, values out. What is wrong is said by field; what was sent is not repeated."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from pydantic import ValidationError

from api.dialects import Dialect, detect, secret_in
from api.errors import field_errors
from backstop.contracts.alerts import NativeAlert
from backstop.contracts.base import is_usual
from backstop.contracts.errors import FieldError

MAX_BYTES = 8192
MAX_DEPTH = 5
EXCERPT_LENGTH = 500
_MASK = "***"
_NOT_YET = frozenset({"break_even", "limit_price", "order_type"})
"""Fields of other bots' alerts that change what would be traded."""

_PLACEHOLDER = re.compile(r"\{\{[^{}]{0,80}(?:\}\}?)?")
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
_SECRET_PAIR = re.compile(
    r"""([\w-]*(?:secret|token|passphrase|password|key)[\w-]*\\?["']?\s*[:=]\s*)"""
    r"""(?:\\?"(?:[^"\\]|\\.)*"?|'[^']*'?|[^\s,;&}]+)""",
    re.IGNORECASE,
)

Path = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Unreadable:
    """Not a JSON object we can look into, so no secret can be found in it."""

    errors: list[FieldError]


def read_object(body: bytes) -> dict[str, Any] | Unreadable:
    """The JSON object in `body`. Numbers with a point or exponent come as Decimal."""
    try:
        value = json.loads(body.decode("utf-8-sig"), parse_float=Decimal, parse_int=_whole, parse_constant=Decimal)
    except UnicodeDecodeError:
        return _unreadable("must be UTF-8 text")
    except RecursionError:
        return _unreadable(f"must not be nested deeper than {MAX_DEPTH}")
    except ValueError:
        return _unreadable("must be JSON")
    if not isinstance(value, dict):
        return _unreadable("must be a JSON object")
    if any(len(path) > MAX_DEPTH for path, _ in _walk(value)):
        return _unreadable(f"must not be nested deeper than {MAX_DEPTH}")
    if any(_UNSTORABLE.search(part) for path, _ in _walk(value) for part in path if isinstance(part, str)):
        return _unreadable("must not have control characters in names")
    return value


@dataclass(frozen=True, slots=True)
class Message:
    """A body that was read: a JSON object or, of a dialect that writes so, text. `dialect` None is native."""

    content: dict[str, Any] | str
    dialect: Dialect | None

    @property
    def secret(self) -> str:
        """The secret it brings, or "" when it has none."""
        return secret_in(self.content, self.dialect)

    @property
    def dialect_name(self) -> str:
        return self.dialect.NAME if self.dialect is not None else "native"


def read_message(body: bytes) -> Message | Unreadable:
    """What a body says, in whatever dialect it is written."""
    read = read_object(body)
    if not isinstance(read, Unreadable):
        return Message(read, detect(read))
    text = body.decode("utf-8-sig", "replace")
    dialect = detect(text) if not _UNSTORABLE.search(text) else None
    return read if dialect is None else Message(text, dialect)


def native_alert(message: Message, secret: str) -> NativeAlert | list[FieldError]:
    """What a message asks for, or everything that is wrong with it. `secret`: what it proved itself with, if that."""
    content = message.content
    if isinstance(content, dict):
        content = without_secret(content, secret)
        if errors := [error for path, value in _walk(content) for error in _unusable(path, value)]:
            return errors
    elif secret:
        content = content.replace(secret, _MASK)
    if message.dialect is None:
        assert isinstance(content, dict)
        return read_alert({**content, "secret": _MASK})
    told = message.dialect.translate(content)
    if told.refused:
        return [
            FieldError(field=note.field, message=f"{message.dialect.NAME}: {note.meaning}") for note in told.refused
        ]
    return read_alert({**told.alert, "secret": _MASK})


def read_alert(alert: dict[str, Any]) -> NativeAlert | list[FieldError]:
    """What the alert asks for, or everything that is wrong with it."""
    if errors := [error for path, value in _walk(alert) for error in _unusable(path, value)]:
        return errors
    try:
        return NativeAlert.model_validate(alert)
    except ValidationError as error:
        return [_not_yet(wrong) for wrong in field_errors(error)]


def without_secret(alert: dict[str, Any], secret: str) -> dict[str, Any]:
    """The same alert with the secret's value, if it has one, replaced wherever it occurs, in names too."""
    if not secret:
        return alert
    return {str(_masked(name, secret)): _masked(value, secret) for name, value in alert.items()}


def masked_raw(body: bytes, alert: dict[str, Any] | str, secret: str) -> str:
    """The body as text with the secret masked. `alert` is what was read from it."""
    if not secret:
        return body.decode("utf-8-sig")[:MAX_BYTES]
    if isinstance(alert, str):
        return alert.replace(secret, _MASK)[:MAX_BYTES]
    raw = body.decode("utf-8-sig").replace(secret, _MASK)
    # JSON may spell it with \u escapes, where replacing text does not find it.
    again = read_object(raw.encode())
    if isinstance(again, Unreadable) or without_secret(again, secret) != again:
        raw = json.dumps(without_secret(alert, secret), default=str)
    return raw[:MAX_BYTES]


def excerpt(body: bytes) -> str:
    """The start of a body we know nothing of, with what looks like a secret's value masked."""
    text = _UNSTORABLE.sub("�", body[: 4 * EXCERPT_LENGTH].decode("utf-8", "replace"))
    return _SECRET_PAIR.sub(rf"\1{_MASK}", text)[:EXCERPT_LENGTH]


def _masked(value: object, secret: str) -> object:
    if isinstance(value, str):
        return value.replace(secret, _MASK)
    if isinstance(value, dict):
        return without_secret(value, secret)
    return [_masked(item, secret) for item in value] if isinstance(value, list) else value


def _whole(digits: str) -> int | Decimal:
    # int() refuses thousands of digits with an error that says nothing of the field.
    return int(digits) if len(digits) <= 30 else Decimal(digits)


def _walk(value: object, path: Path = ()) -> Iterator[tuple[Path, object]]:
    """Every value in a JSON document, with its path; goes one level deeper than is allowed."""
    yield path, value
    if len(path) > MAX_DEPTH:
        return
    if isinstance(value, dict):
        for key, item in value.items():
            yield from _walk(item, (*path, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _walk(item, (*path, index))


def _unusable(path: Path, value: object) -> Iterator[FieldError]:
    field = ".".join(map(str, path))[:100] or "body"
    for name in [part for part in path[-1:] if isinstance(part, str)]:
        if "{{" in name:
            yield FieldError(field=field, message="a placeholder in its name was not filled in")
    if isinstance(value, str):
        if found := _PLACEHOLDER.search(value):
            yield FieldError(field=field, message=f"the placeholder {found[0]} was not filled in")
        if _UNSTORABLE.search(value):
            yield FieldError(field=field, message="must be text without control characters")
    elif isinstance(value, Decimal | int) and not is_usual(Decimal(value)):
        yield FieldError(field=field, message="must be a finite number of usual size")


def _not_yet(error: FieldError) -> FieldError:
    if error.field in _NOT_YET and error.message == "unknown field":
        return FieldError(field=error.field, message="not supported yet")
    return error


def _unreadable(message: str) -> Unreadable:
    return Unreadable([FieldError(field="body", message=message)])
