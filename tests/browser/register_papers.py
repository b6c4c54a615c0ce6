"""The policy that people read, a transfer through its gate, and the data map."""

from __future__ import annotations

import time_machine
from playwright.sync_api import expect

from registry.models import (
    Country,
    DataCategory,
    LegalBasis,
    PolicyVersion,
    ProcessingActivity,
    Recipient,
    Transfer,
)
from tests.browser.conftest import House, Visitor
from tests.browser.line_hands import press
from tests.browser.register_facts import named
from tests.browser.register_hands import (
    CODE,
    Key,
    change,
    done,
    enter,
    fill,
    findings,
    paper,
    read_paper,
    row,
    the_operator,
)
from tests.browser.register_repairs import ADDRESS, INN

POLICY = f"/{CODE}/policy/"
# Language -> what its reader must find: a purpose of each activity, a datum, a recipient.
READ = {
    "en": ("Informing users by e-mail", "Employment", "E-mail address", "Payment systems"),
    "ru": (
        "Информирование пользователей по электронной почте", "Трудовые отношения",
        "Адрес электронной почты", "Платёжные системы",
    ),
    "kk": (
        "Пайдаланушыларды электрондық пошта арқылы хабардар ету", "Еңбек қатынастары",
        "Электрондық пошта мекенжайы", "Төлем жүйелері",
    ),
}  # fmt: skip
FACTS = ("measures", "regulation", "contacts")
UNOPENED: Key = ("TRF-001", "activity:employment/group")


# --- the policy --------------------------------------------------------------------------------
def the_policy(desk: Visitor, key: Key) -> None:
    """Drafted from the register in every language of the operator, read, published."""
    desk.open("/admin/registry/policyversion/")
    press(desk, ".verb-draft")
    assert desk.page.locator(".lacking, .errornote").all_inner_texts() == []
    expect(desk.page.locator("pre.mail")).to_have_count(3)
    desk.submit()
    done(desk)
    desk.verb("publish")
    # Without a day it is no publication.
    assert desk.submit() == 422
    expect(desk.page.locator(".errornote")).to_be_visible()
    fill(desk, {"in_force_on": "2026-03-02"})
    desk.submit()
    done(desk)


def everybody_reads_the_policy(house: House) -> None:
    reader = house.visitor()
    assert reader.open(POLICY).status == 200
    for language, words in READ.items():
        if language != "en":
            press(reader, f"dl.facts a[lang={language}]")
        text = reader.page.locator(f"article.policy[lang={language}]")
        for one in (*words, "IPM", ADDRESS, INN):
            expect(text).to_contain_text(one)
        expect(text).not_to_contain_text("149")
        link = reader.page.locator("p.screen a").first.get_attribute("href")
        printed = reader.context.request.get(f"{house.url}{link}")
        assert printed.headers["content-type"] == "application/pdf"
        told = read_paper(printed.body())
        assert [one for one in (*words, ADDRESS, INN) if one not in told] == []
        reader.judge(f"policy {language}")
        reader.picture(f"b-policy-{language}")
    assert PolicyVersion.objects.get(operator=the_operator()).texts.count() == len(READ)


# --- the transfer ------------------------------------------------------------------------------
def a_transfer_is_planned(desk: Visitor) -> str:
    """To the group's company in a country without adequate protection; returns its page."""
    enter(
        desk, Recipient, code="group", kind="third_party", country=Country.objects.get(code="AE"),
        **named("Company of the group", "Компания группы", "Топ компаниясы"),
    )  # fmt: skip
    activity = row(ProcessingActivity, "employment")
    desk.open(f"/admin/registry/processingactivity/{activity.pk}/change/")
    change(desk, recipients=[row(Recipient, "group")])
    # From the moment on which the register names it, the gate is asked for.
    assert findings(desk) == {UNOPENED}
    enter(
        desk, Transfer, code="group", recipient=row(Recipient, "group"), activity=activity,
        data_categories=[row(DataCategory, "full_name"), row(DataCategory, "email")],
        legal_basis=LegalBasis.objects.get(code="RU.6.1.5"),
        **named("Staff list of the group", "Список работников группы", "Топ қызметкерлері"),
    )  # fmt: skip
    return f"/admin/registry/transfer/{row(Transfer, 'group').pk}"


def the_notice_is_filed(desk: Visitor, page: str) -> None:
    desk.open(f"{page}/change/")
    _refused(desk, f"{page}/file/", f"{page}/open/", f"{page}/assess/")
    for number, fact in enumerate(FACTS):
        _told(desk, page, fact)
        if number < len(FACTS) - 1:
            # With an answer outstanding nobody can have assessed the recipient.
            desk.verb("assess")
            assert desk.submit() == 422
            expect(desk.page.locator(".errornote")).to_contain_text("12(5)")
    desk.open(f"{page}/notice/")
    assert desk.submit() == 422, "the notice names the day of the assessment"
    desk.open(f"{page}/change/")
    desk.verb("assess")
    desk.submit()
    done(desk)
    _refused(desk, f"{page}/open/")

    desk.open(f"{page}/change/")
    desk.verb("notice")
    fill(desk, {"language": "en", "processing_notice": "77-1 of 1 March 2026"})
    notice = paper(desk, ".submit-row input[type=submit]")
    for words in (
        "Notice of the intention to transfer", "XB-group", "152-FZ", "IPM", INN, ADDRESS,
        "77-1 of 1 March 2026", "Анна Иванова", "+7 495", "6(1)(5)", "Employment",
        "Surname, first name and patronymic", "E-mail address", "Employees",
        "United Arab Emirates", "2 March 2026", "Roskomnadzor",
    ):  # fmt: skip
        assert words in notice, (words, notice)
    assert "Telephone" not in notice
    desk.open(f"{page}/change/")
    desk.verb("file")
    desk.submit()
    done(desk)
    # Ten working days of Russia from the 3rd on, without the holiday of Monday the 9th; the last
    # of them, the 17th, is still the authority's (152-FZ 12(9)-(11)).
    expect(desk.page.locator(".messagelist")).to_contain_text("18 March 2026")
    _refused(desk, f"{page}/open/", f"{page}/information/")
    desk.open(f"{page}/change/")
    desk.judge("transfer that waits")
    desk.picture("b-transfer-waits")


def _told(desk: Visitor, page: str, fact: str) -> None:
    desk.open(f"{page}/change/")
    desk.verb("information")
    assert desk.page.locator("[name=fact]").input_value() == fact
    fill(desk, {"document": "Letter 12 of 27 February 2026", "received_on": "2026-03-01"})
    desk.submit()
    done(desk)


def _refused(desk: Visitor, *pages: str) -> None:
    """A step whose turn it is not has no form, whoever types its address."""
    for page in pages:
        assert desk.open(f"{page}").status == 409, page
        expect(desk.page.locator("body")).to_contain_text("not possible now")


def the_waiting_is_over(
    desk: Visitor, page: str, clock: time_machine.Coordinates, last: object, first: object
) -> None:
    for day, status in ((last, 409), (first, 200)):
        desk.open("/admin/")
        desk.log_out()
        clock.move_to(day)  # type: ignore[arg-type]
        desk.log_in("dpo@ipm-site")
        assert desk.open(f"{page}/open/").status == status
    desk.submit()
    done(desk)
    expect(desk.page.locator("h1 .kind")).to_contain_text("open")
    desk.judge("transfer that is open")
    desk.picture("b-transfer-open")
    assert findings(desk) == set()


# --- the map -----------------------------------------------------------------------------------
def the_map(desk: Visitor) -> None:
    desk.open(f"/admin/registry/operator/{the_operator().pk}/map/")
    expect(desk.page.locator("svg.data-map").first).to_be_visible()
    line = desk.page.locator(".map-words tbody tr").filter(has_text="Employment")
    for words in ("Company of the group", "United Arab Emirates", "open", "Personnel records"):
        expect(line).to_contain_text(words)
    drawn = desk.page.locator("svg.data-map").first.text_content() or ""
    for words in ("Employment", "Company of the group", "Personnel records"):
        assert words in drawn
    desk.judge("data map")
    desk.picture("b-map")
