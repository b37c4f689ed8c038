"""What must not grow: memory, file descriptors, sockets, tasks, connections to the database."""

import json
import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psycopg

from infra.stack import Stack

PARTS = ("streamer", "gateway", "simulator")
_PAGE = os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True, slots=True)
class Reading:
    """`at` in seconds since the start; memory in MB."""

    at: float
    positions: int
    tasks: int
    connections: int
    memory: dict[str, float]
    files: dict[str, int]


def read(stack: Stack, at: float) -> Reading:
    pids = {part: stack.pid(part) for part in PARTS}
    with psycopg.connect(stack.database_url) as connection:
        (positions,) = connection.execute("select count(*) from positions where status <> 'closed'").fetchone() or (0,)
        (sessions,) = connection.execute(
            "select count(*) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()"
        ).fetchone() or (0,)
    return Reading(
        at=at,
        positions=positions,
        tasks=_tasks(stack.log("streamer")),
        connections=sessions,
        memory={part: _resident(pid) for part, pid in pids.items() if pid is not None},
        files={
            part: sum(1 for _ in Path(f"/proc/{pid}/fd").iterdir()) for part, pid in pids.items() if pid is not None
        },
    )


def _resident(pid: int) -> float:
    """Of the process and its children, which come and go."""
    pages = 0
    for one in (pid, *_children(pid)):
        with suppress(FileNotFoundError, ProcessLookupError):
            pages += int(Path(f"/proc/{one}/statm").read_text().split()[1])
    return pages * _PAGE / 1e6


def _children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def _tasks(log: Path) -> int:
    """As the streamer told of itself last."""
    with log.open("rb") as lines:
        lines.seek(max(0, log.stat().st_size - 200_000))
        told = [line for line in lines.read().splitlines() if b'"Tasks"' in line]
    if not told:
        return 0
    value = json.loads(told[-1])["Tasks"]
    return int(value[0] if isinstance(value, list) else value)


def growth(readings: list[Reading], value: str, part: str | None = None) -> tuple[float, float]:
    """The mean of the second and of the last quarter: what was needed to begin with does not count."""
    series = [_of(reading, value, part) for reading in readings]
    quarter = max(len(series) // 4, 1)
    second, last = series[quarter : 2 * quarter] or series[:1], series[-quarter:]
    return sum(second) / len(second), sum(last) / len(last)


def _of(reading: Reading, value: str, part: str | None) -> float:
    found = getattr(reading, value)
    return float(found[part] if part is not None else found)
