"""The whole, with stand-ins for the parts that are others' to test."""

import os
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from infra.environment import Part, Place
from infra.processes import free_port
from infra.stack import Stack, StackError

FAKES: dict[Part, str] = dict.fromkeys(("simulator", "gateway", "streamer"), "tests.infra.fake_parts")
REPOSITORY = Path(__file__).parents[2]


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path, free_port(), free_port())


@pytest.fixture
def base() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(REPOSITORY)}


@pytest.fixture
def stack(place: Place, base: dict[str, str]) -> Iterator[Stack]:
    with Stack(place, durable=False, restart=False, base=base, modules=FAKES) as stack:
        yield stack


def test_everything_is_up_inside_and_gone_afterwards(place: Place, base: dict[str, str]) -> None:
    with Stack(place, durable=False, base=base, modules=FAKES) as stack:
        pids = [stack.pid(name) for name in ("postgres", "simulator", "gateway", "streamer")]
        assert None not in pids
        with psycopg.connect(stack.database_url) as connection:
            assert connection.execute("select count(*) > 0 from schema_migrations").fetchone() == (True,)
    assert [pid for pid in pids if Path(f"/proc/{pid}").exists()] == []


def test_a_part_can_be_killed_and_started(stack: Stack) -> None:
    before = stack.pid("streamer")
    stack.kill("streamer")
    assert stack.pid("streamer") is None
    stack.start("streamer")
    stack.wait_ready("streamer")
    assert stack.pid("streamer") not in (None, before)


def test_a_killed_database_comes_back_where_it_was(stack: Stack) -> None:
    before = stack.database_url
    stack.kill("postgres")
    stack.start("postgres")
    assert stack.database_url == before
    with psycopg.connect(before) as connection:
        assert connection.execute("select count(*) > 0 from schema_migrations").fetchone() == (True,)


def test_a_part_that_cannot_run_is_named_with_its_last_words(place: Place, base: dict[str, str]) -> None:
    broken: dict[Part, str] = {**FAKES, "simulator": "tests.infra.no_such_module"}
    with (
        pytest.raises(StackError, match=r"the simulator does not stay up \(.*No module named"),
        Stack(place, durable=False, base=base, modules=broken),
    ):
        pass
