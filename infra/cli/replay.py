"""`backstop replay`: one seed of the simulation again, with what happened printed. Needs the source tree, tests and all."""

import importlib
import sys
from pathlib import Path

from rich.console import Console

_ROOT = Path(__file__).parents[2]


def replay(out: Console, err: Console, seed: int, hours: float, only: list[str] | None, last: int) -> int:
    """`only`: the kinds of fault it may have; `last`: how many lines, 0 for all. Answers an exit status."""
    if not (_ROOT / "tests" / "simulation").is_dir():
        err.print("backstop: replay needs the source tree; run it from a checkout", markup=False, highlight=False)
        return 2
    if str(_ROOT) not in sys.path:
        sys.path.insert(0, str(_ROOT))
    try:
        status: int = importlib.import_module("tests.simulation.__main__").replay(out, seed, hours, only, lines=last)
    except KeyError as error:
        err.print(f"backstop: there is no fault of kind {error}", markup=False, highlight=False)
        return 2
    return status
