"""What was measured: as tables on the terminal, as `results.md`, as a chart."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from rich.console import Console
from rich.table import Table


@dataclass(frozen=True, slots=True)
class Section:
    """One table. `reach`: what it is to reach. `bars`: what the chart shows of it, as ratios."""

    key: str
    title: str
    columns: list[str]
    rows: list[list[str]]
    reach: str = ""
    notes: list[str] = field(default_factory=list)
    bars: list[tuple[str, float]] = field(default_factory=list)


def spread(values: Sequence[float]) -> dict[str, float]:
    """p50, p90, p99 and max; of nothing, nothing is known."""
    if not values:
        return dict.fromkeys(("p50", "p90", "p99", "max"), float("nan"))
    ordered = sorted(values)
    at = {"p50": 0.5, "p90": 0.9, "p99": 0.99, "max": 1.0}
    return {name: ordered[min(len(ordered) - 1, int(len(ordered) * share))] for name, share in at.items()}


def milliseconds(nanoseconds: float) -> str:
    return f"{nanoseconds / 1e6:.3f}"


def show(section: Section, console: Console) -> None:
    table = Table(title=section.title, title_justify="left", title_style="bold", caption=section.reach or None)
    table.caption_justify = "left"
    for number, name in enumerate(section.columns):
        table.add_column(name, justify="right" if number else "left")
    for row in section.rows:
        table.add_row(*row)
    console.print(table)
    for note in section.notes:
        console.print(f"  {note}")
