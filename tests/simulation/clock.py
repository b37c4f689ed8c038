"""Virtual time: one heap of (time, seq, call), and coroutines driven by it without an event loop."""

from collections.abc import Callable, Coroutine, Generator
from heapq import heappop, heappush
from typing import Any

START = 1_790_000_000_000
"""When every simulation begins (UTC milliseconds)."""


class Heap:
    """What happens next. Ties happen in the order they were asked for."""

    __slots__ = ("_queue", "_seq", "events", "now")

    def __init__(self, start: int = START) -> None:
        self.now = start
        self.events = 0
        self._queue: list[tuple[int, int, Callable[..., object], tuple[Any, ...]]] = []
        self._seq = 0

    def at(self, when: int, call: Callable[..., object], *args: Any) -> None:
        self._seq += 1
        heappush(self._queue, (when if when > self.now else self.now, self._seq, call, args))

    def after(self, delay: int, call: Callable[..., object], *args: Any) -> None:
        self._seq += 1
        heappush(self._queue, (self.now + delay if delay > 0 else self.now, self._seq, call, args))

    def run_until(self, until: int) -> None:
        queue = self._queue
        events = 0
        while queue and queue[0][0] <= until:
            self.now, _, call, args = heappop(queue)
            events += 1
            call(*args)
        self.events += events
        self.now = max(self.now, until)


class Answer:
    """Something awaited: given once, or failed once."""

    __slots__ = ("_done", "_error", "_value", "waiter")

    def __init__(self) -> None:
        self._done = False
        self._error: Exception | None = None
        self._value: Any = None
        self.waiter: Callable[[], None] | None = None

    def __await__(self) -> Generator["Answer", None, Any]:
        if not self._done:
            yield self
        if self._error is not None:
            raise self._error
        return self._value

    def give(self, value: Any = None) -> None:
        if not self._done:
            self._done, self._value = True, value
            if self.waiter is not None:
                self.waiter()

    def fail(self, error: Exception) -> None:
        if not self._done:
            self._done, self._error = True, error
            if self.waiter is not None:
                self.waiter()


class Task:
    """A coroutine that runs whenever what it waits for has come."""

    __slots__ = ("_ended", "_work", "done", "started")

    def __init__(self, work: Coroutine[Any, Any, Any], ended: Callable[["Task", Exception | None], None]) -> None:
        self._work = work
        self._ended = ended
        self.started = False
        self.done = False

    def step(self) -> None:
        if self.done:
            return
        self.started = True
        try:
            waiting: Answer = self._work.send(None)
        except StopIteration:
            self.done = True
            self._ended(self, None)
        except Exception as error:  # noqa: BLE001 - whatever it is, its process must know
            self.done = True
            self._ended(self, error)
        else:
            waiting.waiter = self.step

    def drop(self) -> None:
        """It will never run again."""
        self.done = True
        if not self.started:
            self._work.close()
