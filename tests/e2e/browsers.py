"""A real Chromium: the customer's phone and the desks of the team."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

CHROMIUM = "/usr/bin/chromium"
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
PHONE: dict[str, Any] = {
    "viewport": {"width": 360, "height": 740},
    "device_scale_factor": 2,
    "is_mobile": True,
    "has_touch": True,
    "locale": "es-MX",
}
DESK: dict[str, Any] = {"viewport": {"width": 1280, "height": 800}, "locale": "es-MX"}
PATIENCE_MS = 60_000


@contextmanager
def chromium() -> Iterator[Browser]:
    """Start the browser. What it keeps (profile, files to send) lies in memory: it is the customer's, not ours."""
    with tempfile.TemporaryDirectory(prefix="e2e-browser-", dir="/dev/shm") as memory:
        before = os.environ.get("TMPDIR")
        os.environ["TMPDIR"] = memory
        try:
            with sync_playwright() as playwright:
                expect.set_options(timeout=PATIENCE_MS)
                browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
                yield browser
                browser.close()
        finally:
            os.environ.pop("TMPDIR")
            if before is not None:
                os.environ["TMPDIR"] = before


def context(browser: Browser, **how: Any) -> BrowserContext:
    """Open a context of its own: its own cookies."""
    made = browser.new_context(**how)
    made.set_default_timeout(PATIENCE_MS)
    return made


class Complaints:
    """What the browser complained about on the pages of a context: console errors, scripts that broke."""

    def __init__(self, watched: BrowserContext) -> None:
        """Listen to every page from now on."""
        self.said: list[str] = []
        watched.on("console", lambda message: self._hear(message.type, message.text))
        watched.on("weberror", lambda error: self.said.append(str(error.error)))

    def _hear(self, kind: str, text: str) -> None:
        if kind == "error" and "Failed to load resource" not in text:
            self.said.append(text)


def accessible(page: Page) -> None:
    """Fail unless axe finds nothing on the page."""
    results = Axe().run(page)
    assert results.violations_count == 0, results.generate_report()


def fits(page: Page) -> None:
    """Fail when the page is wider than the screen."""
    wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert wide <= 0, f"{page.url} is {wide} px wider than the screen"


def seen(browser: Browser) -> list[tuple[str, str]]:
    """Return address and text of every page that is open, for a report of a failure."""
    pages = [page for opened in browser.contexts for page in opened.pages]
    return [(f"page {page.url}", str(page.evaluate("document.body.innerText"))[:3000]) for page in pages]
