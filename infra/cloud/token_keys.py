"""The keys that sign access tokens: {"current": kid, "next": kid, "keys": {kid: PEM}}.

The next key is handed out before it signs, so that whoever checks a token has known its key for a whole period.
"""

import hashlib
import json

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat


def first_keys() -> str:
    (one, one_pem), (two, two_pem) = _new(), _new()
    return json.dumps({"current": one, "next": two, "keys": {one: one_pem, two: two_pem}})


def rotated(text: str) -> str:
    """The next key signs from here on, the one that signed is still good, older ones are forgotten."""
    keys = json.loads(text)
    new, pem = _new()
    signed, signs = keys["current"], keys.get("next", keys["current"])
    kept = {kid: keys["keys"][kid] for kid in (signed, signs)}
    return json.dumps({"current": signs, "next": new, "keys": kept | {new: pem}})


def _new() -> tuple[str, str]:
    key = Ed25519PrivateKey.generate()
    kid = hashlib.sha256(key.public_key().public_bytes_raw()).hexdigest()[:12]
    return kid, key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
