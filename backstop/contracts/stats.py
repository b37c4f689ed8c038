"""How trading went, in numbers."""

from typing import Literal
from uuid import UUID

from pydantic import Field

from backstop.contracts.base import Moment, Number, Outgoing

GroupBy = Literal["strategy", "symbol", "exit_reason", "side", "day"]


class StatsLine(Outgoing):
    """Of closed positions, by their net profit (gross - fees + funding). Amounts in USDT; null where nothing divides."""

    trades: int
    wins: int
    losses: int
    win_rate: Number | None = Field(description="Share of trades with a net profit, 0 to 1.")
    gross_pnl: Number
    fees: Number = Field(description="Above 0 was paid.")
    funding: Number = Field(description="Above 0 was received.")
    net_pnl: Number
    profit_factor: Number | None = Field(description="What winners made over what losers lost; null without a loser.")
    expectancy: Number | None = Field(description="Mean net profit of a trade.")
    avg_win: Number | None
    avg_loss: Number | None
    best: Number | None
    worst: Number | None
    max_drawdown: Number = Field(
        description="Farthest fall of the summed net profit below its highest, 0 at the start."
    )
    avg_duration_s: int | None


class StatsGroup(StatsLine):
    key: str = Field(description="A strategy's id, a symbol, an exit reason, a side, or a UTC day.")
    label: str


class Stats(StatsLine):
    """`groups` are filled when `by` says what to group by: days oldest first, others by net profit."""

    groups: list[StatsGroup]


class EquityPoint(Outgoing):
    at: Moment
    equity: Number | None = Field(
        description="USDT in the accounts, open profits counted; null before it was first read."
    )
    realised_pnl: Number = Field(description="USDT realised since `since`: profits, fees and funding, as booked.")


class EquityCurve(Outgoing):
    """Oldest first, evenly spaced."""

    step_s: int
    points: list[EquityPoint]
    max_drawdown: Number = Field(description="Farthest fall of equity below its highest, USDT.")
    max_drawdown_share: Number = Field(description="The farthest fall as a share of the highest, 0 to 1.")


class Percentiles(Outgoing):
    """Milliseconds."""

    count: int
    p50: int
    p90: int
    p95: int
    p99: int


class Slippage(Outgoing):
    """Basis points (1/100 %); above 0 the fills were worse than the price they are held against."""

    count: int
    p50: Number
    p90: Number
    p99: Number


class ExecutionQuality(Outgoing):
    """How long each step took, and at how much worse prices orders were filled, over the signals of the period; null where
    there was none."""

    alert_to_received: Percentiles | None = Field(
        description="From the time an alert carries; seconds are its precision."
    )
    received_to_stored: Percentiles | None
    stored_to_decided: Percentiles | None
    decided_to_sent: Percentiles | None
    sent_to_acknowledged: Percentiles | None = Field(description="To the exchange's word that it took the order.")
    acknowledged_to_filled: Percentiles | None = Field(description="By two clocks; a fill may be told first.")
    sent_to_filled: Percentiles | None = Field(description="To the first fill, by the exchange's clock.")
    received_to_filled: Percentiles | None
    entry_slippage: Slippage | None = Field(description="Market entries against the price they were decided on.")
    exit_slippage: Slippage | None = Field(description="Closes against the level that was reached.")


class Command(Outgoing):
    """What became of a wish."""

    id: UUID
    account_id: UUID
    kind: Literal["close", "reverse", "protect", "halt", "resume"]
    body: dict[str, object]
    status: Literal["accepted", "executing", "executed", "refused", "failed"]
    reason: str | None
    reason_code: str | None
    created_at: Moment
    decided_at: Moment | None
