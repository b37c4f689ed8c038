"""The refresh cookie."""

from api import config
from api.errors import HttpError
from api.http import Request
from api.identity import SESSION_FOR


def holding(refresh_token: str) -> str:
    """The Set-Cookie header that hands `refresh_token` to the browser."""
    return _cookie(refresh_token, int(SESSION_FOR.total_seconds()))


def expired() -> str:
    """The Set-Cookie header that takes it back."""
    return _cookie("", 0)


def read(request: Request) -> str | None:
    return request.cookie(_name())


def require_own_origin(request: Request) -> None:
    """Refuse what another site's page sends. Raises HttpError 403 `foreign_origin`."""
    origin = request.headers.get("origin")
    if origin is not None and origin != config.public_origin():
        raise HttpError(403, "foreign_origin", "this is only for our own pages")


def _is_https() -> bool:
    return config.public_url().startswith("https://")


def _name() -> str:
    return "__Host-backstop_refresh" if _is_https() else "backstop_refresh"


def _cookie(value: str, max_age_s: int) -> str:
    # Over plain http (a local run) most clients drop a Secure cookie, and a __Host- name demands Secure.
    secure = "; Secure" if _is_https() else ""
    return f"{_name()}={value}; Max-Age={max_age_s}; Path=/; HttpOnly; SameSite=Strict{secure}"
