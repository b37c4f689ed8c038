"""Requests a second, per account and endpoint, over a rolling second.

Source: Bybit V5, "Rate Limit Rules" (default, non-VIP).
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

WINDOW_MS = 1_000
ADDRESS_WINDOW_MS = 5_000


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


class AddressLimit:
    """Requests within five seconds of each address, and the ban that follows. Off until ``most`` is set: who measures
    how much the exchange can do would be banned.

    Source: Bybit V5, "Rate Limit Rules" (600 within 5 s, ten minutes).
    """

    def __init__(self) -> None:
        self.most: int | None = None
        self.ban_ms = 600_000
        self._sent: dict[str, deque[int]] = {}
        self._banned_until: dict[str, int] = {}

    def admits(self, address: str, now_ms: int) -> bool:
        """Count a request; whether it is answered."""
        if self.most is None:
            return True
        if now_ms < self._banned_until.get(address, 0):
            return False
        sent = self._sent.setdefault(address, deque())
        while sent and sent[0] <= now_ms - ADDRESS_WINDOW_MS:
            sent.popleft()
        sent.append(now_ms)
        if len(sent) > self.most:
            self._banned_until[address] = now_ms + self.ban_ms
            return False
        return True

    def clear(self) -> None:
        """Forget what was sent, and every ban."""
        self._sent.clear()
        self._banned_until.clear()
