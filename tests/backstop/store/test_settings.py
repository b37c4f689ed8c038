"""What the API keeps as JSON is read back as the domain's values."""

from decimal import Decimal

from backstop.contracts.accounts import AccountLimits, TradingWindow
from backstop.domain.ids import Symbol
from backstop.domain.limits import NO_LIMITS, Limits
from backstop.domain.windows import Window
from backstop.store.settings import read_limits
from backstop.store.zones import zone_named


def test_every_limit_is_read_as_it_was_set() -> None:
    limits = AccountLimits(
        daily_loss_pct=Decimal("2.5"),
        max_open_positions=3,
        max_notional=Decimal(1000),
        max_orders_per_minute=4,
        max_orders_per_day=50,
        cooldown_s=60,
        max_position_notional=Decimal(400),
        max_leverage=Decimal(5),
        symbols=["BTCUSDT", "ETHUSDT"],
        windows=[TradingWindow(days=["mon", "sun"], start="09:30", end="16:00", zone="Europe/Berlin")],
    )
    assert set(AccountLimits.model_fields) == limits.model_fields_set, "all of them"
    assert read_limits(limits.model_dump(mode="json")) == Limits(
        daily_loss_pct=Decimal("2.5"),
        max_open_positions=3,
        max_notional=Decimal(1000),
        max_orders_per_minute=4,
        max_orders_per_day=50,
        cooldown_ms=60_000,
        max_position_notional=Decimal(400),
        max_leverage=Decimal(5),
        symbols=frozenset({Symbol("BTCUSDT"), Symbol("ETHUSDT")}),
        windows=(Window(frozenset({0, 6}), 570, 960, zone_named("Europe/Berlin")),),
    )


def test_nothing_set_is_no_limit() -> None:
    assert read_limits({}) == read_limits(AccountLimits().model_dump(mode="json")) == NO_LIMITS
