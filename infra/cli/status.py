"""`backstop status`: what /api/health says, as a table."""

import os

from rich.console import Console
from rich.table import Table

from infra import web


def status(console: Console, errors: Console, url: str) -> int:
    """Exit status: 0 all well, 1 degraded, 2 nothing answers."""
    try:
        answer = web.call("GET", f"{url}/api/health")
    except web.UnreachableError:
        errors.print(f"backstop: nothing answers at {url}; start it with `backstop up`", markup=False)
        return 2
    if not answer.ok:
        errors.print(f"backstop: {url}/api/health answered {answer.status}; see the gateway's log", markup=False)
        return 2
    health = answer.body
    streamer, bybit = health.get("streamer") or {}, health.get("bybit") or {}
    table = Table(title=f"Backstop at {url}", title_justify="left")
    for heading in ("Part", "State", "Age"):
        table.add_column(heading)
    table.add_row("overall", _coloured(health.get("status")), "")
    table.add_row("database", _coloured(health.get("database")), "")
    alive = "alive" if streamer.get("alive") else "not alive"
    table.add_row("streamer", _coloured(alive), _age(streamer.get("heartbeat_age_ms")))
    for name in ("public", "private"):
        stream = bybit.get(name) or {}
        state = stream.get("state") if isinstance(stream, dict) else stream
        age = stream.get("age_ms") if isinstance(stream, dict) else None
        table.add_row(f"bybit {name}", _coloured(state), _age(age))
    console.print(table)
    return 0 if health.get("status") == "ok" else 1


def default_url() -> str:
    """Where the API is: $BACKSTOP_PUBLIC_URL, else this machine's port."""
    return os.environ.get("BACKSTOP_PUBLIC_URL") or f"http://127.0.0.1:{os.environ.get('BACKSTOP_PORT') or 8000}"


def _coloured(state: object) -> str:
    word = str(state) if state is not None else "unknown"
    colour = "green" if word in {"ok", "alive", "connected", "idle"} else "red"
    return f"[{colour}]{word}[/{colour}]"


def _age(milliseconds: object) -> str:
    return f"{milliseconds / 1000:.1f} s" if isinstance(milliseconds, int | float) else ""
