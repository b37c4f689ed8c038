"""Sealed small secrets open where they belong and nowhere else."""

from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest
from moto import mock_aws

from backstop.strongbox import (
    Belonging,
    FileStrongbox,
    KmsStrongbox,
    Strongbox,
    StrongboxError,
    strongbox_from,
)

MINE = Belonging("ada", "second-factor")


@pytest.fixture(params=["file", "kms"])
def box(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Strongbox]:
    if request.param == "file":
        yield FileStrongbox(bytes(32))
        return
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    with mock_aws():
        kms = boto3.client("kms", region_name="us-east-1")
        yield KmsStrongbox(kms, kms.create_key()["KeyMetadata"]["KeyId"])


def test_what_was_sealed_opens_again(box: Strongbox) -> None:
    sealed = box.seal(b"hush", MINE)
    assert b"hush" not in sealed
    assert box.open(sealed, MINE) == b"hush"
    assert box.seal(b"hush", MINE) != sealed


@pytest.mark.parametrize("other", [Belonging("eve", "second-factor"), Belonging("ada", "hook-signing")])
def test_it_opens_nowhere_else(box: Strongbox, other: Belonging) -> None:
    with pytest.raises(StrongboxError):
        box.open(box.seal(b"hush", MINE), other)


def test_touched_bytes_do_not_open(box: Strongbox) -> None:
    sealed = box.seal(b"hush", MINE)
    for broken in (b"", b"\x09" + sealed[1:], sealed[:-1], sealed[:-1] + bytes([sealed[-1] ^ 1]), sealed[:5]):
        with pytest.raises(StrongboxError):
            box.open(broken, MINE)


def test_the_key_in_a_file_is_32_bytes(tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_text("ab" * 32 + "\n")
    made = strongbox_from({"BACKSTOP_STRONGBOX_KEY_FILE": str(file)})
    assert made == FileStrongbox(b"\xab" * 32)
    assert "ab" * 8 not in repr(made)
    file.write_text("ab")
    with pytest.raises(ValueError, match="32 bytes"):
        strongbox_from({"BACKSTOP_STRONGBOX_KEY_FILE": str(file)})
