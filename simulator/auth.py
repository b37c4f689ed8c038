"""Signatures and time windows.

Source: Bybit V5, "Integration Guidance": HMAC-SHA256 in lowercase hex over timestamp + key + recv_window + payload.
"""

from __future__ import annotations

import hashlib
import hmac

from simulator.model import Refusal
from simulator.numbers import parse

DEFAULT_RECV_WINDOW_MS = 5_000
MAX_FUTURE_MS = 1_000


def sign(secret: str, text: str) -> str:
    """HMAC-SHA256 of the text, lowercase hex."""
    return hmac.new(secret.encode(), text.encode(), hashlib.sha256).hexdigest()


def check_window(timestamp: object, recv_window: object, now_ms: int) -> Refusal | None:
    """Refuse with 10002 outside ``now - recv_window <= timestamp < now + 1000``; strings and numbers are read."""
    sent, window = parse(timestamp), parse(recv_window or DEFAULT_RECV_WINDOW_MS)
    if sent is None or window is None:
        return Refusal(10001, "params error: X-BAPI-TIMESTAMP or X-BAPI-RECV-WINDOW invalid")
    if now_ms - window <= sent < now_ms + MAX_FUTURE_MS:
        return None
    text = "invalid request, please check your server timestamp or recv_window param."
    return Refusal(10002, f"{text} req_timestamp[{sent}],server_timestamp[{now_ms}],recv_window[{window}]")


def check_signature(secret: str, origin: str, signature: str) -> Refusal | None:
    """Refuse with 10004 when the signature is not that of ``origin`` (the string the exchange built)."""
    if hmac.compare_digest(sign(secret, origin).encode(), signature.encode()):
        return None
    return Refusal(10004, f"error sign! origin_string[{origin}]")


def check_socket_login(secret: str, expires: object, signature: object, now_ms: int) -> Refusal | None:
    """Judge the auth message of a socket: signature of ``GET/realtime<expires>``, expires in the future."""
    expiry = parse(expires)
    if expiry is None or not isinstance(signature, str):
        return Refusal(10001, "Params Error")
    if expiry <= now_ms:
        return Refusal(10002, "Params Error: expires is in the past")
    return check_signature(secret, f"GET/realtime{expires}", signature)
