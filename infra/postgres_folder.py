"""The folder a database lives in: who owns it, who holds it, and whether it is fit to start."""

import fcntl
import os
import pwd
import secrets
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from infra.postgres_binaries import Binaries, PostgresError

_MIB = 1024 * 1024
ROOM_FOR_NEW = 150 * _MIB
ROOM_TO_START = 32 * _MIB
USER = "backstop"


@dataclass(frozen=True, slots=True)
class Owner:
    """The user PostgreSQL runs as. It refuses to be root, and wants one with a passwd entry."""

    uid: int
    gid: int

    @property
    def is_other(self) -> bool:
        """Whether the server must change user, so that only file descriptors lead it to closed folders."""
        return self.uid != os.geteuid()

    @property
    def user(self) -> int | None:
        """For `subprocess`: None means to stay who we are."""
        return self.uid if self.is_other else None

    @property
    def group(self) -> int | None:
        """As `user`."""
        return self.gid if self.is_other else None

    @property
    def extra_groups(self) -> list[int] | None:
        """As `user`."""
        return [] if self.is_other else None


@contextmanager
def opened(folder: Path, owner: Owner) -> Iterator[tuple[str, tuple[int, ...]]]:
    """A path to `folder` that works for `owner`, and the descriptors its processes must inherit.

    The folders above may be closed to that user (root's home is). An inherited descriptor leads past
    them without anyone's rights being loosened: `/proc/self/fd/N`.
    """
    if not owner.is_other:
        yield str(folder), ()
        return
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{descriptor}", (descriptor,)
    finally:
        os.close(descriptor)


class Locks:
    """Two flocks. `launcher` is ours; `server` is inherited by every process of the server.

    The kernel drops a lock with its last holder, so neither can be fooled by a recycled or zombie pid:
    `launcher` free and `server` taken means that a launcher was killed and its server is still ending.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._launcher: int | None = None

    def take_launcher(self, patience_s: float) -> None:
        """Raises PostgresError when another launcher runs a server on this folder."""
        descriptor = _lock(self._folder / "launcher.lock", patience_s)
        if descriptor is None:
            raise PostgresError(
                f"{self._folder} is in use by another running Backstop; stop that one or set BACKSTOP_HOME"
            )
        self._launcher = descriptor

    def take_server(self, patience_s: float) -> int:
        """The descriptor to hand to the server, once no process of an earlier one is left."""
        descriptor = _lock(self._folder / "server.lock", patience_s)
        if descriptor is None:
            raise PostgresError(
                f"a PostgreSQL server left over on {self._folder} does not end; stop it and start again"
            )
        return descriptor

    def release(self) -> None:
        """Let the next launcher in."""
        if self._launcher is not None:
            os.close(self._launcher)
            self._launcher = None


def open_folder(folder: Path) -> None:
    """Make `folder` if it is missing and prove that it can be written to."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise PostgresError(
            f"cannot write to {folder} ({error.strerror}); give yourself the right or set BACKSTOP_HOME"
        ) from error


def require_room(folder: Path, needed: int, free: int) -> None:
    """Refuse to begin what the disk has no room for; sizes in bytes."""
    if free < needed:
        raise PostgresError(
            f"no room in {folder}: {free // _MIB} MB free, {needed // _MIB} MB needed;"
            " free some space or set BACKSTOP_HOME to another disk"
        )


def password_of(folder: Path, *, is_new: bool) -> str:
    """The database user's password, made once, readable by us alone."""
    file = folder / "password"
    if is_new:
        with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as handle:
            handle.write(secrets.token_hex(24))
            handle.flush()
            os.fsync(handle.fileno())
    try:
        return file.read_text().strip()
    except OSError as error:
        raise PostgresError(
            f"the database's password file {file} cannot be read ({error.strerror}); restore it,"
            f" or move {folder} away to begin anew"
        ) from error


def owner_of(data: Path) -> Owner:
    """Who runs the server: ourselves, or for root the folder's owner, or else `nobody`."""
    if os.geteuid() != 0:
        return Owner(os.geteuid(), os.getegid())
    uid = data.stat().st_uid if data.exists() else 0
    try:
        entry = pwd.getpwuid(uid) if uid else pwd.getpwnam("nobody")
    except KeyError as error:
        raise PostgresError(
            "PostgreSQL cannot run as root, and there is no user 'nobody' to run it as; run as another user"
        ) from error
    return Owner(entry.pw_uid, entry.pw_gid)


def initialise(folder: Path, data: Path, binaries: Binaries, owner: Owner, *, durable: bool) -> None:
    """Make the cluster beside its place and rename it there: a half-made one is never taken for whole."""
    for left_over in folder.glob("making-*"):
        shutil.rmtree(left_over, ignore_errors=True)
    require_room(folder, ROOM_FOR_NEW, shutil.disk_usage(folder).free)
    password = password_of(folder, is_new=True)
    staging = Path(tempfile.mkdtemp(prefix="making-", dir=folder))
    (staging / "password").write_text(password)
    if owner.is_other:
        os.chown(staging, owner.uid, owner.gid)
        os.chown(staging / "password", owner.uid, owner.gid)
    with opened(staging, owner) as (path, descriptors):
        made = subprocess.run(  # noqa: S603
            [
                binaries.folder / "initdb",
                *("-D", f"{path}/data", "-U", USER, "-A", "scram-sha-256", f"--pwfile={path}/password"),
                *("-E", "UTF8", "--locale=C", "--no-instructions"),
                *(() if durable else ("--no-sync",)),
            ],
            user=owner.user,
            group=owner.group,
            extra_groups=owner.extra_groups,
            pass_fds=descriptors,
            cwd="/",
            capture_output=True,
            text=True,
            check=False,
        )
    if made.returncode != 0:
        shutil.rmtree(staging, ignore_errors=True)
        said = " ".join(made.stderr.split())[-300:]
        raise PostgresError(f"initdb could not make {data} ({said}); mend that and start again")
    (staging / "data").rename(data)
    shutil.rmtree(staging)


def require_sound(data: Path, binaries: Binaries, owner: Owner) -> None:
    """Refuse a data folder these programs cannot start."""
    try:
        version = (data / "PG_VERSION").read_text().strip()
        whole = (data / "global" / "pg_control").is_file() and (data / "postgresql.conf").is_file()
    except OSError as error:
        version, whole = "", False
        if isinstance(error, PermissionError):
            raise PostgresError(
                f"{data} belongs to another user; start as that user, or move it away to begin anew"
            ) from error
    if not whole:
        raise PostgresError(f"{data} is broken or half-made; restore a backup, or move it away to begin anew")
    if version != binaries.major:
        raise PostgresError(
            f"{data} is of PostgreSQL {version} and {binaries.folder} is {binaries.major};"
            f" set PG_BIN to a {version}, or dump and restore into a new folder"
        )
    if data.stat().st_uid != owner.uid:
        raise PostgresError(f"{data} belongs to another user; start as that user, or move it away to begin anew")


def forget_dead_server(data: Path) -> None:
    """Remove the pid file of a server that is gone; refuse when one we did not start is alive.

    PostgreSQL itself believes any process that has the pid in the file. We believe only one that is
    called postgres, is no zombie and stands in this folder.
    """
    home = data.stat()
    for process in Path("/proc").glob("[0-9]*"):
        try:
            here = (process / "cwd").stat()
            name = (process / "comm").read_text().strip()
        except OSError:
            continue
        if (here.st_dev, here.st_ino) == (home.st_dev, home.st_ino) and name == "postgres":
            raise PostgresError(
                f"{data} is in use by a PostgreSQL server (pid {process.name}) started by someone else;"
                " stop it, or set DATABASE_URL to use it"
            )
    (data / "postmaster.pid").unlink(missing_ok=True)


def _lock(file: Path, patience_s: float) -> int | None:
    descriptor = os.open(file, os.O_RDWR | os.O_CREAT, 0o600)
    deadline = time.monotonic() + patience_s
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            if time.monotonic() > deadline:
                os.close(descriptor)
                return None
            time.sleep(0.02)
        else:
            return descriptor
