"""The wires: requests that are late, lost or answered in vain; streams that drop, fall silent, repeat and reorder."""

from collections.abc import Callable, Mapping
from random import Random
from typing import Any, cast

import msgspec

from streamer.bybit.answers import KeptBack, NoAnswer, NotSent, Refusal
from streamer.bybit.budget import AddressBudget
from streamer.bybit.clock_offset import ClockOffset
from streamer.bybit.private import PrivateStream
from streamer.bybit.public import SILENCE_S, PublicStream
from streamer.bybit.rest import BybitRest
from streamer.bybit.ret_codes import OK, TOO_MANY
from streamer.bybit.socket import PULSE, Backoff
from streamer.bybit.transport import TIMEOUT_MS, Transport, always, judged
from tests.simulation.clock import Answer, Heap
from tests.simulation.faults import Dice, Kind
from tests.simulation.process import Process
from tests.simulation.store import Store
from tests.simulation.venue import Reply, Venue


class Forbidden(NoAnswer):
    """HTTP 403: the exchange shuts the address out."""


_FORBIDDEN = Forbidden("403")


class StoreDown(Exception):
    """The database did not answer; what was asked of it may have happened."""


class SimRest(BybitRest):
    """The streamer's own REST client on a simulated wire: all but the transport is its code."""

    def __init__(self, process: Process, wire: "Wire") -> None:
        self._clock = process.clock
        self.leverage = {}
        self.address = AddressBudget()
        self._transport = cast("Transport", SimTransport(process, wire, self.address))


class SimTransport:
    """In place of HTTP; its budget is the exchange's to keep here, but for what it may do while it is shut out."""

    def __init__(self, process: Process, wire: "Wire", address: AddressBudget) -> None:
        self._address = address
        self.offset = ClockOffset()
        self._process = process
        self._wire = wire

    async def ask(
        self,
        verb: str,
        path: str,
        parameters: Mapping[str, Any],
        *,
        closes: bool = False,
        sending: Callable[[], bool] = always,
    ) -> dict[str, Any]:
        process = self._process
        process.point()
        access = "public" if path.startswith("/v5/market/") else "private"
        method = f"{access}_{verb.lower()}{path.replace('/', '_').replace('-', '_')}"
        if not closes and self._address.banned_for(process.clock()):
            self._wire.trouble()
            raise NotSent("shut out by the exchange")
        if not sending():
            raise KeptBack
        sent = process.clock()
        signed_at = sent - self.offset.ms
        if path == "/v5/order/create":
            self._wire.on_order_signed(process, parameters)
        if process.stalls():
            self._wire.stall(process)
            resumed = Answer()
            process.deliver(resumed.give)
            await resumed
        if path == "/v5/order/create":
            self._wire.on_order_sent(process, parameters)
        answer = Answer()
        self._wire.request(process, method, parameters, signed_at, answer)
        try:
            reply: dict[str, Any] = await answer
        except Forbidden:
            self._address.ban(process.clock())
            raise Refusal(TOO_MANY, "access too frequent") from None
        if "time" in reply:
            self.offset.observe(sent, process.clock(), reply["time"], process.clock())
        return judged(int(reply["retCode"]), reply)


class Wire:
    """Between processes and the venue's REST side."""

    def __init__(self, heap: Heap, random: Random, dice: Dice, venue: Venue) -> None:
        self._heap = heap
        self._random = random
        self._dice = dice
        self._venue = venue
        self.troubled_at = 0
        """When a request last came to nothing or told what was old."""
        self.stall: Callable[[Process], None] = lambda _process: None
        self.on_order_signed: Callable[[Process, Mapping[str, Any]], None] = lambda _process, _body: None
        self.on_order_sent: Callable[[Process, Mapping[str, Any]], None] = lambda _process, _body: None

    def trouble(self) -> None:
        self.troubled_at = self._heap.now

    def request(
        self, process: Process, method: str, parameters: Mapping[str, Any], signed_at: int, answer: Answer
    ) -> None:
        dice, random = self._dice, self._random
        up = 2 + int(random.random() * random.random() * 120)
        if dice.hits(Kind.REQUEST_SLOW):
            up += dice.of(Kind.REQUEST_SLOW).randint(500, 9_000)
        if up > 500:
            self.troubled_at = self._heap.now + up
        if dice.hits(Kind.REQUEST_LOST):
            self.troubled_at = self._heap.now
            process.after(TIMEOUT_MS, answer.fail, NoAnswer("timed out"))
            return
        if up >= TIMEOUT_MS:
            process.after(TIMEOUT_MS, answer.fail, NoAnswer("timed out"))
        self._heap.after(up, self._arrive, process, method, parameters, signed_at, answer, up)

    def _arrive(
        self,
        process: Process,
        method: str,
        parameters: Mapping[str, Any],
        signed_at: int,
        answer: Answer,
        up: int,
    ) -> None:
        if self._heap.now < self._venue.banned_until:
            self.troubled_at = self._heap.now
            process.after(1, answer.fail, _FORBIDDEN)
            return
        reply: Reply = {**self._venue.answer(method, parameters, signed_at), "time": self._heap.now}
        if reply["retCode"] not in (OK, 110017, 110043, 110072, 34040) or self._venue.lag:
            self.troubled_at = self._heap.now
        if up >= TIMEOUT_MS:
            return
        down = 1 + int(self._random.random() * 15)
        if self._dice.hits(Kind.ACK_LOST):
            self.troubled_at = self._heap.now
            process.after(TIMEOUT_MS - up, answer.fail, NoAnswer("timed out"))
        elif self._dice.hits(Kind.HTTP_ERROR):
            self.troubled_at = self._heap.now
            process.after(down, answer.fail, NoAnswer("502"))
        else:
            process.after(down, answer.give, reply)


class StoreLink:
    """One process's connections to the database."""

    def __init__(self, heap: Heap, random: Random, dice: Dice, store: Store, weather: "StoreWeather") -> None:
        self._heap = heap
        self._random = random
        self._dice = dice
        self._weather = weather
        self.store = store

    async def do(self, process: Process, work: Callable[[], Any], *, commits: bool = False) -> Any:
        """Run `work` in the database; raises `StoreDown` when no answer comes, whatever came of it."""
        process.point()
        answer = Answer()
        weather = self._weather
        if weather.down:
            wait = 2_000 if self._random.random() < 0.3 else self._random.randint(1, 40)
            process.after(wait, answer.fail, StoreDown("no answer"))
        else:
            delay = 1 + int(self._random.random() * 4) + weather.slow_by
            self._heap.after(delay, self._serve, process, work, answer, commits, weather.cuts)
        result = await answer
        process.point()
        return result

    def _serve(self, process: Process, work: Callable[[], Any], answer: Answer, commits: bool, cuts: int) -> None:
        weather = self._weather
        if weather.down or weather.cuts != cuts:
            process.after(1, answer.fail, StoreDown("no answer"))
            return
        if weather.silent:
            weather.hanging.append((process, work, answer))
            return
        if commits and self._dice.hits(Kind.COMMIT_UNKNOWN):
            if self._dice.of(Kind.COMMIT_UNKNOWN).random() < 0.6:
                work()
            process.after(3, answer.fail, StoreDown("no answer"))
            return
        result = work()
        self._heap.after(1 + int(self._random.random() * 2), self._reply, process, answer, result, cuts)

    def _reply(self, process: Process, answer: Answer, result: Any, cuts: int) -> None:
        if self._weather.cuts != cuts:
            process.deliver(answer.fail, StoreDown("no answer"))
        else:
            process.deliver(answer.give, result)


class StoreWeather:
    """Whether the database can be reached. `cuts` counts how often all connections were lost."""

    def __init__(self) -> None:
        self.down = False
        self.silent = False
        self.slow_by = 0
        self.cuts = 0
        self.hanging: list[tuple[Process, Callable[[], Any], Answer]] = []

    def cut(self) -> None:
        self.down = True
        self.cuts += 1
        self.let_go()

    def let_go(self) -> None:
        """What hung without an answer is lost."""
        self.silent = False
        hanging, self.hanging = self.hanging, []
        for process, _, answer in hanging:
            process.deliver(answer.fail, StoreDown("no answer"))


class StreamLink:
    """One process's private or public connection, kept alive as `streamer.bybit.socket` does."""

    def __init__(
        self,
        process: Process,
        heap: Heap,
        random: Random,
        reachable: Callable[[], bool],
        stream: PrivateStream | PublicStream,
        on_open: Callable[[], None],
    ) -> None:
        self.process = process
        self.stream = stream
        self.open = False
        self.mute_until = 0
        self.dead = False
        """Half open: the other end is gone, and nobody has said so."""
        self.opened_at = 0
        self._heap = heap
        self._random = random
        self._reachable = reachable
        self._on_open = on_open
        self._lost = Answer()
        self._data_at = 0
        self._arrives_at: dict[str, int] = {}
        self._silence = round(SILENCE_S * 1000) if isinstance(stream, PublicStream) else None
        self._backoff = Backoff(random)

    async def run(self) -> None:
        failures = 0
        while True:
            started = self._heap.now
            await self.process.sleep(self._random.uniform(0.02, 0.3))
            if self._reachable():
                self._lost = Answer()
                self.open, self.dead, self.mute_until = True, False, 0
                self.opened_at = self._data_at = self._heap.now
                self._on_open()
                self._watch(self.opened_at)
                await self._lost
            self.open = False
            self.stream.closed()
            failures = 0 if self._heap.now - started > 30_000 else failures + 1
            await self.process.sleep(self._backoff.wait_s(failures - 1 if failures else 0))

    def _watch(self, opened_at: int) -> None:
        """The data timer of a public stream."""
        if self._silence is None or not self.open or self.opened_at != opened_at:
            return
        assert isinstance(self.stream, PublicStream)
        if not self.stream.symbols:
            self._data_at = self._heap.now
        left = self._data_at + self._silence - self._heap.now
        if left <= 0:
            self.lose()
        else:
            self.process.after(left, self._watch, opened_at)

    def go_dead(self) -> None:
        """The other end vanishes without a word; no pong comes back, which is noticed in the end."""
        if self.open and not self.dead:
            self.dead = True
            self.process.after(round(PULSE.dead_after_s * 1000), self._unanswered, self.opened_at)

    def _unanswered(self, opened_at: int) -> None:
        if self.opened_at == opened_at:
            self.lose()

    def lose(self) -> None:
        """The connection is gone, and this end knows."""
        if self.open:
            self.open = False
            self.process.deliver(self._lost.give)

    def push(self, frame: bytes, delay: int, lane: str = "", *, overtakes: bool = False) -> None:
        """Deliver a frame; those of one lane keep their order unless one overtakes."""
        now = self._heap.now
        if not self.open or self.dead or now < self.mute_until:
            return
        at = now + delay
        if not overtakes:
            at = max(at, self._arrives_at.get(lane, 0))
            self._arrives_at[lane] = at
        self._heap.at(at, self.process.deliver, self._receive, frame, self.opened_at)

    def _receive(self, frame: bytes, opened_at: int) -> None:
        if self.open and self.opened_at == opened_at and not self.dead and self.stream.receive(frame):
            self._data_at = self._heap.now


class PrivateFanOut:
    """What the exchange pushes, to every connection that listens: late, twice, out of order, or not at all."""

    def __init__(self, random: Random, dice: Dice) -> None:
        self.links: list[StreamLink] = []
        self.reports = True
        self._random = random
        self._dice = dice

    def publish(self, topic: str, row: Mapping[str, Any]) -> None:
        frame, new = b"", self._dice.hits(Kind.NOVELTY)
        for link in self.links:
            if not link.open:
                continue
            dice = self._dice
            frame = frame or msgspec.json.encode({"topic": topic, "id": "", "data": [_novel(row) if new else row]})
            delay = 3 + int(self._random.random() * 60)
            if dice.hits(Kind.MESSAGE_LOST):
                continue
            if dice.hits(Kind.REORDER):
                link.push(frame, delay + dice.of(Kind.REORDER).randint(50, 4_000), topic, overtakes=True)
            else:
                link.push(frame, delay, topic)
            if dice.hits(Kind.DUPLICATE):
                link.push(frame, delay + dice.of(Kind.DUPLICATE).randint(1, 8_000), topic, overtakes=True)


_OPTIONAL = ("createType", "stopOrderType", "rejectReason", "entryPrice", "category")


def _novel(row: Mapping[str, Any]) -> dict[str, Any]:
    """As an exchange writes it that has learnt something since."""
    kept = {key: value for key, value in row.items() if key not in _OPTIONAL}
    return kept | {"novelField": {"of": ["what", 1]}, "smpType": "Novel"}
