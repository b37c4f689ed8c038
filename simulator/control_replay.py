"""POST, GET and DELETE /sim/replay: prices that were recorded, or written down for a test, played again."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

from simulator.faults import FaultError
from simulator.numbers import parse, text
from simulator.ticks import Tick, TickError, read_ticks, take_ticks

_FASTEST = Decimal(1_000_000)


class Replay:
    """At most one runs. The prices come in the order they were recorded, whatever the speed."""

    def __init__(self, apply: Callable[[Tick], None]) -> None:
        self._apply = apply
        self._task: asyncio.Task[None] | None = None
        self._total = 0
        self._done = 0

    async def start(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """Play {path of a CSV or JSON-lines file | ticks [{time, symbol, last, mark, index}], speed [1], loop [false]}.

        ``speed`` 10 is ten times as fast as it was, 0 without any pause. One that runs is stopped first.
        """
        ticks, speed, loop = _ticks(body), parse(body.get("speed", 1)), body.get("loop", False)
        if speed is None or not 0 <= speed <= _FASTEST:
            raise FaultError("speed", f"must be a number from 0 to {text(_FASTEST)}")
        if not isinstance(loop, bool):
            raise FaultError("loop", "must be true or false")
        await self.end()
        self._total, self._done = len(ticks), 0
        self._task = asyncio.create_task(self._play(ticks, speed, loop=loop))
        return await self.view({})

    async def view(self, _query: Mapping[str, Any]) -> dict[str, Any]:
        """How far it has come."""
        running = self._task is not None and not self._task.done()
        return {"running": running, "played": self._done, "ticks": self._total}

    async def stop(self, _body: Mapping[str, Any]) -> dict[str, Any]:
        """Stop it; prices stay where they are."""
        await self.end()
        return await self.view({})

    async def end(self) -> None:
        """Stop it, if it runs."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None

    async def _play(self, ticks: Sequence[Tick], speed: Decimal, *, loop: bool) -> None:
        clock = asyncio.get_running_loop().time
        while True:
            began, first = clock(), ticks[0].time_ms
            for tick in ticks:
                due = began + (tick.time_ms - first) / 1000 / float(speed) if speed else 0.0
                await asyncio.sleep(max(0.0, due - clock()))
                self._apply(tick)
                self._done += 1
            if not loop:
                return
            await asyncio.sleep(0)


def _ticks(body: Mapping[str, Any]) -> list[Tick]:
    path, rows = body.get("path"), body.get("ticks")
    if (path is None) is (rows is None):
        raise FaultError("path", "give either the path of a file or ticks")
    try:
        if path is not None:
            return read_ticks(Path(str(path)))
        if not isinstance(rows, list):
            raise FaultError("ticks", "must be a list")
        return take_ticks(rows)
    except TickError as error:
        raise FaultError("path" if path is not None else "ticks", str(error)) from None
    except (OSError, UnicodeDecodeError) as error:
        raise FaultError("path", f"{path} can't be read: {error}") from None
