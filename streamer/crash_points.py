"""Where a crash hurts most: before and after each commit and each request. Tests have the process killed there.

`BACKSTOP_CRASH_AT=point:n` sends SIGKILL to this process the n-th time it passes `point`; `BACKSTOP_CRASH_LOG=file` notes
each passage, so that a test knows which points there are. Without them nothing happens.
"""

import os
import signal
from collections import Counter
from pathlib import Path
from typing import Final

POINTS: Final = (
    "commit:before",
    "commit:after",
    "create:before",
    "create:after",
    "resident_stop:before",
    "resident_stop:after",
)

_passed: Counter[str] = Counter()
_target = os.environ.get("BACKSTOP_CRASH_AT", "")
_log = os.environ.get("BACKSTOP_CRASH_LOG", "")


def passing(point: str) -> None:
    """Say that `point` is reached."""
    if not _target and not _log:
        return
    _passed[point] += 1
    if _log:
        with Path(_log).open("a") as file:
            file.write(f"{point}:{_passed[point]}\n")
    if _target == f"{point}:{_passed[point]}":
        os.kill(os.getpid(), signal.SIGKILL)
