"""Tickers, deltas, walks, candles."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from simulator.candles import Tape, candle, past_price
from simulator.instruments import INSTRUMENTS
from simulator.market import Walk, next_walk_price, opening_quote, orderbook, ticker, ticker_delta
from simulator.numbers import fixed, floor_to, parse, text

BTC = INSTRUMENTS["BTCUSDT"]
NOW = 1_700_000_000_000


def test_a_delta_carries_the_symbol_and_only_what_changed() -> None:
    quote = opening_quote(BTC)
    before = ticker(quote, BTC, NOW)
    quote.refreshes += 1
    assert ticker_delta(before, ticker(quote, BTC, NOW)) == {"symbol": "BTCUSDT", "bid1Size": "2.501"}
    assert ticker_delta(before, before) == {}


@given(st.lists(st.integers(1, 10_000_000), min_size=1, max_size=20))
def test_merged_deltas_give_the_snapshot(ticks: list[int]) -> None:
    quote = opening_quote(BTC)
    merged = sent = ticker(quote, BTC, NOW)
    for count in ticks:
        price = BTC.tick_size * count
        quote.move(price, price, price + BTC.tick_size)
        now = ticker(quote, BTC, NOW)
        merged, sent = merged | ticker_delta(sent, now), now
    assert merged == ticker(quote, BTC, NOW)


def test_a_walk_is_the_same_for_the_same_seed_and_stays_on_the_tick() -> None:
    def walked(seed: int) -> list[Decimal]:
        quote, walk, prices = opening_quote(BTC), Walk(Decimal("0.01"), seed), []
        for step in range(1, 50):
            walk.steps = step
            price = next_walk_price(quote, walk, BTC)
            quote.move(price, price, price)
            prices.append(price)
        return prices

    assert walked(1) == walked(1)
    assert walked(1) != walked(2)
    assert all(price % BTC.tick_size == 0 and price > 0 for price in walked(3))


def test_the_book_stands_around_the_last_price() -> None:
    book = orderbook(replace(opening_quote(BTC), depth=Decimal("0.3")), BTC, 2)
    assert book["b"] == [["60000.00", "0.3"], ["59999.90", "0.3"]]
    assert book["a"] == [["60000.00", "0.3"], ["60000.10", "0.3"]]


def test_candles_meet_where_nothing_was_recorded_and_tell_what_was() -> None:
    tape, anchor, minute = Tape(), Decimal(60_000), NOW // 60_000
    first, second = (candle(tape, anchor, (minute + n) * 60_000, 1, BTC.tick_size) for n in (0, 1))
    assert first[3] == second[0] == past_price(anchor, minute + 1, BTC.tick_size)
    for price in (60_000, 60_500, 59_000, 60_100):
        tape.record(NOW, Decimal(price))
    assert candle(tape, anchor, minute * 60_000, 1, BTC.tick_size) == [60_000, 60_500, 59_000, 60_100]


@given(st.decimals(-(10**9), 10**9, places=10))
def test_numbers_keep_their_value_as_text(value: Decimal) -> None:
    assert parse(text(value)) == value
    assert "E" not in text(value)


def test_numbers_are_written_as_the_venue_writes_them() -> None:
    assert (text(Decimal("60000.00")), text(Decimal("1E+3")), text(Decimal("-0.10"))) == ("60000", "1000", "-0.1")
    assert (fixed(Decimal(60000), Decimal("0.10")), fixed(Decimal("1.23"), Decimal("0.1"))) == ("60000.00", "1.23")
    assert floor_to(Decimal("0.0019"), Decimal("0.001")) == Decimal("0.001")
    assert [parse(bad) for bad in ("x", None, "NaN", True, "Infinity")] == [None] * 5
