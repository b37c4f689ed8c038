"""Says each second that this process lives, how its connections are, and what the prices are."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime

from backstop.store import health, market
from backstop.store.health import Beat, StreamBeat
from backstop.store.query import aexecute
from backstop.telemetry import logger
from streamer import healthcheck
from streamer.bybit.socket import Socket, SocketState
from streamer.database import AWAY, Pool
from streamer.fleet import Fleet

log = logger("streamer")

BEAT_EVERY_S = 1.0
_STALE_MS = 5_000


class Heartbeat:
    def __init__(
        self,
        pool: Pool,
        holder: str,
        fleet: Fleet,
        clock: Callable[[], int],
    ) -> None:
        self._pool = pool
        self._holder = holder
        self._fleet = fleet
        self._clock = clock
        self._saved: dict[tuple[str, str], int] = {}

    async def run(self) -> None:
        while True:
            healthcheck.touch()
            try:
                await self._beat()
            except AWAY as error:
                log.warning("heartbeat not written", reason=str(error))
            await asyncio.sleep(BEAT_EVERY_S)

    async def _beat(self) -> None:
        async with self._pool.connection(timeout=2.0) as connection:
            await aexecute(connection, health.beat(self._holder, self._health()))
            for environment, market_ in tuple(self._fleet.markets.items()):
                prices = []
                for symbol, quote in sorted(market_.quotes().items()):
                    if self._saved.get((environment, symbol)) != quote.at:
                        self._saved[(environment, symbol)] = quote.at
                        made_at = datetime.fromtimestamp(quote.at / 1000, UTC)
                        prices.append((str(symbol), quote.last, quote.mark, made_at))
                if prices:
                    await aexecute(connection, market.save_prices(environment, prices))

    def _health(self) -> Beat:
        public = [socket for market_ in self._fleet.markets.values() for socket in market_.feed.sockets]
        private = [account.private.socket for account in self._fleet.accounts.values() if account.private is not None]
        banned_for = self._fleet.address.banned_for_ms
        return {
            "public": self._public(public),
            "private": self._worst(private, silence_is_stale=False),
            "rest_banned_until_ms": self._clock() + banned_for if banned_for else None,
        }

    def _public(self, sockets: list[Socket]) -> StreamBeat:
        beat = self._worst(sockets, silence_is_stale=True)
        if beat["state"] == "connected" and any(market_.feed.mute for market_ in self._fleet.markets.values()):
            beat["state"] = "stale"
        return beat

    def _worst(self, sockets: list[Socket], *, silence_is_stale: bool) -> StreamBeat:
        if not sockets:
            return {"state": "idle", "last_message_at_ms": None}
        heard = [socket.last_data_at for socket in sockets if socket.last_data_at is not None]
        oldest = min(heard) if len(heard) == len(sockets) else None
        if any(socket.state is SocketState.DISCONNECTED for socket in sockets):
            return {"state": "disconnected", "last_message_at_ms": oldest}
        if silence_is_stale and (oldest is None or self._clock() - oldest > _STALE_MS):
            return {"state": "stale", "last_message_at_ms": oldest}
        return {"state": "connected", "last_message_at_ms": oldest}
