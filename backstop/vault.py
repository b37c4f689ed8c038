"""Secrets the streamer needs, sealed. Who may seal may not open: the web side holds the `Sealer`, the streamer the `Opener`.

Two kinds of key, told apart by the first byte of what is sealed:
  1  HPKE (RFC 9180: X25519, HKDF-SHA256, AES-128-GCM) with a key pair in files, for local runs and tests;
  2  a KMS data key per credential, AES-256-GCM.
Both bind the encryption context, so that a sealed value moved to another account or user does not open.
"""

import json
import os
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite
from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_pem_public_key

if TYPE_CHECKING:
    from types_boto3_kms import KMSClient

_HPKE = 1
_KMS = 2
_NONCE_BYTES = 12
_PEM_END = b"-----END PRIVATE KEY-----"
_SUITE = Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.AES_128_GCM)


K = TypeVar("K")


class VaultError(Exception):
    """Sealed bytes that do not open: altered, of another context, or for another key. Holds nothing of them."""


@dataclass(frozen=True, slots=True)
class Credentials:
    """What signs requests at the exchange."""

    api_key: str
    api_secret: str

    def __repr__(self) -> str:
        return "Credentials(***)"


class Belonging(Protocol):
    """What a sealed value belongs to; visible in audit logs, so nothing secret in it."""

    def as_mapping(self) -> dict[str, str]: ...


@dataclass(frozen=True, slots=True)
class Context:
    """An exchange account."""

    user_id: UUID
    account_id: UUID
    purpose: str = "exchange-credentials"

    def as_mapping(self) -> dict[str, str]:
        return {"account_id": str(self.account_id), "purpose": self.purpose, "user_id": str(self.user_id)}


@dataclass(frozen=True, slots=True)
class ChannelContext:
    """A user's notifications by one provider."""

    user_id: UUID
    provider: str
    purpose: str = "notification-channel"

    def as_mapping(self) -> dict[str, str]:
        return {"provider": self.provider, "purpose": self.purpose, "user_id": str(self.user_id)}


class Opener(Protocol):
    """Can open what was sealed."""

    def open(self, sealed: bytes, context: Context) -> Credentials:
        """Raises `VaultError` for anything but the untouched bytes with the same context."""
        ...


class Sealer(ABC):
    """Can only seal."""

    @abstractmethod
    def seal_bytes(self, content: bytes, context: Belonging) -> bytes: ...

    def seal(self, credentials: Credentials, context: Context) -> bytes:
        return self.seal_bytes(_pack(credentials), context)


class BytesOpener(ABC):
    """An `Opener` that opens whatever a `Sealer` sealed."""

    @abstractmethod
    def open_bytes(self, sealed: bytes, context: Belonging) -> bytes:
        """Raises as `open`."""

    def open(self, sealed: bytes, context: Context) -> Credentials:
        return _unpack(self.open_bytes(sealed, context))


@dataclass(frozen=True, slots=True)
class HpkeSealer(Sealer):
    public_key: X25519PublicKey

    def seal_bytes(self, content: bytes, context: Belonging) -> bytes:
        return bytes([_HPKE]) + _SUITE.encrypt(content, self.public_key, info=_bound(context))


@dataclass(frozen=True, slots=True)
class HpkeOpener(BytesOpener):
    private_key: X25519PrivateKey

    def open_bytes(self, sealed: bytes, context: Belonging) -> bytes:
        try:
            return _SUITE.decrypt(_content(sealed, _HPKE), self.private_key, info=_bound(context))
        except (InvalidTag, ValueError):
            raise VaultError("sealed credentials do not open") from None


@dataclass(frozen=True, slots=True)
class KmsSealer(Sealer):
    """Needs `kms:GenerateDataKey` only."""

    kms: "KMSClient"
    key_id: str

    def seal_bytes(self, content: bytes, context: Belonging) -> bytes:
        key = self.kms.generate_data_key(KeyId=self.key_id, KeySpec="AES_256", EncryptionContext=context.as_mapping())
        wrapped, nonce = key["CiphertextBlob"], os.urandom(_NONCE_BYTES)
        box = AESGCM(key["Plaintext"]).encrypt(nonce, content, _bound(context))
        return bytes([_KMS]) + len(wrapped).to_bytes(2) + wrapped + nonce + box


@dataclass(frozen=True, slots=True)
class KmsOpener(BytesOpener):
    """Needs `kms:Decrypt`."""

    kms: "KMSClient"
    key_id: str

    def open_bytes(self, sealed: bytes, context: Belonging) -> bytes:
        content = _content(sealed, _KMS)
        end = 2 + int.from_bytes(content[:2])
        wrapped, nonce, box = content[2:end], content[end : end + _NONCE_BYTES], content[end + _NONCE_BYTES :]
        if not (wrapped and nonce and box):
            raise VaultError("sealed credentials do not open")
        try:
            key = self.kms.decrypt(CiphertextBlob=wrapped, KeyId=self.key_id, EncryptionContext=context.as_mapping())
            return AESGCM(key["Plaintext"]).decrypt(nonce, box, _bound(context))
        except (
            # Its other answers (throttled, not allowed) are the world failing, and pass.
            self.kms.exceptions.InvalidCiphertextException,
            self.kms.exceptions.IncorrectKeyException,
            InvalidTag,
            ValueError,
        ):
            raise VaultError("sealed credentials do not open") from None


@dataclass(frozen=True, slots=True)
class FirstThatOpens(BytesOpener):
    """While keys are rotated: the newest first, then those before it. What KMS raises (a key one may not use, it does not
    answer) is raised only where no other key opens, for then it is not known whether that one would."""

    openers: tuple[BytesOpener, ...]

    def open_bytes(self, sealed: bytes, context: Belonging) -> bytes:
        failed: Exception | None = None
        for opener in self.openers:
            try:
                return opener.open_bytes(sealed, context)
            except VaultError:
                continue
            except Exception as error:  # noqa: BLE001 - raised below
                failed = error
        raise failed or VaultError("sealed credentials do not open")


class _File(Generic[K]):
    """Keys in a file, read anew when it was replaced: a rotation takes effect without a restart."""

    def __init__(self, path: Path, read: Callable[[bytes], K]) -> None:
        self._path = path
        self._read = read
        self._stamp, self._keys = self._stat(), read(path.read_bytes())

    def keys(self) -> K:
        stamp = self._stat()
        if stamp != self._stamp:
            self._keys = self._read(self._path.read_bytes())
            self._stamp = stamp
        return self._keys

    def _stat(self) -> tuple[int, int]:
        stat = self._path.stat()
        return stat.st_ino, stat.st_mtime_ns


class FileSealer(Sealer):
    """By the public key in a file. Raises ValueError when it is not an X25519 key."""

    def __init__(self, path: Path) -> None:
        self._file = _File(path, _public_key)

    def seal_bytes(self, content: bytes, context: Belonging) -> bytes:
        return HpkeSealer(self._file.keys()).seal_bytes(content, context)


class FileOpener(BytesOpener):
    """By the private keys in a file, the newest first. Raises ValueError when one is not an X25519 key."""

    def __init__(self, path: Path, *, newest_only: bool = False) -> None:
        self._file = _File(path, private_keys)
        self._most = 1 if newest_only else None

    def open_bytes(self, sealed: bytes, context: Belonging) -> bytes:
        keys = self._file.keys()[: self._most]
        return FirstThatOpens(tuple(HpkeOpener(key) for key in keys)).open_bytes(sealed, context)


def sealer_from(environment: Mapping[str, str]) -> Sealer:
    """KMS when BACKSTOP_KMS_KEY_ID names a key, else the public key in BACKSTOP_VAULT_PUBLIC_KEY_FILE.

    Raises KeyError when neither is set, OSError or ValueError when the file is not there or not an X25519 key.
    """
    if key_id := environment.get("BACKSTOP_KMS_KEY_ID"):
        return KmsSealer(_kms(environment), key_id)
    return FileSealer(Path(environment["BACKSTOP_VAULT_PUBLIC_KEY_FILE"]))


def opener_from(environment: Mapping[str, str], *, newest_only: bool = False) -> BytesOpener:
    """KMS when BACKSTOP_KMS_KEY_ID names a key, else the private keys in BACKSTOP_VAULT_PRIVATE_KEY_FILE.

    BACKSTOP_KMS_PREVIOUS_KEY_ID names the key before, while not everything is sealed by the newest; `newest_only` leaves
    out all older ones. Raises as `sealer_from`.
    """
    if key_id := environment.get("BACKSTOP_KMS_KEY_ID"):
        kms, before = _kms(environment), environment.get("BACKSTOP_KMS_PREVIOUS_KEY_ID")
        if before is None or newest_only:
            return KmsOpener(kms, key_id)
        return FirstThatOpens((KmsOpener(kms, key_id), KmsOpener(kms, before)))
    return FileOpener(Path(environment["BACKSTOP_VAULT_PRIVATE_KEY_FILE"]), newest_only=newest_only)


def private_keys(pems: bytes) -> tuple[X25519PrivateKey, ...]:
    """The private keys of a file, one after another. Raises ValueError when there is none or one is of another kind."""
    keys = [load_pem_private_key(end + _PEM_END, None) for end in pems.split(_PEM_END)[:-1]]
    found = tuple(key for key in keys if isinstance(key, X25519PrivateKey))
    if not found or len(found) < len(keys):
        raise ValueError("BACKSTOP_VAULT_PRIVATE_KEY_FILE must hold X25519 private keys")
    return found


def _public_key(pem: bytes) -> X25519PublicKey:
    key = load_pem_public_key(pem)
    if not isinstance(key, X25519PublicKey):
        raise ValueError("BACKSTOP_VAULT_PUBLIC_KEY_FILE must hold an X25519 public key")
    return key


def _kms(environment: Mapping[str, str]) -> "KMSClient":
    import boto3  # noqa: PLC0415 - slow to import, and only KMS needs it

    return boto3.client("kms", endpoint_url=environment.get("BACKSTOP_KMS_ENDPOINT"))


def _bound(context: Belonging) -> bytes:
    return json.dumps(context.as_mapping(), sort_keys=True, separators=(",", ":")).encode()


def _pack(credentials: Credentials) -> bytes:
    return json.dumps([credentials.api_key, credentials.api_secret]).encode()


def _unpack(packed: bytes) -> Credentials:
    api_key, api_secret = json.loads(packed)
    return Credentials(api_key, api_secret)


def _content(sealed: bytes, kind: int) -> bytes:
    if not sealed or sealed[0] != kind:
        raise VaultError("credentials were sealed with another kind of key")
    return sealed[1:]
