"""Events in words, for notifications: values in, text out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Literal

from backstop.domain.money import plain
from backstop.store.notifications import TEST, WaitingMessage

Kind = Literal["info", "success", "warning", "failure"]

_KINDS: Mapping[str, Kind] = {"refused": "warning", "warning": "warning", "error": "failure"}
_GRAVITY: Sequence[Kind] = ("success", "info", "warning", "failure")


@dataclass(frozen=True, slots=True)
class Letter:
    title: str
    body: str
    kind: Kind


def letter(messages: Sequence[WaitingMessage]) -> Letter:
    """One message of all that waits, oldest first; as grave as the gravest of it. There is at least one."""
    lines = [_line(message.topic, message.data or {}) for message in messages]
    kind = max((_kind(message) for message in messages), key=_GRAVITY.index)
    if len(lines) == 1:
        title, _, rest = lines[0].partition(": ")
        return Letter(f"Backstop: {title}", rest or title, kind)
    return Letter(f"Backstop: {len(lines)} messages", "\n".join(lines), kind)


def _kind(message: WaitingMessage) -> Kind:
    if message.topic == "closed":
        return "success" if Decimal(str((message.data or {}).get("net_pnl", 0))) > 0 else "info"
    return _KINDS.get(message.topic, "info")


def _line(topic: str, data: Mapping[str, Any]) -> str:
    match topic:
        case "opened":
            stop = f", stop-loss {data['stop_loss']}" if data.get("stop_loss") is not None else ""
            return f"{data['symbol']} {data['side']} opened: {data['qty']} at {_rounded(data['entry_price'])}{stop}"
        case "closed":
            exit_price, why = _rounded(data["exit_price"]), str(data["exit_reason"]).replace("_", " ")
            net = Decimal(data["net_pnl"])
            result = f"{'+' if net > 0 else ''}{plain(net.quantize(Decimal('0.01')))} USDT net"
            return f"{data['symbol']} {data['side']} closed by {why}: {result}, {data['qty']} out at {exit_price}"
        case "refused":
            wish = " ".join(str(data[name]) for name in ("action", "symbol") if data.get(name)) or "alert"
            return f"{wish} {data['status']}: {data.get('reason') or 'no reason given'} ({data['strategy_name']})"
        case _ if topic == TEST:
            return "test: notifications of Backstop arrive here"
        case _:
            return f"{topic}: {data['message']}"


def _rounded(price: str | None) -> str:
    return plain(Decimal(price).quantize(Decimal("1e-8"))) if price is not None else "?"
