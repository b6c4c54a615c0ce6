"""The tracking page in a browser: a person on a phone reads it, writes, takes the request back."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import time_machine
from playwright.sync_api import expect

from requests.models import Letter
from requests.services.tracking import code_of
from tests.browser.conftest import NARROW, WIDE, House
from tests.conftest import Office
from tests.requests.asking import DESTRUCTION, accept, again, asked, close, item_of
from tests.requests.corresponding import draft, send
from tests.requests.test_other_kinds import INFORMATION
from tests.requests.tracked import AFTER, PDF, VISIT, executed, path_of

pytestmark = pytest.mark.browser
LANGUAGES = ["ru", "kk", "en"]
SIZES = [("phone", NARROW), ("desk", WIDE)]


@pytest.fixture
def today() -> Iterator[None]:
    with time_machine.travel(VISIT, tick=True):
        yield


@pytest.mark.parametrize("lang", LANGUAGES)
def test_the_page_is_whole_at_each_stage_and_size(
    live_office: Office, today: None, house: House, lang: str
) -> None:
    team = live_office.ipm
    _known, request = asked(team, DESTRUCTION, INFORMATION, language=lang)
    send(draft(request, team, way="page", text="canary-reply: " + "длинноеслово" * 12), team)
    pages = {"new": path_of(request), "entry": "/ipm/track/",
             "cancel": f"{path_of(request)}cancel/", "wrong": "/ipm/track/22222/"}  # fmt: skip
    person = house.visitor(width=NARROW)

    def look(name: str, path: str) -> None:
        for size, width in SIZES:
            person.resize(width)
            person.open(f"{path}?lang={lang}")
            for closed in person.page.locator("details summary").all():
                closed.click()
            expect(person.page.locator("html")).to_have_attribute("lang", lang)
            assert person.overflow() <= 0, (name, size)
            person.judge(f"{name} {size} {lang}")
            person.picture(f"track-{name}-{size}-{lang}")

    for name, path in pages.items():
        look(name, path)
    accept(item_of(request, "destruction"), team)
    accept(item_of(request, "information"), team)
    send(draft(request, team, way="page", text="Вот ответ.", now=VISIT), team, now=VISIT)
    look("decided", path_of(request))
    with time_machine.travel(AFTER, tick=True):
        executed(request, team)
        close(request, team, now=AFTER)
        look("done", path_of(request))


def test_a_person_on_a_phone_writes_and_takes_the_request_back(
    live_office: Office, today: None, house: House
) -> None:
    _known, request = asked(live_office.pandev, language="kk")
    # No script runs: the page needs none.
    person = house.visitor(width=NARROW, java_script_enabled=False)
    page = person.page
    person.open("/pandev/track/?lang=en")
    page.fill("[name=number]", request.number.lower())
    page.fill("[name=tracking]", str(code_of(again(request))).lower().replace("-", " "))
    page.click("button[type=submit]")
    expect(page.locator("h1")).to_contain_text(request.number)
    expect(page).to_have_url(f"{house.url}{path_of(request)}?lang=en")
    page.fill("[name=message]", "What about my photo?")
    page.set_input_files(
        "[name=file_2]", {"name": "me.pdf", "mimeType": "application/pdf", "buffer": PDF}
    )
    page.click("button[type=submit]")
    expect(page.locator("article.letter").last).to_contain_text("What about my photo?")
    with page.expect_download() as arrived:
        page.click("article.letter a")
    saved = arrived.value.path()
    assert saved is not None and saved.read_bytes() == PDF
    assert arrived.value.suggested_filename.startswith(request.number)
    # A mistake is said where it is mended, and what was typed stays.
    page.fill("[name=message]", "And this?")
    page.set_input_files(
        "[name=file_1]", {"name": "x.pdf", "mimeType": "application/pdf", "buffer": b"MZ program"}
    )
    page.click("button[type=submit]")
    expect(page.locator("#problems")).to_contain_text("PDF, JPEG or PNG")
    expect(page.locator("[name=message]")).to_have_value("And this?")
    assert Letter.objects.filter(way="in").count() == 1
    person.open(f"{path_of(request)}?lang=en")
    page.click("a[href*='/cancel/']")
    page.click("button[type=submit]")
    expect(page.locator("ol.timeline")).to_contain_text("The request was taken back.")
    assert again(request).state == "withdrawn"
    assert page.locator("textarea").count() == 0
