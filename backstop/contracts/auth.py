"""Sign-up, login and the session."""

from typing import Annotated
from uuid import UUID

from pydantic import EmailStr, Field, SecretStr

from backstop.contracts.base import Incoming, Moment, Outgoing

Password = Annotated[SecretStr, Field(min_length=8, max_length=128)]
Code = Annotated[SecretStr, Field(min_length=6, max_length=40)]


class SignUp(Incoming):
    email: Annotated[EmailStr, Field(max_length=254)]
    password: Password


class LogIn(Incoming):
    email: Annotated[str, Field(max_length=254)]
    password: Annotated[SecretStr, Field(max_length=128)]
    totp: Code | None = Field(default=None, description="Of the authenticator, or a backup code, where it is on.")


class Confirmation(Incoming):
    """Proof of who is there: `code` with a second factor (of the authenticator, or a backup code), else `password`."""

    code: Code | None = None
    password: Annotated[SecretStr, Field(max_length=128)] | None = None


class Confirmed(Outgoing):
    expires_in: int = Field(description="Seconds for which dangerous actions are open to this session.")


class TotpCode(Incoming):
    code: Code


class TotpSeed(Outgoing):
    """For an authenticator. It counts once a code of it was confirmed."""

    secret: str = Field(description="Base 32; shown this once.")
    uri: str = Field(description="The same as `otpauth://`, for a QR code.")


class BackupCodes(Outgoing):
    codes: list[str] = Field(description="Each good once, shown this once; the older ones are void.")


class PasswordChange(Incoming):
    current_password: Annotated[SecretStr, Field(max_length=128)]
    new_password: Password


class Recovery(Incoming):
    """A new password for a backup code; with a second factor on, `totp` (or another backup code) as well."""

    email: Annotated[str, Field(max_length=254)]
    backup_code: Code
    new_password: Password
    totp: Code | None = None


class User(Outgoing):
    id: UUID
    email: str
    created_at: Moment
    second_factor: bool = Field(description="Whether a second factor is asked for.")
    backup_codes_left: int


class OpenSession(Outgoing):
    """A login on one device."""

    id: UUID
    current: bool = Field(description="Whether it is the one asking.")
    created_at: Moment
    last_used_at: Moment
    expires_at: Moment
    source_ip: str
    user_agent: str


class SessionsRevoked(Outgoing):
    revoked: int


class Session(Outgoing):
    """The refresh token travels in an HttpOnly cookie, never in a body."""

    access_token: str
    token_type: str = "Bearer"  # noqa: S105 - a scheme's name
    expires_in: int = Field(description="Seconds.")
    user: User


class WsTicket(Outgoing):
    ticket: str = Field(description="Valid 30 s, once: `GET /ws?ticket=…`.")
