"""The whole line: a person on a phone asks for deletion, the office does it, the link answers on.

Its pictures stand in ``docs/line.md``; made again by: DOCS_SCREENSHOTS=1 pytest <this file>
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.utils import timezone
from playwright.sync_api import expect

from registry.models import (
    DataCategory,
    LegalBasis,
    ProcessingActivity,
    RetentionRule,
    User,
)
from registry.services import audit
from registry.services.staff import membership_start
from subjects.models import DataSubject, DestructionAct, VaultKey
from subjects.services.evidence_keys import evidence_key_ready
from tests.browser.conftest import NARROW, House, Visitor
from tests.browser.line_hands import (
    ALMATY,
    KEPT,
    LAW_ON_ACCOUNTING,
    REGISTER,
    almaty,
    category,
    log_in,
    press,
    without_values,
)
from tests.browser.line_office import (
    nothing_is_left,
    nothing_is_told,
    the_clerk_finds_the_person,
    the_dpo_closes,
    the_dpo_decides,
    the_drafter_does_not_approve,
    the_papers_are_whole,
    the_second_person_approves,
    the_sweep_destroys,
)
from tests.browser.line_person import (
    the_last_letter_goes_before_the_address,
    the_link_still_answers,
    the_office_mails_the_receipt,
    the_person_asks,
)
from tests.conftest import Office, Team, make_user
from tests.requests.forms import everywhere
from tests.subjects import persons
from tests.subjects.persons import VALUES, Person

pytestmark = pytest.mark.browser


@pytest.fixture
def clock(live_office: Office) -> Iterator[time_machine.Coordinates]:
    """The time of the server and of every sweep, which the story moves on."""
    with time_machine.travel(almaty(3, 2, 14), tick=True) as traveller:
        evidence_key_ready(now=timezone.now())
        yield traveller


@pytest.fixture
def director(live_office: Office, clock: Any) -> User:
    """The second person who may approve an act."""
    team = live_office.pandev
    user = make_user("director@pandev")
    membership_start(
        user=user, operator=team.operator, role="dpo", started_on=almaty(3, 1).date(), by=None,
        reason="order 2", undertaking="U-2", undertaking_on=almaty(3, 1).date(),
    )  # fmt: skip
    return user


@pytest.fixture
def known(live_office: Office, clock: Any) -> Person:
    """A client with an account, who also has bought a licence: of that the books are kept."""
    team = live_office.pandev
    licence = ProcessingActivity.objects.get(operator=team.operator, code="licence_agreement")
    kept = DataCategory.objects.filter(operator=team.operator, code__in=KEPT)
    licence.data_categories.set(kept)
    rule = RetentionRule(
        operator=team.operator, code="law", activity=licence, event="consent_withdrawn",
        counted_from="event", length=5, unit="year", after="destroy", article=LAW_ON_ACCOUNTING,
    )  # fmt: skip
    audit.save(rule, by=team.dpo, reason="register")
    found = Person(persons.register(team))
    text = persons.text_of(
        team, "licence", name_en="Licence", name_ru="Лицензия", name_kk="Лицензия",
        activities=[licence],
    )  # fmt: skip
    persons.agree(team, found.card)
    persons.agree(team, found.card, "licence_agreement", text=text)
    for code, value in VALUES.items():
        found.data[code] = persons.hold(team, found.card, code, value)
    return found


def test_from_the_phone_to_the_act_and_back(
    known: Person, director: User, live_office: Office, house: House,
    clock: time_machine.Coordinates,
) -> None:  # fmt: skip
    team = live_office.pandev
    phone = house.visitor(width=NARROW, has_touch=True, is_mobile=True, device_scale_factor=1.5)
    phone.resize(NARROW, 740)
    clock.move_to(almaty(3, 5))
    request, link = the_person_asks(phone)
    the_office_mails_the_receipt(request, link)

    clock.move_to(almaty(3, 5, 15))
    desk = house.visitor()
    the_clerk_finds_the_person(desk, request, known)
    clock.move_to(almaty(3, 6))
    act = the_dpo_decides(desk, request, known, team)
    the_drafter_does_not_approve(desk, act)
    the_second_person_approves(house.visitor(), act, known)

    clock.move_to(almaty(3, 10, 6))
    the_sweep_destroys(act, known)
    clock.move_to(almaty(3, 10))
    papers = the_papers_are_whole(desk, act, known)
    the_dpo_closes(desk, request)
    the_last_letter_goes_before_the_address(request)

    clock.move_to(almaty(4, 10))
    the_link_still_answers(phone, link, request, act, team)
    nothing_is_told(desk, request, act, known)
    nothing_is_left([*papers, everywhere()])
    the_destruction_is_proven(desk, act, known)
    the_person_comes_back(desk, known, team, clock)


def the_destruction_is_proven(desk: Visitor, act: DestructionAct, known: Person) -> None:
    """Somebody asks about an address of which nothing is held any more."""
    page = desk.page
    desk.open(f"{REGISTER}/")
    press(desk, "a.verb-destroyed")
    page.fill(".find-box [name=text]", VALUES["email"])
    press(desk, ".find-box input.default")
    for text in (known.card.code, act.number, "director@pandev"):
        expect(page.locator(".answers")).to_contain_text(text)
    desk.open("/admin/")
    desk.log_out()


def the_person_comes_back(
    desk: Visitor, known: Person, team: Team, clock: time_machine.Coordinates
) -> None:
    page = desk.page
    log_in(desk, "clerk@pandev")
    # The consent of March brings nothing back: not on the old card, not on a new one.
    assert consent(desk, known.card, almaty(3, 2, 14)) == 409
    expect(page.locator(".errornote")).to_contain_text(known.card.code)
    stale = registered(desk, team)
    assert consent(desk, stale, almaty(3, 2, 14)) == 200
    assert record(desk, stale, team) == 409
    expect(page.locator(".errornote")).to_contain_text("10 March 2026")
    assert not VaultKey.objects.filter(owner=stale.pk, kind=1).exists()

    # Today's consent does.
    fresh = registered(desk, team)
    assert fresh.code not in (known.card.code, stale.code)
    assert consent(desk, fresh, timezone.now() - timedelta(minutes=5)) == 200
    assert record(desk, fresh, team) == 200
    expect(page.locator("tr.datum", has_text="E-mail address")).to_be_visible()
    without_values(page.content())
    desk.open(f"{REGISTER}/find/")
    page.fill(".find-box [name=text]", VALUES["email"])
    press(desk, ".find-box input.default")
    expect(page.locator(".hit")).to_have_count(1)
    expect(page.locator(".hit .code")).to_have_text(fresh.code)


def registered(desk: Visitor, team: Team) -> DataSubject:
    desk.open(f"{REGISTER}/add/")
    desk.submit()
    card = DataSubject.objects.order_by("-pk")[0]
    expect(desk.page.locator(".messagelist")).to_contain_text(f"{card.code} is registered")
    return card


def consent(desk: Visitor, card: DataSubject, given_at: datetime) -> int:
    page = desk.page
    accounts = ProcessingActivity.objects.get(operator=card.operator_id, code="accounts")
    basis = LegalBasis.objects.get(code="KZ.7.1")
    desk.open(f"{REGISTER}/{card.pk}/consent/")
    page.select_option("[name=text]", label="Registration v1, in force from 1 January 2026")
    page.select_option("[name=what]", f"{accounts.pk}:{basis.pk}")
    desk.fill_moment("given_at", given_at.astimezone(ALMATY))
    page.select_option("[name=channel]", "web_form")
    return desk.submit()


def record(desk: Visitor, card: DataSubject, team: Team) -> int:
    page = desk.page
    desk.open(f"{REGISTER}/{card.pk}/record/")
    page.select_option("[name=category]", str(category(team, "email").pk))
    page.fill("[name=text]", VALUES["email"])
    return desk.submit()
