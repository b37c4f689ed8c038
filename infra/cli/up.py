"""`backstop up`: everything on this machine, until Ctrl-C."""

import fcntl
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import psycopg
from rich.console import Console
from rich.panel import Panel
from rich.text import Text

from infra.demo import Demo, DemoError, ensure_demo, signal_command, start_walks
from infra.environment import Part, Place
from infra.keys import KeysError
from infra.postgres import PostgresError
from infra.processes import port_is_free
from infra.stack import MODULES, Stack, StackError
from infra.web import UnreachableError

_T = TypeVar("_T")

DASHBOARD = Path(__file__).parents[2] / "frontend" / "dist" / "index.html"


class CannotStartError(Exception):
    """Something outside is in the way; one line that says what to do."""


class _AskedToStop(BaseException):
    """Ctrl-C or SIGTERM."""


def place_from(environment: Mapping[str, str]) -> Place:
    """Home and ports as the environment has them. Raises CannotStartError."""
    ports = {}
    for name, default in (("BACKSTOP_PORT", "8000"), ("BACKSTOP_SIM_PORT", "8100")):
        value = environment.get(name) or default
        if not value.isdecimal() or not 0 < int(value) < 65536:
            raise CannotStartError(f"{name}={value!r} is not a port; set a number from 1 to 65535")
        ports[name] = int(value)
    home = Path(environment.get("BACKSTOP_HOME") or ".backstop").absolute()
    return Place(home, ports["BACKSTOP_PORT"], ports["BACKSTOP_SIM_PORT"])


def up(console: Console, errors: Console, *, demo: bool, walk: bool, modules: Mapping[Part, str] = MODULES) -> int:
    """Run until asked to stop. Exit status: 0 stopped, 1 a part failed, 2 something is in the way."""
    try:
        place = place_from(os.environ)
        with _only_one(place.home):
            _check_ports(place)
            if not DASHBOARD.is_file():
                console.print("The dashboard is not built; run `make dashboard` for it. The API works without.")
            told = _told_by(console)
            stack = Stack(place, database_url=os.environ.get("DATABASE_URL") or None, modules=modules, told=told)
            return _run(console, errors, stack, demo=demo, walk=walk)
    except CannotStartError as error:
        errors.print(f"backstop: {error}", markup=False, highlight=False, soft_wrap=True)
        return 2


def _run(console: Console, errors: Console, stack: Stack, *, demo: bool, walk: bool) -> int:
    stopping = threading.Event()
    status = 0
    with _stop_signals(stack, stopping):
        try:
            made = _start(console, stack, demo=demo, walk=walk)
            _show(console, stack.place, made)
            while True:
                signal.pause()
        except _AskedToStop:
            pass
        except (PostgresError, KeysError) as error:
            status = _failed(errors, error, 2)
        except (StackError, DemoError, UnreachableError, psycopg.Error) as error:
            status = _failed(errors, error, 1)
        stopping.set()
        console.print("Stopping. Ctrl-C again kills at once.", highlight=False)
        stack.close()
    return status


def _told_by(console: Console) -> Callable[[str], None]:
    return lambda line: console.print(line, style="yellow", markup=False, highlight=False)


def _failed(errors: Console, error: Exception, status: int) -> int:
    errors.print(f"backstop: {' '.join(str(error).split())}", markup=False, highlight=False, soft_wrap=True)
    return status


def _start(console: Console, stack: Stack, *, demo: bool, walk: bool) -> Demo | None:
    place = stack.place
    embedded = not os.environ.get("DATABASE_URL")
    if embedded:
        _step(console, "PostgreSQL", stack.start_database)
    _step(console, "Schema", stack.migrate)
    _step(console, "Keys", stack.make_keys)
    _step(console, "Simulator", stack.start_simulator)
    _step(console, "Gateway and API", stack.start_gateway)
    _step(console, "Streamer", stack.start_streamer)
    made = _step(console, "Demo user, account and strategy", lambda: ensure_demo(place)) if demo else None
    if made is not None and walk:
        _step(console, "Walking prices", lambda: start_walks(place))
    return made


def _step(console: Console, name: str, work: Callable[[], _T]) -> _T:
    began = time.monotonic()
    with console.status(f"{name} …"):  # shows nothing where there is no terminal
        done = work()
    console.print(f"[green]✓[/green] {name} [dim]{time.monotonic() - began:.1f} s[/dim]", highlight=False)
    return done


def _show(console: Console, place: Place, demo: Demo | None) -> None:
    lines = Text()
    lines.append("Dashboard  ").append(place.url, style="bold cyan")
    if demo is not None:
        lines.append("\nE-mail     ").append(demo.email, style="bold")
        lines.append("\nPassword   ").append(demo.password, style="bold")
    lines.append(f"\nLogs       {place.home / 'logs'}", style="dim")
    console.print(Panel(lines, title="Backstop is running", border_style="green", expand=False))
    if demo is not None:
        console.print("Send a buy signal from another terminal:", highlight=False)
        console.print(signal_command(demo), markup=False, highlight=False, soft_wrap=True)
    console.print("Ctrl-C stops everything.", style="dim", highlight=False)


def _check_ports(place: Place) -> None:
    if place.port == place.sim_port:
        raise CannotStartError(f"BACKSTOP_PORT and BACKSTOP_SIM_PORT are both {place.port}; choose two")
    for port, name in ((place.port, "BACKSTOP_PORT"), (place.sim_port, "BACKSTOP_SIM_PORT")):
        if not port_is_free(port):
            raise CannotStartError(f"port {port} is taken; stop what listens there or set {name} to another")


@contextmanager
def _only_one(home: Path) -> Iterator[None]:
    try:
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(home / "up.lock", os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise CannotStartError(
            f"cannot write to {home} ({error.strerror}); give yourself the right or set BACKSTOP_HOME"
        ) from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        raise CannotStartError(
            f"another `backstop up` runs in {home}; stop it, or set BACKSTOP_HOME to another folder"
        ) from error
    try:
        yield
    finally:
        os.close(descriptor)


@contextmanager
def _stop_signals(stack: Stack, stopping: threading.Event) -> Iterator[None]:
    """The first signal raises _AskedToStop in the main thread; once stopping, another kills everything."""

    def on_signal(_number: int, _frame: object) -> None:
        if stopping.is_set():
            stack.kill_all()
            os._exit(1)
        stopping.set()
        raise _AskedToStop

    before = {number: signal.signal(number, on_signal) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
