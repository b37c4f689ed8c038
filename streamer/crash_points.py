"""Where a crash or a long pause hurts most: before, within and after each commit and each request.

`BACKSTOP_CRASH_AT=point:n` sends SIGKILL to this process the n-th time it passes `point`, `BACKSTOP_PAUSE_AT=point:n`
SIGSTOP, until somebody has it go on; `BACKSTOP_CRASH_LOG=file` notes each passage, so that a test knows which points there
are. Without them nothing happens.
"""

import os
import signal
from collections import Counter
from pathlib import Path
from typing import Final

POINTS: Final = (
    "commit:before",
    "commit:within",
    "commit:after",
    "create:before",
    "create:after",
    "resident_stop:before",
    "resident_stop:after",
)

_passed: Counter[str] = Counter()
_signals = {
    os.environ.get("BACKSTOP_CRASH_AT", ""): signal.SIGKILL,
    os.environ.get("BACKSTOP_PAUSE_AT", ""): signal.SIGSTOP,
}
_log = os.environ.get("BACKSTOP_CRASH_LOG", "")


def passing(point: str) -> None:
    """Say that `point` is reached."""
    if not any(_signals) and not _log:
        return
    _passed[point] += 1
    if _log:
        with Path(_log).open("a") as file:
            file.write(f"{point}:{_passed[point]}\n")
    number = _signals.get(f"{point}:{_passed[point]}")
    if number is not None:
        os.kill(os.getpid(), number)
