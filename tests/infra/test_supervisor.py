"""Real children: started, started again, stopped, and never left behind."""

import os
import queue
import select
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.supervisor import Child, Supervisor

_PATIENCE_S = 30.0

# Says its pid, then waits for a signal.
_WAITS = "import os, signal\nprint(os.getpid(), flush=True)\nsignal.pause()\n"
_STUBBORN = "import signal\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\n" + _WAITS


@pytest.fixture
def lines() -> "queue.Queue[str]":
    return queue.Queue()


@pytest.fixture
def supervisor(lines: "queue.Queue[str]") -> Iterator[Supervisor]:
    supervisor = Supervisor(told=lines.put)
    yield supervisor
    supervisor.stop("it")
    supervisor.close()


def child(folder: Path, script: str, *, grace_s: float = 10.0) -> Child:
    (folder / "scripted.py").write_text(script)
    return Child("scripted", {**os.environ, "PYTHONPATH": str(folder)}, folder / "it.log", grace_s=grace_s)


def pids_said(folder: Path, count: int) -> list[int]:
    """The pids the child has said, once there are `count`."""
    waiting = threading.Event()
    for _ in range(int(_PATIENCE_S * 100)):
        said = (folder / "it.log").read_text().split() if (folder / "it.log").exists() else []
        if len(said) >= count:
            return [int(it) for it in said]
        waiting.wait(0.01)
    raise AssertionError(f"it never said {count} pids")


def test_a_killed_child_comes_back(supervisor: Supervisor, lines: "queue.Queue[str]", tmp_path: Path) -> None:
    supervisor.start("it", child(tmp_path, _WAITS))
    first = pids_said(tmp_path, 1)[0]
    os.kill(first, signal.SIGKILL)
    assert "it ended; starting it again" in lines.get(timeout=_PATIENCE_S)
    assert pids_said(tmp_path, 2)[1] == supervisor.pid("it") != first


def test_a_child_that_never_stays_up_is_tried_ever_later(
    supervisor: Supervisor, lines: "queue.Queue[str]", tmp_path: Path
) -> None:
    supervisor.start("it", child(tmp_path, "raise SystemExit(3)"))
    told = [lines.get(timeout=_PATIENCE_S) for _ in range(3)]
    assert [line.split()[-2] for line in told] == ["0.2", "0.4", "0.8"]
    assert supervisor.deaths("it") >= 3


def test_a_stopped_child_stays_down_until_started(supervisor: Supervisor, tmp_path: Path) -> None:
    supervisor.start("it", child(tmp_path, _WAITS))
    pids_said(tmp_path, 1)
    supervisor.stop("it")
    assert supervisor.pid("it") is None
    supervisor.start("it")
    assert pids_said(tmp_path, 2)[1] == supervisor.pid("it")


def test_a_child_deaf_to_sigterm_is_killed(supervisor: Supervisor, tmp_path: Path) -> None:
    supervisor.start("it", child(tmp_path, _STUBBORN, grace_s=0.2))
    pids_said(tmp_path, 1)
    supervisor.stop("it")
    assert supervisor.pid("it") is None


def test_without_restart_a_killed_child_stays_dead(tmp_path: Path) -> None:
    supervisor = Supervisor(restart=False)
    supervisor.start("it", child(tmp_path, _WAITS))
    pids_said(tmp_path, 1)
    supervisor.kill("it")
    assert supervisor.pid("it") is None
    supervisor.start("it")
    assert supervisor.pid("it") is not None
    supervisor.stop("it")
    supervisor.close()


_PARENT = """
import os, signal, sys
from pathlib import Path
from infra.supervisor import Child, Supervisor
folder = Path(sys.argv[1])
Supervisor().start("it", Child("scripted", {**os.environ, "PYTHONPATH": str(folder)}, folder / "it.log"))
signal.pause()
"""


def test_no_child_outlives_a_killed_supervisor(tmp_path: Path) -> None:
    (tmp_path / "scripted.py").write_text(_WAITS)
    parent = subprocess.Popen([sys.executable, "-c", _PARENT, tmp_path])
    pid = pids_said(tmp_path, 1)[0]
    watched = os.pidfd_open(pid)
    try:
        parent.kill()
        parent.wait()
        poller = select.poll()
        poller.register(watched)
        assert poller.poll(_PATIENCE_S * 1000)
    finally:
        os.close(watched)
