"""Small facts about processes and ports that everything started locally relies on."""

import os
import signal
import socket
import sys
from collections.abc import Sequence
from pathlib import Path

_TIED = str(Path(__file__).with_name("tied.py"))


def tied(
    command: Sequence[str | Path], death_signal: signal.Signals, *, uid: int | None = None, gid: int | None = None
) -> list[str]:
    """The command that runs `command` and sends it `death_signal` when we are gone.

    Linux counts the *thread* that started it as the parent: start children from a thread that lives as
    long as they should. Elsewhere than on Linux the child simply outlives us.

    Args:
        uid: user to become first, with `gid`; None stays who we are.
    """
    who = ("-", "-") if uid is None else (str(uid), str(gid))
    return [sys.executable, "-I", "-S", _TIED, str(os.getpid()), str(int(death_signal)), *who, *map(str, command)]


def port_is_free(port: int, host: str = "127.0.0.1") -> bool:
    """Whether a server could listen on `host`:`port` now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
        return True


def free_port(host: str = "127.0.0.1") -> int:
    """A port nobody listens on; another process may still take it before it is used."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.bind((host, 0))
        port: int = probe.getsockname()[1]
        return port
