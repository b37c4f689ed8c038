"""Local keys: made once, private, and no quiet replacement of a lost one."""

import json
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_pem_public_key

from infra.keys import KeysError, ensure_keys, rotate_jwt


def contents(folder: Path) -> dict[str, str]:
    return {file.name: file.read_text() for file in sorted(folder.iterdir())}


def test_keys_are_made_once_and_readable_by_the_owner_alone(tmp_path: Path) -> None:
    folder = tmp_path / "keys"
    ensure_keys(folder)
    first = contents(folder)
    ensure_keys(folder)
    assert contents(folder) == first
    assert list(first) == ["jwt.json", "strongbox.key", "vault.private.pem", "vault.public.pem"]
    assert {file.stat().st_mode & 0o777 for file in folder.iterdir()} == {0o600}


def test_the_jwt_file_names_its_current_key(tmp_path: Path) -> None:
    ensure_keys(tmp_path)
    kept = json.loads((tmp_path / "jwt.json").read_text())
    key = load_pem_private_key(kept["keys"][kept["current"]].encode(), password=None)
    assert isinstance(key, Ed25519PrivateKey)


def test_the_vaults_keys_are_a_pair(tmp_path: Path) -> None:
    ensure_keys(tmp_path)
    private = load_pem_private_key((tmp_path / "vault.private.pem").read_bytes(), password=None)
    public = load_pem_public_key((tmp_path / "vault.public.pem").read_bytes())
    assert isinstance(private, X25519PrivateKey)
    assert isinstance(public, X25519PublicKey)
    assert private.public_key().public_bytes_raw() == public.public_bytes_raw()


def test_a_lost_public_key_is_derived_again(tmp_path: Path) -> None:
    ensure_keys(tmp_path)
    first = contents(tmp_path)
    (tmp_path / "vault.public.pem").unlink()
    ensure_keys(tmp_path)
    assert contents(tmp_path) == first


def test_a_lost_private_key_is_not_replaced(tmp_path: Path) -> None:
    ensure_keys(tmp_path)
    (tmp_path / "vault.private.pem").unlink()
    with pytest.raises(KeysError, match="is lost"):
        ensure_keys(tmp_path)


def test_signing_keys_are_rotated_with_the_one_before_still_good(tmp_path: Path) -> None:
    ensure_keys(tmp_path)
    file = tmp_path / "jwt.json"
    kids = [json.loads(file.read_text())["current"], rotate_jwt(file), rotate_jwt(file)]
    kept = json.loads(file.read_text())
    assert kept["current"] == kids[2]
    assert set(kept["keys"]) == set(kids[1:])
    assert file.stat().st_mode & 0o777 == 0o600


def test_signing_keys_that_are_not_there_are_not_rotated(tmp_path: Path) -> None:
    with pytest.raises(KeysError, match="mend its rights"):
        rotate_jwt(tmp_path / "jwt.json")
    (tmp_path / "jwt.json").write_text("{}")
    with pytest.raises(KeysError, match="restore it"):
        rotate_jwt(tmp_path / "jwt.json")
