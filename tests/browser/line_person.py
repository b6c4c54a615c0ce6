"""The person of the line: the form on a phone, the mails, the page that answers on."""

from __future__ import annotations

from django.core import mail
from django.utils.translation import gettext, override
from playwright.sync_api import expect

from registry.explain import long_day
from registry.models import (
    Deadline,
)
from registry.services.texts import when_due
from requests.models import SubjectRequest
from requests.tasks import end_correspondence, post_letters
from subjects.models import DestructionAct, DestructionItem, VaultKey
from tests.browser.conftest import Visitor
from tests.browser.line_hands import (
    ALMATY,
    LAW_ON_ACCOUNTING,
    MESSAGE,
    NAME,
    in_kazakh,
    named,
    press,
    shot,
    without_values,
)
from tests.conftest import Team
from tests.requests.forms import mailed_code
from tests.subjects.persons import VALUES


def the_person_asks(phone: Visitor) -> tuple[SubjectRequest, str]:
    """The form, the code of the mail, the receipt; then the page of the request."""
    page = phone.page
    phone.open("/pandev/request/")
    press(phone, ".languages a[hreflang=kk]")
    expect(page.locator("html")).to_have_attribute("lang", "kk")
    page.locator("label[for=id_wish_0]").tap()
    for field, text in (("name", NAME), ("email", VALUES["email"]), ("message", MESSAGE)):
        page.fill(f"#id_{field}", text)
    assert phone.overflow() <= 0
    assert press(phone, "button[type=submit]") == 200
    assert not SubjectRequest.objects.exists()
    assert [letter.to for letter in mail.outbox] == [[VALUES["email"]]]
    without_values(page.content())
    page.fill("#id_code", mailed_code())
    assert press(phone, "button[name=confirm]") == 200

    request = SubjectRequest.objects.select_related("operator__jurisdiction").get()
    assert (request.language, request.channel, request.state) == ("kk", "web_form", "received")
    deadline = Deadline.objects.select_related("operator").get()
    with override("kk"):
        due = when_due(deadline)
    expect(page.locator("html")).to_have_attribute("lang", "kk")
    expect(page.locator(".number")).to_have_text(request.number)
    expect(page.locator(".facts .big")).to_have_text(due)
    expect(page.locator("details .steps li").first).to_be_visible()
    assert phone.overflow() <= 0
    without_values(page.content())
    shot(phone, "1-receipt")

    press(phone, ".note.good a")
    link = page.url.removeprefix(phone.house.url)
    expect(page.locator("html")).to_have_attribute("lang", "kk")
    expect(page.locator("h1")).to_contain_text(request.number)
    expect(page.locator("ol.timeline li")).to_have_count(1)
    expect(page.locator("ol.timeline")).to_contain_text(in_kazakh("Your request arrived."))
    expect(page.locator("article.letter").first).to_contain_text(MESSAGE)
    assert phone.overflow() <= 0
    shot(phone, "2-tracking")
    return request, link


def the_office_mails_the_receipt(request: SubjectRequest, link: str) -> None:
    mail.outbox.clear()
    post_letters()
    (receipt,) = mail.outbox
    assert receipt.to == [VALUES["email"]]
    assert request.number in receipt.subject and "Өтінішіңізді алдық" in receipt.subject
    assert link.split("?")[0] in receipt.body


def the_last_letter_goes_before_the_address(request: SubjectRequest) -> None:
    """Even if the end of the correspondence is swept first."""
    contact = VaultKey.objects.filter(pk=request.email_key)
    end_correspondence()
    assert contact.exists()
    post_letters()
    (letter,) = mail.outbox
    assert letter.to == [VALUES["email"]] and request.number in letter.subject
    for text in ("Мыналар жойылды", "Электрондық пошта мекенжайы", "Мыналар қалады", "2031"):
        assert text in letter.body, text
    end_correspondence()
    assert not contact.exists()
    assert DestructionItem.objects.filter(key=request.email_key).exists()


def the_link_still_answers(
    phone: Visitor, link: str, request: SubjectRequest, act: DestructionAct, team: Team
) -> None:
    page = phone.page
    assert phone.open(link.split("?")[0]).status == 200
    expect(page.locator("html")).to_have_attribute("lang", "kk")
    # The letters say it too; the page must say it by itself.
    story = " ".join(page.locator("main > :not(article)").all_inner_texts())
    names = [named(team, code, "kk") for code in VALUES]
    for text in (*names, act.number, LAW_ON_ACCOUNTING, "2031", in_kazakh("the court")):
        assert text in story, text
    expect(page.locator("ol.timeline li")).to_have_count(5)
    decided = Deadline.objects.get(label=request.number)
    assert decided.met_at is not None
    with override("kk"):
        day = long_day(decided.met_at.astimezone(ALMATY).date())
        assert gettext("decided on %(day)s") % {"day": day} in story
    # Whom to complain to, by name; before the letters, which are long.
    with override("kk"):
        name = str(team.operator.jurisdiction.authorities.get(supervises="personal_data"))
    places = [page.locator("main li", has_text=name), page.locator("#letters")]
    complaint, letters = (place.bounding_box() for place in places)
    assert complaint is not None and letters is not None
    assert complaint["y"] < letters["y"]
    assert phone.overflow() <= 0
    # Our letters greet the person by the name of the request, and are kept; nothing else is told.
    without_values(page.content().replace(NAME, ""))
    shot(phone, "5-a-month-later", until="#letters")
