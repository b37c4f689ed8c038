"""Every screen of the dashboard: how to come to it, and by what it is known to be drawn.

`python -m tests.e2e.screens` takes a picture of each, light and dark, wide and on a phone, into `.artifacts/screens`.
"""

import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from playwright.sync_api import Browser, Page, expect, sync_playwright

from infra.stack import Stack
from tests.e2e.browser import CHROMIUM, FLAGS, log_in
from tests.e2e.trader import Trader

FOLDER = Path(".artifacts/screens")
_SETTLED_MS = 400
Scheme = Literal["light", "dark"]
SCHEMES: tuple[Scheme, ...] = ("light", "dark")
SIZES = {"wide": (1440, 900), "phone": (390, 844)}


@dataclass(frozen=True)
class Screen:
    """`clicks` are Playwright selectors, one after the other; `ready` is a test id that is visible in the end."""

    name: str
    path: str
    ready: str
    clicks: tuple[str, ...] = ()
    only_wide: bool = False

    def show(self, page: Page) -> None:
        """Goes there as a link would, without loading the page anew; who looks is logged in."""
        if page.get_by_role("dialog").count() > 0:
            page.keyboard.press("Escape")
            expect(page.get_by_role("dialog")).to_have_count(0)
        page.evaluate("path => history.pushState({}, '', path)", self.path)
        for click in self.clicks:
            page.locator(click).first.click()
        ready = page.get_by_test_id(self.ready).first
        expect(ready).to_be_visible(timeout=10_000)
        if self.clicks:
            ready.scroll_into_view_if_needed()


def turn(page: Page, scheme: Scheme) -> None:
    """Changes the colour scheme as the system would."""
    page.emulate_media(color_scheme=scheme)
    expect(page.locator("html")).to_have_attribute("data-mantine-color-scheme", scheme)


def _id(test_id: str) -> str:
    return f"[data-testid={test_id}]"


def screens(position: str, signal: str) -> list[Screen]:
    webhook = _id("strategy-webhook")
    return [
        Screen("positions", "/", "position-row-BTCUSDT"),
        Screen("protect", "/", "protect-stop", (_id("protect-BTCUSDT"),)),
        Screen("close", "/", "confirm-close", (_id("close-BTCUSDT"),)),
        Screen("close-all", "/", "close-all-word", (_id("close-all"),), only_wide=True),
        Screen("halt", "/", "confirm-halt", (_id("halt"),)),
        Screen("position", f"/positions/{position}", "fill"),
        Screen("overview", "/overview", "stats-group"),
        Screen("signals", "/signals", "signal-row"),
        Screen("flight-record", f"/signals?id={signal}", "foresee"),
        Screen("trades", "/history", "trade-row"),
        Screen("orders", "/history?view=orders", "order-row"),
        Screen("executions", "/history?view=executions", "execution-row"),
        Screen("security", "/security", "session-row"),
        Screen("setup", "/setup", "strategy-row"),
        Screen("strategy", "/setup", "strategy-stop", (_id("strategy-edit"),)),
        Screen("limits", "/setup", "window-0", (_id("account-limits"), _id("add-window"))),
        Screen("self-test", "/setup", "self-test-run", (_id("account-test"),)),
        Screen("account", "/setup", "account-submit", (_id("add-account"),)),
        Screen("webhook-message", "/setup", "preflight", (webhook, _id("try-message"))),
        Screen("webhook-explain", "/setup", "paste-message", (webhook, "role=dialog >> text=Explain")),
        Screen("webhook-rules", "/setup", "policy-save", (webhook, "role=dialog >> text=Rules")),
        Screen("webhook-keys", "/setup", "make-signing-key", (webhook, "role=dialog >> text=Keys")),
    ]


def busy_screens(trader: Trader) -> list[Screen]:
    """Gives a trader something of everything, and tells their screens."""
    strategy = trader.strategy("BTCUSDT", "ETHUSDT", protection={"stop_loss": "1.5%", "take_profit": [{"at": "3%"}]})
    trades = len(trader.trades())
    signal = trader.alert(strategy, action="buy", symbol="BTCUSDT")["signal_id"]
    trader.sees_position("long")
    trader.alert(strategy, action="close", symbol="BTCUSDT")
    trader.sees_trades(trades + 1)
    trader.alert(strategy, action="sell", symbol="ETHUSDT", qty="0.5")
    position = trader.sees_position("short")["id"]
    trader.alert(strategy, action="buy", symbol="BTCUSDT")
    trader.sees_position("long")
    return screens(position, signal)


@contextmanager
def looking(browser: Browser, stack: Stack, size: str = "wide", scheme: Scheme = "light") -> Iterator[Page]:
    """A page of somebody who is not logged in."""
    width, height = SIZES[size]
    context = browser.new_context(
        base_url=stack.url,
        viewport={"width": width, "height": height},
        color_scheme=scheme,
        reduced_motion="reduce",
        locale="en-GB",
        has_touch=size == "phone",
        is_mobile=size == "phone",
    )
    yield context.new_page()
    context.close()


def _take(page: Page, trader: Trader, wanted: list[Screen], size: str) -> None:
    def picture(name: str) -> None:
        for scheme in SCHEMES:
            turn(page, scheme)
            page.wait_for_timeout(_SETTLED_MS)
            page.screenshot(path=FOLDER / f"{name}.{size}.{scheme}.png")

    page.goto("/login")
    expect(page.get_by_test_id("login-submit")).to_be_visible()
    picture("login")
    page.get_by_test_id("login-forgotten").click()
    picture("recovery")
    log_in(page, trader)
    for screen in wanted:
        if size == "phone" and screen.only_wide:
            continue
        screen.show(page)
        picture(screen.name)


def _history(trader: Trader) -> None:
    """Some trades with results of either sign, and a refusal."""
    levels = {"stop_loss": "1%", "take_profit": [{"at": "2%"}]}
    strategy = trader.strategy("SOLUSDT", name="Trend", protection=levels, sizing={"mode": "qty", "value": "20"})
    for number, (action, price) in enumerate(
        [("buy", "153.1"), ("sell", "151.6"), ("buy", "148.4"), ("sell", "146.9")], 1
    ):
        trader.exchange.price("SOLUSDT", "150")
        trader.alert(strategy, action=action, symbol="SOLUSDT")
        trader.sees_position("long" if action == "buy" else "short")
        trader.exchange.price("SOLUSDT", price)
        trader.sees_trades(number)
    trader.alert(strategy, action="buy", symbol="SOLUSDT", qty="0.000001")


def main() -> None:
    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir(parents=True)
    with Stack.temporary(restart=False) as stack, Trader(stack) as trader, sync_playwright() as playwright:
        for symbol, price in (("BTCUSDT", "60000"), ("ETHUSDT", "2500")):
            trader.exchange.price(symbol, price)
        _history(trader)
        wanted = busy_screens(trader)
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        for size in SIZES:
            with looking(browser, stack, size) as page:
                _take(page, trader, wanted, size)
        browser.close()
    sys.stdout.write(f"{len(list(FOLDER.iterdir()))} pictures in {FOLDER}\n")


if __name__ == "__main__":
    main()
