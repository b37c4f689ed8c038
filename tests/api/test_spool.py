"""Alerts that come while the database is away are put by, and stored in order when it is back."""

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto import mock_aws

from api.app import replay_spooled
from api.spool import FolderSpool, SpoolError
from tests.api.conftest import Hook, User
from tests.api.gateway_events import Reply
from tests.store.books import Books

NOWHERE = "postgresql://backstop@127.0.0.1:1/none"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("BACKSTOP_SPOOL_DIR", str(tmp_path / "spool"))
    return tmp_path / "spool"


@pytest.fixture
def queue(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    with mock_aws():
        sqs = boto3.resource("sqs", region_name="us-east-1")
        made = sqs.create_queue(QueueName="spool.fifo", Attributes={"FifoQueue": "true"})
        monkeypatch.setenv("BACKSTOP_SPOOL_QUEUE_URL", made.url)
        yield made


def while_away(hook: Hook, *bodies: Any) -> list[Reply]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BACKSTOP_API_DATABASE_URL", NOWHERE)
        return [hook.api.post(hook.path, body) for body in bodies]


def records_of(folder: Path) -> dict[str, Any]:
    files = sorted(folder.iterdir())
    return {"Records": [{"messageId": file.name, "sealed": file.read_bytes().hex()} for file in files]}


def signals(books: Books) -> list[dict[str, Any]]:
    return books.rows("select * from signals order by seq")


@pytest.mark.fault(2)
def test_an_alert_is_put_by_and_stored_later(user: User, hook: Hook, books: Books, folder: Path) -> None:
    replies = while_away(hook, *(hook.alert(id=str(number)) for number in range(3)))
    assert [(reply.status, reply.json["status"]) for reply in replies] == [(202, "accepted")] * 3
    assert signals(books) == []

    assert replay_spooled(records_of(folder), None) == {"batchItemFailures": []}
    stored = signals(books)
    assert [str(row["id"]) for row in stored] == [reply.json["signal_id"] for reply in replies]
    assert all(row["stored_at"] > row["received_at"] for row in stored)
    record = user.api.get(f"/api/signals/{stored[0]['id']}").json
    assert (record["spooled"], record["status"]) == (True, "accepted")


def test_what_is_put_by_is_not_readable(hook: Hook, folder: Path) -> None:
    while_away(hook, hook.alert())
    (file,) = folder.iterdir()
    assert hook.secret.encode() not in file.read_bytes()
    assert file.stat().st_mode & 0o777 == 0o600


@pytest.mark.fault(2)
def test_storing_twice_makes_one_signal(hook: Hook, books: Books, folder: Path) -> None:
    while_away(hook, hook.alert(), hook.alert(id="x"))
    records = records_of(folder)
    for _ in range(2):
        assert replay_spooled(records, None) == {"batchItemFailures": []}
    assert len(signals(books)) == 2


def test_a_repeat_of_what_was_stored_is_none(hook: Hook, books: Books, folder: Path) -> None:
    assert hook.api.post(hook.path, hook.alert(id="x")).status == 202
    while_away(hook, hook.alert(id="x"))
    replay_spooled(records_of(folder), None)
    assert len(signals(books)) == 1


def test_it_waits_while_the_database_is_still_away(
    hook: Hook, books: Books, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    while_away(hook, hook.alert(id="1"), hook.alert(id="2"))
    records = records_of(folder)
    with monkeypatch.context() as patch:
        patch.setenv("BACKSTOP_API_DATABASE_URL", NOWHERE)
        failures = replay_spooled(records, None)["batchItemFailures"]
    assert [one["itemIdentifier"] for one in failures] == [one["messageId"] for one in records["Records"]]
    replay_spooled(records, None)
    assert len(signals(books)) == 2


def test_it_is_refused_later_as_it_would_have_been(hook: Hook, books: Books, folder: Path) -> None:
    while_away(hook, hook.alert(secret="wrong"), "nonsense", hook.alert(symbol="DOGEUSDT"))
    assert replay_spooled(records_of(folder), None) == {"batchItemFailures": []}
    assert [row["code"] for row in books.rows("select code from refused_alerts order by id")] == [
        "wrong_secret",
        "invalid",
    ]
    assert [row["status"] for row in signals(books)] == ["rejected"]


def test_what_nobody_put_by_is_let_go(books: Books, api: object, folder: Path) -> None:
    broken = [{"messageId": "1", "sealed": "00ff"}, {"messageId": "2", "body": "{}"}, {"messageId": "3", "body": "x"}]
    assert replay_spooled({"Records": broken}, None) == {"batchItemFailures": []}


def test_what_comes_while_others_wait_waits_behind_them(hook: Hook, books: Books, folder: Path) -> None:
    first = while_away(hook, hook.alert(id="1"))
    second = hook.api.post(hook.path, hook.alert(id="2", action="close"))
    assert (second.status, signals(books)) == (202, [])
    assert replay_spooled(records_of(folder), None) == {"batchItemFailures": []}
    assert [str(row["id"]) for row in signals(books)] == [first[0].json["signal_id"], second.json["signal_id"]]


def test_one_that_can_never_be_stored_holds_up_no_others(hook: Hook, books: Books, folder: Path) -> None:
    while_away(hook, hook.alert(id="1"))
    (file,) = folder.iterdir()
    file.rename(folder / f"{time.time_ns() - 31_000_000_000:020d}-old")
    assert hook.api.post(hook.path, hook.alert(id="2")).status == 202
    assert len(signals(books)) == 1


def test_when_it_cannot_be_put_behind_others_it_is_stored(
    hook: Hook, books: Books, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    while_away(hook, hook.alert(id="1"))
    monkeypatch.setattr(FolderSpool, "put", no_room)
    assert hook.api.post(hook.path, hook.alert(id="2")).status == 202
    assert len(signals(books)) == 1


def no_room(_spool: FolderSpool, _delivery: object) -> None:
    raise SpoolError("no room")


def test_an_alert_that_was_overtaken_is_not_acted_on(user: User, hook: Hook, books: Books, queue: Any) -> None:
    """A queue does not say at once that something waits in it."""
    late = while_away(hook, hook.alert(id="1", action="close"))[0].json["signal_id"]
    newer = hook.api.post(hook.path, hook.alert(id="2")).json["signal_id"]
    (message,) = queue.receive_messages(MaxNumberOfMessages=10)
    event = {"Records": [{"messageId": message.message_id, "body": message.body}]}
    assert replay_spooled(event, None) == {"batchItemFailures": []}
    statuses = {str(row["id"]): (row["status"], row["reason_code"]) for row in signals(books)}
    assert statuses == {newer: ("accepted", None), late: ("superseded", "overtaken")}
    assert user.api.get(f"/api/signals/{late}").json["reason"].startswith("a later alert for BTCUSDT was stored")


def test_a_queue_keeps_the_order_of_each_hook(hook: Hook, books: Books, queue: Any) -> None:
    replies = while_away(hook, *(hook.alert(id=str(number)) for number in range(4)))
    assert [reply.status for reply in replies] == [202] * 4
    messages = queue.receive_messages(MaxNumberOfMessages=10, AttributeNames=["All"])
    assert {message.attributes["MessageGroupId"] for message in messages} == {hook.path.rpartition("/")[2]}
    event = {"Records": [{"messageId": message.message_id, "body": message.body} for message in messages]}
    assert replay_spooled(json.loads(json.dumps(event)), None) == {"batchItemFailures": []}
    assert [str(row["id"]) for row in signals(books)] == [reply.json["signal_id"] for reply in replies]


@pytest.mark.fault(4)
def test_with_nowhere_to_put_it_the_sender_is_to_try_again(
    hook: Hook, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert while_away(hook, hook.alert())[0].status == 503
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("BACKSTOP_SPOOL_DIR", str(tmp_path / "file" / "spool"))
    assert while_away(hook, hook.alert())[0].status == 503
