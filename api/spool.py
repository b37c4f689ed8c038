"""Where alerts wait while the database does not answer: SQS in the cloud, a folder on this machine.

They come back one by one, in the order they arrived, through `replay`. In a folder they lie sealed; a queue is
encrypted by itself.
"""

import os
import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import psycopg

from api import hooks
from api.deliveries import Delivery, packed, unpacked
from api.errors import HttpError
from api.strongbox import strongbox
from backstop.contracts.trading import SignalAnswer
from backstop.strongbox import Belonging, StrongboxError
from backstop.telemetry import count, logger

if TYPE_CHECKING:
    from types_boto3_sqs import SQSClient

_SEALED = Belonging("spool", "spooled-alert")
_NAMES = ("BACKSTOP_SPOOL_QUEUE_URL", "BACKSTOP_SPOOL_ENDPOINT", "BACKSTOP_SPOOL_DIR")
_SQS_WITHIN_S = 1.0
_MAX_BYTES = 8192
_HOLDS_UP_NS = 30 * 1_000_000_000
"""How long an alert that waits has others wait behind it."""


class SpoolError(Exception):
    """The alert could not be put by."""


class Spool(Protocol):
    def put(self, delivery: Delivery) -> None:
        """Durably, or raises SpoolError."""
        ...

    def has_waiting(self) -> bool:
        """Whether, as far as is known here, alerts wait that came just before: what comes now is to wait behind them."""
        ...


@dataclass(frozen=True, slots=True)
class SqsSpool:
    """In a FIFO queue (named so) alerts of one hook keep their order."""

    sqs: "SQSClient"
    queue_url: str

    def put(self, delivery: Delivery) -> None:
        from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415 - as boto3

        fifo: dict[str, Any] = (
            {"MessageGroupId": delivery.hook_id[:128], "MessageDeduplicationId": str(delivery.signal_id)}
            if self.queue_url.endswith(".fifo")
            else {}
        )
        try:
            self.sqs.send_message(QueueUrl=self.queue_url, MessageBody=packed(delivery), **fifo)
        except (BotoCoreError, ClientError) as error:
            raise SpoolError(type(error).__name__) from None

    def has_waiting(self) -> bool:
        """A queue says how much it holds a minute late: an alert that is overtaken is told from its time (`api.hooks`)."""
        return False


@dataclass(frozen=True, slots=True)
class FolderSpool:
    """One file for each alert, whole or not there; their names sort by arrival."""

    folder: Path

    def put(self, delivery: Delivery) -> None:
        name = f"{time.time_ns():020d}-{delivery.signal_id}"
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            sealed = strongbox().seal(packed(delivery).encode(), _SEALED)
            staged = self.folder / f".{name}"
            with os.fdopen(os.open(staged, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as handle:
                handle.write(sealed)
                handle.flush()
                os.fsync(handle.fileno())
            staged.rename(self.folder / name)
            directory = os.open(self.folder, os.O_RDONLY)
            try:
                os.fsync(directory)
            finally:
                os.close(directory)
        except OSError as error:
            raise SpoolError(f"{error.strerror}") from None

    def has_waiting(self) -> bool:
        """One that nobody could store for long holds up no others."""
        try:
            names = [file.name for file in self.folder.iterdir()]
        except OSError:
            return False
        since = time.time_ns() - _HOLDS_UP_NS
        return any(not name.startswith(".") and _put_at(name) > since for name in names)


def _put_at(name: str) -> int:
    number = name.partition("-")[0]
    return int(number) if number.isdecimal() else 0


def take(delivery: Delivery) -> SignalAnswer:
    """Store an alert or, while the database does not answer or others wait that came before, spool it.

    Raises HttpError as `hooks.store`; psycopg.OperationalError when there is nowhere to put it by.
    """
    put_by = _spool() if len(delivery.body) <= _MAX_BYTES else None
    if put_by is None or not put_by.has_waiting():
        try:
            return hooks.store(delivery)
        except psycopg.OperationalError:
            if put_by is None:
                raise
    try:
        put_by.put(delivery)
    except SpoolError as error:
        logger().error("not_spooled", extra={"reason": str(error)})
        # Once more: it was perhaps only to wait behind others.
        return hooks.store(delivery)
    count("signals", outcome="spooled")
    logger().warning("spooled", extra={"signal_id": str(delivery.signal_id)})
    return SignalAnswer(signal_id=delivery.signal_id, status="accepted")


def replay_spooled(event: Mapping[str, Any], _context: object) -> dict[str, Any]:
    """Store what was spooled. An SQS event with ReportBatchItemFailures: from the first alert that cannot be stored yet,
    the rest of its hook's come again, so that none overtakes another."""
    failed: list[dict[str, str]] = []
    waiting: set[str] = set()
    for record in sorted(event["Records"], key=_arrival):
        delivery = _delivery(record)
        if delivery is None:
            continue
        try:
            if delivery.hook_id in waiting:
                raise psycopg.OperationalError
            hooks.store(delivery)
        except psycopg.OperationalError:
            waiting.add(delivery.hook_id)
            failed.append({"itemIdentifier": record["messageId"]})
        except HttpError as refusal:
            # Refused as it would have been at the door; a row says so.
            logger().info("spooled_refused", extra={"signal_id": str(delivery.signal_id), "code": refusal.code})
    return {"batchItemFailures": failed}


def _arrival(record: Mapping[str, Any]) -> str:
    delivery = _delivery(record)
    return delivery.received_at.isoformat() if delivery is not None else ""


def _delivery(record: Mapping[str, Any]) -> Delivery | None:
    """None for what we did not write: it is noted and let go."""
    try:
        sealed = record.get("sealed")
        text = record["body"] if sealed is None else strongbox().open(bytes.fromhex(sealed), _SEALED).decode()
        return unpacked(text)
    except (ValueError, KeyError, StrongboxError):
        logger().error("spooled_unreadable", extra={"message_id": str(record.get("messageId"))})
        return None


def _spool() -> Spool | None:
    return _of(tuple((name, os.environ[name]) for name in _NAMES if name in os.environ))


@lru_cache(maxsize=1)
def _of(environment: tuple[tuple[str, str], ...]) -> Spool | None:
    named = dict(environment)
    if url := named.get("BACKSTOP_SPOOL_QUEUE_URL"):
        import boto3  # noqa: PLC0415 - slow to import, and seldom needed
        from botocore.config import Config  # noqa: PLC0415

        once = Config(connect_timeout=_SQS_WITHIN_S, read_timeout=_SQS_WITHIN_S, retries={"total_max_attempts": 1})
        return SqsSpool(boto3.client("sqs", endpoint_url=named.get("BACKSTOP_SPOOL_ENDPOINT"), config=once), url)
    folder = named.get("BACKSTOP_SPOOL_DIR")
    return FolderSpool(Path(folder)) if folder else None
