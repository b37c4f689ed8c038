"""Sign-up, login and the session. The refresh token travels in a cookie only."""

from api import cookies, identity, second_factor
from api.http import Answer, Request, Routes
from api.identity import Device
from api.sessions import Caller
from backstop.contracts.auth import (
    BackupCodes,
    Confirmation,
    Confirmed,
    LogIn,
    PasswordChange,
    Recovery,
    Session,
    SignUp,
    TotpCode,
    TotpSeed,
    User,
)

routes = Routes(__name__)


@routes.post("/auth/signup", status=201, public=True, problems=(409,))
def sign_up(request: Request, body: SignUp) -> Answer[Session]:
    """Open a user account and log in."""
    return _logged_in(identity.sign_up(body, _device(request)))


@routes.post("/auth/login", public=True, problems=(401, 429))
def log_in(request: Request, body: LogIn) -> Answer[Session]:
    """Log in. Five failures in ten minutes lock an e-mail address for the rest of them."""
    return _logged_in(identity.log_in(body, _device(request)))


@routes.post("/auth/recover", public=True, problems=(401, 429))
def recover(request: Request, body: Recovery) -> Answer[Session]:
    """Set a new password by a backup code. Every session ends, and a new one is opened."""
    return _logged_in(identity.recover(body, _device(request)))


@routes.post("/auth/refresh", public=True, problems=(401, 403))
def refresh(request: Request) -> Answer[Session]:
    """A new access token and cookie for the refresh cookie, which is thereby used up."""
    cookies.require_own_origin(request)
    return _logged_in(identity.refresh(cookies.read(request)))


@routes.post("/auth/logout", status=204, public=True, problems=(403,))
def log_out(request: Request) -> Answer[None]:
    """End the session of the refresh cookie."""
    cookies.require_own_origin(request)
    identity.log_out(cookies.read(request))
    return Answer(None, headers={"Set-Cookie": cookies.expired()})


@routes.post("/auth/password", status=204, problems=(403, 429))
def change_password(user: Caller, body: PasswordChange) -> None:
    """Set a new password. All other sessions end."""
    identity.change_password(user, body)


@routes.post("/auth/confirm", problems=(429,))
def confirm(user: Caller, body: Confirmation) -> Confirmed:
    """Prove again who you are; dangerous actions are then open to this session for five minutes."""
    return second_factor.confirm(user, body)


@routes.post("/auth/totp", status=201, problems=(403,))
def begin_totp(user: Caller) -> TotpSeed:
    """A secret for your authenticator; it counts once a code of it was sent to `/auth/totp/enable`."""
    return second_factor.begin(user)


@routes.post("/auth/totp/enable", problems=(403, 429))
def enable_totp(user: Caller, body: TotpCode) -> BackupCodes:
    """Ask for a code at every login from now on. Answers ten backup codes, shown this once."""
    return second_factor.enable(user, body)


@routes.delete("/auth/totp", problems=(403,))
def disable_totp(user: Caller) -> None:
    """Turn the second factor off."""
    second_factor.disable(user)


@routes.post("/auth/backup-codes", status=201, problems=(403,))
def renew_backup_codes(user: Caller) -> BackupCodes:
    """Ten new backup codes, shown this once; older ones are void. One also serves to set a forgotten password anew."""
    return second_factor.renew_codes(user)


@routes.get("/me")
def me(user: Caller) -> User:
    """Who is logged in."""
    return identity.me(user)


def _device(request: Request) -> Device:
    return Device(request.source_ip, request.headers.get("user-agent", ""))


def _logged_in(opened: identity.Opened) -> Answer[Session]:
    return Answer(opened.session, headers={"Set-Cookie": cookies.holding(opened.refresh_token)})
