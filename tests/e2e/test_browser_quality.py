"""What holds on every screen: read and reached by everybody, nothing foreign runs, it keeps up and says when it is old."""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
from playwright.sync_api import Browser, Page, WebSocketRoute, expect

from infra.stack import Stack
from tests.e2e.browser import log_in
from tests.e2e.screens import busy_screens, looking, turn
from tests.e2e.trader import Trader

pytestmark = pytest.mark.browser

AXE = Path("frontend/node_modules/axe-core/axe.min.js")
WCAG = {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]}
CONTRAST = {"type": "rule", "values": ["color-contrast"]}


def violations(page: Page, only: dict[str, Any]) -> list[str]:
    """What axe finds, as lines for people."""
    if not page.evaluate("() => 'axe' in window"):
        page.evaluate(AXE.read_text())
    found = page.evaluate("only => axe.run(document, {runOnly: only, resultTypes: ['violations']})", only)["violations"]
    return [
        f"{item['id']}: {item['help']}: {node['target']} {node['failureSummary']}"
        for item in found
        for node in item["nodes"]
    ]


def test_every_screen_is_accessible_in_light_and_dark(browser: Browser, stack: Stack, trader: Trader) -> None:
    wanted = busy_screens(trader)
    bad: list[str] = []

    def look(page: Page, name: str) -> None:
        bad.extend(f"{name}: {line}" for line in violations(page, WCAG))
        # All that differs in the other scheme is colour.
        turn(page, "dark")
        bad.extend(f"{name}, dark: {line}" for line in violations(page, CONTRAST))
        turn(page, "light")

    with looking(browser, stack) as page:
        page.goto("/login")
        expect(page.get_by_test_id("login-submit")).to_be_visible()
        look(page, "login")
        page.get_by_test_id("login-forgotten").click()
        look(page, "recovery")
        log_in(page, trader)
        for screen in wanted:
            screen.show(page)
            look(page, screen.name)
    assert bad == []


def test_a_phone_shows_every_screen_without_scrolling_sideways(browser: Browser, stack: Stack, trader: Trader) -> None:
    strategy = trader.strategy("BTCUSDT")
    trader.alert(strategy, action="buy", symbol="BTCUSDT")
    position = trader.sees_position("long")["id"]
    context = browser.new_context(
        base_url=stack.url, viewport={"width": 360, "height": 740}, has_touch=True, is_mobile=True, locale="en-GB"
    )
    page = context.new_page()
    log_in(page, trader)
    for path in ("/", f"/positions/{position}", "/overview", "/signals", "/history", "/history?view=orders", "/setup"):
        page.goto(path)
        expect(page.get_by_test_id("connection-badge")).to_contain_text("Live", timeout=15_000)
        assert page.evaluate("document.documentElement.scrollWidth") == 360, path
    context.close()


def test_a_position_is_closed_with_the_keyboard_alone(page: Page, trader: Trader) -> None:
    strategy = trader.strategy("BTCUSDT")
    trader.alert(strategy, action="buy", symbol="BTCUSDT")
    trader.sees_position("long")
    log_in(page, trader)
    expect(page.get_by_test_id("close-BTCUSDT")).to_be_visible(timeout=10_000)

    def tab_to(test_id: str) -> None:
        for _ in range(60):
            page.keyboard.press("Tab")
            if page.evaluate("document.activeElement?.dataset.testid") == test_id:
                return
        raise AssertionError(f"{test_id} is not reached by Tab")

    tab_to("close-BTCUSDT")
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Cancel")).to_be_focused()
    tab_to("confirm-close")
    page.keyboard.press("Enter")
    trader.sees_trades(1)


def test_nothing_inline_runs(stack: Stack) -> None:
    answer = httpx.get(stack.url)
    policy = dict(part.strip().split(" ", 1) for part in answer.headers["Content-Security-Policy"].split(";"))
    assert policy["script-src"] == "'self'"
    assert policy["default-src"] == "'none'"
    for script in answer.text.split("<script")[1:]:
        assert " src=" in script.partition(">")[0], script[:80]


def test_the_first_screen_loads_no_more_than_it_may() -> None:
    node = shutil.which("node") or str(Path(".node/bin/node").resolve())
    measured = subprocess.run(
        [node, "scripts/check-size.mjs"], cwd="frontend", capture_output=True, text=True, check=False
    )
    assert measured.returncode == 0, measured.stdout + measured.stderr


@pytest.mark.fault(58)
def test_a_lost_connection_is_told_within_two_seconds_and_mends(page: Page, trader: Trader) -> None:
    strategy = trader.strategy("BTCUSDT")
    trader.alert(strategy, action="buy", symbol="BTCUSDT")
    trader.sees_position("long")
    sockets: list[WebSocketRoute] = []

    def through(socket: WebSocketRoute) -> None:
        socket.connect_to_server()
        sockets.append(socket)

    page.route_web_socket("**/ws*", through)
    log_in(page, trader)
    sockets[-1].close(code=1001)
    expect(page.get_by_test_id("connection-badge")).not_to_contain_text("Live", timeout=2_000)
    expect(page.get_by_test_id("connection-badge")).to_contain_text("Live", timeout=15_000)
    trader.exchange.price("BTCUSDT", "60300")
    expect(page.get_by_test_id("pnl-BTCUSDT")).to_contain_text("+3.00", timeout=10_000)


FEED = """
(() => {
  const { account, ids } = FEED_OF;
  const symbols = ids.map((_, index) => `C${index}USDT`);
  const position = (id, index) => ({
    id, account_id: account, strategy_id: null, symbol: symbols[index], side: index % 2 ? 'short' : 'long',
    qty: '0.5', entry_price: '100', mark_price: '100', unrealised_pnl: '0', stop_loss: '98.5',
    take_profit: [{ price: '103', portion: '100%', status: 'armed' }],
    resident_stop: { price: '98', verified_at: new Date().toISOString() },
    leverage: '5', status: 'open', trigger_by: 'last',
    opened_at: '2026-11-24T10:00:00Z', updated_at: '2026-11-24T10:00:00Z',
  });
  let sent = 0;
  class Feed {
    static OPEN = 1;
    readyState = 0;
    constructor() {
      setTimeout(() => { this.readyState = 1; this.onopen?.({}); }, 0);
    }
    say(message) {
      this.onmessage?.({ data: JSON.stringify({ v: 1, ts: Date.now(), ...message }) });
    }
    send(text) {
      if (JSON.parse(text).action !== 'hello' || this.timer) return;
      this.say({ type: 'snapshot', seq: 1, data: { positions: ids.map(position), signals: [], truncated: false } });
      this.timer = setInterval(() => {
        sent += 1;
        const prices = symbols.map((symbol, index) => ({
          symbol, environment: 'simulator', last: (100 + Math.sin(sent / 9 + index)).toFixed(2), mark: '100', ts: Date.now(),
        }));
        this.say({ type: 'price', data: { prices } });
      }, 20);
    }
    close() { clearInterval(this.timer); this.readyState = 3; }
  }
  window.WebSocket = Feed;
  window.feedSent = () => sent;
})();
"""


def longest_task_ms(trace: bytes) -> float:
    """CPU time of the longest task on a page's main thread: what a machine busy with other things does not stretch."""
    events = json.loads(trace)["traceEvents"]
    mains = {
        (event["pid"], event["tid"])
        for event in events
        if event.get("name") == "thread_name" and event["args"].get("name") == "CrRendererMain"
    }
    tasks = [
        event["tdur"] / 1000
        for event in events
        if event.get("name") == "RunTask" and "tdur" in event and (event["pid"], event["tid"]) in mains
    ]
    assert len(tasks) > 100, "the trace holds no tasks"
    return float(max(tasks))


def test_a_hundred_positions_at_fifty_messages_a_second_leave_no_long_task(
    browser: Browser, stack: Stack, trader: Trader
) -> None:
    context = browser.new_context(base_url=stack.url, viewport={"width": 1440, "height": 900}, locale="en-GB")
    page = context.new_page()
    of: dict[str, Any] = {"account": trader.account_id, "ids": [str(uuid4()) for _ in range(100)]}
    page.add_init_script(FEED.replace("FEED_OF", json.dumps(of)))
    log_in(page, trader)
    expect(page.get_by_test_id("position-row-C0USDT")).to_be_visible(timeout=10_000)
    expect(page.get_by_test_id("pnl-C0USDT")).not_to_contain_text("—", timeout=10_000)
    page.wait_for_timeout(500)
    before = page.evaluate("window.feedSent()")
    browser.start_tracing(page=page, categories=["devtools.timeline", "disabled-by-default-devtools.timeline"])
    page.wait_for_timeout(3_000)
    trace = browser.stop_tracing()
    assert page.evaluate("window.feedSent()") - before > 50, "the feed goes on"
    assert longest_task_ms(trace) < 50
    context.close()
