"""Errors as RFC 9457 problem details."""

from pydantic import Field

from backstop.contracts.base import Outgoing


class FieldError(Outgoing):
    field: str = Field(description="Dotted path of the field, or `body`.")
    message: str


class Problem(Outgoing):
    """`application/problem+json` (RFC 9457)."""

    type: str = "about:blank"
    title: str
    status: int
    code: str = Field(description="Stable, machine-readable.")
    detail: str = ""
    errors: list[FieldError] = Field(default_factory=list)
    request_id: str = ""
