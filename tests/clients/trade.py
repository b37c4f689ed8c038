"""The trade every client makes, and what its books must say afterwards.

A long of 0.01 BTC bought at 60000 with its stop at 59000, the stop moved to 59500, sold at 60600.
"""

from decimal import Decimal
from typing import Any

KEY, SECRET = "alice", "alice-secret"
QTY = Decimal("0.01")
BOUGHT, SOLD = Decimal(60000), Decimal(60600)
STOP, MOVED_STOP = Decimal(59000), Decimal(59500)
LEVERAGE = 7
BALANCE = Decimal(10000)
TAKER = Decimal("0.00055")
FEES = QTY * (BOUGHT + SOLD) * TAKER
NET = QTY * (SOLD - BOUGHT) - FEES


def check_closed_pnl(row: dict[str, Any]) -> None:
    """A row of position/closed-pnl, as Bybit writes it."""
    assert Decimal(row["closedPnl"]) == NET, row
    assert Decimal(row["closedSize"]) == QTY, row
    assert (Decimal(row["avgEntryPrice"]), Decimal(row["avgExitPrice"])) == (BOUGHT, SOLD), row
    assert Decimal(row["openFee"]) + Decimal(row["closeFee"]) == FEES, row
    assert row["side"] == "Sell", row


def check_ledger(rows: list[dict[str, Any]]) -> None:
    """All rows of account/transaction-log, as Bybit writes them: the two trades, and what was paid in before."""
    trades = [row for row in rows if row["type"] == "TRADE"]
    assert len(trades) == 2, rows
    assert sum(Decimal(row["change"]) for row in trades) == NET, trades
    assert sum(Decimal(row["change"]) for row in rows) == BALANCE + NET, rows
