"""`python -m streamer`: exit 0 after SIGTERM, 2 when it is not configured, 70 when it had to stop itself."""

import sys

import uvloop

from backstop.telemetry import logger
from streamer.config import ConfigError, read_config
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
    except Exception:  # noqa: BLE001 - whatever it was is logged, and the supervisor starts a successor
        logger("streamer").exception("streamer stopped itself")
        return EXIT_SOFTWARE
    return 0


if __name__ == "__main__":
    sys.exit(main())
