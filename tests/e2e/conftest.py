"""A whole Backstop, started as `make up` starts it: one for each test process."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from infra.stack import Stack
from tests.e2e.browser import CHROMIUM, FLAGS
from tests.e2e.trader import Trader


@pytest.fixture(scope="session")
def stack() -> Iterator[Stack]:
    with Stack.temporary(restart=False) as running:
        yield running


@pytest.fixture
def trader(stack: Stack) -> Iterator[Trader]:
    with Trader(stack) as trader:
        for symbol, price in (("BTCUSDT", "60000"), ("ETHUSDT", "2500")):
            trader.exchange.price(symbol, price)
        yield trader


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    if not Path(CHROMIUM).exists():
        pytest.fail("no Chromium: apt-get install chromium, or set CHROMIUM to one")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        yield browser
        browser.close()


@pytest.fixture
def page(browser: Browser, stack: Stack) -> Iterator[Page]:
    context = browser.new_context(
        base_url=stack.url,
        viewport={"width": 1440, "height": 900},
        locale="en-GB",
        timezone_id="UTC",
        color_scheme="dark",
    )
    page = context.new_page()
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda message: complaints.append(message.text) if "Content Security" in message.text else None)
    yield page
    context.close()
    assert complaints == []
