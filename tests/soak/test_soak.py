"""A soak of seconds: it trades, spoils and compares; `make soak` takes its time."""

from random import Random

from infra.stack import Stack
from tests.e2e.trader import Trader, eventually
from tests.soak.__main__ import settle
from tests.soak.books import differences
from tests.soak.crowd import SYMBOLS, Crowd
from tests.soak.gauges import read
from tests.soak.weather import Weather


def test_books_are_equal_after_faults_and_a_missing_execution_would_be_seen() -> None:
    with Stack.temporary() as stack, Trader(stack) as trader:
        crowd = Crowd(trader, 2, Random(1))
        weather = Weather(stack, trader.exchange, [member.api_key for member in crowd.members], Random(2))
        crowd.fill()
        for _ in range(4):
            weather.change()
            for _ in range(10):
                crowd.act()
        weather.clear()
        eventually(lambda: read(stack, 0).positions >= len(SYMBOLS), "positions")
        assert settle(stack, trader, crowd) == []
        trader.exchange.trade_by_hand(crowd.members[0].api_key, "SUIUSDT", "Buy", "10")
        assert differences(stack, trader.exchange, crowd.members) != []
