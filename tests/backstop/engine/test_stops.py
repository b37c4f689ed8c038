"""Stops that move: they follow the price, never the other way, and close for their own reason."""

from decimal import Decimal

import pytest

from backstop.domain.execution import ExitReason
from backstop.domain.order import Purpose
from backstop.domain.position import PositionStatus
from backstop.domain.protection import BreakEven, Protection, Trailing, break_even_price, read_price_mark
from backstop.domain.side import PositionSide
from backstop.engine.events import SnapshotTaken
from tests.backstop.engine.bench import INSTRUMENT, Bot, mark


def trailing(distance: str, activation: str | None = None, stop: str | None = None) -> Protection:
    return Protection(
        stop_loss=mark(stop) if stop is not None else None,
        trailing=Trailing(mark(distance), mark(activation) if activation is not None else None),
    )


def test_a_trailing_stop_follows_a_long_up_and_closes_on_the_way_down() -> None:
    bot = Bot(protection=trailing("1%"))
    bot.opens("buy", at="1000")
    assert bot.position.stop_loss == Decimal(990)

    bot.tick("1100")
    assert bot.position.stop_loss == Decimal(1089)
    bot.tick("1090")
    assert len(bot.sent) == 1
    bot.tick("1089")

    assert (bot.last_order.purpose, bot.last_order.reduce_only) == (Purpose.TRAILING, True)
    bot.fills(at="1089")
    assert bot.trade.exit_reason is ExitReason.TRAILING


def test_a_trailing_stop_follows_a_short_down() -> None:
    bot = Bot(protection=trailing("1%"))
    bot.opens("sell", at="1000")
    assert bot.position.stop_loss == Decimal(1010)
    bot.tick("900")
    assert bot.position.stop_loss == Decimal(909)
    bot.tick("909")
    assert bot.last_order.purpose is Purpose.TRAILING


def test_a_falling_price_moves_no_trailing_stop() -> None:
    bot = Bot(protection=trailing("2%"))
    bot.opens("buy", at="1000")
    bot.tick("1050")
    before = bot.position.stop_loss
    bot.tick("1040")
    bot.tick("1049")
    assert bot.position.stop_loss == before == Decimal(1029)


def test_a_trailing_stop_lags_by_no_more_than_a_fiftieth_of_its_distance() -> None:
    bot = Bot(protection=trailing("1%"))
    bot.opens("buy", at="1000")
    for tenth in range(10000, 10200):
        price = Decimal(tenth) / 10
        bot.tick(price)
        stop = bot.position.stop_loss
        assert stop is not None
        assert price * Decimal("0.99") - stop <= price * Decimal("0.0002") + 2 * INSTRUMENT.tick_size


def test_before_its_activation_only_the_stop_loss_is_there() -> None:
    bot = Bot(protection=trailing("1%", activation="2%", stop="3%"))
    bot.opens("buy", at="1000")
    assert bot.position.stop_loss == Decimal(970)
    bot.tick("1015")
    assert bot.position.stop_loss == Decimal(970)
    bot.tick("1020")
    assert bot.position.stop_loss == Decimal("1009.8")


def test_the_exchanges_stop_is_moved_after_a_trailing_one_that_has_gone_far() -> None:
    bot = Bot(protection=trailing("1%"))
    bot.opens("buy", at="1000")
    bot.tick("1100")
    bot.wait(2_000)
    bot.reports_position(bot.sent[0].stop_loss)

    assert bot.resident_asked
    assert bot.resident_asked[-1] <= Decimal(1089)
    assert bot.resident_asked[-1] > Decimal(1080)


def test_more_of_the_entry_filling_does_not_put_a_trailing_stop_back() -> None:
    bot = Bot(protection=trailing("1%"))
    bot.quotes("1000")
    bot.signal("buy", qty="2")
    entry = bot.last_order
    bot.accepts(entry)
    bot.fills(entry, at="1000", qty="1")
    bot.tick("1100")
    bot.fills(entry, at="1000", qty="1")
    assert bot.position.stop_loss == Decimal(1089)


def test_break_even_moves_the_stop_to_where_closing_costs_nothing() -> None:
    bot = Bot(protection=Protection(stop_loss=mark("2%"), break_even=BreakEven(mark("1%"))))
    bot.opens("buy", at="1000")
    bot.tick("1009")
    assert bot.position.stop_loss == Decimal(980)
    bot.tick("1010")
    moved = bot.position.stop_loss
    assert moved is not None
    assert moved > 1000

    bot.tick(moved)
    assert bot.last_order.purpose is Purpose.BREAK_EVEN
    fee = Decimal("0.00055")
    assert moved * (1 - fee) >= 1000 * (1 + fee)


@pytest.mark.parametrize("side", list(PositionSide))
def test_break_even_loses_nothing_after_both_fees(side: PositionSide) -> None:
    entry = Decimal("123.4")
    stop = break_even_price(BreakEven(mark("1%")), side, entry, INSTRUMENT)  # type: ignore[arg-type]
    fees = (entry + stop) * Decimal("0.00055")
    assert (stop - entry) * side.sign - fees >= 0


def test_break_even_never_loosens_a_tighter_stop() -> None:
    bot = Bot(protection=Protection(trailing=Trailing(mark("0.5%")), break_even=BreakEven(mark("2%"))))
    bot.opens("buy", at="1000")
    bot.tick("1020")
    assert bot.position.stop_loss == Decimal("1014.9")


def test_a_position_is_closed_when_its_time_is_up() -> None:
    bot = Bot(protection=Protection(time_exit_ms=60_000))
    bot.opens("buy")
    bot.now += 59_000
    bot.tell(SnapshotTaken((bot.held(),), bot.now))
    assert bot.position.status is PositionStatus.OPEN
    bot.now += 1_000
    bot.tell(SnapshotTaken((bot.held(),), bot.now))

    assert bot.last_order.purpose is Purpose.TIME
    bot.fills(at="100")
    assert bot.trade.exit_reason is ExitReason.TIME


def test_a_trailing_distance_written_without_its_percent_sign_is_refused() -> None:
    bot = Bot(protection=Protection(trailing=Trailing(read_price_mark("0.4") or mark("1%"))), price="1000")
    signal = bot.signal("buy")
    assert bot.outcome(signal) == ("refused", "trailing_too_tight")


def test_a_stop_edited_before_a_crash_is_moved_at_the_exchange_after_it() -> None:
    bot = Bot(protection=Protection(stop_loss=mark("1.5%")))
    bot.opens("buy", at="60000")
    before = bot.position.resident.price
    bot.protect(stop="59500")
    bot.resident_asked.clear()
    bot.restarts()

    bot.wait(2_000)
    bot.reports_position(before)

    assert bot.resident_asked == [Decimal(59200)]


def test_an_exchange_that_follows_a_racing_trailing_stop_is_not_given_up() -> None:
    bot = Bot(protection=trailing("1%"))
    bot.opens("buy", at="1000")
    for step in range(1, 8):
        bot.tick(str(1000 + 20 * step))
        bot.wait(2_000)
        bot.reports_position(bot.resident_asked[-1] if bot.resident_asked else bot.sent[0].stop_loss)
    assert bot.position.status is PositionStatus.OPEN
