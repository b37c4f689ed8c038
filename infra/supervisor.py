"""Keeps child processes running: starts them, starts them again when they die, stops them."""

import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from pathlib import Path
from typing import Protocol, TypeVar

from infra.processes import tied

_T = TypeVar("_T")

_TICK_S = 0.05
_FIRST_BACKOFF_S = 0.2
_LAST_BACKOFF_S = 10.0
_STEADY_AFTER_S = 30.0
_LOG_LIMIT = 10 * 1024 * 1024  # bytes


class Process(Protocol):
    """What can be supervised."""

    @property
    def alive(self) -> bool:
        """Whether it runs."""

    @property
    def pid(self) -> int | None:
        """Its pid while it runs."""

    def start(self) -> None:
        """Start it if it does not run."""

    def stop(self) -> None:
        """End it, by force if need be. Does nothing when it does not run."""


class Child:
    """A Python module run as a process: `python -m module`, its words in a log file.

    Args:
        grace_s: seconds between SIGTERM and SIGKILL.
    """

    def __init__(self, module: str, environment: Mapping[str, str], log: Path, *, grace_s: float = 10.0) -> None:
        self._module = module
        self._environment = dict(environment)
        self._log = log
        self._grace_s = grace_s
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def alive(self) -> bool:
        """Whether it runs."""
        return self._process is not None and self._process.poll() is None

    @property
    def pid(self) -> int | None:
        """Its pid while it runs."""
        return self._process.pid if self._process is not None and self.alive else None

    def start(self) -> None:
        """Start it if it does not run."""
        if self.alive:
            return
        self._log.parent.mkdir(parents=True, exist_ok=True)
        if self._log.exists() and self._log.stat().st_size > _LOG_LIMIT:
            self._log.replace(self._log.with_suffix(".log.1"))
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603
                tied([sys.executable, "-m", self._module], signal.SIGKILL),
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,  # so that Ctrl-C reaches us alone, and we stop them in order
            )

    def stop(self) -> None:
        """SIGTERM, then SIGKILL after the grace."""
        if self._process is None:
            return
        if self.alive:
            self._process.terminate()
        try:
            self._process.wait(self._grace_s)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


class _Watched:
    """A process that is wanted, and how its starts went."""

    def __init__(self, process: Process) -> None:
        self.process = process
        self.wanted = True
        self.deaths = 0
        self.started_at = time.monotonic()
        self.start_again_at: float | None = None


class Supervisor:
    """Owns processes by name. Safe to call from any thread.

    Everything happens in one thread of its own, because children are tied to the thread that starts
    them (see `tied`), and callers' threads may end sooner.

    Args:
        restart: whether a process that died is started again; the delay doubles from 0.2 s to 10 s.
        told: called in that thread with one line for people whenever a process died.
    """

    def __init__(self, *, restart: bool = True, told: Callable[[str], None] = lambda _: None) -> None:
        self.restarts = restart
        self._told = told
        self._watched: dict[str, _Watched] = {}
        self._work: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="supervisor", daemon=True)
        self._thread.start()

    def start(self, name: str, process: Process | None = None) -> None:
        """Start a new process, or one that was stopped or killed; raises what its start raises."""

        def work() -> None:
            watched = _Watched(process) if process is not None else self._watched[name]
            watched.process.start()
            watched.wanted, watched.start_again_at, watched.started_at = True, None, time.monotonic()
            self._watched[name] = watched

        self._call(work)

    def stop(self, name: str) -> None:
        """End it in its own orderly way; it stays down."""

        def work() -> None:
            watched = self._watched.get(name)
            if watched is not None:
                watched.wanted = False
                watched.process.stop()

        self._call(work)

    def kill(self, name: str, how: signal.Signals = signal.SIGKILL) -> None:
        """Send a signal, by default the one that cannot be caught, and wait until it is dead if so."""

        def work() -> None:
            process = self._watched[name].process
            pid = process.pid
            if pid is None:
                return
            os.kill(pid, how)
            while how is signal.SIGKILL and process.alive:
                time.sleep(0.005)

        self._call(work)

    def pid(self, name: str) -> int | None:
        """Its pid while it runs."""
        watched = self._watched.get(name)
        return watched.process.pid if watched is not None else None

    def deaths(self, name: str) -> int:
        """How often in a row it died soon after its start."""
        return self._watched[name].deaths

    def started_at(self, name: str) -> float:
        """When it was started last, on the monotonic clock."""
        return self._watched[name].started_at

    def close(self) -> None:
        """End the thread; whatever is still tied to it is killed by the kernel."""
        self._work.put(None)
        self._thread.join()

    def _call(self, work: Callable[[], _T]) -> _T:
        done: Future[_T] = Future()

        def run() -> None:
            try:
                done.set_result(work())
            except BaseException as error:  # noqa: BLE001 - it is the caller's, whatever it is
                done.set_exception(error)

        self._work.put(run)
        return done.result()

    def _run(self) -> None:
        while True:
            try:
                work = self._work.get(timeout=_TICK_S)
            except queue.Empty:
                pass
            else:
                if work is None:
                    return
                work()
            for name, watched in self._watched.items():
                self._look_after(name, watched)

    def _look_after(self, name: str, watched: _Watched) -> None:
        now = time.monotonic()
        if not self.restarts or not watched.wanted or watched.process.alive:
            return
        if watched.start_again_at is None:
            if now - watched.started_at > _STEADY_AFTER_S:
                watched.deaths = 0
            delay_s = min(_LAST_BACKOFF_S, _FIRST_BACKOFF_S * 2**watched.deaths)
            watched.deaths += 1
            watched.start_again_at = now + delay_s
            self._told(f"{name} ended; starting it again in {delay_s:.1f} s")
        elif now >= watched.start_again_at:
            watched.start_again_at = None
            watched.started_at = now
            try:
                watched.process.start()
            except Exception as error:  # noqa: BLE001 - tried again, later each time
                self._told(f"{name} could not be started: {error}")
