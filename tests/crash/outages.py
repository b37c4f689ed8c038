"""`python -m tests.crash.outages`: take PostgreSQL away in every way at every moment of a trade, briefly and for longer
than a lease, and check the books. Prints a table with the seconds it took, exits 1 if a scene failed.
"""

import sys
from functools import partial

from rich.console import Console

from infra.stack import Stack
from tests.crash.outage import MOMENTS, WAYS, play_outage
from tests.crash.report import play_all

HOLDS_S = (4.0, 15.0)


def main() -> int:
    with Stack.temporary(restart=False) as stack:

        def scene(way: str, moment: str, hold_s: float) -> str:
            if stack.pid("streamer") is None:
                stack.start("streamer")
                stack.wait_ready("streamer")
            return str(play_outage(stack, way, moment, hold_s))

        scenes = (
            (f"{way} for {hold_s:g} s, {moment}", partial(scene, way, moment, hold_s))
            for hold_s in HOLDS_S
            for way in WAYS
            for moment in MOMENTS
        )
        return 1 if play_all(Console(), "Taking the database away", scenes) else 0


if __name__ == "__main__":
    sys.exit(main())
