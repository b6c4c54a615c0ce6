"""The public form on a phone: from the first page by the mailed code to the receipt."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import time_machine
from django.core import mail
from playwright.sync_api import expect

from requests.models import SubjectRequest
from tests.browser.conftest import NARROW, WIDE, House, Visitor
from tests.browser.test_look import check
from tests.conftest import Office
from tests.requests.forms import EMAIL, MESSAGE, NAME, NOW, mailed_code, other_code, picture

pytestmark = pytest.mark.browser
LANGUAGES = ["ru", "kk", "en"]
FORM = "/pandev/request/"


@pytest.fixture(autouse=True)
def clock(live_office: Office) -> Iterator[Any]:
    with time_machine.travel(NOW, tick=True) as traveller:
        yield traveller


def press(visitor: Visitor, selector: str) -> int:
    with visitor.page.expect_navigation() as arrived:
        visitor.page.click(selector)
    return arrived.value.status


def fill(visitor: Visitor) -> None:
    visitor.page.click("label[for=id_wish_0]")
    visitor.page.fill("#id_name", NAME)
    visitor.page.fill("#id_email", EMAIL)
    visitor.page.fill("#id_message", MESSAGE)


@pytest.mark.parametrize("language", LANGUAGES)
def test_from_the_form_to_the_receipt(language: str, house: House, tmp_path: Path) -> None:
    file = tmp_path / "photo.jpg"
    file.write_bytes(picture(size=(400, 300)))
    visitor = house.visitor(width=NARROW)
    page = visitor.page
    visitor.open(FORM)
    with page.expect_navigation():
        page.click(f".languages a[hreflang={language}]")
    assert page.locator("html").get_attribute("lang") == language
    check(visitor, f"{language}-public-form")

    # Sent empty: the errors stand on top, have the focus, and lead to their fields.
    assert press(visitor, "button[type=submit]") == 422
    expect(page.locator("#problems")).to_be_focused()
    check(visitor, f"{language}-public-form-errors")
    page.click("#problems a[href='#id_name']")
    expect(page.locator("#id_name")).to_be_focused()
    assert page.locator("html").get_attribute("lang") == language

    fill(visitor)
    page.set_input_files("#id_file_1", file)
    visitor.resize(NARROW)
    press(visitor, "button[type=submit]")
    address = page.url
    check(visitor, f"{language}-public-code")
    page.fill("#id_code", other_code(mailed_code()))
    assert press(visitor, "button[name=confirm]") == 422
    check(visitor, f"{language}-public-code-wrong")
    page.fill("#id_code", mailed_code())
    press(visitor, "button[name=confirm]")
    assert page.url == address
    request = SubjectRequest.objects.get()
    assert request.language == language and len(mail.outbox) == 1
    expect(page.locator(".number")).to_have_text(request.number)
    check(visitor, f"{language}-public-receipt")
    # As paper: the same facts, without buttons and links to other languages.
    page.emulate_media(media="print")
    expect(page.locator(".number")).to_be_visible()
    expect(page.locator(".printed")).to_be_visible()
    expect(page.locator(".languages")).to_be_hidden()
    visitor.picture(f"{language}-public-receipt-print")


def test_without_an_email_other_fields_come_and_nothing_else_is_needed(house: House) -> None:
    visitor = house.visitor(width=NARROW)
    page = visitor.page
    visitor.open(FORM + "?lang=kk")
    expect(page.locator("#id_postal")).to_be_hidden()
    expect(page.locator("#id_website")).not_to_be_in_viewport()
    fill(visitor)
    page.click("label[for=id_no_email]")
    expect(page.locator("#id_postal")).to_be_visible()
    expect(page.locator("#id_email")).to_be_hidden()
    assert press(visitor, "button[type=submit]") == 422
    check(visitor, "kk-public-without-email")
    page.click("label[for=id_answer_by_1]")
    press(visitor, "button[type=submit]")
    request = SubjectRequest.objects.get()
    assert (request.answer_by, mail.outbox) == ("by_hand", [])
    expect(page.locator(".number")).to_have_text(request.number)


def test_it_is_filled_in_by_keyboard_without_script_and_in_the_dark(house: House) -> None:
    visitor = house.visitor(width=NARROW, java_script_enabled=False, color_scheme="dark")
    page = visitor.page
    visitor.open(FORM + "?lang=ru")
    visitor.picture("ru-public-form-dark")
    page.locator("#id_wish_1").focus()
    page.keyboard.press("Space")
    for text in (NAME, EMAIL):
        page.keyboard.press("Tab")
        page.keyboard.type(text)
    # The box, the message, three files: the field for machines is passed over.
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    page.keyboard.type(MESSAGE)
    for _ in range(3):
        page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    with page.expect_navigation():
        page.keyboard.press("Enter")
    assert len(mail.outbox) == 1
    page.fill("#id_code", mailed_code())
    page.keyboard.press("Enter")
    expect(page.locator(".number")).to_be_visible()
    assert SubjectRequest.objects.get().items.get().kind == "marketing"


def test_refusals_fit_a_phone(house: House) -> None:
    visitor = house.visitor(width=NARROW)
    for name, address in (
        ("unknown", "/nobody/request/?lang=ru"),
        ("gone", FORM + "no-such-number/?lang=ru"),
    ):
        assert visitor.open(address).status == 404
        check(visitor, f"ru-public-{name}")
    visitor.resize(WIDE)
