"""The exchange's state in a file, so that the next start finds it as it was left."""

from __future__ import annotations

import asyncio
import os
import sys
import threading
from pathlib import Path

import msgspec

from simulator.exchange import Exchange, State

SAVE_EVERY_S = 0.4


def load(path: Path) -> State | None:
    """The saved state; None when there is none.

    A file that can't be read is set aside under the name ``<file>.unreadable`` and said so on stderr: an exchange that
    starts empty is of more use than one that does not start.
    """
    try:
        return msgspec.json.decode(path.read_bytes(), type=State)
    except FileNotFoundError:
        return None
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        aside = path.with_name(f"{path.name}.unreadable")
        path.replace(aside)
        sys.stderr.write(f"simulator: {path} could not be read ({error}); kept as {aside}, starting empty\n")
        return None


def write(path: Path, data: bytes) -> None:
    """Replace the file as a whole: a reader sees the old state or the new one, and no one else may read it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)


class Saver:
    """Writes the state soon after it changes, and once more at the end."""

    def __init__(self, exchange: Exchange, path: Path) -> None:
        self._exchange = exchange
        self._path = path
        self._saved = -1
        self._lock = threading.Lock()

    async def run(self) -> None:
        """Save for ever, while there is something to save; at the end (cancellation) as well."""
        try:
            while True:
                await asyncio.sleep(SAVE_EVERY_S)
                if self._exchange.changes != self._saved:
                    try:
                        await asyncio.to_thread(self._write, self._exchange.changes, self._encoded())
                    except OSError as error:
                        sys.stderr.write(f"simulator: the state could not be saved, trying again: {error}\n")
        finally:
            self._write(self._exchange.changes, self._encoded())

    def _encoded(self) -> bytes:
        return msgspec.json.encode(self._exchange.state)

    def _write(self, version: int, data: bytes) -> None:
        # The last save may overtake one still on its way in a thread: the older one then gives way.
        with self._lock:
            if version > self._saved:
                write(self._path, data)
                self._saved = version
