"""Sign-up, login and the session. The refresh token travels in a cookie only."""

from api import cookies, identity
from api.http import Answer, Request, Routes
from api.sessions import Caller
from backstop.contracts.auth import LogIn, Session, SignUp, User

routes = Routes(__name__)


@routes.post("/auth/signup", status=201, public=True, problems=(409,))
def sign_up(body: SignUp) -> Answer[Session]:
    """Open a user account and log in."""
    return _logged_in(identity.sign_up(body))


@routes.post("/auth/login", public=True, problems=(401, 429))
def log_in(request: Request, body: LogIn) -> Answer[Session]:
    """Log in. Five failures in ten minutes lock an e-mail address for the rest of them."""
    return _logged_in(identity.log_in(body, request.source_ip))


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


@routes.get("/me")
def me(user: Caller) -> User:
    """Who is logged in."""
    return identity.me(user)


def _logged_in(opened: identity.Opened) -> Answer[Session]:
    return Answer(opened.session, headers={"Set-Cookie": cookies.holding(opened.refresh_token)})
