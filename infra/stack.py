"""A whole Backstop on this machine: PostgreSQL, simulator, gateway and streamer, as `backstop up` runs it."""

import os
import signal
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from infra import web
from infra.environment import Part, Place, environment_of
from infra.keys import ensure_keys
from infra.postgres import PostgresServer
from infra.processes import free_port
from infra.supervisor import Child, Supervisor

POSTGRES = "postgres"
_PARTS: tuple[Part, ...] = ("simulator", "gateway", "streamer")
MODULES: Mapping[Part, str] = {"simulator": "simulator", "gateway": "infra.gateway", "streamer": "streamer"}
_GIVE_UP_AFTER_DEATHS = 4


class StackError(Exception):
    """A part did not come up; the message is one line that says which and where to look."""


class Stack:
    """Everything, in one home.

    For end-to-end tests::

        with Stack.temporary(restart=False) as stack:
            stack.url, stack.sim_url, stack.database_url
            stack.kill("streamer")          # SIGKILL, and wait until it is dead
            stack.start("streamer")         # a new process with the same environment
            stack.wait_ready("streamer")    # until /api/health shows a heartbeat of the new one

    Parts are "postgres", "simulator", "gateway" and "streamer". `kill`, `start`, `stop`, `pid` and
    `wait_ready` take any of them; `log` is the file of what one said. With `restart=True` (the default,
    as `up`) a killed part comes back by itself. Leaving the `with` stops all in order. Nothing outlives
    the process that made it, even when that is killed.

    Args:
        place: home folder and ports.
        database_url: a server of one's own; None starts an embedded one in the home.
        durable: False makes the embedded server faster and unsafe against power cuts.
        restart: whether dead parts are started again.
        base: environment the children's is built on; None is our own.
        modules: another module to run for a part.
        told: called with one line for people when a part died, from another thread.
    """

    def __init__(
        self,
        place: Place,
        *,
        database_url: str | None = None,
        durable: bool = True,
        restart: bool = True,
        base: Mapping[str, str] | None = None,
        modules: Mapping[Part, str] = MODULES,
        told: Callable[[str], None] = lambda _: None,
    ) -> None:
        self.place = place
        self._given_database_url = database_url
        self._modules = modules
        self._base = dict(os.environ if base is None else base)
        self._server = PostgresServer(place.home, durable=durable) if database_url is None else None
        self._supervisor = Supervisor(restart=restart, told=told)

    @classmethod
    @contextmanager
    def temporary(cls, *, restart: bool = True, base: Mapping[str, str] | None = None) -> Iterator["Stack"]:
        """A started stack in a temporary home on free ports, not durable, stopped and removed afterwards."""
        with tempfile.TemporaryDirectory(prefix="backstop-", ignore_cleanup_errors=True) as home:
            place = Place(Path(home), free_port(), free_port())
            stack = cls(place, durable=False, restart=restart, base=base)
            try:
                stack.start_all()
                yield stack
            finally:
                stack.close()

    @property
    def url(self) -> str:
        """Of dashboard and API."""
        return self.place.url

    @property
    def ws_url(self) -> str:
        """Of the WebSocket; a ticket goes behind it."""
        return self.place.url.replace("http", "ws", 1) + "/ws"

    @property
    def sim_url(self) -> str:
        """Of the simulator."""
        return self.place.sim_url

    @property
    def database_url(self) -> str:
        """Of the role that owns the schema."""
        if self._server is not None:
            return self._server.database_url
        assert self._given_database_url is not None
        return self._given_database_url

    def start_all(self) -> None:
        """Every step of `up`, one after the other; raises as they do."""
        for step in (
            self.start_database,
            self.migrate,
            self.make_keys,
            self.start_simulator,
            self.start_gateway,
            self.start_streamer,
        ):
            step()

    def start_database(self) -> None:
        """The embedded PostgreSQL; nothing to do with a server of one's own. Raises PostgresError."""
        if self._server is not None:
            self._supervisor.start(POSTGRES, self._server)

    def migrate(self) -> list[str]:
        """Bring the schema up to date; the names of the migrations applied. Raises psycopg.Error."""
        # Imported here: what does not touch the schema starts without it.
        from backstop.store.migrate import migrate  # noqa: PLC0415

        return migrate(self.database_url)

    def make_keys(self) -> None:
        """The local keys, if they are missing. Raises KeysError."""
        ensure_keys(self.place.keys)

    def start_simulator(self) -> None:
        """Start it and wait until it answers. Raises StackError."""
        self._start_new("simulator")
        self.wait_ready("simulator")

    def start_gateway(self) -> None:
        """Start it and wait until the API behind it answers. Raises StackError."""
        self._start_new("gateway")
        self.wait_ready("gateway")

    def start_streamer(self) -> None:
        """Start it and wait for its first heartbeat. Raises StackError."""
        self._start_new("streamer")
        self.wait_ready("streamer")

    def start(self, name: str) -> None:
        """Start a part that was killed or stopped."""
        self._supervisor.start(name)

    def stop(self, name: str) -> None:
        """End a part in an orderly way; it stays down until `start`."""
        self._supervisor.stop(name)

    def kill(self, name: str, how: signal.Signals = signal.SIGKILL) -> None:
        """Send a part a signal; returns once it is dead if that is SIGKILL."""
        self._supervisor.kill(name, how)

    def pid(self, name: str) -> int | None:
        """The part's pid while it runs."""
        return self._supervisor.pid(name)

    def log(self, name: str) -> Path:
        """The file of what a part said."""
        return self._server.log_path if name == POSTGRES and self._server is not None else self.place.log(name)

    def wait_ready(self, name: str, timeout_s: float = 90.0) -> None:
        """Wait until a part does its work. Raises StackError when it does not, or dies again and again."""
        deadline = time.monotonic() + timeout_s
        while not self._is_ready(name):
            if self._supervisor.deaths(name) >= _GIVE_UP_AFTER_DEATHS or self._died_for_good(name):
                raise StackError(f"the {name} does not stay up ({self._last_words(name)}); see {self.log(name)}")
            if time.monotonic() > deadline:
                raise StackError(f"the {name} was not ready within {timeout_s:.0f} s; see {self.log(name)}")
            time.sleep(0.05)

    def close(self) -> None:
        """Stop everything in order. Safe to call again."""
        for name in (*reversed(_PARTS), POSTGRES):
            self._supervisor.stop(name)
        self._supervisor.close()

    def kill_all(self) -> None:
        """Kill everything at once, from any thread, without waiting."""
        for name in (*reversed(_PARTS), POSTGRES):
            pid = self.pid(name)
            if pid is not None:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)

    def __enter__(self) -> "Stack":
        try:
            self.start_all()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _start_new(self, part: Part) -> None:
        environment = environment_of(part, self._base, self.place, self.database_url)
        self._supervisor.start(part, Child(self._modules[part], environment, self.place.log(part)))

    def _is_ready(self, name: str) -> bool:
        if self.pid(name) is None:
            return False
        match name:
            case "simulator":
                return _answers(f"{self.sim_url}/sim/health") is not None
            case "gateway":
                return _answers(f"{self.url}/api/health") is not None
            case "streamer":
                return self._streamer_beats()
            case _:
                return True

    def _streamer_beats(self) -> bool:
        health = _answers(f"{self.url}/api/health") or {}
        streamer = health.get("streamer") or {}
        age_ms = streamer.get("heartbeat_age_ms")
        if not streamer.get("alive") or age_ms is None:
            return False
        # Younger than the process: else it is the last beat of the one before.
        return float(age_ms) < (time.monotonic() - self._supervisor.started_at("streamer")) * 1000

    def _died_for_good(self, name: str) -> bool:
        return not self._supervisor.restarts and self.pid(name) is None

    def _last_words(self, name: str) -> str:
        try:
            lines = self.log(name).read_text(errors="replace").strip().splitlines()
        except OSError:
            lines = []
        return lines[-1].strip()[:200] if lines else "it said nothing"


def _answers(url: str) -> dict[str, Any] | None:
    try:
        answer = web.call("GET", url, timeout_s=5.0)
    except web.UnreachableError:
        return None
    return answer.body if answer.ok else None
