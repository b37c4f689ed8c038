"""Requests a second, per account and endpoint, over a rolling second.

Source: Bybit V5, "Rate Limit Rules" (default, non-VIP).
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

WINDOW_MS = 1_000


@dataclass(frozen=True, slots=True)
class Budget:
    """What is left of an endpoint's budget after a request."""

    limit: int
    left: int
    reset_ms: int
    allowed: bool

    def headers(self) -> dict[str, str]:
        """As response headers; the reset is now unless the limit is exceeded."""
        return {
            "X-Bapi-Limit": str(self.limit),
            "X-Bapi-Limit-Status": str(self.left),
            "X-Bapi-Limit-Reset-Timestamp": str(self.reset_ms),
        }


class RateLimits:
    """Counts requests; a refused one does not count."""

    def __init__(self) -> None:
        self._sent: dict[tuple[int, str], deque[int]] = {}

    def spend(self, uid: int, endpoint: str, limit: int, now_ms: int) -> Budget:
        """Take one request from the budget, if there is one."""
        sent = self._sent.setdefault((uid, endpoint), deque())
        while sent and sent[0] <= now_ms - WINDOW_MS:
            sent.popleft()
        if len(sent) >= limit:
            return Budget(limit, 0, sent[0] + WINDOW_MS, allowed=False)
        sent.append(now_ms)
        return Budget(limit, limit - len(sent), now_ms, allowed=True)

    def clear(self) -> None:
        """Forget what was sent."""
        self._sent.clear()
