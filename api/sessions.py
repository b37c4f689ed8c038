"""Access tokens: short-lived, signed with Ed25519, never asked of the database."""

import json
import time
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from uuid import UUID

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from api import config
from api.errors import HttpError

ACCESS_TOKEN_S = 600
_ISSUER = "backstop"
_AUDIENCE = "backstop-api"
_TYPE = "at+jwt"
_CLAIMS = ["iss", "aud", "exp", "iat", "sub", "sid"]


@dataclass(frozen=True, slots=True)
class Caller:
    """Who is logged in, and by which session."""

    id: UUID
    session_id: UUID
    source_ip: str = ""


@dataclass(frozen=True, slots=True)
class _Keys:
    current: str
    by_id: dict[str, Ed25519PrivateKey]


def access_token(user_id: UUID, session_id: UUID) -> str:
    """A token good for ACCESS_TOKEN_S seconds."""
    keys = _keys()
    now = int(time.time())
    claims = {
        "iss": _ISSUER,
        "aud": _AUDIENCE,
        "sub": str(user_id),
        "sid": str(session_id),
        "iat": now,
        "exp": now + ACCESS_TOKEN_S,
    }
    headers = {"kid": keys.current, "typ": _TYPE}
    return jwt.encode(claims, keys.by_id[keys.current], algorithm="EdDSA", headers=headers)


def authenticate(authorization: str, source_ip: str = "") -> Caller:
    """Who sent this Authorization header. Raises HttpError 401."""
    scheme, _, token = authorization.partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise _unauthorized("log in and send the access token as: Authorization: Bearer …")
    try:
        header = jwt.get_unverified_header(token)
        # One algorithm, and keys of our own list only: a token's word on either is not taken.
        key = _keys().by_id.get(str(header.get("kid")))
        if key is None or header.get("typ") != _TYPE:
            raise _unauthorized("the access token is not one of ours")
        claims: dict[str, Any] = jwt.decode(
            token,
            key.public_key(),
            algorithms=["EdDSA"],
            issuer=_ISSUER,
            audience=_AUDIENCE,
            options={"require": _CLAIMS},
        )
        return Caller(UUID(claims["sub"]), UUID(claims["sid"]), source_ip)
    except jwt.ExpiredSignatureError:
        raise _unauthorized("the access token has run out; refresh it", "token_expired") from None
    except (jwt.InvalidTokenError, ValueError):
        raise _unauthorized("the access token is not one of ours") from None


def _unauthorized(detail: str, code: str = "unauthorized") -> HttpError:
    return HttpError(401, code, detail, headers={"WWW-Authenticate": "Bearer"})


def _keys() -> _Keys:
    return _read_keys(config.jwt_keys())


@lru_cache(maxsize=2)
def _read_keys(text: str) -> _Keys:
    """{"current": kid, "keys": {kid: Ed25519 private key as PEM}}. Two keys live while they are rotated."""
    content = json.loads(text)
    keys = {}
    for kid, pem in content["keys"].items():
        key = load_pem_private_key(pem.encode(), None)
        assert isinstance(key, Ed25519PrivateKey), kid
        keys[kid] = key
    return _Keys(content["current"], keys)
