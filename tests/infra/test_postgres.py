"""Real servers: what is promised about starting, crashing and refusing."""

import os
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psycopg
import pytest

from infra.postgres import PostgresError, PostgresServer, start_postgres, temporary_postgres
from infra.postgres_binaries import Binaries, find_binaries, reachable_by_others
from infra.postgres_folder import require_room

# Starts a server in a process of its own, so that the whole tree can be killed.
_STARTER = """
import sys, time
from pathlib import Path
from infra.postgres import start_postgres
with start_postgres(Path(sys.argv[1]), durable=False) as server:
    print(server.pid, server.database_url, flush=True)
    time.sleep(600)
"""


def insert(url: str, value: int) -> None:
    with psycopg.connect(url) as connection:
        connection.execute("create table if not exists kept (value int)")
        connection.execute("insert into kept values (%s)", (value,))


def rows(url: str) -> list[int]:
    with psycopg.connect(url) as connection:
        return [row[0] for row in connection.execute("select value from kept order by 1").fetchall()]


@contextmanager
def started_elsewhere(home: Path) -> Iterator[tuple["subprocess.Popen[str]", int, str]]:
    """The launcher's process, the postmaster's pid and the URL."""
    starter = subprocess.Popen([sys.executable, "-c", _STARTER, home], stdout=subprocess.PIPE, text=True)
    assert starter.stdout is not None
    try:
        pid, url = starter.stdout.readline().split()
        yield starter, int(pid), url
    finally:
        starter.kill()
        starter.wait()
        starter.stdout.close()


def children_of(pid: int) -> list[int]:
    return [int(it) for it in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


@pytest.fixture(scope="module")
def made_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home whose cluster exists and is stopped."""
    home = tmp_path_factory.mktemp("home")
    with start_postgres(home, durable=False) as server:
        insert(server.database_url, 1)
    return home


def test_a_first_start_serves_the_database_over_tcp() -> None:
    with temporary_postgres() as server, psycopg.connect(server.database_url) as connection:
        found = connection.execute("select current_user, current_database()").fetchone()
        assert found == ("backstop", "backstop")
        assert server.database_url.startswith("postgresql://backstop:")
        assert f"@127.0.0.1:{server.port}/" in server.database_url


def test_a_wrong_password_is_refused_and_the_right_one_is_kept_private() -> None:
    with temporary_postgres() as server:
        with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
            psycopg.connect(f"postgresql://backstop:wrong@127.0.0.1:{server.port}/backstop")
        assert (server.folder / "password").stat().st_mode & 0o777 == 0o600


def test_rows_are_kept_over_a_clean_restart(made_once: Path) -> None:
    with start_postgres(made_once, durable=False) as server:
        assert 1 in rows(server.database_url)


def test_a_server_is_durable_unless_told_otherwise(tmp_path: Path) -> None:
    with start_postgres(tmp_path) as server, psycopg.connect(server.database_url) as connection:
        names = ("fsync", "synchronous_commit", "full_page_writes")
        assert [connection.execute(f"show {name}").fetchone() for name in names] == [("on",)] * 3


def test_committed_rows_are_kept_when_everything_is_killed(tmp_path: Path) -> None:
    with started_elsewhere(tmp_path) as (starter, pid, url):
        insert(url, 7)
        # The launcher last: its death asks the postmaster for an orderly end.
        for victim in [pid, *children_of(pid), starter.pid]:
            with suppress(ProcessLookupError):
                os.kill(victim, signal.SIGKILL)
        with start_postgres(tmp_path, durable=False) as server:
            assert rows(server.database_url) == [7]


def test_the_server_ends_when_its_launcher_is_killed(tmp_path: Path) -> None:
    with started_elsewhere(tmp_path) as (starter, _, url):
        insert(url, 3)
        starter.kill()
        with start_postgres(tmp_path, durable=False) as server:
            assert rows(server.database_url) == [3]


def test_a_killed_postmaster_starts_again_on_the_same_port() -> None:
    with temporary_postgres() as server:
        insert(server.database_url, 5)
        before = server.database_url
        assert server.pid is not None
        os.kill(server.pid, signal.SIGKILL)
        server.wait()
        server.start()
        assert server.database_url == before
        assert rows(before) == [5]


def test_a_pid_file_naming_a_living_stranger_is_no_obstacle(made_once: Path) -> None:
    stale = made_once / "postgres" / "data" / "postmaster.pid"
    stale.write_text(f"{os.getpid()}\n/somewhere\n0\n5432\n\n127.0.0.1\n0 0\nready\n")
    with start_postgres(made_once, durable=False) as server:
        assert 1 in rows(server.database_url)


def test_a_taken_port_is_named(made_once: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(PostgresError, match=f"port {port} on 127.0.0.1 is taken"):
            PostgresServer(made_once, port).start()


def test_a_second_starter_is_refused_while_the_first_runs(tmp_path: Path) -> None:
    with start_postgres(tmp_path, durable=False) as first:
        with pytest.raises(PostgresError, match="in use by another running Backstop"):
            PostgresServer(tmp_path).start()
        insert(first.database_url, 1)


def test_a_server_someone_else_started_on_the_folder_is_seen(made_once: Path) -> None:
    data = made_once / "postgres" / "data"
    # Anything called postgres that stands in the folder counts, whatever the pid file says.
    stranger = subprocess.Popen(
        [sys.executable, "-c", "open('/proc/self/comm','w').write('postgres'); print(flush=True); input()"],
        cwd=data,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert stranger.stdout is not None
    stranger.stdout.readline()
    try:
        with pytest.raises(PostgresError, match=rf"in use by a PostgreSQL server \(pid {stranger.pid}\)"):
            PostgresServer(made_once).start()
    finally:
        stranger.communicate()


@pytest.mark.parametrize("missing", ["PG_VERSION", "global/pg_control", "postgresql.conf"])
def test_a_broken_data_folder_is_refused(made_once: Path, missing: str) -> None:
    file = made_once / "postgres" / "data" / missing
    content, owner = file.read_bytes(), file.stat()
    file.unlink()
    try:
        with pytest.raises(PostgresError, match="broken or half-made"):
            PostgresServer(made_once).start()
    finally:
        file.write_bytes(content)
        file.chmod(0o600)
        os.chown(file, owner.st_uid, owner.st_gid)


def test_a_data_folder_of_another_major_version_is_refused(made_once: Path) -> None:
    file = made_once / "postgres" / "data" / "PG_VERSION"
    right = file.read_text()
    file.write_text("9\n")
    try:
        with pytest.raises(PostgresError, match="is of PostgreSQL 9 and"):
            PostgresServer(made_once).start()
    finally:
        file.write_text(right)


def test_a_damaged_control_file_ends_in_one_line(made_once: Path) -> None:
    file = made_once / "postgres" / "data" / "global" / "pg_control"
    right = file.read_bytes()
    file.write_bytes(b"\0" * len(right))
    try:
        with pytest.raises(PostgresError) as refused:
            PostgresServer(made_once).start()
    finally:
        file.write_bytes(right)
    assert "\n" not in str(refused.value)
    assert "see " in str(refused.value)


def test_a_lost_password_file_is_refused(made_once: Path) -> None:
    file = made_once / "postgres" / "password"
    right = file.read_text()
    file.unlink()
    try:
        with pytest.raises(PostgresError, match="password file"):
            PostgresServer(made_once).start()
    finally:
        file.write_text(right)


def test_a_home_that_cannot_be_made_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(PostgresError, match="cannot write to"):
        PostgresServer(tmp_path / "file").start()


def test_a_full_disk_is_refused_with_its_numbers(tmp_path: Path) -> None:
    with pytest.raises(PostgresError, match="10 MB free, 150 MB needed"):
        require_room(tmp_path, 150 * 1024 * 1024, 10 * 1024 * 1024)


def test_a_bin_folder_without_the_programs_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PG_BIN", str(tmp_path))
    with pytest.raises(PostgresError, match="has no postgres and initdb"):
        find_binaries()


def test_programs_everyone_may_reach_are_not_copied() -> None:
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        (Path(folder) / "postgres").touch(mode=0o755)
        open_to_all = Binaries(Path(folder), "18.6")
        assert reachable_by_others(open_to_all) is open_to_all


def test_programs_in_a_closed_folder_are_copied_once_with_their_libraries(tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    for name in ("wheel/pg/bin/postgres", "wheel/pg/lib/some.so", "wheel/pg/share/some.sql", "wheel.libs/other.so"):
        (closed / name).parent.mkdir(parents=True, exist_ok=True)
        (closed / name).write_text(name)
    closed.chmod(0o700)
    programs = Binaries(closed / "wheel" / "pg" / "bin", "18.6")
    first = reachable_by_others(programs, tmp_path / "copies")
    (closed / "wheel" / "pg" / "lib" / "some.so").unlink()  # the second time nothing is read
    assert reachable_by_others(programs, tmp_path / "copies") == first
    assert (first.folder / "postgres").read_text() == "wheel/pg/bin/postgres"
    assert (first.folder / "../../../wheel.libs/other.so").read_text() == "wheel.libs/other.so"
    assert len(list((tmp_path / "copies").iterdir())) == 1
