"""`backstop doctor`: is everything here that a local run needs? One line each."""

import shutil
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import psycopg
from rich.console import Console

from infra import web
from infra.cli.up import DASHBOARD
from infra.environment import Place
from infra.postgres_binaries import PostgresError, find_binaries
from infra.processes import port_is_free

_NODE = Path(__file__).parents[2] / ".node" / "bin" / "node"


@dataclass(frozen=True, slots=True)
class Finding:
    """One line: what was looked at, whether it will do, what is there or what to do."""

    what: str
    fine: bool
    said: str
    required: bool = True


def doctor(console: Console, place: Place, environment: Mapping[str, str]) -> int:
    """Print the findings; exit status 1 when a required one is not fine."""
    failed = False
    for finding in examine(place, environment):
        failed = failed or (finding.required and not finding.fine)
        mark = (
            "[green]ok[/green]  "
            if finding.fine
            else "[red]do[/red]  "
            if finding.required
            else "[yellow]--[/yellow]  "
        )
        console.print(f"{mark}{finding.what:<11} ", end="", highlight=False)
        console.print(finding.said, markup=False, highlight=False, soft_wrap=True)
    return 1 if failed else 0


def examine(place: Place, environment: Mapping[str, str]) -> Iterator[Finding]:
    """Look at everything, in the order it is needed."""
    version = ".".join(map(str, sys.version_info[:3]))
    yield Finding("python", sys.version_info >= (3, 11), version)
    node = shutil.which("node") or (str(_NODE) if _NODE.exists() else None)
    yield Finding("node", node is not None, node or "none; `make dashboard` brings its own", required=False)
    yield Finding(
        "dashboard", DASHBOARD.is_file(), "built" if DASHBOARD.is_file() else "run `make dashboard`", required=False
    )
    chromium = environment.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
    yield Finding(
        "chromium",
        chromium is not None,
        chromium or "none; browser tests need it (apt install chromium)",
        required=False,
    )
    yield _folder(place.home)
    running = _runs(place)
    yield _port("port", place.port, "BACKSTOP_PORT", running)
    yield _port("sim port", place.sim_port, "BACKSTOP_SIM_PORT", running)
    yield _database(environment.get("DATABASE_URL"))


def _folder(home: Path) -> Finding:
    existing = next(folder for folder in (home, *home.parents) if folder.exists())
    try:
        with tempfile.TemporaryFile(dir=existing):
            pass
    except OSError as error:
        return Finding("data folder", False, f"cannot write to {existing} ({error.strerror}); set BACKSTOP_HOME")
    free = shutil.disk_usage(existing).free // 1024**2
    if free < 300:
        return Finding("data folder", False, f"{existing} has {free} MB free; free some space or set BACKSTOP_HOME")
    return Finding("data folder", True, f"{home}, {free} MB free")


def _port(what: str, port: int, variable: str, running: bool) -> Finding:
    if running:
        return Finding(what, True, f"{port}, Backstop is running")
    if port_is_free(port):
        return Finding(what, True, f"{port} is free")
    return Finding(what, False, f"{port} is taken; stop what listens there or set {variable}")


def _database(url: str | None) -> Finding:
    if not url:
        try:
            found = find_binaries()
        except PostgresError as error:
            return Finding("database", False, str(error))
        return Finding("database", True, f"embedded PostgreSQL {found.version}")
    try:
        with psycopg.connect(url, connect_timeout=5) as connection:
            version = connection.info.server_version // 10000
    except psycopg.Error as error:
        said = " ".join(str(error).split())
        return Finding("database", False, f"DATABASE_URL does not answer ({said}); mend or unset it")
    return Finding("database", version >= 15, f"PostgreSQL {version} at DATABASE_URL (15 or newer is needed)")


def _runs(place: Place) -> bool:
    try:
        return web.call("GET", f"{place.url}/api/health", timeout_s=3.0).ok
    except web.UnreachableError:
        return False
