"""1. From the exchange writing the tick that crosses a level to its having read the whole close request, for each client.

Every client has an exchange and a process of its own; they take turns of some crossings each, so that what else the machine
does falls on all alike. What is compared is each client's median with the floor's of the same run.
"""

import asyncio
import json
import os
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.report import Section, milliseconds, spread
from simulator.certificate import self_signed

RATES = (200, 5_000)
TURNS = 10


@dataclass(frozen=True, slots=True)
class Client:
    """`share`: of the crossings; those that take long have fewer."""

    name: str
    module: str
    share: float = 1.0


CLIENTS = (
    Client("floor: prebuilt bytes, bare sockets", "floor"),
    Client("backstop", "backstop"),
    Client("websockets + ccxt create_order", "websockets_ccxt", 0.5),
    Client("ccxt.pro, order over WebSocket", "ccxt_pro", 0.1),
)


@dataclass
class Runner:
    """One client with its exchange."""

    client: Client
    exchange: asyncio.subprocess.Process
    took: dict[int, list[int]] = field(default_factory=dict)
    lost: int = 0

    async def ask(self, **command: Any) -> dict[str, Any]:
        assert self.exchange.stdin is not None
        assert self.exchange.stdout is not None
        self.exchange.stdin.write(json.dumps(command).encode() + b"\n")
        answer: dict[str, Any] = json.loads(await self.exchange.stdout.readline())
        return answer

    async def cross(self, crossings: int, rate: int) -> None:
        answer = await self.ask(crossings=crossings, rate=rate)
        self.took.setdefault(rate, []).extend(answer["took"])
        self.lost += answer["lost"]


@asynccontextmanager
async def process(module: str, *arguments: str, env: dict[str, str]) -> AsyncIterator[asyncio.subprocess.Process]:
    pipe = asyncio.subprocess.PIPE
    one = await asyncio.create_subprocess_exec(
        sys.executable, "-m", module, *arguments, stdin=pipe, stdout=pipe, env=env, limit=2**24
    )
    try:
        yield one
    finally:
        if one.returncode is None:
            one.kill()
        await one.wait()


@asynccontextmanager
async def running(client: Client, tls: Path | None) -> AsyncIterator[Runner]:
    env = {**os.environ, **({"SSL_CERT_FILE": str(tls)} if tls is not None else {})}
    secure = ("--tls", str(tls)) if tls is not None else ()
    async with process("benchmarks.exchange", *secure, env=env) as exchange:
        assert exchange.stdout is not None
        ports = json.loads(await exchange.stdout.readline())
        arguments = (str(ports["ws"]), str(ports["http"]), *(("--tls",) if tls is not None else ()))
        async with process(f"benchmarks.clients.{client.module}", *arguments, env=env) as trader:
            assert trader.stdout is not None
            async with asyncio.timeout(60):
                while said := await trader.stdout.readline():
                    if said == b"ready\n":
                        break
            assert said, f"{client.name} did not start"
            yield Runner(client, exchange)


async def measure(crossings: int, rates: tuple[int, ...], tls: Path | None) -> list[Runner]:
    """`tls`: the file of key and certificate, None without."""
    async with AsyncExitStack() as stack:
        runners = [await stack.enter_async_context(running(client, tls)) for client in CLIENTS]
        for runner in runners:
            await runner.cross(10, 200)
            runner.took.clear()
        for turn in range(TURNS):
            for rate in rates:
                for runner in runners[turn % len(runners) :] + runners[: turn % len(runners)]:
                    await runner.cross(max(1, int(crossings * runner.client.share / TURNS)), rate)
        return runners


def sections(crossings: int) -> list[Section]:
    found = []
    with tempfile.TemporaryDirectory() as folder:
        for tls in (None, self_signed(Path(folder), ["localhost"], ["127.0.0.1"])):
            runners = asyncio.run(measure(crossings, RATES, tls))
            found += [section(runners, rate, secure=tls is not None) for rate in RATES]
    return found


def section(runners: list[Runner], rate: int, *, secure: bool) -> Section:
    floor = spread(runners[0].took[rate])
    rows = []
    for runner in runners:
        one = spread(runner.took[rate])
        times = [milliseconds(one[name]) for name in ("p50", "p90", "p99", "max")]
        ratios = [f"{one[name] / floor[name]:.2f}" for name in ("p50", "p99")]
        rows.append([runner.client.name, *times, *ratios, str(len(runner.took[rate])), str(runner.lost)])
    return Section(
        key="tick",
        title=f"1. Tick to order, {'TLS' if secure else 'plain'}, {rate:,} other ticks a second",
        columns=["client", "p50 ms", "p90 ms", "p99 ms", "max ms", "p50 to floor", "p99 to floor", "n", "lost"],
        rows=rows,
        reach="p50 ≤ 1.5 × and p99 ≤ 3 × of the floor; ≥ 5 × faster than ccxt",
        bars=[(runner.client.name, spread(runner.took[rate])["p50"] / floor["p50"]) for runner in runners],
    )
