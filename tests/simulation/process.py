"""One operating-system process: what reaches it while it runs, what waits while it is stopped, what is lost when it dies."""

from collections import deque
from collections.abc import Callable, Coroutine
from typing import Any

from tests.simulation.clock import Answer, Heap, Task


class Killed(BaseException):
    """SIGKILL. Nothing of the process runs after it."""


class Process:
    """`skew`: how far its clock is ahead of the exchange's, milliseconds."""

    def __init__(self, heap: Heap, name: str, skew: int, on_failure: Callable[[Exception], None]) -> None:
        self.name = name
        self.alive = True
        self.paused = False
        self.kill_in = 0
        """Dies at this many points from now; 0: not."""
        self.stall_in = 0
        """Is stopped at this many requests from now, after they were signed; 0: not."""
        self.on_killed: Callable[[], None] = lambda: None
        self._heap = heap
        self._skew = skew
        self._on_failure = on_failure
        self._backlog: deque[tuple[Callable[..., object], tuple[Any, ...]]] = deque()
        self._tasks: dict[Task, None] = {}

    def clock(self) -> int:
        return self._heap.now + self._skew

    # ---- running

    def deliver(self, call: Callable[..., object], *args: Any) -> None:
        """Run something in this process: at once, or when it is continued."""
        if not self.alive:
            return
        if self.paused:
            self._backlog.append((call, args))
            return
        try:
            call(*args)
        except Killed:
            self.die()
            self.on_killed()
        except Exception as error:  # noqa: BLE001 - an unhandled error ends the process
            if self.alive:
                self._on_failure(error)

    def after(self, delay: int, call: Callable[..., object], *args: Any) -> None:
        self._heap.after(delay, self.deliver, call, *args)

    def spawn(self, work: Coroutine[Any, Any, Any]) -> Task:
        task = Task(work, self._ended)
        self._tasks[task] = None
        self._heap.after(0, self.deliver, task.step)
        return task

    def _ended(self, task: Task, error: Exception | None) -> None:
        self._tasks.pop(task, None)
        if error is not None:
            raise error

    @property
    def tasks(self) -> tuple[Task, ...]:
        return tuple(self._tasks)

    async def sleep(self, seconds: float) -> None:
        answer = Answer()
        self.after(round(seconds * 1000), answer.give)
        await answer

    # ---- faults

    def point(self) -> None:
        """A place at which it may be killed: before an effect, a request, a commit."""
        if self.kill_in:
            self.kill_in -= 1
            if not self.kill_in:
                raise Killed

    def stalls(self) -> bool:
        """Whether it is stopped here, its request signed and not yet sent."""
        if self.stall_in:
            self.stall_in -= 1
            return not self.stall_in
        return False

    def set_clock(self, skew: int) -> None:
        self._skew = skew

    def pause(self) -> None:
        self.paused = True

    def resume(self) -> None:
        self.paused = False
        while self._backlog and not self.paused and self.alive:
            call, args = self._backlog.popleft()
            self.deliver(call, *args)

    def die(self) -> None:
        self.alive = False
        self._backlog.clear()
        for task in self._tasks:
            task.drop()
        self._tasks.clear()


class Flag:
    """asyncio.Event's manners in virtual time."""

    __slots__ = ("_is_set", "_process", "_waiting")

    def __init__(self, process: Process) -> None:
        self._process = process
        self._is_set = False
        self._waiting: list[Answer] = []

    def is_set(self) -> bool:
        return self._is_set

    def set(self) -> None:
        self._is_set = True
        waiting, self._waiting = self._waiting, []
        for answer in waiting:
            self._process.after(0, answer.give)

    def clear(self) -> None:
        self._is_set = False

    async def wait(self, timeout_s: float | None = None) -> bool:
        """Whether it was set, rather than that time ran out."""
        if not self._is_set:
            answer = Answer()
            self._waiting.append(answer)
            if timeout_s is not None:
                self._process.after(round(timeout_s * 1000), answer.give)
            await answer
            if not self._is_set and answer in self._waiting:
                self._waiting.remove(answer)
        return self._is_set
