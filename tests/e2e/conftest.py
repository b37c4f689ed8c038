"""A whole Backstop, started as `make up` starts it: one for each test process."""

from collections.abc import Iterator

import pytest

from infra.stack import Stack
from tests.e2e.trader import Trader


@pytest.fixture(scope="session")
def stack() -> Iterator[Stack]:
    with Stack.temporary(restart=False) as running:
        yield running


@pytest.fixture
def trader(stack: Stack) -> Iterator[Trader]:
    with Trader(stack) as trader:
        for symbol, price in (("BTCUSDT", "60000"), ("ETHUSDT", "2500")):
            trader.exchange.price(symbol, price)
        yield trader
