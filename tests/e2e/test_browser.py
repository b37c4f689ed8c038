"""The dashboard in a real Chromium: log in, watch a position appear, close it; what a session lives through."""

import time

import pyotp
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


def test_a_second_factor_is_set_up_and_asked_for_at_the_next_login(page: Page, trader: Trader) -> None:
    log_in(page, trader)
    page.get_by_role("button", name="Your account").click()
    page.get_by_role("menuitem", name="Security and sessions").click()
    page.get_by_test_id("totp-begin").click()
    phone = pyotp.TOTP(page.get_by_test_id("totp-secret").inner_text())
    page.get_by_test_id("totp-code").fill(phone.now())
    page.get_by_test_id("totp-enable").click()
    backup = page.get_by_test_id("backup-codes").inner_text().split()
    assert len(backup) == 10
    page.get_by_role("button", name="I have kept them").click()
    page.get_by_role("button", name="Your account").click()
    page.get_by_role("menuitem", name="Log out").click()

    page.get_by_test_id("login-email").fill(trader.email)
    page.get_by_test_id("login-password").fill(trader.password)
    page.get_by_test_id("login-submit").click()
    page.get_by_test_id("login-totp").fill("000000x")
    page.get_by_test_id("login-submit").click()
    expect(page.get_by_role("alert")).to_be_visible()
    # A code counts once; that of the next half minute is taken already.
    page.get_by_test_id("login-totp").fill(phone.at(time.time() + 30))
    page.get_by_test_id("login-submit").click()
    expect(page.get_by_test_id("connection-badge")).to_contain_text("Live", timeout=15_000)

    # The password is forgotten, a backup code was kept.
    page.get_by_role("button", name="Your account").click()
    page.get_by_role("menuitem", name="Log out").click()
    page.get_by_test_id("login-forgotten").click()
    page.get_by_test_id("recover-email").fill(trader.email)
    page.get_by_test_id("recover-code").fill(backup[0])
    page.get_by_test_id("recover-totp").fill(backup[1])
    page.get_by_test_id("recover-password").fill("another correct horse")
    page.get_by_test_id("recover-submit").click()
    expect(page.get_by_test_id("connection-badge")).to_contain_text("Live", timeout=15_000)


def test_two_tabs_outlive_a_restart_of_the_server_and_end_with_their_session(
    page: Page, stack: Stack, trader: Trader
) -> None:
    strategy = trader.strategy("BTCUSDT", "ETHUSDT")
    for action, symbol in (("buy", "BTCUSDT"), ("sell", "ETHUSDT")):
        trader.alert(strategy, action=action, symbol=symbol)
    eventually(lambda: len(trader.positions()) == 2, "both positions")
    log_in(page, trader)
    second = page.context.new_page()
    second.goto("/")
    tabs = (page, second)
    for tab in tabs:
        expect(tab.get_by_test_id("position-row-BTCUSDT")).to_be_visible(timeout=15_000)

    stack.kill("gateway")
    for tab in tabs:
        expect(tab.get_by_test_id("connection-badge")).not_to_contain_text("Live", timeout=2_000)
    stack.start("gateway")
    stack.wait_ready("gateway")
    for tab in tabs:
        expect(tab.get_by_test_id("connection-badge")).to_contain_text("Live", timeout=30_000)
    trader.exchange.price("BTCUSDT", "60300")
    for tab in tabs:
        expect(tab.get_by_test_id("pnl-BTCUSDT")).to_contain_text("+3.00", timeout=10_000)

    second.get_by_test_id("close-BTCUSDT").click()
    second.get_by_test_id("confirm-close").click()
    for tab in tabs:
        expect(tab.get_by_test_id("position-row-BTCUSDT")).to_have_count(0, timeout=10_000)

    trader.post("/api/sessions/revoke-others", {}, 200)
    for tab in tabs:
        expect(tab.get_by_test_id("login-submit")).to_be_visible(timeout=15_000)
    page.get_by_test_id("login-email").fill(trader.email)
    page.get_by_test_id("login-password").fill(trader.password)
    page.get_by_test_id("login-submit").click()
    expect(page.get_by_test_id("position-row-ETHUSDT")).to_be_visible(timeout=10_000)
