"""`python -m tests.crash`: kill the streamer once at every commit and every request, before and after, and check the books.

The first run notes which points there are; then one run for each. Prints a table, exits 1 if one failed.
"""

import sys
import tempfile
from pathlib import Path

from rich.console import Console
from rich.progress import track
from rich.table import Table

from infra.stack import Stack
from tests.crash.scene import Streamer, play


def main() -> int:
    console = Console()
    failed: list[tuple[str, str]] = []
    survived = 0
    with tempfile.TemporaryDirectory() as folder, Stack.temporary(restart=False) as stack:
        stack.stop("streamer")
        log = Path(folder) / "streamer.log"
        passed = Path(folder) / "points"
        _run(stack, {"BACKSTOP_CRASH_LOG": str(passed)}, log)
        points = list(dict.fromkeys(passed.read_text().split()))
        console.print(f"{len(points)} points are passed in one scene")
        for point in track(points, "Killing", console=console):
            try:
                crashed = _run(stack, {"BACKSTOP_CRASH_AT": point}, log)
                survived += crashed
            except AssertionError as error:
                failed.append((point, str(error)[:300]))
    table = Table("point", "what was wrong")
    for row in failed:
        table.add_row(*row)
    if failed:
        console.print(table)
    console.print(f"{len(points)} points, {survived} kills survived, {len(failed)} failed")
    return 1 if failed else 0


def _run(stack: Stack, crash: dict[str, str], log: Path) -> bool:
    """Whether the streamer was killed on the way; a point may be passed fewer times than in the first run."""
    streamer = Streamer(stack, crash, log)
    try:
        play(stack, streamer)
        return streamer.crashed
    finally:
        streamer.stop()


if __name__ == "__main__":
    sys.exit(main())
