"""A real Chromium, and what a trader does in it first."""

import os
import shutil
from pathlib import Path

from playwright.sync_api import Page, expect

from tests.e2e.trader import Trader

CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium") or "/usr/bin/chromium"
PICTURES = Path(os.environ.get("BACKSTOP_PICTURES", ".artifacts/pictures"))
"""Where screenshots go; `BACKSTOP_PICTURES=docs/images` renews those of the README."""

FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


def log_in(page: Page, trader: Trader) -> None:
    page.goto("/")
    page.get_by_test_id("login-email").fill(trader.email)
    page.get_by_test_id("login-password").fill(trader.password)
    page.get_by_test_id("login-submit").click()
    expect(page.get_by_test_id("connection-badge")).to_contain_text("Live", timeout=15_000)
