"""Whether a source and we hold the same."""

from typing import Annotated, Literal

from pydantic import Field

from backstop.contracts.base import Incoming, Moment, Outgoing
from backstop.domain.execution import ExitReason
from backstop.domain.watch import InSync, WatchPolicy

Held = Literal["long", "short", "flat"]


class WatchSettings(Incoming):
    """`policy`: what a difference does: `alarm` tells, `resync` also asks for a target to the source's position (as a signal
    like any other: an entry only while its alert is fresh, nothing after an exit of our own), `ignore` nothing.
    `expected_every_s`: longer without an alert, and the source has gone quiet."""

    policy: WatchPolicy = WatchPolicy.ALARM
    expected_every_s: Annotated[int, Field(ge=60, le=31 * 86_400)] | None = None


class SourceState(Outgoing):
    """As last seen by the streamer: the worst of the strategy's symbols; null before any alert told."""

    state: InSync | None = None
    quiet_since: Moment | None = Field(default=None, description="Its last alert, while it is silent for too long.")


class SymbolWatch(Outgoing):
    """`behind`: its newest signal is still being acted on · `diverged`: it is settled, and we hold something else."""

    symbol: str
    source: Held
    ours: Held
    state: InSync
    explained_by: ExitReason | None = Field(description="The exit of our own by which we are out since that signal.")
    missed: bool = Field(description="Before its newest alert the source held something else than we did.")
    last_signal_at: Moment


class SourceWatch(Outgoing):
    """By the newest signal of each symbol that says what its source holds; a bare reverse says nothing."""

    symbols: list[SymbolWatch]
