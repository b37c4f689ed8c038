"""What was decided is written down whole, once and in order; what protects does not wait for it."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from decimal import Decimal
from itertools import permutations
from typing import Any
from uuid import UUID

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from backstop.domain.execution import Execution, ExitReason
from backstop.domain.ids import Epoch, PositionId, SignalId, StrategyId, Symbol, order_link_id
from backstop.domain.money import Price, Qty, Usdt
from backstop.domain.order import Order, OrderStatus, Purpose
from backstop.domain.position import Position, PositionStatus, Trade
from backstop.domain.protection import Level, LevelKind, Protection, ResidentStop
from backstop.domain.side import PositionSide, Side
from backstop.domain.signal import SignalStatus
from backstop.domain.slot import Slot
from backstop.engine.effects import (
    Arm,
    BookExecution,
    Change,
    Effect,
    Notice,
    NoticeLevel,
    Quarantine,
    SaveOrder,
    SavePosition,
    SaveTrade,
    SendOrder,
    SetResidentStop,
    SettleSignal,
)
from backstop.store import leases
from backstop.store.query import fetch_one
from backstop.store.trading import Owner
from streamer.database import Pool
from streamer.journal import Fenced, Journal
from tests.conftest import Database
from tests.store.books import Books
from tests.streamer.waiting import eventually

BTC = Symbol("BTCUSDT")
NOON = 1_795_478_400_000


@dataclass
class Desk:
    """An account with a signal to act on, the lease held, and what its journal has done."""

    books: Books
    user: UUID
    account: UUID
    strategy: UUID
    signal: UUID
    epoch: Epoch
    performed: list[Effect] = field(default_factory=list)
    told: int = 0
    react: Callable[[Effect], None] | None = None
    """What an effect causes within the same call."""

    @property
    def position_id(self) -> PositionId:
        return PositionId(self.signal)

    def journal(self, pool: Pool, epoch: Epoch | None = None) -> Journal:
        return Journal(
            pool,
            Owner(self.user, self.account),
            epoch or self.epoch,
            perform=self._perform,
            on_commit=self._tell,
        )

    def _perform(self, effect: Effect) -> None:
        self.performed.append(effect)
        if self.react is not None:
            self.react(effect)

    def _tell(self) -> None:
        self.told += 1

    def position(self, **values: Any) -> Position:
        level = Level(
            self.position_id,
            BTC,
            PositionSide.LONG,
            LevelKind.STOP_LOSS,
            0,
            Price(Decimal(59_000)),
            Decimal(1),
            order_link_id(self.signal, "s1"),
        )
        usual: dict[str, Any] = {
            "strategy_id": StrategyId(self.strategy),
            "signal_id": SignalId(self.signal),
            "status": PositionStatus.OPEN,
            "qty": Qty(Decimal("0.01")),
            "cost": Decimal(600),
            "levels": (level,),
            "levels_round": 1,
            "updated_at": NOON,
        }
        return Position(self.position_id, BTC, PositionSide.LONG, Protection(), NOON, **{**usual, **values})

    def entry(self, **values: Any) -> Order:
        usual: dict[str, Any] = {"signal_id": SignalId(self.signal), "reduce_only": False}
        return Order(
            order_link_id(self.signal, "o"),
            BTC,
            Side.BUY,
            Purpose.ENTRY,
            Qty(Decimal("0.01")),
            NOON,
            self.position_id,
            **{**usual, **values},
        )

    def close(self) -> Order:
        return replace(
            self.entry(),
            link_id=order_link_id(self.signal, "c"),
            side=Side.SELL,
            purpose=Purpose.SIGNAL,
            reduce_only=True,
        )

    def fill(self, exec_id: str = "fill", realised: str = "12") -> BookExecution:
        execution = Execution(
            exec_id,
            BTC,
            Side.SELL,
            "Trade",
            Price(Decimal(61_200)),
            Qty(Decimal("0.01")),
            Usdt(Decimal("0.3366")),
            NOON,
        )
        return BookExecution(execution, self.position_id, Usdt(Decimal(realised)), Usdt(Decimal(0)))

    def trade(self) -> Trade:
        return Trade(
            self.position_id,
            StrategyId(self.strategy),
            BTC,
            PositionSide.LONG,
            Qty(Decimal("0.01")),
            Price(Decimal(60_000)),
            Price(Decimal(61_200)),
            Usdt(Decimal(12)),
            Usdt(Decimal("0.3366")),
            Usdt(Decimal(0)),
            Usdt(Decimal("11.6634")),
            ExitReason.SIGNAL,
            NOON,
            NOON + 1,
        )

    def count(self, table: str) -> int:
        return int(self.books.rows(f"select count(*) as n from {table}")[0]["n"])

    def events(self) -> list[str]:
        return [row["type"] for row in self.books.rows("select type from events order by seq")]


@pytest.fixture
def desk(database: Database, books: Books) -> Desk:
    user = books.user()
    account = books.account(user)
    strategy = books.strategy(user, account)
    signal = books.signal(user, account, strategy)
    with psycopg.connect(database.url_as("backstop_streamer"), autocommit=True) as connection:
        epoch = fetch_one(connection, leases.acquire(leases.account_lease(account), "this"))
    assert epoch is not None
    return Desk(books, user, account, strategy, signal, epoch)


@asynccontextmanager
async def running(journal: Journal) -> AsyncIterator[asyncio.Task[None]]:
    task = asyncio.create_task(journal.run())
    try:
        yield task
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError, Fenced):
            await task


async def written(journal: Journal) -> None:
    async with asyncio.timeout(20):
        await journal.drained()


class Line:
    """A wire to the database that can be cut and stalled."""

    def __init__(self, url: str) -> None:
        self._to = conninfo_to_dict(url)
        self._flowing = asyncio.Event()
        self._flowing.set()
        self._up = True
        self._writers: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None
        self.url = ""

    async def __aenter__(self) -> "Line":
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        port = self._server.sockets[0].getsockname()[1]
        self.url = make_conninfo("", **{**self._to, "host": "127.0.0.1", "hostaddr": None, "port": port})
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        self.cut()
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._server.wait_closed()

    def cut(self) -> None:
        self._up = False
        for writer in tuple(self._writers):
            writer.transport.abort()

    def stall(self) -> None:
        self._flowing.clear()

    def mend(self) -> None:
        self._up = True
        self._flowing.set()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self._writers.add(writer)
        try:
            if self._up:
                there, back = await asyncio.open_connection(str(self._to["host"]), int(str(self._to["port"])))
                self._writers.add(back)
                async with asyncio.TaskGroup() as both:
                    both.create_task(self._copy(reader, back))
                    both.create_task(self._copy(there, writer))
        except* (OSError, asyncio.CancelledError):
            pass
        finally:
            writer.transport.abort()
            self._tasks.discard(task)

    async def _copy(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while data := await reader.read(65536):
                await self._flowing.wait()
                writer.write(data)
                await writer.drain()
        finally:
            writer.transport.abort()


@pytest.fixture
async def line(database: Database) -> AsyncIterator[Line]:
    async with Line(database.url_as("backstop_streamer")) as one:
        yield one


@pytest.fixture
async def far_pool(line: Line) -> AsyncIterator[Pool]:
    """Connections over the line."""
    one = Pool(
        line.url,
        min_size=1,
        max_size=2,
        timeout=2.0,
        kwargs={"autocommit": True, "connect_timeout": 2},
        reconnect_timeout=60,
        open=False,
    )
    await one.open(wait=True)
    yield one
    line.mend()
    await one.close()


# ---- what is written


def _whole_life(desk: Desk) -> tuple[Change, ...]:
    return (
        SaveTrade(desk.trade()),
        SettleSignal(SignalId(desk.signal), SignalStatus.EXECUTED, position_id=desk.position_id),
        desk.fill(),
        SaveOrder(desk.entry(status=OrderStatus.FILLED)),
        SavePosition(desk.position(status=PositionStatus.CLOSED, closed_at=NOON + 1)),
    )


async def test_changes_may_be_told_in_any_order(desk: Desk, pool: Pool) -> None:
    journal = desk.journal(pool)
    async with running(journal):
        for order in permutations(_whole_life(desk)):
            journal.put(order)
        await written(journal)
    for table in ("positions", "levels", "orders", "executions", "trades"):
        assert desk.count(table) == 1, table
    (signal,) = desk.books.rows("select status, position_id from signals")
    assert (signal["status"], signal["position_id"]) == ("executed", desk.position_id)


async def test_each_order_of_changes_satisfies_the_keys_alone(desk: Desk, pool: Pool) -> None:
    changes = _whole_life(desk)
    journal = desk.journal(pool)
    async with running(journal):
        for start in range(len(changes)):
            desk.books.rows("delete from trades; delete from executions; delete from orders; delete from levels")
            desk.books.rows("delete from ledger; delete from positions")
            journal.put((*changes[start:], *changes[:start]))
            await written(journal)
            assert desk.count("trades") == desk.count("positions") == 1


async def test_the_same_changes_again_book_nothing_twice(desk: Desk, pool: Pool) -> None:
    journal = desk.journal(pool)
    async with running(journal):
        for _ in range(3):
            journal.put(_whole_life(desk))
            await written(journal)
    assert desk.count("executions") == 1
    assert {row["kind"]: row["amount"] for row in desk.books.rows("select kind, amount from ledger")} == {
        "realised_pnl": Decimal(12),
        "fee": Decimal("-0.3366"),
    }
    assert desk.events().count("execution") == 1


async def test_events_are_numbered_without_gaps_over_failed_commits(desk: Desk, pool: Pool, database: Database) -> None:
    journal = desk.journal(pool)
    async with running(journal):
        for number in range(30):
            journal.put((desk.fill(f"fill {number}"), SavePosition(desk.position())))
            if number % 10 == 5:
                _terminate(database)
            await asyncio.sleep(0)
        await written(journal)
    seqs = [row["seq"] for row in desk.books.rows("select seq from events order by seq")]
    assert seqs == list(range(1, len(seqs) + 1))
    assert desk.count("executions") == 30


async def test_a_quiet_save_tells_nobody(desk: Desk, pool: Pool) -> None:
    journal = desk.journal(pool)
    async with running(journal):
        journal.put((SavePosition(desk.position()),))
        await written(journal)
        proven = desk.position(resident=ResidentStop(Price(Decimal(58_700)), NOON))
        journal.put((SavePosition(proven, quiet=True),))
        await written(journal)
    assert desk.events() == ["position"]
    (row,) = desk.books.rows("select resident_stop from positions")
    assert row["resident_stop"] == 58_700


async def test_a_quiet_save_in_a_batch_does_not_silence_the_loud_one_before(desk: Desk, pool: Pool) -> None:
    journal = desk.journal(pool)
    journal.put((SavePosition(desk.position()),))
    journal.put((SavePosition(desk.position(), quiet=True),))
    async with running(journal):
        await written(journal)
    assert desk.events() == ["position"]


async def test_what_follows_comes_in_the_order_it_was_put(desk: Desk, pool: Pool) -> None:
    journal = desk.journal(pool)
    wanted: list[Effect] = [SetResidentStop(Slot(BTC), Price(Decimal(number))) for number in range(1, 8)]
    journal.put((SavePosition(desk.position()),), tuple(wanted[:3]))
    journal.put((SaveOrder(desk.entry()),), tuple(wanted[3:4]))
    async with running(journal):
        journal.put((), tuple(wanted[4:]))
        await written(journal)
    assert desk.performed == wanted
    assert desk.told >= 1


@pytest.mark.parametrize("text", ["\x00", 'half a \x00 row "', "\\u0000", "\ud800"])
async def test_whatever_the_exchange_sends_can_be_kept(desk: Desk, pool: Pool, text: str) -> None:
    journal = desk.journal(pool)
    async with running(journal) as task:
        journal.put((Quarantine("private", f"unreadable: {text}", text),))
        journal.put((SaveOrder(replace(desk.close(), position_id=None, reason=f"refused: {text}")),))
        await asyncio.wait([task, asyncio.create_task(written(journal))], return_when=asyncio.FIRST_COMPLETED)
        assert not task.done(), task.exception()
    assert desk.count("quarantine") == 1
    assert desk.count("orders") == 1


# ---- the lease


async def test_nothing_is_written_under_an_epoch_that_has_passed(desk: Desk, pool: Pool) -> None:
    desk.books.rows("update leases set epoch = epoch + 1, holder = 'other'")
    journal = desk.journal(pool)
    journal.put((*_whole_life(desk), Notice(NoticeLevel.INFO, "x", "x")), (SendOrder(desk.entry()),))
    with pytest.raises(Fenced):
        async with asyncio.timeout(20):
            await journal.run()
    for table in ("positions", "orders", "executions", "ledger", "trades", "events"):
        assert desk.count(table) == 0, table
    assert desk.books.rows("select status from signals")[0]["status"] == "accepted"
    assert desk.performed == []


# ---- without a database


def _terminate(database: Database) -> None:
    with psycopg.connect(database.url, autocommit=True) as connection:
        connection.execute(
            "select pg_terminate_backend(pid) from pg_stat_activity"
            " where datname = current_database() and pid <> pg_backend_pid()"
        )


def _arm(desk: Desk) -> Arm:
    return Arm(desk.position().levels)


async def test_what_protects_goes_ahead_and_what_opens_waits(desk: Desk, far_pool: Pool, line: Line) -> None:
    journal = desk.journal(far_pool)
    close, entry = SendOrder(desk.close()), SendOrder(desk.entry())
    line.cut()
    journal.put((SavePosition(desk.position()), SaveOrder(desk.entry())), (_arm(desk), close, entry))
    async with running(journal):
        await eventually(lambda: desk.performed == [_arm(desk), close], "protection without a commit")
        assert desk.count("positions") == 0
        line.mend()
        await written(journal)
    assert desk.performed == [_arm(desk), close, entry]
    assert desk.count("positions") == desk.count("orders") == 1


async def test_what_protects_does_not_wait_for_a_database_that_is_known_to_be_away(
    desk: Desk, far_pool: Pool, line: Line
) -> None:
    journal = desk.journal(far_pool)
    line.cut()
    async with running(journal):
        journal.put((SavePosition(desk.position()),), (_arm(desk),))
        await eventually(lambda: desk.performed == [_arm(desk)])
        stop = SetResidentStop(Slot(BTC), Price(Decimal(58_000)))
        journal.put((SavePosition(desk.position()),), (stop, SendOrder(desk.entry())))
        assert desk.performed == [_arm(desk), stop]
        line.mend()
        await written(journal)
    assert desk.performed == [_arm(desk), stop, SendOrder(desk.entry())]


@pytest.mark.fault(45)
async def test_a_database_that_answers_nothing_counts_as_away(desk: Desk, far_pool: Pool, line: Line) -> None:
    journal = desk.journal(far_pool)
    line.stall()
    journal.put((SavePosition(desk.position()), SaveOrder(desk.entry())), (_arm(desk), SendOrder(desk.entry())))
    async with running(journal):
        await eventually(lambda: desk.performed == [_arm(desk)], "protection while a commit hangs")
        line.mend()
        await written(journal)
    assert desk.performed == [_arm(desk), SendOrder(desk.entry())]
    assert desk.count("positions") == 1


@pytest.mark.fault(45)
async def test_a_database_that_may_only_be_read_counts_as_away(desk: Desk, pool: Pool, database: Database) -> None:
    """As in a failover, when the old server is a replica for a while."""
    name = conninfo_to_dict(database.url)["dbname"]
    desk.books.rows(f"alter database {name} set default_transaction_read_only = on")
    _terminate(database)
    journal = desk.journal(pool)
    journal.put((SavePosition(desk.position()),), (_arm(desk), SendOrder(desk.entry())))
    async with running(journal) as task:
        await eventually(lambda: task.done() or desk.performed == [_arm(desk)])
        assert not task.done(), task.exception()
        with psycopg.connect(database.url, autocommit=True) as connection:
            connection.execute("set default_transaction_read_only = off")
            connection.execute(f"alter database {name} reset default_transaction_read_only".encode())
        _terminate(database)
        await written(journal)
    assert desk.performed == [_arm(desk), SendOrder(desk.entry())]


async def test_a_level_crossed_while_the_database_is_away_is_put_down_too(
    desk: Desk, far_pool: Pool, line: Line
) -> None:
    """Arming one that the price has passed already decides, and commits, within the same call."""
    journal = desk.journal(far_pool)

    def react(effect: Effect) -> None:
        if isinstance(effect, Arm):
            journal.put((SaveOrder(desk.close()),), (SetResidentStop(Slot(BTC), Price(Decimal(1))),))

    desk.react = react
    line.cut()
    async with running(journal) as task:
        journal.put((SavePosition(desk.position()),), (_arm(desk),))
        journal.put((SavePosition(desk.position()),), (SetResidentStop(Slot(BTC), Price(Decimal(2))),))
        await eventually(lambda: task.done() or len(desk.performed) == 3)
        assert not task.done(), task.exception()
        line.mend()
        await written(journal)
    assert len(desk.performed) == 3
    assert desk.count("orders") == 1


@pytest.mark.fault(44)
async def test_terminated_connections_lose_and_double_nothing(desk: Desk, pool: Pool, database: Database) -> None:
    journal = desk.journal(pool)
    entry = SendOrder(desk.entry())
    async with running(journal):
        for number in range(20):
            _terminate(database)
            journal.put((desk.fill(f"fill {number}"), SavePosition(desk.position())), (entry,))
            await written(journal)
    assert desk.performed == [entry] * 20
    assert desk.count("executions") == 20
    assert desk.count("ledger") == 40
