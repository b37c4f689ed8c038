"""No entry the margin does not pay for, and none whose stop liquidation would forestall."""

from dataclasses import replace
from decimal import Decimal

import pytest

from backstop.domain.margin import Funds
from backstop.domain.modes import AccountMode, MarginMode
from backstop.engine.events import WalletReported
from tests.backstop.engine.bench import Bot, limit, protection


def wallet(bot: Bot, equity: str, free: str | None = None) -> None:
    funds = Funds(Decimal(free), None) if free is not None else None
    bot.tell(WalletReported(Decimal(equity), funds))


@pytest.mark.fault(18)
def test_quantity_the_margin_does_not_pay_for_is_refused_with_the_numbers() -> None:
    bot = Bot(leverage="10")
    wallet(bot, "1000", "50")
    signal = bot.signal("buy", qty="5")  # 500 USDT: 50 of margin and 0.55 of fees
    assert bot.outcome(signal) == ("refused", "insufficient_margin")
    reason = bot.written.signals[signal.id].reason
    assert reason is not None and "50.55" in reason and "50 USDT are available" in reason


@pytest.mark.parametrize("sizing", [("qty", "5"), ("quote", "500")])
def test_fixed_sizes_are_refused_not_shrunk(sizing: tuple[str, str]) -> None:
    bot = Bot(leverage="10", sizing=sizing)
    wallet(bot, "1000", "50")
    assert bot.outcome(bot.signal("buy")) == ("refused", "insufficient_margin")


@pytest.mark.parametrize("sizing", [("equity_pct", "100"), ("risk_pct", "50")])
def test_sizes_by_equity_are_shrunk_to_what_the_margin_pays_for(sizing: tuple[str, str]) -> None:
    bot = Bot(leverage="10", sizing=sizing, protection=protection("2%"))
    wallet(bot, "1000", "50")
    bot.signal("buy")
    assert bot.last_order.qty == Decimal("4.945")  # 50 / 0.1011 / 100


def test_nothing_is_left_for_the_second_entry_until_the_exchange_tells_again() -> None:
    bot = Bot(leverage="10", max_entries=5)
    wallet(bot, "1000", "60")
    bot.signal("buy", qty="5", entry=limit("1%"))
    bot.accepts()
    assert bot.state.funds is not None and bot.state.funds.cross == Decimal(60) - Decimal("495") * Decimal("0.1011")


def test_margin_read_before_the_last_fill_is_not_held_against_an_entry() -> None:
    """A reversal must not fail for the margin of what it has just closed."""
    bot = Bot(leverage="10")
    wallet(bot, "1000", "51")
    bot.opens("buy", "5")
    wallet(bot, "1000", "0.45")
    bot.signal("sell", qty="5")
    bot.fills(at="100")
    assert not bot.last_order.reduce_only


def test_without_word_of_free_margin_the_exchange_decides() -> None:
    bot = Bot(leverage="10")
    wallet(bot, "1000")
    assert bot.outcome(bot.signal("buy", qty="50"))[0] == "executing"


def test_stop_beyond_liquidation_is_refused() -> None:
    bot = Bot(leverage="50", protection=protection("10%"))
    wallet(bot, "100")
    # 40 coins at 100 on 100 USDT: gone after about 1.5 %.
    signal = bot.signal("buy", qty="40")
    assert bot.outcome(signal) == ("refused", "stop_beyond_liquidation")
    reason = bot.written.signals[signal.id].reason
    assert reason is not None and "98.5" in reason and "89.5" in reason


@pytest.mark.parametrize(("action", "stop", "outcome"), [("buy", "98", "executing"), ("sell", "102", "executing")])
def test_stop_on_this_side_of_liquidation_passes(action: str, stop: str, outcome: str) -> None:
    bot = Bot(leverage="50")
    wallet(bot, "200")
    assert bot.outcome(bot.signal(action, qty="40", stop=stop))[0] == outcome


def test_short_stop_beyond_liquidation_is_refused_too() -> None:
    bot = Bot(leverage="50", protection=protection("10%"))
    wallet(bot, "100")
    assert bot.outcome(bot.signal("sell", qty="40")) == ("refused", "stop_beyond_liquidation")


def test_small_position_of_a_large_account_may_have_a_far_stop() -> None:
    bot = Bot(leverage="50", protection=protection("40%"))
    wallet(bot, "10000")
    assert bot.outcome(bot.signal("buy", qty="40"))[0] == "executing"


def test_addition_is_judged_with_what_is_held() -> None:
    bot = Bot(leverage="50", protection=protection("10%"), max_entries=2)
    wallet(bot, "500")
    bot.opens("buy", "20")
    assert bot.outcome(bot.signal("buy", qty="20")) == ("executing", None)
    bot.refuses()
    assert bot.outcome(bot.signal("buy", qty="40")) == ("refused", "stop_beyond_liquidation")


def test_isolated_margin_judges_a_position_by_itself_and_its_own_free_margin() -> None:
    bot = Bot(leverage="50", protection=protection("1.5%"))
    bot.state = replace(bot.state, mode=AccountMode(MarginMode.ISOLATED))
    wallet(bot, "100000")
    # 2 % of margin less 1 % for maintenance leave 1 %, whatever else the account holds.
    assert bot.outcome(bot.signal("buy", qty="1")) == ("refused", "stop_beyond_liquidation")
    assert bot.outcome(bot.signal("buy", qty="1", stop="99.6"))[0] == "executing"
    bot = Bot(leverage="10")
    bot.state = replace(bot.state, mode=AccountMode(MarginMode.ISOLATED))
    bot.tell(WalletReported(Decimal(1000), Funds(Decimal(1000), Decimal(5))))
    assert bot.outcome(bot.signal("buy", qty="1")) == ("refused", "insufficient_margin")
