"""Tells dashboards: events of the outbox in order, prices conflated, health on a beat. Never in the way of trading.

A connection's first messages come from the API when it says hello; from the `seq` told there on, it is fed from here.
Source: API Gateway's @connections (32 KB frames, 128 KB messages, 410 when the connection is gone).
"""

import asyncio
import json
from collections.abc import Callable, Iterable
from typing import Any
from uuid import UUID

import boto3
from botocore.config import Config as BotoConfig
from botocore.exceptions import BotoCoreError, ClientError

from backstop.store import dashboards, health, live
from backstop.store.live import Connection
from backstop.store.query import aexecute, afetch_all, afetch_one
from backstop.telemetry import logger
from streamer.database import AWAY, Pool

log = logger("streamer")

PRICES_EVERY_S = 0.25
HEALTH_EVERY_S = 2.0
_LOOK_EVERY_S = 1.0
_BATCH = 200

Prices = Callable[[UUID], list[dict[str, Any]]]


class Pusher:
    def __init__(
        self,
        pool: Pool,
        endpoint: str,
        *,
        prices: Prices,
        clock: Callable[[], int],
        version: str,
    ) -> None:
        self._pool = pool
        self._prices = prices
        self._clock = clock
        self._version = version
        self._wake = asyncio.Event()
        self._connections: dict[str, Connection] = {}
        self._told: dict[str, int] = {}
        self._priced: dict[str, dict[str, int]] = {}
        self._posting = asyncio.Semaphore(8)
        self._client: Any = boto3.client(
            "apigatewaymanagementapi",
            endpoint_url=endpoint,
            config=BotoConfig(connect_timeout=1, read_timeout=2, retries={"max_attempts": 1}, max_pool_connections=16),
        )

    def wake(self) -> None:
        self._wake.set()

    async def run(self) -> None:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._push_events())
            tasks.create_task(self._push_prices())
            tasks.create_task(self._push_health())

    async def _push_events(self) -> None:
        while True:
            try:
                await self._feed_all()
            except AWAY as error:
                log.warning("outbox not read", reason=str(error))
            try:
                async with asyncio.timeout(_LOOK_EVERY_S):
                    await self._wake.wait()
            except TimeoutError:
                pass
            self._wake.clear()

    async def _feed_all(self) -> None:
        async with self._pool.connection(timeout=2.0) as connection:
            connected = await afetch_all(connection, live.connected())
            ended = [row.connection_id for row in connected if row.session_ended]
            told_to = [row for row in connected if row.live_from is not None and not row.session_ended]
            listening = {row.connection_id: row for row in told_to}
            self._connections = listening
            self._told = {name: seq for name, seq in self._told.items() if name in listening}
            self._priced = {name: sent for name, sent in self._priced.items() if name in listening}
            for name, row in listening.items():
                self._told[name] = max(self._told.get(name, 0), row.live_from or 0)
            # Each from where it stands: one that fell behind is not to hold back the others of its user.
            standing: dict[tuple[UUID, int], list[str]] = {}
            for name, row in listening.items():
                standing.setdefault((row.user_id, self._told[name]), []).append(name)
            waiting: dict[str, list[dict[str, Any]]] = {}
            for (user_id, seq), names in standing.items():
                events = await afetch_all(connection, dashboards.events_after(user_id, seq, _BATCH))
                messages = [dashboards.message_of(event.item) for event in events]
                waiting |= dict.fromkeys(names, messages)
        await asyncio.gather(*(self._end(name) for name in ended))
        fed = await asyncio.gather(*(self._feed(name, messages) for name, messages in waiting.items()))
        if any(count == _BATCH for count in fed):
            self._wake.set()

    async def _feed(self, name: str, messages: list[dict[str, Any]]) -> int:
        """How many of these it took."""
        for count, message in enumerate(messages):
            if not await self._post(name, message):
                return count
            self._told[name] = message["seq"]
        return len(messages)

    async def _push_prices(self) -> None:
        while True:
            await asyncio.sleep(PRICES_EVERY_S)
            await asyncio.gather(*(self._tell_prices(row) for row in tuple(self._connections.values())))

    async def _tell_prices(self, row: Connection) -> None:
        sent = self._priced.setdefault(row.connection_id, {})
        changed = [price for price in self._prices(row.user_id) if sent.get(price["symbol"]) != price["ts"]]
        if changed:
            message = {"v": 1, "type": "price", "ts": self._clock(), "data": {"prices": changed}}
            if await self._post(row.connection_id, message):
                sent.update({price["symbol"]: price["ts"] for price in changed})

    async def _push_health(self) -> None:
        while True:
            await asyncio.sleep(HEALTH_EVERY_S)
            if not self._connections:
                continue
            try:
                async with self._pool.connection(timeout=1.0) as connection:
                    found = await afetch_one(connection, health.newest_beat(self._version))
            except AWAY:
                found = health.without_streamer(self._version, "unavailable")
            if found is not None:
                message = {"v": 1, "type": "health", "ts": self._clock(), "data": found.model_dump(mode="json")}
                await asyncio.gather(*(self._post(name, message) for name in tuple(self._connections)))

    async def _post(self, name: str, message: dict[str, Any]) -> bool:
        """Whether the connection took it. One that is gone is forgotten."""
        data = json.dumps(message, separators=(",", ":")).encode()
        try:
            async with self._posting:
                await asyncio.to_thread(self._client.post_to_connection, ConnectionId=name, Data=data)
        except self._client.exceptions.GoneException:
            await self._forget([name])
            return False
        except (ClientError, BotoCoreError) as error:
            log.warning("push failed", reason=str(error))
            return False
        return True

    async def _end(self, name: str) -> None:
        """Close a connection whose session is over: its user logged out, or was made to."""
        try:
            await asyncio.to_thread(self._client.delete_connection, ConnectionId=name)
        except self._client.exceptions.GoneException:
            pass
        except (ClientError, BotoCoreError) as error:
            log.warning("connection of an ended session not closed", reason=str(error))
            return
        await self._forget([name])

    async def _forget(self, names: Iterable[str]) -> None:
        for name in names:
            self._connections.pop(name, None)
            try:
                async with self._pool.connection(timeout=1.0) as connection:
                    await aexecute(connection, dashboards.remove_connection(name))
            except AWAY as error:
                log.warning("gone connection not removed", reason=str(error))
