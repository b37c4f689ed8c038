"""``python -m simulator``: listens on 127.0.0.1 until SIGTERM or SIGINT.

Environment: BACKSTOP_SIM_PORT (8100), BACKSTOP_SIM_STATE (file for the state; none keeps it in memory),
BACKSTOP_SIM_SEED (1).
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import signal
import sys
from pathlib import Path

from simulator.server import DEFAULT_PORT, HOST, running_simulator

EXIT_USAGE = 2


async def _run(port: int, seed: int, state_path: Path | None) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    async with running_simulator(port=port, seed=seed, state_path=state_path) as simulator:
        sys.stdout.write(f"simulator: listening on {simulator.rest_url}\n")
        sys.stdout.flush()
        await stop.wait()


def _whole_number(name: str, default: int, maximum: int) -> int:
    value = os.environ.get(name) or str(default)
    if not value.isdecimal() or int(value) > maximum:
        raise ValueError(f"{name}={value!r} is not a whole number from 0 to {maximum}")
    return int(value)


def main() -> int:
    """Run until stopped; 2 when the settings or the port do not allow it."""
    port = DEFAULT_PORT
    try:
        port = _whole_number("BACKSTOP_SIM_PORT", DEFAULT_PORT, 65_535)
        seed = _whole_number("BACKSTOP_SIM_SEED", 1, 2**63 - 1)
        state = os.environ.get("BACKSTOP_SIM_STATE")
        with contextlib.suppress(KeyboardInterrupt):
            asyncio.run(_run(port, seed, Path(state) if state else None))
    except ValueError as error:
        sys.stderr.write(f"simulator: {error}\n")
        return EXIT_USAGE
    except OSError as error:
        in_use = f"{HOST}:{port} is in use; stop who holds it, or set BACKSTOP_SIM_PORT"
        sys.stderr.write(f"simulator: {in_use if error.errno == errno.EADDRINUSE else error}\n")
        return EXIT_USAGE
    return 0


if __name__ == "__main__":
    sys.exit(main())
