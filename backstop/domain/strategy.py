"""What the trader chose: how much to buy, and what to do with an opposite signal."""

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from backstop.domain.entry import AT_MARKET, Entry
from backstop.domain.ids import StrategyId, Symbol
from backstop.domain.modes import MarginMode
from backstop.domain.protection import Protection


class SizingMode(StrEnum):
    QTY = "qty"
    QUOTE = "quote"
    EQUITY_PCT = "equity_pct"
    RISK_PCT = "risk_pct"


class OnOpposite(StrEnum):
    """What a signal against the open position does."""

    REVERSE = "reverse"
    CLOSE = "close"
    IGNORE = "ignore"


@dataclass(frozen=True, slots=True)
class Sizing:
    """`qty`: base coins, `quote`: USDT, `equity_pct`: % of equity as notional, `risk_pct`: % lost at the stop."""

    mode: SizingMode
    value: Decimal


@dataclass(frozen=True, slots=True)
class Strategy:
    """`margin_mode`: the one it is made for; None is any."""

    id: StrategyId
    name: str
    symbols: frozenset[Symbol]
    sizing: Sizing
    leverage: Decimal
    max_age_ms: int
    on_opposite: OnOpposite
    protection: Protection
    enabled: bool = True
    margin_mode: MarginMode | None = None
    entry: Entry = AT_MARKET
    max_entries: int = 1
    """How many buy (sell) signals may open and enlarge one long (short) position."""
    version: int = 1
