"""`make bench`: measure, show tables with ratios, write `benchmarks/results.md`."""

import argparse
import os
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console

from benchmarks import levels, tick_to_order
from benchmarks.report import show

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", choices=["tick", "levels"])
    parser.add_argument("--quick", action="store_true", help="a tenth of the crossings, up to 100,000 levels")
    told = parser.parse_args()
    console, text = Console(), [f"Measured {datetime.now(UTC):%Y-%m-%d %H:%M} UTC, load {os.getloadavg()[0]:.1f}.\n"]
    found = []
    if told.only != "levels":
        found += tick_to_order.sections(200 if told.quick else 2_000)
    if told.only != "tick":
        found += levels.sections(levels.SIZES[:3] if told.quick else levels.SIZES)
    for section in found:
        show(section, console)
        rows = [section.columns, ["---"] * len(section.columns), *section.rows]
        lines = ["| " + " | ".join(row) + " |" for row in rows]
        text += [f"## {section.title}\n", *lines, f"\nTo reach: {section.reach}.\n", *section.notes]
    Path(__file__).with_name("results.md").write_text("\n".join(text))
