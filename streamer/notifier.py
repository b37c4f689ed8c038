"""Sends what is queued for notification channels, until their provider takes it. Never in the way of trading."""

import asyncio
import json

from backstop.store import notifications
from backstop.store.notifications import DueChannel, WaitingMessage
from backstop.store.query import aexecute, afetch_all
from backstop.telemetry import logger
from backstop.vault import BytesOpener, ChannelContext, VaultError
from streamer.couriers import Couriers
from streamer.database import AWAY, Pool
from streamer.wording import letter

log = logger("streamer")

_LOOK_EVERY_S = 1.0
_AT_ONCE = 4
_FIRST_AGAIN_S, _LAST_AGAIN_S = 5.0, 600.0


class Notifier:
    def __init__(self, pool: Pool, opener: BytesOpener, couriers: Couriers) -> None:
        self._pool = pool
        self._opener = opener
        self._couriers = couriers

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            try:
                busy = await self.send_due()
            except AWAY as error:
                log.warning("notifications not read", reason=str(error))
                busy = False
            if not busy:
                await asyncio.sleep(_LOOK_EVERY_S)

    async def send_due(self) -> bool:
        """Send what is due now, several channels at once; whether there was any."""
        async with self._pool.connection(timeout=2.0) as connection:
            await aexecute(connection, notifications.give_up())
            due = await afetch_all(connection, notifications.claim_due(_AT_ONCE))
        await asyncio.gather(*(self._serve(channel) for channel in due))
        return bool(due)

    async def _serve(self, channel: DueChannel) -> None:
        async with self._pool.connection(timeout=2.0) as connection:
            messages = await afetch_all(connection, notifications.waiting_messages(channel))
        error = await asyncio.to_thread(self._send, channel, messages) if messages else None
        ids = [message.id for message in messages]
        if error is None:
            outcome = notifications.taken(channel, ids)
        else:
            log.warning("notification not taken", provider=channel.provider, reason=error)
            outcome = notifications.not_taken(channel, ids, error, again_in_s(channel.failures))
        async with self._pool.connection(timeout=2.0) as connection:
            await aexecute(connection, outcome)

    def _send(self, channel: DueChannel, messages: list[WaitingMessage]) -> str | None:
        try:
            parts = json.loads(
                self._opener.open_bytes(channel.sealed, ChannelContext(channel.user_id, channel.provider))
            )
        except VaultError:
            return "what was stored of it cannot be opened; set it up again"
        return self._couriers.send(channel.provider, parts, letter(messages))


def again_in_s(failures: int) -> float:
    """How long to wait after a failure that `failures` others came before."""
    return float(min(_FIRST_AGAIN_S * 2 ** min(failures, 10), _LAST_AGAIN_S))
