"""`backstop conformance`: what is believed of Bybit V5, held against the testnet, demo trading or the simulator."""

import asyncio
from collections import Counter
from collections.abc import Mapping

import aiohttp
from rich.console import Console

from infra.conformance import cases_orders, cases_positions, cases_requests, cases_streams
from infra.conformance.desk import Desk, Differs
from infra.conformance.suite import Case, Outcome, Result, run
from infra.conformance.ways import CannotRun, way_to

CASES: list[Case] = [*cases_requests.CASES, *cases_orders.CASES, *cases_positions.CASES, *cases_streams.CASES]

_MARKS = {
    Outcome.PASSED: "[green]ok     [/green]",
    Outcome.DIFFERS: "[red]differs[/red]",
    Outcome.SKIPPED: "[yellow]skipped[/yellow]",
    Outcome.BROKEN: "[red]broken [/red]",
}


def conformance(
    out: Console, err: Console, environment: str, symbol: str, only: str, variables: Mapping[str, str]
) -> int:
    """Exit status: 0 all as believed, 1 something is not, 2 it could not be run. `only`: a part of the cases' names."""
    chosen = [case for case in CASES if only.lower() in case.name.lower()]
    try:
        if not chosen:
            raise CannotRun(f"no case has {only!r} in its name")
        return asyncio.run(_run(out, environment, symbol, chosen, variables))
    except (CannotRun, Differs, aiohttp.ClientError, TimeoutError) as reason:
        err.print(f"backstop: {reason}", markup=False, highlight=False, soft_wrap=True)
        return 2


async def _run(out: Console, environment: str, symbol: str, cases: list[Case], variables: Mapping[str, str]) -> int:
    async with way_to(environment, symbol, variables) as way, aiohttp.ClientSession() as http:
        desk = Desk(way, http)
        await desk.open()
        out.print(f"{environment}: {way.hosts.rest}, {len(cases)} cases with {desk.unit} {symbol}", markup=False)
        counts: Counter[Outcome] = Counter()
        width = len(str(len(cases)))
        try:
            with out.status("…") as spinner:
                results = run(desk, cases)
                for number, case in enumerate(cases, 1):
                    spinner.update(case.name)
                    result = await anext(results)
                    counts[result.outcome] += 1
                    _show(out, f"{number:{width}}/{len(cases)}", result)
        finally:
            await desk.tidy()  # whoever interrupts it is left with nothing open
    out.print(", ".join(f"{counts[outcome]} {outcome}" for outcome in Outcome if counts[outcome]), markup=False)
    return 1 if counts[Outcome.DIFFERS] or counts[Outcome.BROKEN] else 0


def _show(out: Console, number: str, result: Result) -> None:
    out.print(f"{number} {_MARKS[result.outcome]} ", end="", highlight=False)
    out.print(f"{result.case.name} ({result.took_s:.1f} s)", markup=False, highlight=False, soft_wrap=True)
    if result.said:
        out.print(f"{'':{len(number)}}         {result.said}", markup=False, highlight=False, soft_wrap=True)
