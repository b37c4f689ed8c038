"""Small secrets the API itself must read again: authenticator seeds, signing keys of webhooks, alerts spooled to disk.

Apart from the vault: exchange credentials the API can seal but never open, and none of this opens those. Two kinds of
key, told apart by the first byte of what is sealed: 1 AES-256-GCM with a key in a file, for local runs and tests;
2 a KMS data key for each secret. Both bind a context, so that a sealed value moved elsewhere does not open.
"""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

if TYPE_CHECKING:
    from types_boto3_kms import KMSClient

KEY_BYTES = 32
_FILE, _KMS = 1, 2
_NONCE_BYTES = 12


class StrongboxError(Exception):
    """Sealed bytes that do not open: altered, of another context, or for another key. Holds nothing of them."""


@dataclass(frozen=True, slots=True)
class Belonging:
    """What a sealed value belongs to; visible in audit logs, so nothing secret in it."""

    owner: UUID | str
    purpose: str

    def as_mapping(self) -> dict[str, str]:
        return {"owner": str(self.owner), "purpose": self.purpose}

    def as_bytes(self) -> bytes:
        return json.dumps(self.as_mapping(), sort_keys=True, separators=(",", ":")).encode()


class Strongbox(Protocol):
    def seal(self, secret: bytes, belonging: Belonging) -> bytes: ...

    def open(self, sealed: bytes, belonging: Belonging) -> bytes:
        """Raises `StrongboxError` for anything but the untouched bytes with the same belonging."""
        ...


@dataclass(frozen=True, slots=True)
class FileStrongbox:
    key: bytes

    def __repr__(self) -> str:
        return "FileStrongbox(***)"

    def seal(self, secret: bytes, belonging: Belonging) -> bytes:
        nonce = os.urandom(_NONCE_BYTES)
        return bytes([_FILE]) + nonce + AESGCM(self.key).encrypt(nonce, secret, belonging.as_bytes())

    def open(self, sealed: bytes, belonging: Belonging) -> bytes:
        content = _content(sealed, _FILE)
        return _decrypted(self.key, content, belonging)


@dataclass(frozen=True, slots=True)
class KmsStrongbox:
    """Needs `kms:GenerateDataKey` and `kms:Decrypt` on a key of its own."""

    kms: "KMSClient"
    key_id: str

    def seal(self, secret: bytes, belonging: Belonging) -> bytes:
        context = belonging.as_mapping()
        key = self.kms.generate_data_key(KeyId=self.key_id, KeySpec="AES_256", EncryptionContext=context)
        wrapped, nonce = key["CiphertextBlob"], os.urandom(_NONCE_BYTES)
        box = AESGCM(key["Plaintext"]).encrypt(nonce, secret, belonging.as_bytes())
        return bytes([_KMS]) + len(wrapped).to_bytes(2) + wrapped + nonce + box

    def open(self, sealed: bytes, belonging: Belonging) -> bytes:
        content = _content(sealed, _KMS)
        end = 2 + int.from_bytes(content[:2])
        try:
            key = self.kms.decrypt(
                CiphertextBlob=content[2:end], KeyId=self.key_id, EncryptionContext=belonging.as_mapping()
            )
        except (self.kms.exceptions.InvalidCiphertextException, self.kms.exceptions.IncorrectKeyException):
            raise StrongboxError("the sealed secret does not open") from None
        return _decrypted(key["Plaintext"], content[end:], belonging)


def strongbox_from(environment: Mapping[str, str]) -> Strongbox:
    """KMS when BACKSTOP_STRONGBOX_KMS_KEY_ID names a key, else the key in BACKSTOP_STRONGBOX_KEY_FILE (32 bytes, hex).

    Raises KeyError when neither is set, OSError or ValueError when the file is not there or not such a key.
    """
    if key_id := environment.get("BACKSTOP_STRONGBOX_KMS_KEY_ID"):
        import boto3  # noqa: PLC0415 - slow to import, and only KMS needs it

        return KmsStrongbox(boto3.client("kms", endpoint_url=environment.get("BACKSTOP_KMS_ENDPOINT")), key_id)
    key = bytes.fromhex(Path(environment["BACKSTOP_STRONGBOX_KEY_FILE"]).read_text().strip())
    if len(key) != KEY_BYTES:
        raise ValueError("BACKSTOP_STRONGBOX_KEY_FILE must hold 32 bytes in hex")
    return FileStrongbox(key)


def _decrypted(key: bytes, content: bytes, belonging: Belonging) -> bytes:
    try:
        return AESGCM(key).decrypt(content[:_NONCE_BYTES], content[_NONCE_BYTES:], belonging.as_bytes())
    except (InvalidTag, ValueError):
        raise StrongboxError("the sealed secret does not open") from None


def _content(sealed: bytes, kind: int) -> bytes:
    if not sealed or sealed[0] != kind:
        raise StrongboxError("the secret was sealed with another kind of key")
    return sealed[1:]
