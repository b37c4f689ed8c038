"""`python -m infra.gateway`: serve until SIGTERM or SIGINT.

Environment: BACKSTOP_PORT (8000), BACKSTOP_DASHBOARD (frontend/dist), BACKSTOP_LAMBDA_INSTANCES (3),
BACKSTOP_SPOOL_DIR (none).
"""

import asyncio
import logging
import os
import signal
import sys
from pathlib import Path

from infra.gateway.lambdas import FunctionFailedError
from infra.gateway.server import GatewayConfig, running

_DASHBOARD = Path(__file__).parents[2] / "frontend" / "dist"


async def serve(config: GatewayConfig) -> None:
    """Serve until a signal asks to end."""
    asked = asyncio.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(name, asked.set)
    async with running(config) as port:
        logging.getLogger(__name__).info("serving on http://%s:%d", config.host, port)
        await asked.wait()


def main() -> int:
    """Exit status 0 after a signal, 1 when it cannot serve."""
    logging.basicConfig(format="%(asctime)s %(levelname)s %(message)s", level=logging.INFO, stream=sys.stderr)
    config = GatewayConfig(
        port=int(os.environ.get("BACKSTOP_PORT", "8000")),
        dashboard=Path(os.environ.get("BACKSTOP_DASHBOARD", _DASHBOARD)),
        instances=int(os.environ.get("BACKSTOP_LAMBDA_INSTANCES", "3")),
        spool=Path(folder) if (folder := os.environ.get("BACKSTOP_SPOOL_DIR")) else None,
    )
    try:
        asyncio.run(serve(config))
    except (FunctionFailedError, OSError) as error:
        logging.getLogger(__name__).error("cannot serve: %s", error)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
