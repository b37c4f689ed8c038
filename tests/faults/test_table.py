"""Every row of the fault table is shown by a test, or says in docs/trust.md why not."""

import re
from pathlib import Path

from tests.faults.table import FAULTS, PARTS, UNTESTED
from tests.faults.test_simulated import ROWS

_TESTS = Path(__file__).parents[1]
_TRUST = _TESTS.parent / "docs" / "trust.md"
_MARK = re.compile(r"pytest\.mark\.fault\(([\d, ]+)\)")


def marked() -> set[int]:
    texts = (path.read_text() for path in _TESTS.rglob("test_*.py"))
    return {int(row) for text in texts for rows in _MARK.findall(text) for row in rows.split(",")}


def test_every_row_has_a_test_or_a_reason() -> None:
    shown = marked() | set(ROWS)
    assert shown <= set(FAULTS)
    assert set(FAULTS) - shown == set(UNTESTED)


def test_reasons_are_told_to_the_reader() -> None:
    trust = _TRUST.read_text()
    assert [row for row in UNTESTED if f"fault {row}:" not in trust] == []


def test_rows_are_numbered_without_gaps_and_parts_begin_at_one() -> None:
    assert list(FAULTS) == list(range(1, len(FAULTS) + 1))
    assert set(PARTS) <= set(FAULTS)
