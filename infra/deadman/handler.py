"""The scheduled Lambda: one run of the guard, and what it found as metrics."""

import asyncio
import os
from typing import Any

from backstop import parameters
from backstop.telemetry import measure
from backstop.vault import opener_from
from infra.deadman.guard import Guard
from infra.deadman.rule import Policy


def handler(_event: object, _context: object) -> dict[str, Any]:
    """Raises when the database does not answer; the run then counts as failed and the alarm rises."""
    url = parameters.database_url() or os.environ["BACKSTOP_STREAMER_DATABASE_URL"]
    policy = Policy(os.environ.get("BACKSTOP_DEADMAN_POLICY", Policy.REPAIR))
    found = asyncio.run(Guard(url, opener_from(os.environ), policy, os.environ).run())
    measure(
        "deadman",
        Runs=1,
        HeartbeatAgeSeconds=found["heartbeat_age_s"],
        AccountsUnowned=found["unowned"],
        PositionsChecked=found["checked"],
        StopsMissing=found["missing"],
        StopsRepaired=found["repaired"],
        PositionsClosed=found["closed"],
        AccountsFailed=found["failed"],
    )
    return found
