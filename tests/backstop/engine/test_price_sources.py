"""Levels compared with the mark or index price: fired, moved and placed by that price alone."""

from dataclasses import replace
from decimal import Decimal

import pytest

from backstop.domain.execution import ExitReason
from backstop.domain.ids import SignalId
from backstop.domain.protection import BreakEven, PriceSource, Trailing
from backstop.engine.events import Priced, SignalReceived
from tests.backstop.engine.bench import BTC, Bot, mark, protection

OTHERS = pytest.mark.parametrize("source", [PriceSource.MARK, PriceSource.INDEX])


@OTHERS
def test_stop_fires_on_its_own_price(source: PriceSource) -> None:
    bot = Bot(protection=replace(protection("1%"), trigger_by=source))
    bot.opens("buy")
    assert {level.trigger_by for level in bot.position.levels} == {source}
    bot.tick("90", PriceSource.LAST)
    assert len(bot.sent) == 1
    bot.tick("99", source)
    bot.fills(at="98.9")
    assert bot.trade.exit_reason is ExitReason.STOP_LOSS


@OTHERS
def test_trailing_follows_its_own_price(source: PriceSource) -> None:
    bot = Bot(protection=replace(protection(), trailing=Trailing(mark("1%")), trigger_by=source))
    bot.opens("buy")
    bot.tick("200", PriceSource.LAST)
    assert bot.position.stop_loss == Decimal(99)
    bot.tick("110", source)
    assert bot.position.stop_loss == Decimal("108.9")
    assert {level.trigger_by for level in bot.armed.values()} == {source}
    bot.tick("108.9", source)
    bot.fills(at="108.9")
    assert bot.trade.exit_reason is ExitReason.TRAILING


@OTHERS
def test_break_even_is_reached_by_its_own_price_and_the_stop_it_moves_too(source: PriceSource) -> None:
    bot = Bot(protection=replace(protection("1%"), break_even=BreakEven(mark("2%")), trigger_by=source))
    bot.opens("buy")
    bot.tick("105", PriceSource.LAST)
    assert bot.position.stop_loss == Decimal(99)
    bot.tick("102", source)
    assert bot.position.stop_loss == Decimal("100.2")
    bot.tick("100", PriceSource.LAST)
    assert len(bot.sent) == 1
    bot.tick("100.2", source)
    bot.fills(at="100.2")
    assert bot.trade.exit_reason is ExitReason.BREAK_EVEN


@OTHERS
def test_entry_waits_for_the_price_its_stop_is_compared_with(source: PriceSource) -> None:
    bot = Bot(protection=replace(protection("1%"), trigger_by=source), price=None)
    bot.quotes("100")
    bot.quoting = False
    known = bot.state.quotes[BTC]
    bot.tell(Priced({BTC: replace(known, mark_at=None, index_at=None)}))
    bot.signal("buy")
    assert bot.sent == []
    bot.tell(Priced({BTC: replace(known, mark_at=bot.now - 3_001, index_at=bot.now - 3_001)}))
    bot.wait(250)
    assert bot.sent == []
    bot.quotes("100")
    bot.wait(250)
    assert len(bot.sent) == 1


def test_stop_on_the_wrong_side_of_the_mark_is_refused_whatever_the_last_price() -> None:
    bot = Bot(protection=replace(protection("95"), trigger_by=PriceSource.MARK))
    bot.quotes("94", PriceSource.MARK)
    assert bot.outcome(bot.signal("buy")) == ("refused", "stop_wrong_side")


def test_stop_is_moved_by_hand_with_an_eye_to_its_own_price() -> None:
    bot = Bot(protection=replace(protection("1%"), trigger_by=PriceSource.MARK))
    bot.opens("buy")
    bot.quotes("95", PriceSource.LAST)
    assert bot.outcome(bot.protect("99.5")) == ("executed", None)
    bot.quotes("99", PriceSource.MARK)
    assert bot.outcome(bot.protect("99.4")) == ("refused", "stop_wrong_side")


def test_alert_names_the_price_over_its_strategy() -> None:
    bot = Bot(protection=protection("1%"))
    signal = replace(bot.signal("close"), id=SignalId(bot._uuid()), trigger_by=PriceSource.INDEX)
    bot.tell(SignalReceived(replace(signal, action=type(signal.action).BUY)))
    assert bot.last_order.stop_trigger_by is PriceSource.INDEX


def test_source_survives_a_restart() -> None:
    bot = Bot(protection=replace(protection("1%"), trigger_by=PriceSource.MARK))
    bot.opens("buy")
    bot.restarts()
    bot.tick("90", PriceSource.LAST)
    assert len(bot.sent) == 1
    bot.tick("99", PriceSource.MARK)
    assert len(bot.sent) == 2
