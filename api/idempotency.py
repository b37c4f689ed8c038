"""A request with an Idempotency-Key is done once, however often it arrives; repeats get the first answer.

Key, work and answer are one transaction, so that there is never one without the others. The answer may hold a secret
shown once: it is kept sealed by the key itself, of which the database has only a hash.
"""

import json
import os
import re
from collections.abc import Callable
from hashlib import sha256
from typing import Any

from chalice.app import Response
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from api.database import whole
from api.errors import HttpError, wrong_field
from api.sessions import Caller
from backstop.store import kept_answers
from backstop.store.query import execute, fetch_one

HEADER = "idempotency-key"
_SHORTEST, _LONGEST = 16, 200
_NONCE_BYTES = 12
_PRINTABLE = re.compile("[!-~]+")


def once(caller: Caller, key: str, request: bytes, act: Callable[[], Response]) -> Response:
    """What `act` answers to the first request with this key. A refusal is not kept: the request may be sent again.

    Args:
        request: everything that makes it the same request.

    Raises:
        HttpError: 422 for a key that is no key, 409 `idempotency_key_reused` for another request with the same key.
    """
    if not _SHORTEST <= len(key) <= _LONGEST or not _PRINTABLE.fullmatch(key):
        raise wrong_field("Idempotency-Key", f"must have {_SHORTEST} to {_LONGEST} characters, such as a UUID")
    key_hash, request_hash = sha256(b"name:" + key.encode()).digest(), sha256(request).digest()
    with whole(caller.id) as connection:
        if fetch_one(connection, kept_answers.begin(caller.id, key_hash, request_hash)) is not None:
            answer = act()
            execute(connection, kept_answers.keep(caller.id, key_hash, _seal(answer, key)))
            return answer
        kept = fetch_one(connection, kept_answers.kept(caller.id, key_hash))
    assert kept is not None, "a key that is taken has its answer"
    if kept.request_hash != request_hash:
        raise HttpError(409, "idempotency_key_reused", "this Idempotency-Key was used for another request")
    return _open(kept.sealed, key)


def _seal(answer: Response, key: str) -> bytes:
    nonce = os.urandom(_NONCE_BYTES)
    plain: Any = [answer.status_code, answer.headers, answer.body]
    return nonce + AESGCM(_cipher_key(key)).encrypt(nonce, json.dumps(plain).encode(), None)


def _open(sealed: bytes, key: str) -> Response:
    plain = AESGCM(_cipher_key(key)).decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], None)
    status, headers, body = json.loads(plain)
    return Response(body, {**headers, "Idempotent-Replayed": "true"}, status)


def _cipher_key(key: str) -> bytes:
    return sha256(b"seal:" + key.encode()).digest()
