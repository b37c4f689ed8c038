"""Answers that are not what was asked for, as RFC 9457 problem details."""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

from chalice.app import ChaliceUnhandledError
from pydantic import ValidationError

from backstop.contracts.errors import FieldError, Problem

_FIELD_LENGTH = 100


class HttpError(ChaliceUnhandledError):
    """Ends the request with a problem document.

    Derives from ChaliceUnhandledError because Chalice turns any other exception into its own 500.

    Args:
        status: HTTP status.
        code: stable, machine-readable.
        detail: for people: what happened and what to do. Never a secret or what was sent.
        errors: the fields that are wrong, for 422.
        headers: more response headers, such as Retry-After.
    """

    def __init__(
        self,
        status: int,
        code: str,
        detail: str = "",
        *,
        errors: Sequence[FieldError] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(f"{status} {code}")
        self.status = status
        self.code = code
        self.detail = detail
        self.errors = list(errors)
        self.headers = dict(headers or {})

    def problem(self, request_id: str) -> Problem:
        return Problem(
            title=HTTPStatus(self.status).phrase,
            status=self.status,
            code=self.code,
            detail=self.detail,
            errors=self.errors,
            request_id=request_id,
        )


def not_found() -> HttpError:
    """The same for what does not exist and for what is another user's."""
    return HttpError(404, "not_found", "there is nothing here, or it is not yours")


def unprocessable(errors: Sequence[FieldError]) -> HttpError:
    return HttpError(422, "invalid", "; ".join(f"{e.field}: {e.message}" for e in errors)[:500], errors=errors)


def wrong_field(field: str, message: str) -> HttpError:
    return unprocessable([FieldError(field=field, message=message)])


def field_errors(error: ValidationError, root: str = "body") -> list[FieldError]:
    """Which fields are wrong and why, without what was sent: it may be a secret."""
    return [
        FieldError(field=_path(detail["loc"], root), message=_message(detail))
        for detail in error.errors(include_url=False, include_context=False, include_input=False)
    ]


def _path(location: tuple[int | str, ...], root: str) -> str:
    return ".".join(str(part) for part in location)[:_FIELD_LENGTH] or root


def _message(detail: Any) -> str:
    message = str(detail["msg"])
    if detail["type"] == "json_invalid":
        return "must be JSON"
    if detail["type"] == "extra_forbidden":
        return "unknown field"
    return message.removeprefix("Value error, ")
