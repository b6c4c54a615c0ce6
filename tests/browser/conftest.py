"""A real browser before a real server, whose clock the test sets."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Page,
    Response,
    expect,
    sync_playwright,
)

from tests.conftest import PASSWORD

NAMES = ("chromium", "chromium-browser", "google-chrome")
# As root Chromium has no sandbox; the rest keeps it from calling home.
SWITCHES = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
]  # fmt: skip
WIDE, NARROW = 1280, 360
# Chromium reports every refused page as an error of its own; a refusal is often the test.
REFUSAL = "Failed to load resource: the server responded with a status of 4"
TELL_OF_CSP = (
    "document.addEventListener('securitypolicyviolation',"
    " e => console.error('CSP: ' + e.violatedDirective + ' ' + e.blockedURI))"
)
# What a page must not have: a field without a label, a skipped level of headings, text whose
# contrast with its ground is under 4.5:1 (3:1 when large), an id that is used twice.
FLAWS = """
() => {
  const found = [];
  const seen = e => e.checkVisibility({visibilityProperty: true}) && e.getClientRects().length;
  for (const e of document.querySelectorAll("input, select, textarea")) {
    if (["hidden", "submit"].includes(e.type) || !seen(e)) continue;
    if (!e.labels.length && !e.ariaLabel) found.push("no label: " + e.name);
  }
  const headings = [...document.querySelectorAll("h1, h2, h3, h4, h5, h6")].filter(seen);
  const levels = headings.map(e => Number(e.tagName[1]));
  if (levels.filter(level => level === 1).length !== 1) found.push("not one h1");
  levels.forEach((level, i) => {
    if (i && level > levels[i - 1] + 1) found.push("skipped level: " + headings[i].textContent);
  });
  const ids = [...document.querySelectorAll("[id]")].map(e => e.id);
  for (const id of ids) if (ids.indexOf(id) !== ids.lastIndexOf(id)) found.push("id twice: " + id);
  const parts = color => (color.match(/[\\d.]+/g) || []).map(Number);
  const light = color => {
    const [r, g, b] = color.map(c => {
      c /= 255;
      return c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const ground = e => {
    for (; e; e = e.parentElement) {
      const color = parts(getComputedStyle(e).backgroundColor);
      if (color.length === 3 || color[3] > 0.99) return color.slice(0, 3);
    }
    return [255, 255, 255];
  };
  for (const e of document.body.querySelectorAll("*")) {
    const text = [...e.childNodes].filter(n => n.nodeType === 3 && n.data.trim());
    if (!text.length || !seen(e) || e.closest(".visually-hidden, option, svg")) continue;
    const style = getComputedStyle(e), size = parseFloat(style.fontSize);
    if (!size) continue;
    const pair = [light(parts(style.color).slice(0, 3)), light(ground(e))].sort((a, b) => b - a);
    const ratio = (pair[0] + 0.05) / (pair[1] + 0.05);
    const large = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700);
    if (ratio < (large ? 3 : 4.5))
      found.push(`contrast ${ratio.toFixed(1)}: ${e.tagName} ${text[0].data.trim().slice(0, 40)}`);
  }
  return [...new Set(found)];
}
"""
AXE = Axe()
expect.set_options(timeout=5_000)


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """The system's Chromium, for as long as the module's tests run."""
    path = next(filter(None, map(shutil.which, NAMES)), None)
    if path is None:
        reason = f"no browser: none of {', '.join(NAMES)} is installed"
        if os.environ.get("REQUIRE_BROWSER") == "1":
            pytest.fail(reason)
        pytest.skip(reason)
    before = os.environ.get("DJANGO_ALLOW_ASYNC_UNSAFE")
    # Playwright's loop runs in this thread, and Django takes that for asynchronous code.
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"
    try:
        with sync_playwright() as playwright:
            yield playwright.chromium.launch(executable_path=path, args=SWITCHES)
    finally:
        if before is None:
            del os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"]
        else:
            os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = before


class Visitor:
    """One person at one screen: a browser context of its own with one page."""

    def __init__(self, house: House, context: BrowserContext) -> None:
        self.house = house
        self.context = context
        self.page: Page = context.new_page()
        self.page.on("console", self._heard)
        self.page.on("pageerror", lambda error: house.troubles.append(f"script: {error}"))
        self.page.on("response", self._answered)

    def _heard(self, message: ConsoleMessage) -> None:
        if message.type == "error" and not message.text.startswith(REFUSAL):
            self.house.troubles.append(f"console: {message.text} at {self.page.url}")

    def _answered(self, response: Response) -> None:
        kind = response.request.resource_type
        if response.status >= 500 or (response.status >= 400 and kind != "document"):
            self.house.troubles.append(f"{response.status}: {response.url}")

    def open(self, path: str) -> Response:
        response = self.page.goto(self.house.url + path)
        assert response is not None
        return response

    def log_in(self, username: str) -> None:
        """By the form, as everyone does."""
        self.open("/admin/login/?next=/admin/")
        self.page.fill("#id_username", username)
        self.page.fill("#id_password", PASSWORD)
        self.submit()

    def log_out(self) -> None:
        with self.page.expect_navigation():
            self.page.click("#logout-form button")

    def submit(self) -> int:
        """Press the main button; returns the status of the page that follows."""
        with self.page.expect_navigation() as arrived:
            self.page.locator(".submit-row input[type=submit]").first.click()
        return arrived.value.status

    def verb(self, name: str) -> None:
        """Follow the link of a verb on the page of a row."""
        with self.page.expect_navigation():
            self.page.click(f".object-tools a.verb-{name}")

    def fill_moment(self, name: str, moment: datetime) -> None:
        self.page.fill(f"[name={name}]", f"{moment:%Y-%m-%dT%H:%M}")

    def resize(self, width: int, height: int = 800) -> None:
        self.page.set_viewport_size({"width": width, "height": height})

    def overflow(self) -> int:
        """By how many pixels the page is wider than the screen."""
        return int(
            self.page.evaluate(
                "document.documentElement.scrollWidth - document.documentElement.clientWidth"
            )
        )

    def judge(self, name: str) -> None:
        """Note what makes the page hard to read or to use without a mouse."""
        self.house.troubles += [f"{name}: {flaw}" for flaw in self.page.evaluate(FLAWS)]
        if "/admin/" not in self.page.url:
            self.house.troubles += [f"{name}: {flaw}" for flaw in self._by_axe()]

    def _by_axe(self) -> list[str]:
        """What axe finds on a page for the public: its rule and the first place."""
        found = AXE.run(self.page).response["violations"]
        return [f"axe {one['id']}: {one['nodes'][0]['target']} ({one['help']})" for one in found]

    def picture(self, name: str, *, whole: bool = True) -> None:
        self.page.screenshot(
            path=self.house.pictures / f"{name}.png", full_page=whole, animations="disabled"
        )


class House:
    """The running office, and everything that went wrong in any browser before it."""

    def __init__(self, browser: Browser, url: str, pictures: Path) -> None:
        self.browser = browser
        self.url = url
        self.pictures = pictures
        self.troubles: list[str] = []

    def visitor(self, *, width: int = WIDE, **options: Any) -> Visitor:
        context = self.browser.new_context(
            viewport={"width": width, "height": 800}, locale="en", **options
        )
        context.set_default_timeout(10_000)
        context.add_init_script(TELL_OF_CSP)
        return Visitor(self, context)


@pytest.fixture
def house(chromium: Browser, live_server: Any, tmp_path: Path) -> Iterator[House]:
    """Fails the test on any error in the console (a breach of CSP is one), any page of status
    500 and above, and any flaw of a page that was judged.
    """
    pictures = Path(os.environ.get("OFFICE_SCREENSHOTS") or tmp_path)
    pictures.mkdir(parents=True, exist_ok=True)
    house = House(chromium, live_server.url, pictures)
    yield house
    for context in chromium.contexts:
        context.close()
    assert house.troubles == []
