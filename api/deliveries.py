"""An alert as it arrived, and in the form it waits in while the database does not answer."""

import json
from base64 import b64decode, b64encode
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID, uuid4

from api.http import Request


@dataclass(frozen=True, slots=True)
class Delivery:
    """`signal_id` is given when it arrives, so that storing it twice makes one signal."""

    hook_id: str
    body: bytes
    source_ip: str
    received_at: datetime
    signal_id: UUID
    client_certificate: str = ""
    timestamp: str = ""
    signature: str = ""
    spooled: bool = False

    def __repr__(self) -> str:
        return f"Delivery({self.signal_id})"


def arrived(hook_id: str, request: Request) -> Delivery:
    return Delivery(
        hook_id=hook_id,
        body=request.body,
        source_ip=request.source_ip,
        received_at=datetime.now(UTC),
        signal_id=uuid4(),
        client_certificate=request.client_certificate,
        timestamp=request.headers.get("x-backstop-timestamp", ""),
        signature=request.headers.get("x-backstop-signature", ""),
    )


def packed(delivery: Delivery) -> str:
    return json.dumps(
        {
            "hook_id": delivery.hook_id,
            "body": b64encode(delivery.body).decode(),
            "source_ip": delivery.source_ip,
            "received_at": delivery.received_at.isoformat(),
            "signal_id": str(delivery.signal_id),
            "client_certificate": delivery.client_certificate,
            "timestamp": delivery.timestamp,
            "signature": delivery.signature,
        }
    )


def unpacked(text: str) -> Delivery:
    """Raises ValueError or KeyError for anything but what `packed` wrote."""
    value = json.loads(text)
    return Delivery(
        hook_id=value["hook_id"],
        body=b64decode(value["body"]),
        source_ip=value["source_ip"],
        received_at=datetime.fromisoformat(value["received_at"]),
        signal_id=UUID(value["signal_id"]),
        client_certificate=value["client_certificate"],
        timestamp=value["timestamp"],
        signature=value["signature"],
        spooled=True,
    )
