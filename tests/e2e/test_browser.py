"""The dashboard in a real Chromium: log in, watch a position appear, close it."""

import pytest
from playwright.sync_api import Browser, Page, expect

from infra.stack import Stack
from tests.e2e.browser import PICTURES, log_in
from tests.e2e.trader import Trader, eventually

pytestmark = pytest.mark.browser


def test_a_trader_logs_in_and_watches_a_position_appear_and_close(page: Page, trader: Trader) -> None:
    strategy = trader.strategy(
        "BTCUSDT", "ETHUSDT", protection={"stop_loss": "1.5%", "take_profit": [{"at": "3%", "portion": "50%"}]}
    )
    log_in(page, trader)
    expect(page.get_by_test_id("position-row-BTCUSDT")).to_have_count(0)

    trader.alert(strategy, action="buy", symbol="BTCUSDT", qty="0.05")
    row = page.get_by_test_id("position-row-BTCUSDT")
    expect(row).to_be_visible(timeout=10_000)
    expect(row).to_contain_text("60,000")
    trader.exchange.price("BTCUSDT", "60420")
    expect(page.get_by_test_id("pnl-BTCUSDT")).to_contain_text("+21.00", timeout=10_000)

    trader.alert(strategy, action="sell", symbol="ETHUSDT", qty="1.2")
    expect(page.get_by_test_id("position-row-ETHUSDT")).to_be_visible(timeout=10_000)
    trader.exchange.price("ETHUSDT", "2493.5")
    PICTURES.mkdir(parents=True, exist_ok=True)
    expect(page.get_by_test_id("pnl-ETHUSDT")).to_contain_text("+7.80", timeout=10_000)
    page.screenshot(path=PICTURES / "positions.png")

    trader.exchange.price("BTCUSDT", "59050")
    expect(page.get_by_test_id("position-row-BTCUSDT")).to_have_count(0, timeout=10_000)
    expect(page.get_by_test_id("trade-row").first).to_contain_text("BTCUSDT")
    assert [trade["exit_reason"] for trade in trader.trades()] == ["stop_loss"]


def test_the_close_button_closes_at_market(page: Page, trader: Trader) -> None:
    strategy = trader.strategy("BTCUSDT")
    trader.alert(strategy, action="buy", symbol="BTCUSDT")
    trader.sees_position("long")
    log_in(page, trader)

    page.get_by_test_id("close-BTCUSDT").click()
    page.get_by_test_id("confirm-close").click()

    expect(page.get_by_test_id("position-row-BTCUSDT")).to_have_count(0, timeout=10_000)
    (trade,) = trader.sees_trades(1)
    assert trade["exit_reason"] == "manual"


def test_signals_show_what_became_of_them(page: Page, trader: Trader) -> None:
    strategy = trader.strategy("BTCUSDT")
    trader.alert(strategy, action="buy", symbol="BTCUSDT")
    trader.sees_position("long")
    trader.alert(strategy, action="buy", symbol="BTCUSDT")
    log_in(page, trader)

    page.get_by_role("link", name="Signals").first.click()

    rows = page.get_by_test_id("signal-row")
    expect(rows).to_have_count(2, timeout=10_000)
    expect(rows.first).to_contain_text("is open on BTCUSDT already")
    page.screenshot(path=PICTURES / "signals.png")


def test_a_phone_can_close_a_position(browser: Browser, stack: Stack, trader: Trader) -> None:
    strategy = trader.strategy("BTCUSDT")
    trader.alert(strategy, action="buy", symbol="BTCUSDT")
    trader.sees_position("long")
    context = browser.new_context(
        base_url=stack.url, viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True, locale="en-GB"
    )
    page = context.new_page()
    log_in(page, trader)

    expect(page.get_by_test_id("position-row-BTCUSDT")).to_be_visible(timeout=10_000)
    page.screenshot(path=PICTURES / "phone.png")
    page.get_by_test_id("close-BTCUSDT").tap()
    page.get_by_test_id("confirm-close").tap()

    expect(page.get_by_test_id("position-row-BTCUSDT")).to_have_count(0, timeout=10_000)
    context.close()


def test_the_halt_button_stops_entries_until_resumed(page: Page, trader: Trader) -> None:
    strategy = trader.strategy("BTCUSDT")
    trader.alert(strategy, action="buy", symbol="BTCUSDT")
    trader.sees_position("long")
    log_in(page, trader)

    page.get_by_test_id("halt").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("No new positions")
    page.screenshot(path=PICTURES / "halt.png")
    dialog.get_by_role("button", name="Stop new positions").click()
    expect(page.get_by_test_id("resume")).to_be_visible(timeout=10_000)
    page.keyboard.press("Escape")
    page.screenshot(path=PICTURES / "halted.png")
    refused = trader.alert(strategy, action="close", symbol="BTCUSDT")
    trader.sees_trades(1)
    assert trader.signal(refused["signal_id"])["status"] == "executed"
    refused = trader.alert(strategy, action="buy", symbol="BTCUSDT")
    eventually(lambda: trader.signal(refused["signal_id"])["reason_code"] == "halted", "the entry refused")

    page.get_by_test_id("resume").click()
    page.get_by_role("dialog").get_by_role("button", name="Resume").last.click()
    expect(page.get_by_test_id("resume")).to_have_count(0, timeout=10_000)
