"""`python -m tests.soak --minutes 60 --accounts 50`: exit status 1 when something grew or a book differs."""

import argparse
import os
import sys
import time
from random import Random

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from infra.stack import Stack
from tests.e2e.trader import Trader, eventually
from tests.soak.books import differences
from tests.soak.crowd import SYMBOLS, Crowd
from tests.soak.gauges import PARTS, Reading, growth, read
from tests.soak.weather import Weather

MOST_GROWTH = {"memory": 1.10, "files": 1.10, "tasks": 1.10, "connections": 1.25}
"""Of the last quarter over the second."""

SETTLED_WITHIN_S = 120.0

_TELLING = {"ECS_CONTAINER_METADATA_URI_V4": "http://127.0.0.1:9/"}
"""As in its container, the streamer tells of its vitals then."""


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--accounts", type=int, default=50, help=f"each with up to {len(SYMBOLS)} positions")
    parser.add_argument("--alerts", type=float, default=8.0, help="a second")
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    console = Console()
    with Stack.temporary(base={**os.environ, **_TELLING}) as stack, Trader(stack) as trader:
        crowd = Crowd(trader, asked.accounts, Random(asked.seed))
        crowd.walk()
        weather = Weather(stack, trader.exchange, [member.api_key for member in crowd.members], Random(asked.seed + 1))
        console.print(f"{asked.accounts} accounts, {asked.accounts * len(SYMBOLS)} places for positions")
        eventually(lambda: _all_active(trader), "all accounts at work", 300)
        crowd.fill()
        readings = soak(console, stack, crowd, weather, asked.minutes * 60, asked.alerts)
        weather.clear()
        found = settle(stack, trader, crowd)
    failed = report(console, readings, crowd, weather) + len(found)
    for text in found[:20]:
        console.print(f"[red]{text}[/red]")
    console.print("books equal" if not found else f"[red]{len(found)} books differ[/red]")
    return 1 if failed else 0


def soak(
    console: Console, stack: Stack, crowd: Crowd, weather: Weather, seconds: float, alerts_per_s: float
) -> list[Reading]:
    """Trade and spoil until the time is over; a reading every hundredth of it, at most every 5 s."""
    readings: list[Reading] = []
    started = time.monotonic()
    read_at = spoil_at = cut_at = started
    cut_at += 60
    columns = (TextColumn("{task.description}"), BarColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console) as progress:
        bar = progress.add_task("soaking", total=seconds)
        while (now := time.monotonic()) < started + seconds:
            crowd.act()
            if now >= spoil_at:
                weather.change()
                spoil_at = now + 8
            if now >= cut_at:
                weather.thin_database()
                cut_at = now + 120
            if now >= read_at:
                readings.append(read(stack, now - started))
                read_at = now + max(seconds / 100, 5.0)
                told = (
                    f"{readings[-1].positions} positions, {crowd.taken} alerts, {sum(weather.struck.values())} faults"
                )
                progress.update(bar, completed=now - started, description=told)
            time.sleep(max(0.0, 1 / alerts_per_s - (time.monotonic() - now)))
    return readings


def settle(stack: Stack, trader: Trader, crowd: Crowd) -> list[str]:
    """What still differs once nothing more is asked; prices stand still."""
    for symbol in SYMBOLS:
        trader.exchange.walk(symbol, on=False)
    deadline = time.monotonic() + SETTLED_WITHIN_S
    while (found := differences(stack, trader.exchange, crowd.members)) and time.monotonic() < deadline:
        time.sleep(2)
    return found


def report(console: Console, readings: list[Reading], crowd: Crowd, weather: Weather) -> int:
    """Prints the gauges; how many grew by more than they may."""
    table = Table("gauge", "second quarter", "last quarter", "")
    grew = 0
    gauges = [(value, part) for value in ("memory", "files") for part in PARTS]
    for value, part in (*gauges, ("tasks", None), ("connections", None), ("positions", None)):
        early, late = growth(readings, value, part)
        kept = (value, part) == ("memory", "simulator")  # it keeps every order and execution, to be asked for
        bad = value in MOST_GROWTH and not kept and late > max(early * MOST_GROWTH[value], early + 5)
        grew += bad
        table.add_row(f"{value} {part or ''}", f"{early:.1f}", f"{late:.1f}", "[red]grew[/red]" if bad else "")
    console.print(table)
    console.print(f"alerts taken {crowd.taken}, refused {crowd.refused}, lost {crowd.lost}")
    console.print("faults: " + ", ".join(f"{kind} {count}" for kind, count in sorted(weather.struck.items())))
    return grew


def _all_active(trader: Trader) -> bool:
    page = trader.get("/api/accounts?limit=200")["items"]
    return all(account["status"] == "active" for account in page)


if __name__ == "__main__":
    sys.exit(main())
