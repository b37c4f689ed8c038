"""An instrument with round numbers."""

from decimal import Decimal

import pytest

from backstop.domain.instrument import Instrument
from backstop.domain.money import Qty
from tests.backstop.domain.values import BTC


@pytest.fixture
def instrument() -> Instrument:
    return Instrument(
        symbol=BTC,
        tick_size=Decimal("0.1"),
        qty_step=Decimal("0.001"),
        min_qty=Qty(Decimal("0.001")),
        max_market_qty=Qty(Decimal(100)),
        min_notional=Decimal(5),
        max_leverage=Decimal(100),
    )
