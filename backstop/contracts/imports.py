"""A pasted message of another service, explained."""

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from backstop.contracts.base import Incoming, Outgoing


class Outcome(StrEnum):
    """`used`: it becomes a field of ours · `defaulted`: it does not say, and this applies · `ignored`: it changes nothing
    here · `ambiguous`: it may mean several things · `unsupported`: it is understood and cannot be done. The last two
    have the whole message refused."""

    USED = "used"
    DEFAULTED = "defaulted"
    IGNORED = "ignored"
    AMBIGUOUS = "ambiguous"
    UNSUPPORTED = "unsupported"


class FieldNote(Outgoing):
    field: str
    outcome: Outcome
    becomes: str | None = Field(description="The field of the native alert.")
    meaning: str


class PastedMessage(Incoming):
    message: Annotated[str, Field(min_length=1, max_length=8192)]


class Explanation(Outgoing):
    """What a message would be taken for. Nothing is stored or sent."""

    dialect: str | None = Field(description="Whose kind of message it is; null when it is nobody's we know.")
    accepted: bool = Field(description="Whether the webhook would take it, its secret aside.")
    alert: dict[str, object] | None = Field(description="The native alert it amounts to; null when it is refused.")
    notes: list[FieldNote]
