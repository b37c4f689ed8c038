"""Everything sealed is sealed anew while others read and write it; what was begun is gone on with."""

import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws
from typer.testing import CliRunner

from backstop.store.sealed import replace_sealed
from backstop.vault import ChannelContext, Context, Credentials, VaultError, opener_from, private_keys, sealer_from
from infra import vault_rotation
from infra.cli.main import app
from infra.keys import begin_vault_rotation, ensure_keys
from infra.vault_rotation import Tally, forget_older, reseal, rotate
from tests.conftest import Database
from tests.store.books import Books

CREDENTIALS = Credentials("key", "s3cret")


@pytest.fixture
def books(database: Database) -> Books:
    return Books(database.url)


@pytest.fixture
def files(tmp_path: Path) -> dict[str, str]:
    ensure_keys(tmp_path / "keys")
    return {
        "BACKSTOP_VAULT_PUBLIC_KEY_FILE": str(tmp_path / "keys" / "vault.public.pem"),
        "BACKSTOP_VAULT_PRIVATE_KEY_FILE": str(tmp_path / "keys" / "vault.private.pem"),
    }


@pytest.fixture
def kms(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Two keys."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    with mock_aws():
        yield [boto3.client("kms").create_key()["KeyMetadata"]["KeyId"] for _ in range(2)]


def fill(books: Books, environment: dict[str, str], accounts: int = 5) -> UUID:
    user, sealer = books.user(), sealer_from(environment)
    for _ in range(accounts):
        account = books.account(user)
        sealed = sealer.seal(CREDENTIALS, Context(user, account))
        books.rows("update accounts set sealed_credentials = %s where id = %s", sealed, account)
    books.insert(
        "notification_channels",
        user_id=user,
        provider="slack",
        topics=[],
        destination="-",
        sealed=sealer.seal_bytes(b"where to", ChannelContext(user, "slack")),
    )
    return user


def opened(books: Books, environment: dict[str, str], **options: Any) -> int:
    """How many accounts open."""
    opener, count = opener_from(environment, **options), 0
    for row in books.rows("select id, user_id, sealed_credentials from accounts"):
        try:
            assert opener.open(bytes(row["sealed_credentials"]), Context(row["user_id"], row["id"])) == CREDENTIALS
            count += 1
        except (VaultError, ClientError):  # moto says so of another key's bytes
            pass
    return count


def test_everything_is_sealed_by_a_new_key_and_the_old_one_can_go(
    database: Database, books: Books, files: dict[str, str]
) -> None:
    user = fill(books, files)
    before = Path(files["BACKSTOP_VAULT_PRIVATE_KEY_FILE"]).read_bytes()
    assert rotate(database.url, files) == Tally(6, 6, 0)
    assert opened(books, files, newest_only=True) == 5
    (row,) = books.rows("select sealed from notification_channels")
    newest = opener_from(files, newest_only=True)
    assert newest.open_bytes(bytes(row["sealed"]), ChannelContext(user, "slack")) == b"where to"
    assert forget_older(database.url, files) == Tally(6, 0, 0)
    after = Path(files["BACKSTOP_VAULT_PRIVATE_KEY_FILE"])
    assert len(private_keys(after.read_bytes())) == 1
    assert before not in after.read_bytes()
    assert after.stat().st_mode & 0o777 == 0o600
    assert opened(books, files) == 5


def test_one_that_was_broken_off_goes_on_where_it_was(
    database: Database, books: Books, files: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(books, files)
    monkeypatch.setattr(vault_rotation, "_BATCH", 2)
    done = 0

    def breaks(row: Any, sealed: bytes) -> Any:
        nonlocal done
        done += 1
        if done > 3:
            raise KeyboardInterrupt
        return replace_sealed(row, sealed)

    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(vault_rotation, "replace_sealed", breaks)
        rotate(database.url, files)
    key = private_keys(Path(files["BACKSTOP_VAULT_PRIVATE_KEY_FILE"]).read_bytes())[0]
    assert (opened(books, files), opened(books, files, newest_only=True)) == (5, 3)
    assert rotate(database.url, files) == Tally(6, 3, 0)
    assert private_keys(Path(files["BACKSTOP_VAULT_PRIVATE_KEY_FILE"]).read_bytes())[0].private_bytes_raw() == (
        key.private_bytes_raw()
    ), "the key that was begun with is gone on with"


def test_those_that_run_open_and_seal_all_the_while(database: Database, books: Books, files: dict[str, str]) -> None:
    """As the streamer and the API do it: their opener and sealer were made before."""
    fill(books, files, accounts=20)
    opener, sealer = opener_from(files), sealer_from(files)
    ended, failed, user = threading.Event(), list[str](), books.user()
    added = []

    def runs() -> None:
        while not ended.is_set():
            account = books.account(user)
            sealed = sealer.seal(CREDENTIALS, Context(user, account))
            books.rows("update accounts set sealed_credentials = %s where id = %s", sealed, account)
            added.append(account)
            for row in books.rows("select * from accounts where length(sealed_credentials) > 1"):
                try:
                    opener.open(bytes(row["sealed_credentials"]), Context(row["user_id"], row["id"]))
                except VaultError as error:
                    failed.append(str(error))

    thread = threading.Thread(target=runs)
    thread.start()
    try:
        for _ in range(3):
            rotate(database.url, files)
            forget_older(database.url, files)
    finally:
        ended.set()
        thread.join()
    assert failed == []
    assert added
    assert opened(books, files, newest_only=True) == 20 + len(added)


def test_from_one_kms_key_to_another(database: Database, books: Books, kms: list[str]) -> None:
    old, new = ({"BACKSTOP_KMS_KEY_ID": key} for key in kms)
    fill(books, old)
    both = {**new, "BACKSTOP_KMS_PREVIOUS_KEY_ID": kms[0]}
    assert (opened(books, both), opened(books, new)) == (5, 0)
    assert rotate(database.url, both) == Tally(6, 6, 0)
    assert (opened(books, new), opened(books, old)) == (5, 0)
    assert rotate(database.url, both) == Tally(6, 0, 0)


def test_what_no_key_opens_stays_and_is_told(database: Database, books: Books, files: dict[str, str]) -> None:
    fill(books, files)
    books.rows("update accounts set sealed_credentials = '\\x0102' where seq = 1")
    books.rows("update accounts set sealed_credentials = '', deleted_at = now() where seq = 2")
    assert rotate(database.url, files) == Tally(5, 4, 1)


def test_what_was_sealed_by_somebody_else_meanwhile_is_not_overwritten(
    database: Database, books: Books, files: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    user = fill(books, files, accounts=1)
    begin_vault_rotation(Path(files["BACKSTOP_VAULT_PRIVATE_KEY_FILE"]), Path(files["BACKSTOP_VAULT_PUBLIC_KEY_FILE"]))
    newer = Credentials("other", "newer")

    def overtaken(row: Any, sealed: bytes) -> Any:
        if row.kind == "account":
            theirs = sealer_from(files).seal(newer, row.context)
            books.rows("update accounts set sealed_credentials = %s", theirs)
        return replace_sealed(row, sealed)

    monkeypatch.setattr(vault_rotation, "replace_sealed", overtaken)
    reseal(database.url, files)
    (row,) = books.rows("select id, sealed_credentials as sealed from accounts")
    assert opener_from(files).open(bytes(row["sealed"]), Context(user, row["id"])) == newer


def test_the_command(database: Database, books: Books, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("BACKSTOP_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("BACKSTOP_HOME", str(tmp_path))
    monkeypatch.delenv("DATABASE_URL", raising=False)
    assert "start `backstop up`" in CliRunner().invoke(app, ["rotate-vault"]).output
    monkeypatch.setenv("DATABASE_URL", database.url)
    ensure_keys(tmp_path / "keys")
    keys = {
        "BACKSTOP_VAULT_PUBLIC_KEY_FILE": str(tmp_path / "keys" / "vault.public.pem"),
        "BACKSTOP_VAULT_PRIVATE_KEY_FILE": str(tmp_path / "keys" / "vault.private.pem"),
    }
    fill(books, keys)
    told = CliRunner().invoke(app, ["rotate-vault"])
    assert (told.exit_code, told.output.splitlines()[0]) == (0, "6 checked, 6 sealed anew, 0 that no key opens")
    assert CliRunner().invoke(app, ["rotate-vault", "--forget-old"]).exit_code == 0
    assert opened(books, keys) == 5
