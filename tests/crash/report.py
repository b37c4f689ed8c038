"""Play many scenes one after the other, and say which went wrong."""

from collections.abc import Callable, Iterable

from rich.console import Console
from rich.progress import track
from rich.table import Table


def play_all(console: Console, what: str, scenes: Iterable[tuple[str, Callable[[], str]]]) -> int:
    """Play each; what it answers is its figure. Prints a table; the answer is how many failed."""
    table = Table("scene", "what was seen")
    failed = 0
    for name, scene in track(list(scenes), what, console=console):
        try:
            figure = scene()
        except AssertionError as error:
            failed += 1
            figure = f"[red]failed[/]: {str(error)[:300]}"
        table.add_row(name, figure)
    console.print(table)
    console.print(f"{table.row_count} scenes, {failed} failed")
    return failed
