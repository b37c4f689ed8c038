"""`python -m tests.crash`: kill the streamer once at every commit and every request, before and after, and check the books.

The first run notes which points there are; then one run for each. Prints a table, exits 1 if one failed.
"""

import sys
import tempfile
from functools import partial
from pathlib import Path

from rich.console import Console

from infra.stack import Stack
from tests.crash.pause import retire_accounts
from tests.crash.report import play_all
from tests.crash.scene import Streamer, play


def main() -> int:
    console = Console()
    with tempfile.TemporaryDirectory() as folder, Stack.temporary(restart=False) as stack:
        stack.stop("streamer")
        log = Path(folder) / "streamer.log"
        passed = Path(folder) / "points"
        _run(stack, {"BACKSTOP_CRASH_LOG": str(passed)}, log)
        points = list(dict.fromkeys(passed.read_text().split()))
        scenes = ((point, partial(_run, stack, {"BACKSTOP_CRASH_AT": point}, log)) for point in points)
        return 1 if play_all(console, "Killing", scenes) else 0


def _run(stack: Stack, crash: dict[str, str], log: Path) -> str:
    """Whether the streamer was killed on the way; a point may be passed fewer times than in the first run."""
    streamer = Streamer(stack, crash, log)
    try:
        play(stack, streamer)
        return "killed and survived" if streamer.crashed else "not reached"
    finally:
        streamer.stop()
        retire_accounts(stack)


if __name__ == "__main__":
    sys.exit(main())
