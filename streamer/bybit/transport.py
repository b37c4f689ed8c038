"""One request at a time to Bybit's REST side, through ccxt: it builds, signs and sends; what comes back is judged here,
by retCode. Keeps to the account's and the address's budget, and learns the exchange's time from every reply.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Literal

import aiohttp

from backstop.telemetry import logger
from backstop.vault import Credentials
from streamer.bybit.answers import KeptBack, NoAnswer, NotSent, Refusal
from streamer.bybit.budget import AccountBudget, AddressBudget
from streamer.bybit.clock_offset import ClockOffset
from streamer.bybit.hosts import Hosts
from streamer.bybit.lean_ccxt import bybit
from streamer.bybit.ret_codes import DUPLICATE_LINK_ID, TOO_MANY, Meaning, meaning_of

log = logger("streamer")

TIMEOUT_MS = 5_000
RECV_WINDOW_MS = 5_000
PATIENCE_MS = 5_000
"""Longer than this nothing waits for its turn."""

_QUERIES_AGAIN = 2
_BAN_TEXT = "access too frequent"


Verb = Literal["GET", "POST"]


def always() -> bool:
    return True


class Address:
    """What all requests and connections of this process share, and who hears when the exchange shuts it out."""

    def __init__(self) -> None:
        self.budget = AddressBudget()
        self.on_ban: set[Callable[[], None]] = set()

    def banned(self) -> None:
        if self.budget.ban(monotonic_ms()):
            log.error("the exchange shut this address out; only closes are tried until it lets us in again")
            for tell in tuple(self.on_ban):
                tell()

    @property
    def banned_for_ms(self) -> int:
        return self.budget.banned_for(monotonic_ms())

    async def connects(self, *, holds: bool) -> None:
        """Wait until one more connection may be made. `holds`: positions depend on it."""
        while True:
            wait = self.budget.connect(monotonic_ms(), holds=holds)
            if wait == 0:
                return
            await asyncio.sleep(wait / 1000)


def monotonic_ms() -> int:
    return time.monotonic_ns() // 1_000_000


class Turns:
    """The account's turn at an endpoint, when its budget and its address's allow."""

    def __init__(self, address: Address) -> None:
        self.address = address
        self._budget = AccountBudget(address.budget)

    def take_close(self, path: str) -> bool:
        """Whether a close may go over the trade socket at once; it is counted then."""
        return self._budget.take(path, monotonic_ms(), closes=True, over_rest=False) == 0

    async def take(self, path: str, *, closes: bool, over_rest: bool = True) -> None:
        """Returns when it is time to send. Raises `NotSent` when that is too far away."""
        deadline = monotonic_ms() + PATIENCE_MS
        while True:
            now = monotonic_ms()
            if not closes and (left := self.address.budget.banned_for(now)):
                raise NotSent(f"this address is shut out by the exchange for {left / 1000:.0f} s more")
            wait = self._budget.take(path, now, closes=closes, over_rest=over_rest)
            if wait == 0:
                return
            if now + wait > deadline:
                raise NotSent(f"over the request budget of {path} for {wait} ms more")
            await asyncio.sleep(wait / 1000)

    def learn(self, path: str, code: int, headers: Mapping[str, str], theirs: int) -> None:
        """From a reply's X-Bapi-Limit headers; `theirs`: the exchange's time now."""
        now = monotonic_ms()
        limit, left, reset = (_whole(headers, f"x-bapi-limit{name}") for name in ("", "-status", "-reset-timestamp"))
        reset_in = reset - theirs if reset is not None else None
        if limit is not None and left is not None:
            self._budget.told(path, limit, left, reset_in or 0, now)
        if code == TOO_MANY:
            self._budget.refused(path, reset_in, now)


class _Ccxt(bybit):  # type: ignore[misc]
    """What ccxt does with what comes back is undone: it names half of the codes wrongly, and guesses."""

    _stamp = 0

    def stamp(self) -> None:
        """Sign the next request for this moment: suspended for longer than the receive window before it leaves, it is
        refused by the exchange as too old."""
        self._stamp = int(super().nonce())

    def nonce(self) -> int:
        return self._stamp

    def handle_errors(  # noqa: PLR0913, PLR0917 - ccxt's
        self,
        httpCode: int,  # noqa: N803
        reason: str,
        url: str,
        method: str,
        headers: dict[str, str],
        body: str,
        response: object,
        requestHeaders: object,  # noqa: N803
        requestBody: object,  # noqa: N803
    ) -> None:
        if httpCode != 200 or not isinstance(response, dict):
            raise _HttpTrouble(httpCode, str(body))


class _HttpTrouble(Exception):
    def __init__(self, status: int, body: str) -> None:
        super().__init__(f"HTTP {status}: {body[:200]}")
        self.status = status
        self.body = body


class Transport:
    """One account's (or nobody's). Close it when done; the session stays open."""

    def __init__(
        self,
        hosts: Hosts,
        credentials: Credentials | None,
        session: aiohttp.ClientSession,
        clock: Callable[[], int],
        address: Address,
    ) -> None:
        self.turns = Turns(address)
        self.offset = ClockOffset()
        self._clock = clock
        self._ccxt: Any = _Ccxt(
            {
                "apiKey": credentials.api_key if credentials else "",
                "secret": credentials.api_secret if credentials else "",
                "session": session,
                "enableRateLimit": False,
                "returnResponseHeaders": True,
                "timeout": TIMEOUT_MS,
                "urls": {"api": {"public": hosts.rest, "private": hosts.rest}},
                "options": {
                    "recvWindow": RECV_WINDOW_MS,
                    "maxRetriesOnFailure": 0,
                    "enableUnifiedMargin": False,
                    "enableUnifiedAccount": True,
                    "unifiedMarginStatus": 6,
                },
            }
        )

    async def close(self) -> None:
        await self._ccxt.close()

    async def ask(
        self,
        verb: Verb,
        path: str,
        parameters: Mapping[str, Any],
        *,
        closes: bool = False,
        sending: Callable[[], bool] = always,
    ) -> dict[str, Any]:
        """The reply with retCode 0 (or one that means the same). `sending`: called right before it leaves; False keeps it
        back. A query that was one too many is asked again when its endpoint's limit is reset.

        Raises `KeptBack`, `NotSent`, `Refusal` or `NoAnswer`, which is all that a lost or unclear reply tells.
        """
        for _ in range(_QUERIES_AGAIN if verb == "GET" else 0):
            try:
                return await self._ask(verb, path, parameters, closes=closes, sending=sending)
            except Refusal as refusal:
                if refusal.code != TOO_MANY or self.turns.address.banned_for_ms:
                    raise
        return await self._ask(verb, path, parameters, closes=closes, sending=sending)

    async def _ask(
        self, verb: Verb, path: str, parameters: Mapping[str, Any], *, closes: bool, sending: Callable[[], bool]
    ) -> dict[str, Any]:
        await self.turns.take(path, closes=closes)
        self._ccxt.stamp()
        if not sending():
            raise KeptBack
        access = "public" if path.startswith("/v5/market/") else "private"
        implicit = f"{access}_{verb.lower()}{path.replace('/', '_').replace('-', '_')}"
        send: Callable[[dict[str, Any]], Awaitable[Any]] = getattr(self._ccxt, implicit)
        sent = self._clock()
        try:
            reply = await send(dict(parameters))
        except _HttpTrouble as trouble:
            if trouble.status == 403 and _BAN_TEXT in trouble.body.lower():
                self.turns.address.banned()
                raise Refusal(TOO_MANY, _BAN_TEXT) from None
            raise NoAnswer(str(trouble)) from None
        except Exception as error:  # noqa: BLE001 - ccxt's errors and aiohttp's are many, and none tells what arrived
            raise NoAnswer(f"{type(error).__name__}: {str(error)[:200]}") from None
        return self._judge(path, reply, sent)

    def _judge(self, path: str, reply: dict[str, Any], sent: int) -> dict[str, Any]:
        headers = reply.pop("responseHeaders", {})
        code = reply.get("retCode")
        if not isinstance(code, int):
            raise NoAnswer("the reply is not an answer")
        received, theirs = self._clock(), reply.get("time")
        if isinstance(theirs, int):
            self.offset.observe(sent, received, theirs, monotonic_ms())
            self._ccxt.options["timeDifference"] = self.offset.ms
        self.turns.learn(path, code, {key.lower(): value for key, value in headers.items()}, received - self.offset.ms)
        return judged(code, reply)


def judged(code: int, reply: dict[str, Any]) -> dict[str, Any]:
    """The reply, if its retCode says that what was asked is done. Raises `Refusal` or `NoAnswer`."""
    meaning = meaning_of(code)
    message = str(reply.get("retMsg", ""))
    if meaning is Meaning.AMBIGUOUS and code != DUPLICATE_LINK_ID:
        raise NoAnswer(f"{code}: {message}")
    if meaning is not Meaning.DONE:
        raise Refusal(code, message)
    if not isinstance(reply.get("result"), dict):
        if code == 0:
            raise NoAnswer("the reply is not an answer")
        reply["result"] = {}
    return reply


def _whole(headers: Mapping[str, str], name: str) -> int | None:
    text = headers.get(name, "")
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 15 else None
