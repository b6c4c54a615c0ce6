"""What the people of the line do with a page, what they look for, and its pictures."""

from __future__ import annotations

import io
import os
from datetime import datetime
from zoneinfo import ZoneInfo

from django.utils.translation import gettext, override
from PIL import Image
from playwright.sync_api import Locator, expect

from registry.models import (
    DataCategory,
)
from tests.browser.conftest import NARROW, Visitor
from tests.conftest import ROOT, Team
from tests.subjects.persons import EVIDENCE, VALUES

ALMATY = ZoneInfo("Asia/Almaty")
NAME, MESSAGE = VALUES["full_name"], "Тіркелгім енді керек емес, бәрін жойыңыздаршы."
LAW_ON_ACCOUNTING = "Law on accounting 7"
REASONS = "Шарт пен төлем құжаттарын заң бес жыл сақтауды талап етеді."
# What a law orders to be kept; all else is to go.
KEPT = ("full_name", "iin")
GOES = sorted(set(VALUES) - set(KEPT))
REGISTER = "/admin/subjects/datasubject"
SHOTS = ROOT / "docs" / "img"
HEAVY = 150_000


def almaty(month: int, day: int, hour: int = 10, minute: int = 0) -> datetime:
    return datetime(2026, month, day, hour, minute, tzinfo=ALMATY)


def press(visitor: Visitor, selector: str | Locator) -> int:
    """Click, or tap on a phone; the status of the page that follows."""
    place = visitor.page.locator(selector) if isinstance(selector, str) else selector
    with visitor.page.expect_navigation() as arrived:
        place.tap() if visitor.page.viewport_size["width"] == NARROW else place.click()  # type: ignore[index]
    return arrived.value.status


def shot(visitor: Visitor, name: str, *, until: str = "") -> None:
    """A picture for docs/, when somebody wants new ones: few colours, for it is text.

    ``until``: only what stands above that place.
    """
    if os.environ.get("DOCS_SCREENSHOTS") != "1":
        return
    page, size = visitor.page, visitor.page.viewport_size
    assert size is not None
    height = int(page.evaluate("document.documentElement.scrollHeight"))
    # As high as the page, so that what stands beside it is not cut off.
    visitor.resize(size["width"], max(size["height"], height))
    if until:
        box = page.locator(until).bounding_box()
        assert box is not None
        height = int(box["y"])
    clip = {"x": 0, "y": 0, "width": size["width"], "height": height}
    taken = page.screenshot(animations="disabled", clip=clip)  # type: ignore[arg-type]
    visitor.resize(size["width"], size["height"])
    path = SHOTS / f"line-{name}.png"
    drawn = Image.open(io.BytesIO(taken)).convert("RGB")
    drawn.quantize(32, dither=Image.Dither.NONE).save(path, optimize=True)
    assert path.stat().st_size < HEAVY, path


def in_kazakh(message: str) -> str:
    with override("kk"):
        return gettext(message)


def category(team: Team, code: str) -> DataCategory:
    return DataCategory.objects.get(operator=team.operator, code=code)


def named(team: Team, code: str, language: str) -> str:
    with override(language):
        return str(category(team, code))


def log_in(visitor: Visitor, username: str) -> None:
    visitor.log_in(username)
    expect(visitor.page.locator(".desk")).to_be_visible()


def without_values(text: str) -> None:
    """No page tells what a card holds or held."""
    assert [name for name, value in {**VALUES, "evidence": EVIDENCE}.items() if value in text] == []
