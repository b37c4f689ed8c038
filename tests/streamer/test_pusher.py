"""Dashboards are told everything in order, each from where it stands, and one in trouble holds back no other."""

import asyncio
import json
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from aiohttp import web
from psycopg.types.json import Jsonb

from backstop.contracts.live import NoticeData
from backstop.store import dashboards
from backstop.store.query import afetch_one
from streamer.clock import now_ms
from streamer.database import Pool
from streamer.pusher import Pusher
from tests.store.books import Books
from tests.streamer.waiting import eventually


@pytest.fixture(autouse=True)
def cloud(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {
        "AWS_ACCESS_KEY_ID": "local",
        "AWS_SECRET_ACCESS_KEY": "local",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_EC2_METADATA_DISABLED": "true",
    }.items():
        monkeypatch.setenv(name, value)


@dataclass
class Gateway:
    """@connections as API Gateway serves it."""

    url: str = ""
    got: dict[str, list[dict[str, Any]]] = field(default_factory=lambda: defaultdict(list))
    gone: set[str] = field(default_factory=set)
    failing: set[str] = field(default_factory=set)
    asked: list[str] = field(default_factory=list)
    closed: list[str] = field(default_factory=list)

    async def post(self, request: web.Request) -> web.Response:
        name = request.match_info["name"]
        self.asked.append(name)
        if name in self.gone:
            return web.json_response({}, status=410, headers={"x-amzn-ErrorType": "GoneException"})
        if name in self.failing:
            return web.json_response({}, status=403, headers={"x-amzn-ErrorType": "ForbiddenException"})
        self.got[name].append(json.loads(await request.read()))
        return web.Response()

    async def delete(self, request: web.Request) -> web.Response:
        self.closed.append(request.match_info["name"])
        return web.Response(status=204)

    def seqs(self, name: str) -> list[int]:
        return [message["seq"] for message in self.got[name] if "seq" in message]

    def prices(self, name: str) -> list[dict[str, Any]]:
        return [
            price for message in self.got[name] if message["type"] == "price" for price in message["data"]["prices"]
        ]


@pytest.fixture
async def gateway() -> AsyncIterator[Gateway]:
    one = Gateway()
    app = web.Application()
    app.router.add_post("/@connections/{name}", one.post)
    app.router.add_delete("/@connections/{name}", one.delete)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.2)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    one.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield one
    await runner.cleanup()


@dataclass
class Room:
    """A user, their dashboards, and what their prices are."""

    books: Books
    pool: Pool
    gateway: Gateway
    user: UUID
    prices: list[dict[str, Any]] = field(default_factory=list)

    def connects(
        self, name: str, live_from: int | None = 0, user: UUID | None = None, session: UUID | None = None
    ) -> str:
        self.books.insert(
            "ws_connections",
            connection_id=name,
            user_id=user or self.user,
            live_from=live_from,
            session_id=session,
        )
        return name

    def logs_in(self) -> UUID:
        session = uuid4()
        expires = datetime.now(UTC) + timedelta(days=1)
        self.books.insert("sessions", id=session, user_id=self.user, expires_at=expires)
        return session

    async def happen(self, count: int, user: UUID | None = None) -> None:
        async with self.pool.connection() as connection:
            for number in range(count):
                notice = NoticeData(level="info", code="test", message=str(number))
                await afetch_one(connection, dashboards.append_event(user or self.user, "notice", notice))

    @asynccontextmanager
    async def pushing(self) -> AsyncIterator[Pusher]:
        pusher = Pusher(
            self.pool,
            self.gateway.url,
            prices=lambda user_id: self.prices if user_id == self.user else [],
            clock=now_ms,
            version="test",
        )
        task = asyncio.create_task(pusher.run())
        try:
            yield pusher
            assert not task.done(), task.exception()
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task


@pytest.fixture
def room(books: Books, pool: Pool, gateway: Gateway) -> Room:
    return Room(books, pool, gateway, books.user())


async def test_each_dashboard_is_told_in_order_from_where_it_stands(room: Room) -> None:
    await room.happen(5)
    room.connects("new", 0)
    room.connects("informed", 3)
    room.connects("silent", None)
    async with room.pushing() as pusher:
        await eventually(lambda: room.gateway.seqs("informed") == [4, 5] and len(room.gateway.seqs("new")) == 5)
        await room.happen(3)
        pusher.wake()
        await eventually(lambda: room.gateway.seqs("informed") == [4, 5, 6, 7, 8])
        await eventually(lambda: room.gateway.seqs("new") == [1, 2, 3, 4, 5, 6, 7, 8])
    assert "silent" not in room.gateway.asked


async def test_nobody_is_told_what_is_anothers(room: Room) -> None:
    other = room.books.user()
    room.connects("mine")
    room.connects("theirs", user=other)
    await room.happen(2)
    await room.happen(1, other)
    async with room.pushing():
        await eventually(lambda: len(room.gateway.seqs("mine")) == 2 and len(room.gateway.seqs("theirs")) == 1)
    assert {message["data"]["message"] for message in room.gateway.got["theirs"] if "seq" in message} == {"0"}


@pytest.mark.fault(58)
async def test_a_connection_that_is_gone_is_forgotten(room: Room) -> None:
    room.connects("here")
    room.connects("gone")
    room.gateway.gone.add("gone")
    await room.happen(3)
    async with room.pushing():
        await eventually(lambda: room.gateway.seqs("here") == [1, 2, 3])
        await eventually(
            lambda: [row["connection_id"] for row in room.books.rows("select * from ws_connections")] == ["here"]
        )


async def test_one_that_fails_holds_back_no_other_however_far_it_falls_behind(room: Room) -> None:
    room.connects("well")
    room.connects("ill")
    room.gateway.failing.add("ill")
    await room.happen(450)
    async with room.pushing() as pusher:
        await eventually(lambda: len(room.gateway.seqs("well")) == 450, "all events")
        await room.happen(1)
        pusher.wake()
        await eventually(lambda: len(room.gateway.seqs("well")) == 451, "the newest event")
        room.gateway.failing.clear()
        await eventually(lambda: len(room.gateway.seqs("ill")) == 451, "what was missed")
    assert room.gateway.seqs("ill") == room.gateway.seqs("well") == list(range(1, 452))


async def test_a_failing_connection_is_not_asked_again_and_again(room: Room) -> None:
    room.connects("ill")
    room.connects("well", 250)
    room.gateway.failing.add("ill")
    await room.happen(250)
    async with room.pushing() as pusher:
        await eventually(lambda: room.gateway.asked)
        for number in range(1, 4):
            await room.happen(1)
            pusher.wake()
            await eventually(lambda number=number: len(room.gateway.seqs("well")) == number)  # type: ignore[misc]
    assert len(room.gateway.asked) < 30, "asked without being woken"


async def test_prices_are_sent_when_they_changed_and_only_then(room: Room) -> None:
    room.connects("one")
    room.prices = [_price("BTCUSDT", 1), _price("ETHUSDT", 1)]
    async with room.pushing():
        await eventually(lambda: len(room.gateway.prices("one")) == 2)
        room.prices = [_price("BTCUSDT", 1), _price("ETHUSDT", 2)]
        await eventually(lambda: len(room.gateway.prices("one")) == 3)
        room.prices = [_price("BTCUSDT", 3), _price("ETHUSDT", 2)]
        await eventually(lambda: len(room.gateway.prices("one")) == 4)
    told = [(price["symbol"], price["ts"]) for price in room.gateway.prices("one")]
    assert told == [("BTCUSDT", 1), ("ETHUSDT", 1), ("ETHUSDT", 2), ("BTCUSDT", 3)]


async def test_health_is_told_on_a_beat(room: Room) -> None:
    room.connects("one")
    idle = {"state": "idle", "last_message_at_ms": None}
    room.books.insert(
        "heartbeats", holder=str(uuid4()), beat_at=room.books.rows("select now() as t")[0]["t"],
        health=Jsonb({"public": idle, "private": idle}),
    )  # fmt: skip
    async with room.pushing():
        told = await eventually(lambda: [m for m in room.gateway.got["one"] if m["type"] == "health"])
    assert told[0]["data"]["streamer"]["alive"] is True
    assert "seq" not in told[0]


def _price(symbol: str, ts: int) -> dict[str, Any]:
    return {"symbol": symbol, "environment": "simulator", "last": "1", "mark": "1", "ts": ts}


@pytest.mark.fault(60)
@pytest.mark.parametrize("end", ["revoked_at = now()", "expires_at = now()"], ids=["logged out", "expired"])
async def test_a_dashboard_is_told_nothing_and_closed_once_its_session_is_over(room: Room, end: str) -> None:
    session = room.logs_in()
    room.connects("over", session=session)
    room.connects("waiting", None, session=session)
    room.connects("other", session=room.logs_in())
    async with room.pushing() as pusher:
        await room.happen(1)
        pusher.wake()
        await eventually(lambda: room.gateway.seqs("over") == room.gateway.seqs("other") == [1])
        room.books.rows(f"update sessions set {end} where id = %s", session)
        await room.happen(1)
        pusher.wake()
        await eventually(lambda: room.gateway.seqs("other") == [1, 2])
        await eventually(lambda: sorted(room.gateway.closed) == ["over", "waiting"])
    assert room.gateway.seqs("over") == [1]
    assert [row["connection_id"] for row in room.books.rows("select connection_id from ws_connections")] == ["other"]
