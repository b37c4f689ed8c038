"""Spooled alerts are handed over oldest first, and kept until they are stored."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from infra.gateway.lambdas import FunctionFailedError
from infra.gateway.spool import HANDLER, replay_for_ever, replay_once


class Function:
    """Stores everything but what it is told to fail."""

    def __init__(self, *failing: str) -> None:
        self.failing = set(failing)
        self.broken = 0
        self.seen: list[list[str]] = []
        self.stored: list[str] = []
        self.done = asyncio.Event()

    async def invoke(self, handler: str, event: dict[str, Any], request_id: str) -> Any:
        assert handler == HANDLER
        names = [record["messageId"] for record in event["Records"]]
        self.seen.append(names)
        if self.broken:
            self.broken -= 1
            raise FunctionFailedError("the instance ended")
        self.stored += [name for name in names if name not in self.failing]
        self.done.set()
        return {"batchItemFailures": [{"itemIdentifier": name} for name in names if name in self.failing]}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("2", "1", "3", ".half-written"):
        (tmp_path / name).write_bytes(name.encode())
    return tmp_path


def left_in(folder: Path) -> list[str]:
    return sorted(file.name for file in folder.iterdir())


async def test_the_oldest_go_first_and_go_for_good(folder: Path) -> None:
    function = Function()
    assert await replay_once(folder, function) == 3
    assert function.seen == [["1", "2", "3"]]
    assert left_in(folder) == [".half-written"]


async def test_what_was_not_stored_stays(folder: Path) -> None:
    assert await replay_once(folder, Function("2", "3")) == 1
    assert left_in(folder) == [".half-written", "2", "3"]


async def test_a_function_that_ends_is_asked_again(folder: Path) -> None:
    function = Function()
    function.broken = 1
    replaying = asyncio.create_task(replay_for_ever(folder, function))
    async with asyncio.timeout(30):
        await function.done.wait()
    assert function.stored == ["1", "2", "3"]
    replaying.cancel()
    await asyncio.gather(replaying, return_exceptions=True)


async def test_without_a_folder_there_is_nothing_to_do(tmp_path: Path) -> None:
    assert await replay_once(tmp_path / "none", Function()) == 0
