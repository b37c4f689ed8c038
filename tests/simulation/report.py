"""What a simulation proved, as tables."""

from collections import Counter
from dataclasses import dataclass, field

from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from tests.simulation.checks import Violation
from tests.simulation.clock import START
from tests.simulation.faults import Kind
from tests.simulation.minimise import Minimal, kinds_of
from tests.simulation.world import Outcome

_SEEDS_SHOWN = 6
_LINES_SHOWN = 60


@dataclass
class Total:
    """Outcomes added up. A seed is run twice unless `once`, and both runs are counted."""

    once: bool = False
    seeds: int = 0
    runs: int = 0
    hours: float = 0.0
    heap_events: int = 0
    ticks: int = 0
    steps: int = 0
    seconds: float = 0.0
    injected: Counter[Kind] = field(default_factory=Counter)
    checked: Counter[str] = field(default_factory=Counter)
    counts: Counter[str] = field(default_factory=Counter)
    violations: dict[str, list[tuple[int, Violation]]] = field(default_factory=dict)
    unlike: list[int] = field(default_factory=list)
    """Seeds whose two runs differed."""
    _digests: dict[int, int] = field(default_factory=dict)

    def add(self, outcome: Outcome) -> None:
        self.runs += 1
        self.hours += outcome.hours
        self.heap_events += outcome.heap_events
        self.ticks += outcome.ticks
        self.steps += outcome.steps
        self.injected += outcome.injected
        self.checked += outcome.checked
        self.counts += outcome.counts
        before = self._digests.pop(outcome.seed, None)
        if before is None:
            self._digests[outcome.seed] = outcome.digest
            self.seeds += 1
            for violation in outcome.violations:
                self.violations.setdefault(violation.kind, []).append((outcome.seed, violation))
        elif before != outcome.digest:
            self.unlike.append(outcome.seed)

    @property
    def events(self) -> int:
        """Prices judged and engine steps."""
        return self.ticks + self.steps

    @property
    def passed(self) -> bool:
        return not self.violations and not self.unlike


def print_report(console: Console, total: Total) -> None:
    console.print(_sums(total))
    console.print(_faults(total))
    console.print(_checks(total))
    if total.violations:
        console.print(_violations(total))
    if total.unlike:
        console.print(Text(f"Not deterministic: seeds {total.unlike[:_SEEDS_SHOWN]}", style="bold red"))
    verdict = "no violation" if total.passed else "FAILED"
    console.print(Text(verdict, style="bold green" if total.passed else "bold red"))


def _sums(total: Total) -> RenderableType:
    table = _table("Simulation", "", "sum", "an hour")
    per_hour = max(total.hours, 0.001)
    table.add_row(f"seeds, each run {'once' if total.once else 'twice'}", f"{total.seeds:,}", "")
    table.add_row("simulated hours", f"{total.hours:,.0f}", "")
    for name, number in (
        ("events (prices judged + engine steps)", total.events),
        ("  engine steps", total.steps),
        ("  prices", total.ticks),
        ("heap events", total.heap_events),
        *((name, number) for name, number in total.counts.items()),
    ):
        table.add_row(name, f"{number:,}", f"{number / per_hour:,.1f}")
    seconds = max(total.seconds, 0.001)
    speed = f"{total.events / seconds:,.0f} events/s, {total.heap_events / seconds:,.0f} heap events/s"
    return Group(table, Text(f"{speed}, {total.hours * 3600 / seconds:,.0f}× real time, {seconds:,.0f} s"))


def _faults(total: Total) -> Table:
    table = _table("Faults injected", "kind", "sum", "an hour")
    for kind in Kind:
        number = total.injected[kind]
        table.add_row(kind.value, f"{number:,}", f"{number / max(total.hours, 0.001):.2f}")
    return table


def _checks(total: Total) -> Table:
    table = _table("Invariants", "", "checked", "violations")
    broken = Counter[str]()
    for found in total.violations.values():
        broken[found[0][1].invariant] += len(found)
    for name in sorted({*total.checked, *broken}, key=lambda name: (int(name.split()[0]), name)):
        table.add_row(name, f"{total.checked[name]:,}", str(broken[name]) if broken[name] else "–")
    return table


def _violations(total: Total) -> Table:
    table = Table("violation", "seeds", title="Violations", title_justify="left")
    for kind, found in sorted(total.violations.items(), key=lambda item: -len(item[1])):
        seeds = sorted({seed for seed, _ in found})
        shown = ", ".join(map(str, seeds[:_SEEDS_SHOWN])) + (f" … ({len(seeds)})" if len(seeds) > _SEEDS_SHOWN else "")
        table.add_row(Text(kind[:200], style="red"), shown)
    return table


def _table(title: str, *columns: str) -> Table:
    table = Table(title=title, title_justify="left")
    for number, column in enumerate(columns):
        table.add_column(column, justify="left" if number == 0 else "right")
    return table


def print_minimal(console: Console, minimal: Minimal) -> None:
    setup, violation = minimal.setup, minimal.violation
    kinds = kinds_of(setup)
    console.rule(f"seed {setup.seed}", align="left")
    console.print(Text(f"{violation.invariant}\n{violation.text}", style="red"))
    console.print(
        Text(f"faults needed: {', '.join(kind.value for kind in kinds) or 'none'} ({minimal.tries} runs tried)")
    )
    print_trace(console, minimal.outcome, until=violation.at)
    only = " ".join(f"--only {kind.name}" for kind in kinds)
    command = f"python -m tests.simulation --seed {setup.seed} --hours {setup.hours:.6g} {only or '--only NONE'}"
    console.print(Text(f"again: {command}"), soft_wrap=True)


def print_trace(console: Console, outcome: Outcome, *, until: int | None = None, lines: int = _LINES_SHOWN) -> None:
    """The last lines before `until`, or all of them with `lines` 0."""
    chosen = [line for line in outcome.lines if until is None or line[0] <= until]
    for at, who, text in chosen[-lines:]:
        style = "red" if text.startswith("✗") else "yellow" if text.startswith("⚡") else "dim" if "←" in text else ""
        seconds = (at - START) / 1000
        line = Text(f"{seconds:11.3f}  {who:9} ", style="cyan")
        console.print(line.append(text, style=style), soft_wrap=True)
