"""`python -m tests.crash.pauses`: pause a streamer for a minute at each point of a send, have a second take over, and let
the first go on. Prints a table, exits 1 if a scene failed.
"""

import argparse
import sys
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

from rich.console import Console

from infra.stack import Stack
from tests.crash.pause import Pair, retire_accounts
from tests.crash.report import play_all
from tests.crash.scene import play, play_a_late_entry, play_a_stop_crossed

POINTS = [
    *(f"create:{when}:{number}" for number in range(1, 7) for when in ("before", "after")),
    *(f"commit:{when}:{number}" for number in (1, 2, 3, 6, 9) for when in ("before", "within", "after")),
]


def main() -> int:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--seconds", type=float, default=60.0, help="how long the first is away")
    arguments.add_argument("--only", default="", help="a part of the names of the scenes to play")
    asked = arguments.parse_args()
    pause_s: float = asked.seconds
    with tempfile.TemporaryDirectory() as folder, Stack.temporary(restart=False) as stack:
        stack.stop("streamer")
        scene = partial(_scene, stack, Path(folder), pause_s)
        scenes = [
            *((point, partial(scene, play, point)) for point in POINTS),
            ("an entry too old afterwards", partial(scene, play_a_late_entry, "create:before:1")),
            ("a stop crossed meanwhile", partial(scene, play_a_stop_crossed, None)),
        ]
        wanted = [(name, played) for name, played in scenes if asked.only in name]
        return 1 if play_all(Console(), f"Pausing {pause_s:g} s", wanted) else 0


def _scene(stack: Stack, folder: Path, pause_s: float, scene: Callable[[Stack, Pair], None], point: str | None) -> str:
    pair = Pair(stack, folder, pause_s, point)
    try:
        scene(stack, pair)
        if not pair.was_paused:
            return "not reached"
        pair.settle()
        assert pair.resumed_at is not None
        return f"ended {pair.ended_at - pair.resumed_at:.1f} s after it went on"
    finally:
        pair.end()
        retire_accounts(stack)


if __name__ == "__main__":
    sys.exit(main())
