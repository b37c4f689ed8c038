"""Batches of the journal: one writer at a time, numbers without gaps, effects in order."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from decimal import Decimal
from uuid import UUID, uuid4

import pytest

from backstop.domain.ids import CommandId, Epoch, SignalId
from backstop.domain.money import NO_USDT, ZERO, Qty, Usdt
from backstop.domain.position import PositionStatus
from backstop.domain.protection import LevelStatus
from backstop.domain.signal import SignalStatus
from backstop.engine.effects import (
    Arm,
    BookExecution,
    Effect,
    Notice,
    NoticeLevel,
    SaveOrder,
    SavePosition,
    SendOrder,
    SettleCommand,
)
from backstop.store import leases
from backstop.store.query import afetch_one
from backstop.store.trading import Owner
from streamer.database import Pool
from streamer.journal import Fenced, Journal
from tests.store.books import Books
from tests.streamer.samples import NOON, entry_of, fill_of, position_of
from tests.streamer.waiting import eventually


class Desk:
    """An account under a lease, and its journal at work."""

    def __init__(self, pool: Pool, books: Books, user: UUID) -> None:
        self.books = books
        self.user = user
        self.account = books.account(user)
        self.strategy = books.strategy(user, self.account)
        self.done: list[Effect] = []
        self.commits = 0
        self._pool = pool
        self._perform: Callable[[Effect], None] = self.done.append
        self.epoch = Epoch(0)
        self.journal: Journal
        self.running: asyncio.Task[None]

    async def open(self) -> None:
        async with self._pool.connection() as connection:
            epoch = await afetch_one(connection, leases.acquire(leases.account_lease(self.account), "one"))
        assert epoch is not None
        self.epoch = epoch
        self.start()

    def start(self) -> None:
        self.journal = Journal(
            self._pool,
            Owner(self.user, self.account),
            self.epoch,
            perform=self._do,
            on_commit=self._count,
        )
        self.running = asyncio.create_task(self.journal.run())

    def perform_with(self, perform: Callable[[Effect], None]) -> None:
        self._perform = perform

    def _do(self, effect: Effect) -> None:
        self._perform(effect)

    def _count(self) -> None:
        self.commits += 1

    async def close(self) -> None:
        self.running.cancel()
        with contextlib.suppress(asyncio.CancelledError, Fenced):
            await self.running

    async def written(self) -> None:
        async with asyncio.timeout(20):
            await self.journal.drained()

    def signal(self) -> SignalId:
        return SignalId(self.books.signal(self.user, self.account, self.strategy))

    def count(self, table: str) -> int:
        (row,) = self.books.rows(f"select count(*) as n from {table} where account_id = %s", self.account)
        number: int = row["n"]
        return number

    def events(self) -> list[tuple[int, str]]:
        rows = self.books.rows("select seq, type from events where user_id = %s order by seq", self.user)
        return [(row["seq"], row["type"]) for row in rows]


@pytest.fixture
async def desk(pool: Pool, books: Books) -> AsyncIterator[Desk]:
    one = Desk(pool, books, books.user())
    await one.open()
    yield one
    await one.close()


async def test_a_lease_taken_in_the_middle_of_a_batch_is_taken_after_it(desk: Desk, pool: Pool) -> None:
    """The takeover waits for the write, so that no row comes after the successor has read."""
    seen: list[int] = []
    with desk.books.connected() as blocker:
        blocker.execute("select 1 from users where id = %s for update", [desk.user])
        desk.journal.put((SavePosition(position_of()),))  # its event waits for the user's row
        await eventually(lambda: desk.books.rows(WAITS_FOR_LOCK))

        async def take_over() -> None:
            async with pool.connection() as connection:
                await connection.execute("update leases set epoch = epoch + 1, holder = 'two'")
            seen.append(desk.count("positions"))

        takeover = asyncio.create_task(take_over())
        await eventually(lambda: len(desk.books.rows(WAITS_FOR_LOCK)) == 2)
    await takeover
    assert seen == [1]


WAITS_FOR_LOCK = "select pid from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'"


async def test_what_follows_a_commit_finds_it_durable(desk: Desk) -> None:
    found: list[int] = []
    desk.perform_with(lambda _: found.append(desk.count("orders")))
    position = position_of()
    desk.journal.put((SavePosition(position), SaveOrder(entry_of(position))), (SendOrder(entry_of(position)),))
    await desk.written()
    assert found == [1]


async def test_the_ledger_adds_up_to_what_the_wallet_gained(desk: Desk) -> None:
    bookings = [
        BookExecution(fill_of(fee=Usdt(Decimal("0.33"))), None, NO_USDT, NO_USDT),
        BookExecution(fill_of(fee=Usdt(Decimal("0.32"))), None, Usdt(Decimal("-7.5")), NO_USDT),
        BookExecution(fill_of(fee=Usdt(Decimal("-0.01"))), None, Usdt(Decimal("2.25")), NO_USDT),
        BookExecution(fill_of(exec_type="Funding", fee=Usdt(Decimal("0.06"))), None, NO_USDT, Usdt(Decimal("-0.06"))),
    ]
    desk.journal.put(tuple(bookings))
    await desk.written()
    sums = {row["kind"]: row["sum"] for row in desk.books.rows("select kind, sum(amount) from ledger group by kind")}
    assert sums == {"fee": Decimal("-0.64"), "realised_pnl": Decimal("-5.25"), "funding": Decimal("-0.06")}


async def test_a_users_events_are_numbered_without_gaps_over_all_accounts(pool: Pool, books: Books) -> None:
    user = books.user()
    desks = [Desk(pool, books, user) for _ in range(3)]
    for desk in desks:
        await desk.open()
    try:
        for number in range(25):
            for desk in desks:
                desk.journal.put((Notice(NoticeLevel.INFO, "n", str(number)),))
            await asyncio.sleep(0)
        for desk in desks:
            await desk.written()
    finally:
        for desk in desks:
            await desk.close()
    assert [seq for seq, _ in desks[0].events()] == list(range(1, 76))


async def test_effects_keep_their_order_over_many_batches(desk: Desk) -> None:
    position = position_of()
    wanted: list[Effect] = []
    for number in range(450):
        changed = replace(position, updated_at=NOON + number)
        effect = Arm((replace(position.levels[0], rung=number),))
        wanted.append(effect)
        desk.journal.put((SavePosition(changed),), (effect,))
    await desk.written()
    assert desk.done == wanted
    assert desk.books.rows("select (extract(epoch from updated_at) * 1000)::bigint as at from positions") == [
        {"at": NOON + 449}
    ]
    assert 3 <= desk.commits <= 4


async def test_a_symbol_may_close_and_open_again_in_one_batch(desk: Desk) -> None:
    first, second = position_of(), position_of()
    gone = tuple(replace(level, status=LevelStatus.DISARMED) for level in first.levels)
    desk.journal.put((SavePosition(first),))
    desk.journal.put((SavePosition(replace(first, status=PositionStatus.CLOSED, qty=Qty(ZERO), levels=gone)),))
    desk.journal.put((SavePosition(second),))
    await desk.written()
    assert desk.books.rows("select id, status from positions order by seq") == [
        {"id": first.id, "status": "closed"},
        {"id": second.id, "status": "open"},
    ]


async def test_a_command_is_settled(desk: Desk) -> None:
    command = CommandId(uuid4())
    desk.books.insert("commands", id=command, user_id=desk.user, account_id=desk.account, kind="reverse", body="{}")
    desk.journal.put((SettleCommand(command, SignalStatus.REFUSED, "position_closed", "it is gone"),))
    await desk.written()
    assert desk.books.rows("select status, reason_code from commands") == [
        {"status": "refused", "reason_code": "position_closed"}
    ]
