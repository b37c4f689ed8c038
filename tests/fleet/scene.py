"""Processes share accounts while some of them are killed, others end in an orderly way, and new ones come."""

import asyncio
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import psycopg
from psycopg.rows import dict_row

from simulator.server import running_simulator
from tests.streamer.desk import Exchange

UNOWNED_MOST_S = 15.0

Tell = Callable[[str], object]

_WATCH = """
    create table met (account text not null, holder text not null);
    create table changes (name text not null, holder text not null, at timestamptz not null default clock_timestamp());
    create function note_change() returns trigger language plpgsql as $$
    begin
      insert into changes (name, holder) values (new.name, new.holder);
      return new;
    end $$;
    create trigger note_first after insert on leases for each row execute function note_change();
    create trigger note_change after update on leases for each row when (old.epoch <> new.epoch or old.holder <> new.holder)
      execute function note_change();
    grant insert on met, changes to backstop_streamer;
"""

_ADD = """
    with someone as (
      insert into users (id, email, password_hash) values (gen_random_uuid(), 'many@example.com', '-') returning id)
    insert into accounts (id, user_id, label, environment, api_key_last4, sealed_credentials)
    select gen_random_uuid(), someone.id, 'light', 'simulator', '0000', '-' from someone, generate_series(1, %s)
"""


@dataclass
class Scene:
    url: str
    streamer_url: str
    sim: Any
    processes: dict[str, asyncio.subprocess.Process] = field(default_factory=dict)
    deaths: dict[str, float] = field(default_factory=dict)
    """When a process was killed, in the database's time."""

    def rows(self, text: str, *values: object) -> list[dict[str, Any]]:
        with psycopg.connect(self.url, autocommit=True, row_factory=dict_row) as connection:
            cursor = connection.execute(text.encode(), values)
            return cursor.fetchall() if cursor.description else []

    async def starts(self, holder: str) -> None:
        hosts = Exchange(self.sim).hosts
        environment = {
            **os.environ,
            "DATABASE_URL": self.streamer_url,
            "BACKSTOP_BYBIT_REST_URL": hosts.rest,
            "BACKSTOP_BYBIT_PUBLIC_WS_URL": hosts.public_ws,
            "BACKSTOP_BYBIT_PRIVATE_WS_URL": hosts.private_ws,
        }
        self.processes[holder] = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tests.fleet.process", holder, env=environment, stdout=asyncio.subprocess.DEVNULL
        )

    async def kills(self, holder: str) -> None:
        (now,) = self.rows("select extract(epoch from clock_timestamp())::float8 as at")
        self.deaths[holder] = now["at"]
        process = self.processes.pop(holder)
        process.kill()
        await process.wait()

    async def ends(self, holder: str) -> None:
        process = self.processes.pop(holder)
        process.terminate()
        assert await process.wait() == 0

    def held(self) -> dict[str, int]:
        """How many accounts each holds by a lease that is valid."""
        rows = self.rows(
            "select holder, count(*) as n from leases where expires_at > now() and holder <> '' group by 1"
        )
        return {row["holder"]: row["n"] for row in rows}

    async def until(self, what: Callable[[dict[str, int]], bool], within_s: float) -> None:
        deadline = asyncio.get_running_loop().time() + within_s
        while not what(held := self.held()):
            for holder, process in self.processes.items():
                assert process.returncode is None, f"{holder} ended by itself"
            assert asyncio.get_running_loop().time() < deadline, held
            await asyncio.sleep(0.2)

    def longest_unowned_s(self) -> float:
        """Of all changes of owner: seconds from the death (or letting go) of one to the next one's taking it."""
        rows = self.rows(
            """select name, holder, extract(epoch from at)::float8 as at,
                      lead(holder) over w as next, extract(epoch from lead(at) over w)::float8 as next_at
                 from changes window w as (partition by name order by at)"""
        )
        began = {**self.deaths, "": None}
        gaps = [
            row["next_at"] - (began[row["holder"]] or row["at"])
            for row in rows
            if row["holder"] in began and row["next_at"] is not None
        ]
        return float(max(gaps))


async def share_and_kill(
    url: str,
    streamer_url: str,
    accounts: int,
    processes: int,
    tell: Tell = lambda _: None,
) -> float:
    """Start `processes`, kill one, end one in an orderly way, kill another, start two anew; returns the longest time
    an account was without an owner, seconds."""
    async with running_simulator() as sim:
        scene = Scene(url, streamer_url, sim)
        scene.rows(_WATCH)
        scene.rows(_ADD, accounts)
        names = [f"p{number}" for number in range(processes)]
        try:
            for name in names:
                await scene.starts(name)
            await scene.until(lambda held: sum(held.values()) == accounts, 120)
            fair = -(-accounts // processes)
            await scene.until(lambda held: len(held) == processes and max(held.values()) <= fair * 1.1 + 1, 400)
            tell(f"shared: {scene.held()}")
            await scene.kills(names[0])
            await scene.until(lambda held: sum(held.values()) == accounts and names[0] not in held, 90)
            tell(f"after a kill: {scene.held()}")
            await scene.ends(names[1])
            await scene.until(lambda held: sum(held.values()) == accounts and names[1] not in held, 90)
            tell(f"after an orderly end: {scene.held()}")
            if processes > 3:
                await scene.kills(names[2])
                await scene.until(lambda held: sum(held.values()) == accounts and names[2] not in held, 90)
                tell(f"after another kill: {scene.held()}")
            await scene.starts("late")
            await scene.until(lambda held: held.get("late", 0) > 0 and sum(held.values()) == accounts, 120)
            tell(f"after one came: {scene.held()}")
            met = scene.rows("select * from met")
            assert met == [], f"two owners at once: {met[:5]}"
            longest = scene.longest_unowned_s()
            assert longest < UNOWNED_MOST_S, longest
            return longest
        finally:
            for process in scene.processes.values():
                process.kill()
                await process.wait()
