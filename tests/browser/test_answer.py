"""The answer about a person's data in a browser: looked through, withheld, released, fetched."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
import time_machine
from django.core import mail
from playwright.sync_api import expect

from requests.models import AccessAnswer
from tests.browser.conftest import NARROW, WIDE, House
from tests.browser.test_look import check
from tests.conftest import Office
from tests.requests.answering import granted, paper_text
from tests.requests.asking import item_of
from tests.requests.tracked import VISIT, path_of

pytestmark = pytest.mark.browser
AUNT = "тётя Роза"


@pytest.fixture(autouse=True)
def today(live_office: Office) -> Iterator[None]:
    with time_machine.travel(VISIT, tick=True):
        yield


@pytest.mark.parametrize("lang", ["ru", "kk", "en"])
def test_from_the_demand_to_the_document(live_office: Office, house: House, lang: str) -> None:
    team = live_office.pandev
    team.dpo.language = lang
    team.dpo.save()
    _known, request = granted(team, language=lang, message=f"Мне писала {AUNT}, canary-message.")
    desk = house.visitor(width=WIDE)
    desk.log_in("dpo@pandev")
    desk.open(f"/admin/requests/requestitem/{item_of(request).pk}/change/")
    desk.verb("answer")
    desk.submit()
    with desk.page.expect_navigation():
        desk.page.click("form[action$='/open/'] input[type=submit]")
    expect(desk.page.locator("main")).to_contain_text(AUNT)
    desk.page.fill("#id_words", AUNT)
    with desk.page.expect_navigation():
        desk.page.click("form.withhold input[type=submit]")
    check(desk, f"{lang}-answer-screen")
    desk.verb("release")
    check(desk, f"{lang}-answer-release")
    assert desk.submit() == 200
    check(desk, f"{lang}-answer-released")
    assert AccessAnswer.objects.get().state == "released"

    person = house.visitor(width=NARROW)
    page = person.page
    person.open(f"{path_of(request)}?lang={lang}")
    check(person, f"{lang}-track-answer")
    with page.expect_navigation():
        page.click("a[href$='answer/']")
    check(person, f"{lang}-answer-ask")
    with page.expect_navigation():
        page.click("button[name=send]")
    check(person, f"{lang}-answer-code")
    (code,) = re.findall(r"\b\d{6}\b", mail.outbox[-1].body)
    page.fill("#id_code", code)
    with page.expect_navigation():
        page.click("button[name=confirm]")
    check(person, f"{lang}-answer-fetch")
    with page.expect_download() as saved:
        page.click("button[value=paper]")
    path = house.pictures / f"{lang}-answer.pdf"
    saved.value.save_as(path)
    text = paper_text(path.read_bytes())
    assert "canary-message" in text and "Роза" not in text
