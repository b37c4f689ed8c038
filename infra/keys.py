"""The keys of a local run: made once, readable by their owner alone. In AWS, KMS and Secrets Manager hold them."""

import hashlib
import json
import os
import secrets
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from backstop.strongbox import KEY_BYTES
from backstop.vault import private_keys


class KeysError(Exception):
    """The key files are not usable; the message is one line that says what to do."""


def ensure_keys(folder: Path) -> None:
    """Make what is missing of jwt.json, strongbox.key, vault.private.pem and vault.public.pem in `folder`.

    Raises:
        KeysError: a file cannot be read or written, or the vault's private key is lost while its public
            one is there: what was sealed with that cannot be opened again.
    """
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        _ensure_jwt(folder / "jwt.json")
        _ensure_vault(folder / "vault.private.pem", folder / "vault.public.pem")
        if not (folder / "strongbox.key").exists():
            write_private(folder / "strongbox.key", secrets.token_hex(KEY_BYTES))
    except OSError as error:
        raise KeysError(f"cannot use {error.filename or folder} ({error.strerror}); mend its rights") from error


def write_private(file: Path, text: str) -> None:
    """Write a file of mode 0600 that is whole or not there."""
    staged = file.with_name(f".{file.name}.{secrets.token_hex(4)}")
    with os.fdopen(os.open(staged, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as handle:
        handle.write(text)
        handle.flush()
        os.fsync(handle.fileno())
    staged.replace(file)


def rotate_jwt(file: Path) -> str:
    """Sign with a new key from now on; tokens of the one before stay good until they run out. Answers the new key's id.

    Older ones than that are forgotten. Raises KeysError.
    """
    try:
        content = json.loads(file.read_text())
        current: str = content["current"]
        kid, pem = _new_jwt_key()
        write_private(
            file, json.dumps({"current": kid, "keys": {current: content["keys"][current], kid: pem}}, indent=2)
        )
    except OSError as error:
        raise KeysError(f"cannot use {file} ({error.strerror}); mend its rights") from error
    except (ValueError, KeyError) as error:
        raise KeysError(f"{file} does not hold signing keys; restore it") from error
    return kid


def begin_vault_rotation(private: Path, public: Path) -> None:
    """Seal by a new key from now on; those before it stay in `private`, behind it. One that was begun is gone on with.

    Raises KeysError.
    """
    try:
        keys = private_keys(private.read_bytes())
        if len(keys) == 1:
            keys = (X25519PrivateKey.generate(), *keys)
            # What opens comes first: nothing may be sealed that cannot be opened.
            write_private(private, "".join(map(_private_pem, keys)))
        write_private(public, _public_pem(keys[0]))
    except OSError as error:
        raise KeysError(f"cannot use {error.filename or private} ({error.strerror}); mend its rights") from error
    except ValueError as error:
        raise KeysError(f"{private} does not hold the vault's keys; restore it") from error


def forget_older_vault_keys(private: Path) -> None:
    """Keep the newest alone. Raises KeysError."""
    try:
        write_private(private, _private_pem(private_keys(private.read_bytes())[0]))
    except OSError as error:
        raise KeysError(f"cannot use {private} ({error.strerror}); mend its rights") from error


def _ensure_jwt(file: Path) -> None:
    if not file.exists():
        kid, pem = _new_jwt_key()
        write_private(file, json.dumps({"current": kid, "keys": {kid: pem}}, indent=2))


def _new_jwt_key() -> tuple[str, str]:
    key = Ed25519PrivateKey.generate()
    return hashlib.sha256(key.public_key().public_bytes_raw()).hexdigest()[:12], _private_pem(key)


def _ensure_vault(private: Path, public: Path) -> None:
    if not private.exists():
        if public.exists():
            raise KeysError(
                f"{private} is lost: exchange keys sealed for {public} cannot be opened;"
                f" restore it, or remove {public} and add the exchange keys anew"
            )
        write_private(private, _private_pem(X25519PrivateKey.generate()))
    if not public.exists():
        try:
            key = private_keys(private.read_bytes())[0]
        except ValueError as error:
            raise KeysError(f"{private} is not a PEM private key; restore it") from error
        write_private(public, _public_pem(key))


def _public_pem(key: X25519PrivateKey) -> str:
    return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def _private_pem(key: Ed25519PrivateKey | X25519PrivateKey) -> str:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
