"""A person is found, seen, rectified, asked for consent and proven, as the clerk does it."""

from __future__ import annotations

import io
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from playwright.sync_api import expect
from pypdf import PdfReader

from registry.models import LegalBasis, ProcessingActivity
from subjects.models import AccessEvent, Consent, SearchResult
from subjects.services.grounds import consent_withdraw
from tests.browser.conftest import WIDE, House, Visitor
from tests.browser.test_look import check, speak
from tests.conftest import Office
from tests.subjects.persons import NOW, VALUES, Person, person, text_of

pytestmark = pytest.mark.browser

PEOPLE = "/admin/subjects/datasubject"


@pytest.fixture
def clock() -> Iterator[Any]:
    with time_machine.travel(NOW, tick=True) as traveller:
        yield traveller


@pytest.fixture
def known(live_office: Office, clock: Any) -> Person:
    return person(live_office.pandev)


def press(visitor: Visitor, selector: str) -> None:
    with visitor.page.expect_navigation():
        visitor.page.click(selector)


def find(visitor: Visitor, text: str) -> None:
    visitor.page.fill(".find-box [name=text]", text)
    press(visitor, ".find-box input.default")


def test_from_the_desk_to_the_proof(
    known: Person, live_office: Office, house: House, clock: Any
) -> None:
    team = live_office.pandev
    software = ProcessingActivity.objects.get(operator=team.operator, code="software_access")
    text_of(team, "software", name_en="Access to the software", activities=[software])
    clerk = house.visitor()
    addresses: list[str] = []
    clerk.page.on("request", lambda request: addresses.append(request.url))
    clerk.log_in("clerk@pandev")

    # Somebody calls and says her name; the box is on the desk.
    press(clerk, ".desk-find")
    find(clerk, "сарсенова")
    expect(clerk.page.locator(".desk-empty")).to_contain_text("Nobody was found")
    find(clerk, "Assel Serikova")
    expect(clerk.page.locator(".hit")).to_have_count(1)
    expect(clerk.page.locator(".hit")).to_contain_text("С. Ә. Н.")
    expect(clerk.page.locator(".hit")).to_contain_text("••• 90 87")
    press(clerk, ".hit a.code")
    expect(clerk.page.locator("h1")).to_contain_text(known.card.code)
    assert not any(value in clerk.page.content() for value in VALUES.values())

    # Opened for a quarter of an hour, with a reason.
    clerk.page.fill("#reveal-reason", "REQ-2026-0014")
    press(clerk, ".reveal input.default")
    head = clerk.page.locator(".card-head")
    expect(head).to_contain_text("Open until 14:15")
    expect(clerk.page.locator("tr.datum.open")).to_have_count(len(VALUES))
    expect(clerk.page.locator(".looks")).to_contain_text("REQ-2026-0014")

    # The address was misspelt.
    row = clerk.page.locator("tr.datum", has_text="E-mail address")
    expect(row).to_contain_text(VALUES["email"])
    with clerk.page.expect_navigation():
        row.get_by_text("rectify").click()
    expect(clerk.page.locator("[name=datum] option:checked")).to_have_text(
        "E-mail address: a•••@e•••.kz"
    )
    expect(clerk.page.locator("[name=text]")).to_have_value("")
    clerk.page.fill("[name=text]", "no address")
    clerk.page.fill("[name=reason]", "misspelt at registration")
    assert clerk.submit() == 422
    expect(clerk.page.locator(".errornote")).to_contain_text("not an e-mail address")
    clerk.page.fill("[name=text]", "assel.right@example.kz")
    clerk.submit()
    expect(clerk.page.locator(".messagelist")).to_have_text("E-mail address is rectified.")
    expect(clerk.page.locator("tr.datum", has_text="E-mail")).to_contain_text("assel.right@")

    # She agrees to one more thing.
    clerk.verb("consent")
    clerk.page.select_option(
        "[name=text]", label="Access to the software v1, in force from 1 January 2026"
    )
    basis = LegalBasis.objects.get(code="KZ.7.1")
    clerk.page.select_option("[name=what]", f"{software.pk}:{basis.pk}")
    clerk.page.select_option("[name=channel]", label="e-mail")
    clerk.page.fill("[name=evidence]", "letter of 2 March")
    clerk.submit()
    expect(clerk.page.locator(".ground")).to_have_count(4)
    consent = Consent.objects.get(text__code="software")

    # And wants it on paper.
    mine = clerk.page.locator(".ground", has_text="Access to the software")
    with clerk.page.expect_navigation():
        mine.get_by_text("Proof of consent").click()
    expect(clerk.page.locator("[name=consent]")).to_have_value(str(consent.pk))
    clerk.page.select_option("[name=language]", "en")
    with clerk.page.expect_download() as waiting:
        clerk.page.locator(".submit-row input[type=submit]").first.click()
    assert waiting.value.suggested_filename == f"consent-{known.card.code}-{consent.pk}.pdf"
    paper = PdfReader(io.BytesIO(waiting.value.path().read_bytes()))
    assert VALUES["full_name"] in paper.pages[0].extract_text()

    # The quarter of an hour is over.
    clock.shift(timedelta(minutes=16))
    clerk.open(f"{PEOPLE}/{known.card.pk}/change/")
    expect(head).to_contain_text("Masked")
    assert "assel.right" not in clerk.page.content()
    assert {event.what for event in AccessEvent.objects.all()} == {"search", "reveal", "paper"}
    typed = ("serikova", "%D1%81", "example.kz", "assel", "REQ-2026")
    assert not [url for url in addresses if any(word in url.lower() for word in typed)]
    assert SearchResult.objects.count() == 2


def every_page(visitor: Visitor, known: Person, prefix: str) -> None:
    card = f"{PEOPLE}/{known.card.pk}"
    visitor.open(f"{PEOPLE}/find/")
    check(visitor, f"{prefix}-find")
    find(visitor, "серикова")
    check(visitor, f"{prefix}-found")
    visitor.open(f"{card}/change/")
    check(visitor, f"{prefix}-card")
    visitor.page.fill("#reveal-reason", "REQ-2026-0014")
    press(visitor, ".reveal input.default")
    for details in visitor.page.locator(".card-page details").all():
        details.locator("summary").click()
    check(visitor, f"{prefix}-open")
    visitor.open(f"{card}/history/")
    check(visitor, f"{prefix}-history")
    press(visitor, ".breadcrumbs a:nth-of-type(3)")
    press(visitor, ".card-head input[type=submit]")
    for verb in ("record", "photo", "consent", "withdraw", "end", "merge"):
        visitor.open(f"{card}/{verb}/")
        check(visitor, f"{prefix}-{verb}")
    visitor.open(f"{PEOPLE}/")
    check(visitor, f"{prefix}-list", fits=False)
    visitor.open("/admin/subjects/accessevent/")
    check(visitor, f"{prefix}-looks", fits=False)
    visitor.open(f"{PEOPLE}/add/")
    check(visitor, f"{prefix}-add")


@pytest.mark.parametrize("language", ["ru", "kk", "en"])
def test_the_pages_fit_a_desk_and_a_phone(
    language: str, known: Person, live_office: Office, house: House
) -> None:
    speak(language)
    person(live_office.pandev, {"full_name": "Серикова Асель", "phone": "+77015550011"})
    consent_withdraw(consent=known.consents[0], channel="email", received_at=NOW, by=None, now=NOW)
    dpo = house.visitor()
    dpo.log_in("dpo@pandev")
    every_page(dpo, known, f"{language}-people")


def test_the_pages_in_the_dark(known: Person, live_office: Office, house: House) -> None:
    dpo = house.visitor(color_scheme="dark")
    dpo.log_in("dpo@pandev")
    every_page(dpo, known, "dark-people")


def test_picture_for_the_readme(known: Person, live_office: Office, house: House) -> None:
    """Made again by: OFFICE_SCREENSHOTS=docs/img pytest tests/browser -k readme"""
    dpo = house.visitor()
    dpo.log_in("dpo@pandev")
    dpo.resize(WIDE, 960)
    dpo.open(f"/admin/subjects/datasubject/{known.card.pk}/change/")
    expect(dpo.page.locator(".card-table tbody tr").first).to_be_visible()
    dpo.picture("card", whole=False)
    assert (house.pictures / "card.png").stat().st_size < 200_000
