"""`python -m tests.faults`: runs every test that shows a row of the fault table, and prints the table.

Arguments go to pytest. Exit status 1 when a row failed or nothing shows it.
"""

import sys
from collections import defaultdict
from collections.abc import Iterable

import pytest
from rich.console import Console
from rich.table import Table

from tests.faults.table import FAULTS, PARTS, UNTESTED


class Rows:
    """A pytest plugin: which tests show which row, and how they ended."""

    def __init__(self) -> None:
        self.tests: defaultdict[int, dict[str, str]] = defaultdict(dict)
        self._rows: dict[str, tuple[int, ...]] = {}

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        for item in items:
            rows = tuple(row for mark in item.iter_markers("fault") for row in mark.args)
            if rows:
                self._rows[item.nodeid] = rows
                for row in rows:
                    self.tests[row][item.nodeid] = "not run"

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        for row in self._rows.get(report.nodeid, ()):
            if report.when == "call" or report.outcome != "passed":
                self.tests[row][report.nodeid] = report.outcome


def main(arguments: list[str]) -> int:
    rows = Rows()
    pytest.main(["-m", "fault", "-q", "--durations=0", "--no-header", "-p", "no:xdist", *arguments], plugins=[rows])
    console = Console()
    console.print(_table(rows))
    bad = [row for row in FAULTS if row not in UNTESTED and not _passed(rows.tests[row].values())]
    console.print(f"{len(FAULTS) - len(bad) - len(UNTESTED)} rows hold, {len(UNTESTED)} are not tested here")
    if bad:
        console.print(f"[red]not shown: rows {', '.join(map(str, bad))}[/red]")
    return 1 if bad else 0


def _passed(outcomes: Iterable[str]) -> bool:
    outcomes = list(outcomes)
    return bool(outcomes) and all(outcome == "passed" for outcome in outcomes)


def _table(rows: Rows) -> Table:
    table = Table("", "fault", "", "shown by", title="Fault table", show_lines=False)
    for row, fault in FAULTS.items():
        if row in PARTS:
            table.add_section()
            table.add_row("", f"[bold]{PARTS[row]}[/bold]")
        if row in UNTESTED:
            table.add_row(str(row), fault, "–", f"not here: {UNTESTED[row]}")
            continue
        tests = rows.tests[row]
        mark = "[green]✓[/green]" if _passed(tests.values()) else "[red]✗[/red]"
        table.add_row(str(row), fault, mark, "\n".join(_names(tests)))
    return table


def _names(tests: dict[str, str]) -> list[str]:
    """Without parameters, which would fill pages; those that failed are told in red."""
    names = dict.fromkeys(test.split("[")[0].removeprefix("tests/") for test in tests)
    failed = [f"[red]{test.removeprefix('tests/')}: {how}[/red]" for test, how in tests.items() if how != "passed"]
    return [*names, *failed]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
