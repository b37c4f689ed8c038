"""`python -m streamer`: exit 0 after SIGTERM, 2 when it is not configured, 70 when it had to stop itself."""

import sys

import uvloop

from backstop.telemetry import logger
from streamer.config import ConfigError, read_config
from streamer.journal import Fenced
from streamer.wiring import run

EXIT_CONFIG = 2
EXIT_SOFTWARE = 70


def main() -> int:
    try:
        config = read_config()
    except ConfigError as error:
        sys.stderr.write(f"streamer: {error}\n")
        return EXIT_CONFIG
    try:
        uvloop.run(run(config))
    except Exception as error:  # noqa: BLE001 - whatever it was is logged, and the supervisor starts a successor
        if _is_fenced(error):
            logger("streamer").error("streamer stopped itself: another process holds its accounts now")
        else:
            logger("streamer").exception("streamer stopped itself")
        return EXIT_SOFTWARE
    return 0


def _is_fenced(error: Exception) -> bool:
    """Whether a lost lease is all there was."""
    return isinstance(error, Fenced) or (isinstance(error, ExceptionGroup) and error.split(Fenced)[1] is None)


if __name__ == "__main__":
    sys.exit(main())
