"""`python -m streamer.healthcheck`: exit 0 while the streamer's loop turns. Asks nothing of the network, so that a
database or exchange that is away gets no healthy streamer killed."""

import sys
import time
from pathlib import Path

ALIVE_FILE = Path("/tmp/backstop-alive")  # noqa: S108  # nosec B108 # the container's own; it may write nowhere else
FRESH_S = 15.0


def touch(file: Path = ALIVE_FILE) -> None:
    """The loop turned. Where nothing may be written there, nobody asks either."""
    try:
        file.touch()
    except OSError:
        return


def is_fresh(file: Path = ALIVE_FILE, now: float | None = None) -> bool:
    try:
        return (time.time() if now is None else now) - file.stat().st_mtime < FRESH_S
    except OSError:
        return False


if __name__ == "__main__":
    sys.exit(0 if is_fresh() else 1)
