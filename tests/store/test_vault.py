"""Sealed credentials open for one key, one owner and unchanged bytes only."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from uuid import UUID

import boto3
import pytest
from botocore.exceptions import ClientError
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from moto import mock_aws

from backstop.vault import Context, Credentials, Opener, Sealer, VaultError, opener_from, sealer_from

CREDENTIALS = Credentials("api-key-é", "s3cret")
CONTEXT = Context(UUID(int=1), UUID(int=2))
Vault = tuple[Sealer, Opener]


def local_vault(folder: Path) -> dict[str, str]:
    key = X25519PrivateKey.generate()
    public, private = folder / "vault.pub", folder / "vault.pem"
    public.write_bytes(key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    private.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return {"BACKSTOP_VAULT_PUBLIC_KEY_FILE": str(public), "BACKSTOP_VAULT_PRIVATE_KEY_FILE": str(private)}


@pytest.fixture(params=["local", "kms"])
def environment(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[dict[str, str]]:
    if request.param == "local":
        yield local_vault(tmp_path)
        return
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    with mock_aws():
        key_id = boto3.client("kms").create_key()["KeyMetadata"]["KeyId"]
        yield {"BACKSTOP_KMS_KEY_ID": key_id}


@pytest.fixture
def vault(environment: dict[str, str]) -> Vault:
    return sealer_from(environment), opener_from(environment)


def test_what_is_sealed_opens(vault: Vault) -> None:
    sealer, opener = vault
    assert opener.open(sealer.seal(CREDENTIALS, CONTEXT), CONTEXT) == CREDENTIALS


def test_sealing_twice_gives_different_bytes_and_shows_nothing(vault: Vault) -> None:
    sealer, _ = vault
    first, second = (sealer.seal(CREDENTIALS, CONTEXT) for _ in range(2))
    assert first != second
    assert b"s3cret" not in first


@pytest.mark.parametrize(
    "context",
    [
        replace(CONTEXT, user_id=UUID(int=3)),
        replace(CONTEXT, account_id=UUID(int=3)),
        replace(CONTEXT, purpose="else"),
    ],
)
def test_it_does_not_open_for_another_owner(vault: Vault, context: Context) -> None:
    sealer, opener = vault
    with pytest.raises(VaultError):
        opener.open(sealer.seal(CREDENTIALS, CONTEXT), context)


def test_changed_bytes_do_not_open(vault: Vault) -> None:
    sealer, opener = vault
    sealed = sealer.seal(CREDENTIALS, CONTEXT)
    changed = [sealed[:at] + bytes([sealed[at] ^ 1]) + sealed[at + 1 :] for at in range(len(sealed))]
    shortened = [sealed[:length] for length in range(len(sealed))]
    for wrong in (*changed, *shortened, sealed + b"\0"):
        # KMS says of a key it cannot find in the bytes that access is denied.
        with pytest.raises((VaultError, ClientError)):
            opener.open(wrong, CONTEXT)


def test_another_key_does_not_open_it(vault: Vault, tmp_path: Path) -> None:
    sealer, _ = vault
    other = tmp_path / "other"
    other.mkdir()
    with pytest.raises(VaultError):
        opener_from(local_vault(other)).open(sealer.seal(CREDENTIALS, CONTEXT), CONTEXT)


def test_the_web_side_cannot_open(environment: dict[str, str]) -> None:
    sealer = sealer_from({name: value for name, value in environment.items() if "PRIVATE" not in name})
    assert not hasattr(sealer, "open")
    if "BACKSTOP_KMS_KEY_ID" not in environment:
        with pytest.raises(KeyError):
            opener_from({"BACKSTOP_VAULT_PUBLIC_KEY_FILE": environment["BACKSTOP_VAULT_PUBLIC_KEY_FILE"]})


def test_credentials_do_not_show_themselves() -> None:
    assert "s3cret" not in f"{CREDENTIALS} {CREDENTIALS!r} {[CREDENTIALS]}"
    assert "api-key" not in repr(CREDENTIALS)


def test_a_key_of_another_kind_is_refused(tmp_path: Path) -> None:
    key = Ed25519PrivateKey.generate()
    public, private = tmp_path / "a.pub", tmp_path / "a.pem"
    public.write_bytes(key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    private.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    with pytest.raises(ValueError, match="X25519"):
        sealer_from({"BACKSTOP_VAULT_PUBLIC_KEY_FILE": str(public)})
    with pytest.raises(ValueError, match="X25519"):
        opener_from({"BACKSTOP_VAULT_PRIVATE_KEY_FILE": str(private)})
