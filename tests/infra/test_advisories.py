"""Whether there are advisories is only believed of a service that knows a known one."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from infra.advisories import KNOWN, LOCK, Audit, NoAnswer, audit, main, pinned

PINS = ["good==1", "bad==2", "new==3"]


def service(pins: Sequence[str]) -> list[dict[str, Any]]:
    known = {KNOWN: {"vulns": [{"id": "PYSEC-1"}]}, "bad==2": {"vulns": [{"id": "PYSEC-2"}, {"id": "GHSA-3"}]}}
    skipped = {"new==3": {"skip_reason": "not found"}}
    return [
        {"name": pin.partition("==")[0], "version": pin.partition("==")[2], **(known | skipped).get(pin, {"vulns": []})}
        for pin in pins
    ]


def ignorant(pins: Sequence[str]) -> list[dict[str, Any]]:
    return [{"name": pin, "skip_reason": "Dependency not found on PyPI and could not be audited"} for pin in pins]


def away(_pins: Sequence[str]) -> list[dict[str, Any]]:
    raise NoAnswer("no answer within 120 s")


def test_advisories_are_told() -> None:
    assert audit(PINS, service) == Audit(2, ("bad 2: PYSEC-2, GHSA-3",), ("new",))


def test_a_service_that_knows_nothing_is_not_believed() -> None:
    with pytest.raises(NoAnswer, match="urllib3"):
        audit(PINS, ignorant)


@pytest.mark.parametrize(("ask", "said"), [(ignorant, "knows nothing of"), (away, "no answer within")])
def test_that_nobody_could_be_asked_is_said_and_fails_only_where_it_must_be_known(
    ask: Any, said: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("ADVISORIES", raising=False)
    assert main(ask) == 0
    monkeypatch.setenv("ADVISORIES", "required")
    assert main(ask) == 1
    told = capsys.readouterr().out
    assert told.count("advisories: NOT KNOWN, nobody could be asked") == 2
    assert said in told


def test_an_advisory_fails(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lock = tmp_path / "lock"
    lock.write_text("good==1 \\\n    --hash=sha256:00\nbad==2 ; python_version >= '3' \\\n    # via good\n")
    assert main(service, lock) == 1
    assert "advisories: 1 of 2 packages have some" in capsys.readouterr().out
    lock.write_text("good==1\nbad==2 ; python_version < '3'\n")
    assert main(service, lock) == 0


def test_the_lock_is_read_whole() -> None:
    pins = pinned(LOCK.read_text())
    assert len(pins) > 100
    assert any(pin.startswith("psycopg==") for pin in pins)
