"""How an account is set up at the exchange: read before trading, adopted when it changes, obeyed."""

from dataclasses import replace
from decimal import Decimal

import pytest

from backstop.domain.modes import AccountMode, MarginMode
from backstop.domain.order import OrderStatus
from backstop.domain.side import PositionSide
from backstop.domain.slot import Slot
from backstop.engine.effects import Change, Commit, SaveModes
from backstop.engine.events import AccountModeRead, ExchangePosition, PositionReported, SymbolRead, Verdict
from tests.backstop.engine.bench import BTC, STRATEGY_ID, Bot, protection

CROSS, ISOLATED = AccountMode(MarginMode.CROSS), AccountMode(MarginMode.ISOLATED)
PORTFOLIO = AccountMode(MarginMode.PORTFOLIO)


def row(bot: Bot, idx: int, leverage: str | None = None) -> ExchangePosition:
    """A flat row of the symbol."""
    return replace(bot.held("0"), idx=idx, leverage=Decimal(leverage) if leverage is not None else None)


def reads(bot: Bot, *idxs: int) -> None:
    bot.tell(SymbolRead(BTC, tuple(row(bot, idx) for idx in idxs)))


def unread() -> Bot:
    bot = Bot()
    bot.state = replace(bot.state, hedge={})
    return bot


def written(bot: Bot) -> list[Change]:
    return [
        change for _, _, effects in bot.history for one in effects if isinstance(one, Commit) for change in one.changes
    ]


def test_entry_waits_until_the_mode_of_its_symbol_is_read() -> None:
    bot = unread()
    bot.signal("buy")
    assert (bot.sent, bot.modes_wanted) == ([], (BTC,))
    bot.wait(250)
    assert (bot.sent, bot.modes_wanted) == ([], (BTC, BTC))
    reads(bot, 1, 2)
    bot.wait(250)
    assert bot.last_order.position_idx == 1


def test_mode_that_is_never_read_lets_the_signal_expire() -> None:
    bot = unread()
    signal = bot.signal("buy")
    bot.wait(31_000)
    assert (bot.outcome(signal), bot.sent) == (("expired", "too_old"), [])


@pytest.mark.parametrize(
    ("mode", "wanted", "outcome"),
    [
        (CROSS, None, None),
        (ISOLATED, None, None),
        (PORTFOLIO, None, "portfolio_margin"),
        (AccountMode(MarginMode.CROSS, unified=False), None, "classic_account"),
        (CROSS, MarginMode.CROSS, None),
        (CROSS, MarginMode.ISOLATED, "margin_mode"),
        (ISOLATED, MarginMode.CROSS, "margin_mode"),
        (PORTFOLIO, MarginMode.CROSS, "portfolio_margin"),
    ],
)
def test_signal_is_refused_in_a_mode_its_strategy_cannot_trade(
    mode: AccountMode, wanted: MarginMode | None, outcome: str | None
) -> None:
    bot = Bot()
    bot.state = replace(bot.state, strategies={STRATEGY_ID: replace(bot.strategy, margin_mode=wanted)})
    bot.tell(AccountModeRead(mode))
    signal = bot.signal("buy")
    assert (bot.outcome(signal)[1], len(bot.sent)) == (outcome, 0 if outcome else 1)


def test_strategy_that_needs_a_margin_mode_waits_until_it_is_read() -> None:
    bot = Bot()
    bot.state = replace(bot.state, strategies={STRATEGY_ID: replace(bot.strategy, margin_mode=MarginMode.ISOLATED)})
    bot.signal("buy")
    assert bot.sent == []
    bot.tell(AccountModeRead(ISOLATED))
    bot.wait(250)
    assert len(bot.sent) == 1


def test_exits_go_through_in_any_mode() -> None:
    bot = Bot(protection=protection("1%"))
    bot.tell(AccountModeRead(CROSS))
    bot.opens("buy")
    bot.tell(AccountModeRead(PORTFOLIO))
    bot.tick("99")
    assert bot.last_order.reduce_only


def test_margin_mode_changed_by_hand_is_adopted_and_told() -> None:
    bot = Bot()
    bot.tell(AccountModeRead(CROSS))
    bot.tell(AccountModeRead(CROSS))
    assert bot.notices == []
    bot.tell(AccountModeRead(ISOLATED))
    assert bot.notices == ["margin_mode"]
    assert [change.margin for change in written(bot) if isinstance(change, SaveModes)] == [
        MarginMode.CROSS,
        MarginMode.ISOLATED,
    ]


@pytest.mark.fault(19)
def test_position_mode_switched_by_hand_is_adopted_and_told() -> None:
    bot = Bot()
    reads(bot, 0)
    assert (bot.notices, [change for change in written(bot) if isinstance(change, SaveModes)]) == ([], [])
    reads(bot, 1, 2)
    assert bot.notices == ["position_mode"]
    assert [change for change in written(bot) if isinstance(change, SaveModes)] == [SaveModes(None, frozenset({BTC}))]
    bot.signal("sell")
    assert bot.last_order.position_idx == 2
    assert bot.state.positions.keys() == {Slot(BTC, 2)}


def test_push_of_a_position_tells_the_mode_too() -> None:
    bot = Bot()
    bot.tell(PositionReported(row(bot, 1)))
    assert bot.state.hedge == {BTC: True}


def test_leverage_changed_by_hand_on_what_is_open_is_adopted_and_told() -> None:
    bot = Bot(leverage="10")
    bot.opens("buy")
    bot.tell(PositionReported(replace(bot.held(), leverage=Decimal(10))))
    assert bot.notices == []
    bot.tell(PositionReported(replace(bot.held(), leverage=Decimal(25))))
    assert (bot.notices, bot.position.leverage) == (["leverage"], Decimal(25))


def test_leverage_set_by_an_entry_is_no_change_by_hand() -> None:
    bot = Bot(leverage="10")
    bot.tell(PositionReported(row(bot, 0, "3")))
    bot.signal("buy")
    bot.tell(PositionReported(row(bot, 0, "10")))
    bot.fills(at="100")
    bot.tell(PositionReported(replace(bot.held(), leverage=Decimal(10))))
    assert bot.notices == []


# ---- an order refused for its position index


def test_entry_refused_for_its_mode_goes_again_under_its_id_once_that_is_read() -> None:
    bot = Bot()
    signal = bot.signal("buy")
    first = bot.last_order
    bot.refuses(first, Verdict.WRONG_MODE, code=10001)
    assert (len(bot.sent), bot.modes_wanted) == (1, (BTC,))
    reads(bot, 1, 2)
    again = bot.last_order
    assert (len(bot.sent), again.link_id, again.position_idx) == (2, first.link_id, 1)
    bot.accepts(again)
    bot.fills(again, at="100")
    assert bot.outcome(signal) == ("executed", None)
    assert [(slot, str(position.id)) for slot, position in bot.state.positions.items()] == [
        (Slot(BTC, 1), str(signal.id))
    ]
    assert bot.written.positions[signal.id].position_idx == 1


def test_entry_refused_for_a_mode_that_reads_as_before_is_over() -> None:
    bot = Bot()
    signal = bot.signal("buy")
    bot.refuses(verdict=Verdict.WRONG_MODE, code=10001)
    reads(bot, 0)
    assert (bot.outcome(signal), len(bot.sent), bot.flat) == (("failed", "exchange_refused"), 1, True)


def test_entry_refused_for_its_mode_is_not_sent_again_when_it_is_too_old() -> None:
    bot = Bot(max_age_s=1)
    signal = bot.signal("buy")
    bot.refuses(verdict=Verdict.WRONG_MODE, code=10001)
    bot.wait(1_001)
    reads(bot, 1, 2)
    assert (bot.outcome(signal)[0], len(bot.sent), bot.state.positions) == ("expired", 1, {})


@pytest.mark.fault(19)
def test_close_refused_for_its_mode_has_everything_read_anew_and_is_tried_again() -> None:
    bot = Bot(protection=protection("1%"))
    bot.opens("buy")
    before = bot.snapshots_wanted
    bot.tick("99")
    bot.refuses(verdict=Verdict.WRONG_MODE, code=10001)
    assert (bot.modes_wanted, bot.snapshots_wanted) == ((BTC,), before + 1)
    assert bot.written.orders[bot.sent[1].link_id].status is OrderStatus.REJECTED
    bot.wait(1_000)
    assert (len(bot.sent), bot.last_order.position_idx, bot.last_order.reduce_only) == (3, 0, True)


def test_mode_is_no_side() -> None:
    """A row of the short side says nothing of what is held on the long one."""
    bot = Bot(hedge=True)
    bot.signal("buy")
    bot.fills(at="100")
    short = replace(bot.held("1", "short"), idx=2, stop_loss=None)
    bot.tell(PositionReported(short))
    assert bot.state.positions[Slot(BTC, 1)].side is PositionSide.LONG
