"""How an account is set up at the exchange: what its owner may change there at any time, and we only read.

Source: Bybit V5, "Get Account Info" (marginMode, unifiedMarginStatus).
"""

from dataclasses import dataclass
from enum import StrEnum


class MarginMode(StrEnum):
    """Account-wide since Bybit's unified accounts of the second generation."""

    ISOLATED = "isolated"
    CROSS = "cross"
    PORTFOLIO = "portfolio"


@dataclass(frozen=True, slots=True)
class AccountMode:
    """`unified` False: a classic account, which has other rules than those we know."""

    margin: MarginMode
    unified: bool = True
