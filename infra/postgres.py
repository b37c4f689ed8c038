"""PostgreSQL as a child of ours: started in a tenth of a second, gone with us, whole after kill -9."""

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg

from infra.postgres_binaries import PostgresError, find_binaries, reachable_by_others
from infra.postgres_folder import (
    ROOM_TO_START,
    USER,
    Locks,
    Owner,
    forget_dead_server,
    initialise,
    open_folder,
    opened,
    owner_of,
    password_of,
    require_room,
    require_sound,
)
from infra.processes import free_port, port_is_free, tied

__all__ = ["PostgresError", "PostgresServer", "start_postgres", "temporary_postgres"]

_HOST = "127.0.0.1"
_DATABASE = "backstop"
_READY_WITHIN_S = 120.0  # crash recovery replays the log first
_KILLED_LAUNCHER_ENDS_WITHIN_S = 1.0  # a kill is not instant
_LEFT_OVER_ENDS_WITHIN_S = 30.0
_STOP_WITHIN_S = 20.0
_LOG_LIMIT = 10 * 1024 * 1024
# synchronous_commit stays on: with it off even a killed process loses what it has confirmed.
_NOT_DURABLE = ("fsync", "full_page_writes")


class PostgresServer:
    """One server on `<home>/postgres`, reached over TCP on 127.0.0.1 with a password.

    Start it from a thread that lives as long as the server should (see `tied`).

    Args:
        home: Backstop's home; made if missing.
        port: TCP port; None takes a free one and keeps it over restarts of this object.
        durable: False writes without waiting for the disk. For tests: a power cut may ruin the data,
            a killed process loses nothing even so.
    """

    def __init__(self, home: Path, port: int | None = None, *, durable: bool = True) -> None:
        self.folder = home.absolute() / "postgres"
        self.port = port or 0
        self._may_choose_port = port is None
        self._durable = durable
        self._locks = Locks(self.folder)
        self._process: subprocess.Popen[bytes] | None = None
        self._password = ""  # nosec B105 # read when it starts

    @property
    def database_url(self) -> str:
        """libpq URL with the password; valid once started."""
        return self._url(_DATABASE)

    @property
    def log_path(self) -> Path:
        """What the server says."""
        return self.folder / "postgres.log"

    @property
    def pid(self) -> int | None:
        """The postmaster's pid, None while it does not run."""
        return self._process.pid if self._process is not None and self.alive else None

    @property
    def alive(self) -> bool:
        """Whether the postmaster runs."""
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        """Start and wait until the database `backstop` answers. Does nothing when it runs.

        Raises:
            PostgresError: with what is in the way and what to do; nothing of ours is left running.
        """
        if self.alive:
            return
        open_folder(self.folder)
        if self._process is None:
            self._locks.take_launcher(_KILLED_LAUNCHER_ENDS_WITHIN_S)
        try:
            self._start_locked()
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """End it the fast, clean way (open transactions roll back); kill it if that takes over 20 s."""
        if self._process is not None:
            for how, patience_s in ((signal.SIGINT, _STOP_WITHIN_S), (signal.SIGQUIT, 5.0), (signal.SIGKILL, 5.0)):
                if self._process.poll() is not None:
                    break
                self._process.send_signal(how)
                try:
                    self._process.wait(patience_s)
                except subprocess.TimeoutExpired:
                    continue
            self._process = None
        self._locks.release()

    def wait(self) -> None:
        """Wait until the postmaster has ended, whoever ended it."""
        if self._process is not None:
            self._process.wait()

    def __enter__(self) -> "PostgresServer":
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _start_locked(self) -> None:
        data = self.folder / "data"
        binaries = find_binaries()
        owner = owner_of(data)
        if owner.is_other:
            binaries = reachable_by_others(binaries)
        server_lock = self._locks.take_server(_LEFT_OVER_ENDS_WITHIN_S)
        try:
            if not data.exists():
                initialise(self.folder, data, binaries, owner, durable=self._durable)
            require_sound(data, binaries, owner)
            require_room(self.folder, ROOM_TO_START, shutil.disk_usage(self.folder).free)
            forget_dead_server(data)
            self._password = password_of(self.folder, is_new=False)
            said_before = self._launch(data, binaries.folder, owner, server_lock)
        finally:
            os.close(server_lock)
        self._wait_until_ready(said_before)
        self._ensure_database()

    def _launch(self, data: Path, programs: Path, owner: Owner, server_lock: int) -> int:
        """Start the process; the answer is how long its log was before."""
        if self._may_choose_port and (self.port == 0 or not port_is_free(self.port)):
            self.port = free_port()
        if not port_is_free(self.port):
            raise PostgresError(
                f"port {self.port} on {_HOST} is taken; stop what listens there or choose another for PostgreSQL"
            )
        settings = {
            "listen_addresses": _HOST,
            "unix_socket_directories": "",
            "timezone": "UTC",
            **({} if self._durable else dict.fromkeys(_NOT_DURABLE, "off")),
        }
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        too_long = self.log_path.exists() and self.log_path.stat().st_size > _LOG_LIMIT
        with self.log_path.open("wb" if too_long else "ab") as log, opened(data, owner) as (path, descriptors):
            said_before = log.tell()
            self._process = subprocess.Popen(  # noqa: S603
                tied(
                    [programs / "postgres", "-D", path, "-p", str(self.port), *options],
                    signal.SIGINT,
                    uid=owner.user,
                    gid=owner.group,
                ),
                cwd="/",
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                pass_fds=(*descriptors, server_lock),
                start_new_session=True,
            )
        return said_before

    def _wait_until_ready(self, said_before: int) -> None:
        deadline = time.monotonic() + _READY_WITHIN_S
        while True:
            if not self.alive:
                raise PostgresError(self._why_it_ended(said_before))
            try:
                psycopg.connect(self._url("postgres"), connect_timeout=5).close()
            except psycopg.OperationalError as error:
                if "password authentication failed" in str(error):
                    raise PostgresError(
                        f"the password in {self.folder}/password is not the database's; restore that file,"
                        f" or move {self.folder} away to begin anew"
                    ) from error
                if time.monotonic() > deadline:
                    raise PostgresError(
                        f"PostgreSQL was not ready within {_READY_WITHIN_S:.0f} s; see {self.log_path}"
                    ) from error
                time.sleep(0.02)
            else:
                return

    def _why_it_ended(self, said_before: int) -> str:
        with self.log_path.open("rb") as log:
            log.seek(said_before)
            said = log.read().decode(errors="replace")
        if "No space left on device" in said:
            return f"no room in {self.folder}; free some space or set BACKSTOP_HOME to another disk"
        if "Address already in use" in said:
            return f"port {self.port} on {_HOST} is taken; stop what listens there and start again"
        reasons = [line.split(": ", 1)[-1].strip() for line in said.splitlines() if "FATAL" in line or "PANIC" in line]
        reason = reasons[0] if reasons else "it said nothing"
        return f"PostgreSQL ended at once ({reason}); see {self.log_path}, or move {self.folder} away to begin anew"

    def _ensure_database(self) -> None:
        with psycopg.connect(self._url("postgres"), autocommit=True) as connection:
            found = connection.execute("select 1 from pg_database where datname = %s", (_DATABASE,)).fetchone()
            if found is None:
                connection.execute("create database backstop")

    def _url(self, database: str) -> str:
        return f"postgresql://{USER}:{self._password}@{_HOST}:{self.port}/{database}"


def running_database_url(home: Path) -> str | None:
    """Of the server that runs on `<home>/postgres`, started by whomever; None when none does."""
    folder = home.absolute() / "postgres"
    try:
        password = (folder / "password").read_text().strip()
        port = int((folder / "data" / "postmaster.pid").read_text().splitlines()[3])
    except (OSError, ValueError, IndexError):
        return None
    return f"postgresql://{USER}:{password}@{_HOST}:{port}/{_DATABASE}"


@contextmanager
def start_postgres(home: Path, port: int | None = None, durable: bool = True) -> Iterator[PostgresServer]:
    """A running server on `<home>/postgres` for the length of a `with`; see `PostgresServer`."""
    with PostgresServer(home, port, durable=durable) as server:
        yield server


@contextmanager
def temporary_postgres() -> Iterator[PostgresServer]:
    """A server for tests: a new folder, a free port, not durable, removed afterwards."""
    with (
        tempfile.TemporaryDirectory(prefix="backstop-postgres-", ignore_cleanup_errors=True) as home,
        start_postgres(Path(home), durable=False) as server,
    ):
        yield server
