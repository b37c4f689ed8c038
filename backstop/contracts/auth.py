"""Sign-up, login and the session."""

from typing import Annotated
from uuid import UUID

from pydantic import EmailStr, Field, SecretStr

from backstop.contracts.base import Incoming, Moment, Outgoing

Password = Annotated[SecretStr, Field(min_length=8, max_length=128)]


class SignUp(Incoming):
    email: Annotated[EmailStr, Field(max_length=254)]
    password: Password


class LogIn(Incoming):
    email: Annotated[str, Field(max_length=254)]
    password: Annotated[SecretStr, Field(max_length=128)]


class User(Outgoing):
    id: UUID
    email: str
    created_at: Moment


class Session(Outgoing):
    """The refresh token travels in an HttpOnly cookie, never in a body."""

    access_token: str
    token_type: str = "Bearer"  # noqa: S105 - a scheme's name
    expires_in: int = Field(description="Seconds.")
    user: User


class WsTicket(Outgoing):
    ticket: str = Field(description="Valid 30 s, once: `GET /ws?ticket=…`.")
