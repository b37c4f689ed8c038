"""Whether a source and we hold the same."""

from typing import Literal

from backstop.contracts.base import Moment, Outgoing

Held = Literal["long", "short", "flat"]


class SymbolWatch(Outgoing):
    """`behind`: its newest signal is still being acted on · `diverged`: it is settled, and we hold something else."""

    symbol: str
    source: Held
    ours: Held
    state: Literal["in_sync", "behind", "diverged"]
    last_signal_at: Moment


class SourceWatch(Outgoing):
    """By the newest signal of each symbol that says what its source holds; a bare reverse says nothing."""

    symbols: list[SymbolWatch]
