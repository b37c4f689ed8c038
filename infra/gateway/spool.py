"""What SQS and its trigger do in the cloud: hands spooled alerts, oldest first, to the function that stores them."""

import asyncio
import logging
from pathlib import Path
from typing import Any, Protocol
from uuid import uuid4

from infra.gateway.lambdas import LambdaError

_log = logging.getLogger(__name__)

HANDLER = "api.app:replay_spooled"
_EVERY_S = 0.5
_BATCH = 10


class Invoker(Protocol):
    async def invoke(self, handler: str, event: dict[str, Any], request_id: str) -> Any:
        """The handler's answer. Raises LambdaError."""
        ...


async def replay_for_ever(folder: Path, pool: Invoker) -> None:
    """Until cancelled. A file goes when its alert is stored, and not before."""
    while True:
        try:
            done = await replay_once(folder, pool)
        except (LambdaError, OSError) as error:
            _log.warning("spooled alerts are not replayed: %s", error)
            done = 0
        if not done:
            await asyncio.sleep(_EVERY_S)


async def replay_once(folder: Path, pool: Invoker) -> int:
    """Hand over the oldest alerts; how many were stored. Raises LambdaError, OSError."""
    files = await asyncio.to_thread(_oldest, folder)
    if not files:
        return 0
    records = [{"messageId": file.name, "sealed": file.read_bytes().hex()} for file in files]
    answer = await pool.invoke(HANDLER, {"Records": records}, str(uuid4()))
    failed = {one["itemIdentifier"] for one in answer["batchItemFailures"]}
    stored = [file for file in files if file.name not in failed]
    for file in stored:
        file.unlink()
    return len(stored)


def _oldest(folder: Path) -> list[Path]:
    if not folder.is_dir():
        return []
    return sorted(file for file in folder.iterdir() if not file.name.startswith("."))[:_BATCH]
