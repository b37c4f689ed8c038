"""A streamer that stops in the middle of its work, as if its machine had been taken away from it, and its successor."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

import psycopg
from psycopg import sql

from infra.environment import environment_of
from infra.stack import Stack

LEASE_S = 10.0
_ENDS_WITHIN_S = 25.0
_OF_ACCOUNTS = (
    *("accounts", "leases", "signals", "commands", "positions", "levels", "orders", "executions", "ledger"),
    *("trades", "reversals", "quarantine", "events"),
)


class Process:
    """A streamer process beside a stack that has none; `name` is how the database knows it."""

    def __init__(self, stack: Stack, name: str, log: Path, extra: Mapping[str, str] | None = None) -> None:
        environment = environment_of("streamer", os.environ, stack.place, stack.database_url)
        self.log = log
        with log.open("ab") as file:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "streamer"],
                env={**environment, **(extra or {}), "PGAPPNAME": name},
                stdout=file,
                stderr=file,
            )

    @property
    def is_paused(self) -> bool:
        try:
            return Path(f"/proc/{self._process.pid}/stat").read_text().rpartition(")")[2].split()[0] == "T"
        except OSError:
            return False

    def pause(self) -> None:
        self._process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        self._process.send_signal(signal.SIGCONT)

    def ended(self, within_s: float) -> int | None:
        """With which code it ended by itself, or None."""
        with suppress(subprocess.TimeoutExpired):
            return self._process.wait(within_s)
        return None

    def end(self) -> None:
        if self._process.poll() is None:
            self._process.terminate()
            self.resume()
            self.ended(20)
            self._process.kill()
            self._process.wait()


class Pair:
    """The first stops at a point, or when it is told to; the second then starts, and takes over when the leases have run
    out. After `pause_s` the first goes on, and must find out by itself that it is no longer wanted."""

    def __init__(self, stack: Stack, folder: Path, pause_s: float, pause_at: str | None = None) -> None:
        self._stack = stack
        self._folder = folder
        self._pause_s = pause_s
        self._second: Process | None = None
        self._paused_at = 0.0
        self.resumed_at: float | None = None
        self.ended_at = 0.0
        _note_writes(stack.database_url)
        extra = {"BACKSTOP_PAUSE_AT": pause_at} if pause_at is not None else {}
        self.first = Process(stack, "first", folder / "first.log", extra)

    @property
    def was_paused(self) -> bool:
        return self._second is not None

    def follow(self) -> None:
        """To be called again and again."""
        if self._second is None and self.first.is_paused:
            self._paused_at = time.monotonic()
            self._second = Process(self._stack, "second", self._folder / "second.log")
        elif self._second is not None and self.resumed_at is None and self._is_time():
            self.resumed_at = time.time()
            self.first.resume()

    def _is_time(self) -> bool:
        return time.monotonic() - self._paused_at > self._pause_s and self._taken_over()

    def settle(self) -> None:
        """The first has gone on and ended by itself, and has written nothing since."""
        if self.ended_at:
            return
        assert self.was_paused, "the first never came to the point"
        deadline = time.monotonic() + self._pause_s + LEASE_S
        while self.resumed_at is None:
            assert time.monotonic() < deadline, "not taken over"
            self.follow()
            time.sleep(0.05)
        code = self.first.ended(_ENDS_WITHIN_S)
        self.ended_at = time.time()
        said = self.first.log.read_text()
        assert code == 70, (code, said[-3000:])
        assert "another process holds its accounts now" in said, said[-3000:]
        assert self.writes_of_first() == []

    def writes_of_first(self) -> list[tuple[str, str]]:
        """What it wrote after it went on: operation and table."""
        statement = (
            "select distinct operation, of_table from writes where application = 'first' and at > to_timestamp(%s)"
        )
        with psycopg.connect(self._stack.database_url) as connection:
            return [(str(row[0]), str(row[1])) for row in connection.execute(statement, (self.resumed_at,))]

    def end(self) -> None:
        for process in (self.first, self._second):
            if process is not None:
                process.end()

    def _taken_over(self) -> bool:
        """Whether every lease is held, and by other than the first."""
        with psycopg.connect(self._stack.database_url) as connection:
            row = connection.execute(
                "select bool_and(expires_at > now() and split_part(holder, ':', 2) <> %s) from leases",
                (str(self.first._process.pid),),
            ).fetchone()
        return bool(row and row[0])


def retire_accounts(stack: Stack) -> None:
    """Those of scenes that are over are nobody's work any more; to be called while no streamer runs."""
    with psycopg.connect(stack.database_url, autocommit=True) as connection:
        connection.execute("update accounts set deleted_at = now() where deleted_at is null")
        connection.execute("delete from leases")


def _note_writes(database_url: str) -> None:
    """Have the database note who changes a row of an account's, from now on."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("""
            create table if not exists writes (application text, operation text, of_table text, at timestamptz);
            truncate writes;
            create or replace function note_write() returns trigger language plpgsql security definer as $$
              begin
                insert into public.writes values
                  (current_setting('application_name'), tg_op, tg_table_name, clock_timestamp());
                return null;
              end $$""")
        for table in _OF_ACCOUNTS:
            connection.execute(
                sql.SQL(
                    "create or replace trigger note_write after insert or update or delete on {}"
                    " for each row execute function note_write()"
                ).format(sql.Identifier(table))
            )
