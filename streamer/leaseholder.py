"""The leases this process holds, renewed in the database's time and trusted only as long as ours says they are fresh."""

from collections.abc import Callable

from psycopg import AsyncConnection

from backstop.domain.ids import Epoch
from backstop.store import leases
from backstop.store.query import afetch_all, afetch_one

RENEW_EVERY_S = 3.0
OPEN_WITHIN_MS = 7_000
"""Nothing is opened on a lease that was last renewed longer ago than this; it is valid for 10 s."""


class Leaseholder:
    def __init__(self, holder: str, monotonic_ms: Callable[[], int]) -> None:
        self.holder = holder
        self._now = monotonic_ms
        self.taken = 0
        """How often a lease was taken, ever."""
        self._renewed_at: dict[str, int] = {}

    @property
    def names(self) -> list[str]:
        return sorted(self._renewed_at)

    def may_open(self, name: str) -> bool:
        renewed_at = self._renewed_at.get(name)
        return renewed_at is not None and self._now() - renewed_at < OPEN_WITHIN_MS

    async def acquire(self, connection: AsyncConnection[object], name: str) -> Epoch | None:
        asked_at = self._now()
        epoch = await afetch_one(connection, leases.acquire(name, self.holder))
        if epoch is not None:
            self._renewed_at[name] = asked_at
            self.taken += 1
        return epoch

    async def acquire_all(self, connection: AsyncConnection[object], names: list[str]) -> dict[str, Epoch]:
        """As `acquire`, many at once; those that were taken."""
        asked_at = self._now()
        taken = dict(await afetch_all(connection, leases.acquire_all(names, self.holder)))
        for name in taken:
            self._renewed_at[name] = asked_at
        self.taken += len(taken)
        return taken

    async def renew(self, connection: AsyncConnection[object]) -> set[str]:
        """Renew what is held now; returns the names that are lost. Others may come and go meanwhile."""
        names = self.names
        if not names:
            return set()
        asked_at = self._now()
        kept = set(await afetch_all(connection, leases.renew(self.holder, names)))
        still = {name for name in names if name in self._renewed_at}
        for name in still & kept:
            self._renewed_at[name] = asked_at
        for name in still - kept:
            del self._renewed_at[name]
        return still - kept

    async def release(self, connection: AsyncConnection[object], names: list[str]) -> None:
        """Give them up; from the first moment of it nothing is opened on them."""
        for name in names:
            self._renewed_at.pop(name, None)
        await afetch_all(connection, leases.release(self.holder, names))
