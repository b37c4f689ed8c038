"""Looks after what strategies' sources say: a difference, a missed alert, a silence. By this process's clock, because
what is missing does not arrive; and under the lease, so that it is told once."""

import asyncio
from collections.abc import Callable, Mapping
from typing import Protocol
from uuid import UUID

from backstop.contracts.live import NoticeData
from backstop.domain.ids import Epoch
from backstop.domain.watch import Judgement, judge
from backstop.store import dashboards, leases, views, watch
from backstop.store.commands import notify_work
from backstop.store.intake import AccountRow
from backstop.store.query import aexecute, afetch_all, afetch_one
from backstop.store.trading import storable
from backstop.store.watch import Watch
from backstop.telemetry import logger
from streamer.database import AWAY, Pool

log = logger("streamer")

LOOK_EVERY_S = 3.0


class Owned(Protocol):
    @property
    def row(self) -> AccountRow: ...

    @property
    def epoch(self) -> Epoch: ...


class SourceWatch:
    """`owned`: the accounts this process trades now, by lease."""

    def __init__(
        self,
        pool: Pool,
        owned: Callable[[], Mapping[str, Owned]],
        clock: Callable[[], int],
        on_commit: Callable[[], None],
    ) -> None:
        self._pool = pool
        self._owned = owned
        self._clock = clock
        self._on_commit = on_commit

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            await asyncio.sleep(LOOK_EVERY_S)
            try:
                await self.look()
            except AWAY as error:
                log.warning("sources not looked after", reason=str(error))

    async def look(self) -> None:
        """Judge every strategy of ours, and tell what is new."""
        epochs = {owned.row.id: owned.epoch for owned in self._owned().values()}
        if not epochs:
            return
        async with self._pool.connection(timeout=2.0) as connection:
            found = await afetch_all(connection, watch.watches(list(epochs)))
        for one in found:
            judged = judge(one.watched, one.before, self._clock())
            if judged.state != one.before:
                await self._tell(one, judged, epochs[one.account_id])

    async def _tell(self, one: Watch, judged: Judgement, epoch: Epoch) -> None:
        account_id, user_id = one.account_id, one.user_id
        async with self._pool.connection(timeout=2.0) as connection, connection.transaction():
            if await afetch_one(connection, leases.hold(leases.account_lease(account_id), epoch)) is None:
                return  # another process trades the account now
            await aexecute(connection, watch.save_state(one.strategy_id, judged.state))
            for notice in judged.notices:
                data = NoticeData(
                    level="info" if notice.calms else "warning", code=notice.code, message=storable(notice.message)
                )
                await afetch_one(connection, dashboards.append_event(user_id, "notice", data))
            for resync in judged.resyncs:
                added: UUID | None = await afetch_one(connection, watch.add_resync(one, resync))
                if added is not None and (signal := await afetch_one(connection, views.signal(added))) is not None:
                    await afetch_one(connection, dashboards.append_event(user_id, "signal", signal))
                    await afetch_all(connection, notify_work(account_id))
        if judged.notices or judged.resyncs:
            self._on_commit()
