"""A position's levels and size changed in the dashboard, and what the exchange then holds."""

from decimal import Decimal

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.browser import PICTURES, log_in
from tests.e2e.trader import Trader, eventually

pytestmark = pytest.mark.browser


def test_a_stop_moved_in_the_table_moves_the_stop_at_the_exchange(page: Page, trader: Trader) -> None:
    strategy = trader.strategy("BTCUSDT", protection={"stop_loss": "2%", "take_profit": [{"at": "3%"}]})
    trader.alert(strategy, action="buy", symbol="BTCUSDT")
    before = trader.sees_position("long")
    log_in(page, trader)

    page.get_by_test_id("protect-BTCUSDT").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_test_id("protect-stop").fill("59400")
    expect(dialog.get_by_test_id("protection-changes")).to_contain_text("58,800")
    page.screenshot(path=PICTURES / "protect.png")
    dialog.get_by_test_id("protect-send").click()

    expect(page.get_by_test_id("position-row-BTCUSDT")).to_contain_text("59,400", timeout=10_000)
    moved = eventually(
        lambda: (
            held
            if (held := trader.exchange.position(trader.api_key, "BTCUSDT"))
            and Decimal(held["stop_loss"]) > Decimal(before["resident_stop"]["price"])
            else None
        ),
        "the exchange's stop moved",
    )
    assert Decimal("59000") < Decimal(moved["stop_loss"]) < Decimal("59400"), "a little wider than the watched stop"


def test_a_part_is_closed_and_the_rest_stays_protected(page: Page, trader: Trader) -> None:
    strategy = trader.strategy("BTCUSDT", sizing={"mode": "qty", "value": "0.04"})
    trader.alert(strategy, action="buy", symbol="BTCUSDT")
    trader.sees_position("long")
    log_in(page, trader)

    page.get_by_test_id("close-BTCUSDT").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_text("25 %").click()
    dialog.get_by_test_id("confirm-close").click()

    expect(page.get_by_test_id("position-row-BTCUSDT")).to_contain_text("0.03", timeout=10_000)
    held = trader.exchange.position(trader.api_key, "BTCUSDT")
    assert held is not None
    assert Decimal(held["qty"]) == Decimal("0.03")
    assert Decimal(held["stop_loss"]) > 0


def test_close_all_closes_all(page: Page, trader: Trader) -> None:
    strategy = trader.strategy("BTCUSDT", "ETHUSDT")
    trader.alert(strategy, action="buy", symbol="BTCUSDT")
    trader.sees_position("long")
    trader.alert(strategy, action="sell", symbol="ETHUSDT", qty="0.5")
    trader.sees_position("short")
    log_in(page, trader)
    expect(page.get_by_test_id("position-row-ETHUSDT")).to_be_visible(timeout=10_000)

    page.get_by_test_id("close-all").click()
    page.get_by_test_id("close-all-word").fill("CLOSE ALL")
    page.get_by_test_id("confirm-close-all").click()

    expect(page.get_by_test_id("position-row-BTCUSDT")).to_have_count(0, timeout=10_000)
    expect(page.get_by_test_id("position-row-ETHUSDT")).to_have_count(0, timeout=10_000)
    assert {trade["exit_reason"] for trade in trader.sees_trades(2)} == {"manual"}


def test_a_stop_dragged_on_the_chart_moves_the_stop_at_the_exchange_once_confirmed(page: Page, trader: Trader) -> None:
    strategy = trader.strategy("BTCUSDT", protection={"stop_loss": "2%", "take_profit": [{"at": "2%"}]})
    trader.alert(strategy, action="buy", symbol="BTCUSDT")
    before = trader.sees_position("long")
    log_in(page, trader)
    page.get_by_test_id("position-row-BTCUSDT").get_by_role("link", name="BTCUSDT").click()
    chart = page.get_by_test_id("price-chart")
    expect(chart.locator("canvas").first).to_be_visible(timeout=10_000)

    def lowest_line() -> tuple[float, float] | None:
        """Where the pointer says that a line can be moved, the lowest of them: the stop."""
        box = chart.bounding_box()
        assert box is not None
        x = box["x"] + box["width"] * 0.4
        for y in range(int(box["y"] + box["height"]) - 30, int(box["y"]), -3):
            page.mouse.move(x, y)
            if chart.evaluate("host => host.style.cursor") == "ns-resize":
                return x, y - 3.0
        return None

    x, y = eventually(lowest_line, "a line that can be moved")
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x, y - 20, steps=5)
    page.mouse.up()

    expect(page.get_by_test_id("protection-changes")).to_contain_text("58,800")
    page.screenshot(path=PICTURES / "chart.png")
    held = trader.exchange.position(trader.api_key, "BTCUSDT")
    assert held is not None
    assert Decimal(held["stop_loss"]) == Decimal(before["resident_stop"]["price"]), "nothing is sent by a drop"
    wanted = Decimal(page.get_by_test_id("protect-stop").input_value())
    assert Decimal(58_800) < wanted < Decimal(60_000)
    page.get_by_test_id("protect-send").click()

    eventually(
        lambda: Decimal(trader.get(f"/api/positions/{before['id']}")["stop_loss"]) == wanted, "the new stop watched"
    )
    eventually(
        lambda: (
            (now := trader.exchange.position(trader.api_key, "BTCUSDT"))
            and Decimal(now["stop_loss"]) > Decimal(before["resident_stop"]["price"])
        ),
        "the exchange's stop moved",
    )
