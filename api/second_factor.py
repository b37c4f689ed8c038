"""A second factor: codes of an authenticator (RFC 6238, 30 s, one step of leeway), each good once, and backup codes.

The seed lies sealed in the strongbox; backup codes have 80 random bits and are kept as SHA-256.
"""

import hmac
import secrets
import time
from hashlib import sha256
from typing import Any
from uuid import UUID

import pyotp
from psycopg import Connection

from api import audit
from api.attempts import count_attempt
from api.database import transaction
from api.errors import HttpError, wrong_field
from api.passwords import matches
from api.sessions import Caller
from api.standing import FRESH_S, require_fresh
from api.strongbox import strongbox
from backstop.contracts.auth import BackupCodes, Confirmation, Confirmed, TotpCode, TotpSeed
from backstop.store import second_factor as stored
from backstop.store import users
from backstop.store.query import execute, fetch_one
from backstop.store.sessions import confirm_session
from backstop.strongbox import Belonging

_STEP_S = 30
_CODES = 10
_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
_PURPOSE = "second-factor"


def begin(caller: Caller) -> TotpSeed:
    """A new seed, which counts once `enable` has seen a code of it.

    Raises HttpError 403 `confirmation_needed`, 409 `second_factor_on`.
    """
    seed = pyotp.random_base32()
    sealed = strongbox().seal(seed.encode(), Belonging(caller.id, _PURPOSE))
    with transaction(caller.id) as connection:
        require_fresh(connection, caller, always=True)
        user = fetch_one(connection, users.user(caller.id))
        assert user is not None
        if user.second_factor:
            raise HttpError(409, "second_factor_on", "there is one already; turn it off first")
        execute(connection, stored.begin_second_factor(caller.id, sealed))
    uri = pyotp.TOTP(seed).provisioning_uri(name=user.email, issuer_name="Backstop")
    return TotpSeed(secret=seed, uri=uri)


def enable(caller: Caller, proof: TotpCode) -> BackupCodes:
    """From here on a code is asked for. Raises HttpError 403, 409 `no_second_factor`, 422 for a wrong code, 429."""
    attempt = count_attempt(f"code:{caller.id}", caller.source_ip)
    with transaction(caller.id) as connection:
        require_fresh(connection, caller, always=True)
        found = fetch_one(connection, stored.second_factor(caller.id))
        if found is None or found.sealed is None or found.confirmed:
            raise HttpError(409, "no_second_factor", "ask for a new secret first")
        if not _takes_totp(connection, caller.id, found.sealed, proof.code.get_secret_value()):
            raise wrong_field("code", "is not the one your authenticator shows now")
        attempt.succeeded(connection)
        execute(connection, stored.confirm_second_factor(caller.id))
        audit.record(connection, caller, "second_factor.enabled")
        return _new_codes(connection, caller)


def disable(caller: Caller) -> None:
    """Raises HttpError 403 `confirmation_needed`."""
    with transaction(caller.id) as connection:
        require_fresh(connection, caller, always=True)
        execute(connection, stored.remove_second_factor(caller.id))
        audit.record(connection, caller, "second_factor.disabled")


def renew_codes(caller: Caller) -> BackupCodes:
    """Raises HttpError 403 `confirmation_needed`."""
    with transaction(caller.id) as connection:
        require_fresh(connection, caller, always=True)
        return _new_codes(connection, caller)


def confirm(caller: Caller, proof: Confirmation) -> Confirmed:
    """Open dangerous actions to this session for FRESH_S. Raises HttpError 401 `wrong_credentials`, 422, 429."""
    attempt = count_attempt(f"code:{caller.id}", caller.source_ip)
    with transaction(caller.id) as connection:
        found = fetch_one(connection, stored.second_factor(caller.id))
        login = fetch_one(connection, users.login_of(caller.id))
        assert found is not None and login is not None
        if found.confirmed:
            if proof.code is None:
                raise wrong_field("code", "give the code your authenticator shows, or a backup code")
            proved = takes(connection, caller.id, proof.code.get_secret_value())
        elif proof.password is not None:
            proved = matches(login.password_hash, proof.password.get_secret_value())
        else:
            raise wrong_field("password", "give your password")
        if not proved:
            raise HttpError(401, "wrong_credentials", "that is not right")
        attempt.succeeded(connection)
        execute(connection, confirm_session(caller.session_id))
        audit.record(connection, caller, "session.confirmed", caller.session_id)
    return Confirmed(expires_in=FRESH_S)


def takes(connection: Connection[Any], user_id: UUID, code: str) -> bool:
    """Whether `code` is the authenticator's or a backup code, unused until now; it is used with that."""
    found = fetch_one(connection, stored.second_factor(user_id))
    if found is None or found.sealed is None or not found.confirmed:
        return False
    return _takes_totp(connection, user_id, found.sealed, code) or takes_backup(connection, user_id, code)


def takes_backup(connection: Connection[Any], user_id: UUID, code: str) -> bool:
    return fetch_one(connection, stored.use_code(user_id, _digest(code))) is not None


def _takes_totp(connection: Connection[Any], user_id: UUID, sealed: bytes, code: str) -> bool:
    totp = pyotp.TOTP(strongbox().open(sealed, Belonging(user_id, _PURPOSE)).decode())
    now, wanted = int(time.time()) // _STEP_S, code.replace(" ", "").encode()
    for step in (now, now - 1, now + 1):
        if hmac.compare_digest(totp.at(step * _STEP_S).encode(), wanted):
            return fetch_one(connection, stored.use_step(user_id, step)) is not None
    return False


def _new_codes(connection: Connection[Any], caller: Caller) -> BackupCodes:
    codes = [_code() for _ in range(_CODES)]
    execute(connection, stored.replace_codes(caller.id, [_digest(code) for code in codes]))
    audit.record(connection, caller, "backup_codes.renewed")
    return BackupCodes(codes=codes)


def _code() -> str:
    letters = "".join(secrets.choice(_ALPHABET) for _ in range(16))
    return "-".join(letters[start : start + 4] for start in range(0, 16, 4))


def _digest(code: str) -> bytes:
    return sha256(code.strip().lower().replace("-", "").replace(" ", "").encode("utf-8", "surrogatepass")).digest()
