"""Signatures of the WebSocket login. REST is signed by ccxt.

Source: Bybit V5, "Connect" (authentication).
"""

import hashlib
import hmac

LOGIN_VALID_MS = 10_000
"""Long enough for a clock some seconds off, and for a slow handshake."""


def login_args(api_key: str, api_secret: str, now: int) -> list[object]:
    """The `args` of an `auth` request made at `now` (UTC milliseconds)."""
    expires = now + LOGIN_VALID_MS
    signature = hmac.new(api_secret.encode(), f"GET/realtime{expires}".encode(), hashlib.sha256).hexdigest()
    return [api_key, expires, signature]
