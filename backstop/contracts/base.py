"""What all contract models share."""

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Generic, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, PlainSerializer, WithJsonSchema

from backstop.domain.money import plain


class Incoming(BaseModel):
    """A request body. Unknown fields are refused, and an error never repeats what was sent (it may be a secret)."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True, str_strip_whitespace=True)


class Outgoing(BaseModel):
    """An answer or a pushed message."""

    model_config = ConfigDict(
        extra="forbid", hide_input_in_errors=True, json_schema_serialization_defaults_required=True
    )


def _finite(number: Decimal) -> Decimal:
    if not number.is_finite():
        raise ValueError("must be a finite number")
    return number


Number = Annotated[
    Decimal,
    AfterValidator(_finite),
    PlainSerializer(plain, return_type=str, when_used="json"),
    WithJsonSchema({"type": "string", "pattern": r"^-?\d+(\.\d+)?$", "examples": ["0.01"]}),
]
"""A decimal; travels as a string."""


def is_usual(number: Decimal) -> bool:
    """Whether it is between 1e-20 and 1e21: more is a mistake, and would make texts of any length."""
    return number.is_finite() and (number == 0 or abs(number.adjusted()) <= 20)


def _usual(number: Decimal) -> Decimal:
    if not is_usual(number):
        raise ValueError("must be a number of usual size")
    return number


PositiveNumber = Annotated[Number, Field(gt=0), AfterValidator(_usual)]

Moment = Annotated[
    datetime,
    WithJsonSchema({"type": "string", "format": "date-time"}),
]
"""A UTC instant, ISO 8601."""

Item = TypeVar("Item")


class Page(Outgoing, Generic[Item]):
    """Every list answers like this. `next_cursor` is opaque; null on the last page."""

    items: list[Item]
    next_cursor: str | None = None
