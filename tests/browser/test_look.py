"""The pages as people see them: in three languages, on a desk and on a phone."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime

import pytest
import time_machine
from django.test import override_settings
from playwright.sync_api import expect

from registry.models import Authority, Operator, User
from registry.services.clocks import deadline_assign
from requests.models import RegulatorInquiry
from requests.services.inquiries import clock_of, inquiry_draft, inquiry_register
from tests.browser.conftest import NARROW, WIDE, House, Visitor
from tests.conftest import Office

pytestmark = pytest.mark.browser

LANGUAGES = ["ru", "kk", "en"]
TODAY = datetime(2025, 12, 25, 8, 30, tzinfo=UTC)


@pytest.fixture
def today() -> Iterator[None]:
    with time_machine.travel(TODAY, tick=True):
        yield


def register(
    operator: Operator, authority: str, reference: str, received_at: datetime, questions: str,
    *, stated_on: date | None = None, owner: User | None = None,
) -> RegulatorInquiry:  # fmt: skip
    return inquiry_register(
        operator=operator,
        authority=Authority.objects.get(code=authority),
        reference=reference,
        received_at=received_at,
        questions=questions,
        channel="post",
        stated_on=stated_on,
        owner=owner,
        by=None,
        now=received_at,
    )


def on(month: int, day: int, hour: int = 7) -> datetime:
    return datetime(2025, month, day, hour, tzinfo=UTC)


@pytest.fixture
def busy(live_office: Office, today: None) -> RegulatorInquiry:
    """A desk on which every group has something; returns the inquiry that has a draft."""
    ipm, pandev = live_office.ipm.operator, live_office.pandev.operator
    clerk, dpo = live_office.ipm.clerk, live_office.ipm.dpo
    register(
        ipm, "RU.RKN", "08-11407 of 05.12.2025", on(12, 8),
        "Which processors receive tracker data, and under which contracts?",
    )  # fmt: skip
    register(
        ipm, "RU.RKN", "08-11890 of 12.12.2025", on(12, 15),
        "Send the order that names the person responsible for personal data.", owner=clerk,
    )  # fmt: skip
    drafted = register(
        ipm, "RU.RKN", "08-12011 of 12.12.2025", on(12, 16),
        "On what ground is the newsletter sent to people who asked for a quotation?",
    )  # fmt: skip
    lost = register(
        ipm, "RU.RKN", "08-12377 of 22.12.2025", on(12, 23),
        "Confirm the destruction of the data of the person named in the annex.",
    )  # fmt: skip
    deadline_assign(
        deadline=clock_of(lost), owner=None, by=dpo, now=on(12, 24), reason="to be decided"
    )
    register(
        ipm, "RU.RKN", "08-12402 of 24.12.2025", on(12, 25),
        "Which measures of Article 18.1 have been taken?",
    )  # fmt: skip
    register(
        pandev, "KZ.MAIDD", "KZ-5521 of 18.12.2025", on(12, 19),
        "Where are the servers with data of citizens?", stated_on=date(2025, 12, 29),
    )  # fmt: skip
    inquiry_draft(
        inquiry=drafted,
        answer="In reply to your letter we report the following.\n\n1. The ground is consent.",
        read="",
        by=clerk,
    )
    return drafted


def speak(language: str) -> None:
    for user in User.objects.all():
        user.language = language
        user.save(update_fields=["language"])


def check(visitor: Visitor, name: str, *, fits: bool = True) -> None:
    """A page that ``fits`` never scrolls sideways, on a desk or on a phone."""
    visitor.judge(name)
    for width in (WIDE, NARROW) if fits else (WIDE,):
        visitor.resize(width)
        visitor.picture(f"{name}-{width}")
        assert not fits or visitor.overflow() <= 0, f"{name} is too wide at {width}"
    visitor.resize(WIDE)


@pytest.mark.parametrize("language", LANGUAGES)
def test_pages_fit_a_desk_and_a_phone(
    language: str, house: House, live_office: Office, busy: RegulatorInquiry
) -> None:
    speak(language)
    inquiry = f"/admin/requests/regulatorinquiry/{busy.pk}"

    door = house.visitor()
    door.open("/admin/login/?next=/admin/")
    with door.page.expect_navigation():
        door.page.click(f".office-languages button[value={language}]")
    assert door.page.locator("html").get_attribute("lang") == language
    check(door, f"{language}-log-in")
    door.page.fill("#id_username", "nobody")
    door.page.fill("#id_password", "wrong")
    door.submit()
    check(door, f"{language}-log-in-wrong")

    dpo = house.visitor()
    dpo.log_in("dpo@ipm")
    for group in ("overdue", "today", "week", "later", "unowned"):
        assert dpo.page.locator(f".desk-group.{group}").count() == 1, group
    check(dpo, f"{language}-desk")
    dpo.open(f"{inquiry}/change/")
    check(dpo, f"{language}-inquiry")
    dpo.verb("answer")
    check(dpo, f"{language}-verb")
    dpo.page.fill("[name=answer]", "")
    assert dpo.submit() == 422
    check(dpo, f"{language}-verb-refused")
    dpo.open("/admin/requests/regulatorinquiry/add/")
    check(dpo, f"{language}-register")
    dpo.open("/admin/requests/regulatorinquiry/")
    check(dpo, f"{language}-list", fits=False)
    dpo.open(f"{inquiry}/history/")
    check(dpo, f"{language}-history", fits=False)
    dpo.open("/admin/registry/deadlinerule/")
    check(dpo, f"{language}-rules", fits=False)

    admin = house.visitor()
    admin.log_in("admin")
    check(admin, f"{language}-desk-admin")
    rehearse_a_day_off(admin)
    check(admin, f"{language}-rehearsal", fits=False)


def rehearse_a_day_off(visitor: Visitor) -> None:
    """The government declares the last working day before the New Year holidays a day off."""
    visitor.open("/admin/registry/calendarday/add/")
    visitor.page.select_option("[name=jurisdiction]", index=2)
    visitor.page.fill("[name=day]", "2026-01-12")
    visitor.page.uncheck("[name=is_working]")
    visitor.page.fill("[name=reason]", "A transferred day off")
    visitor.page.fill("[name=source]", "Government decree of 24 December 2025, No. 2100")
    visitor.submit()


def test_enrolment_of_the_second_factor_fits(
    house: House, live_office: Office, today: None
) -> None:
    with override_settings(REQUIRE_TWO_FACTOR=True):
        for language in LANGUAGES:
            speak(language)
            visitor = house.visitor()
            visitor.log_in("clerk@pandev")
            assert visitor.page.url.endswith("/admin/two-factor/")
            check(visitor, f"{language}-two-factor")


def test_pages_in_the_dark(house: House, live_office: Office, busy: RegulatorInquiry) -> None:
    dpo = house.visitor(color_scheme="dark")
    dpo.log_in("dpo@ipm")
    inquiry = f"/admin/requests/regulatorinquiry/{busy.pk}"
    for name, path in (
        ("desk", "/admin/"),
        ("inquiry", f"{inquiry}/change/"),
        ("verb", f"{inquiry}/answer/"),
        ("list", "/admin/requests/regulatorinquiry/"),
    ):
        dpo.open(path)
        dpo.picture(f"dark-{name}")
        dpo.judge(f"dark-{name}")


def test_pictures_for_the_readme(house: House, live_office: Office, busy: RegulatorInquiry) -> None:
    """Made again by: OFFICE_SCREENSHOTS=docs/img pytest tests/browser -k readme"""
    dpo = house.visitor()
    dpo.log_in("dpo@ipm")
    dpo.resize(WIDE, 960)
    dpo.picture("desk", whole=False)
    dpo.open(f"/admin/requests/regulatorinquiry/{busy.pk}/change/")
    expect(dpo.page.locator(".clock-panel .steps")).to_be_visible()
    dpo.picture("inquiry", whole=False)
    admin = house.visitor()
    admin.log_in("admin")
    rehearse_a_day_off(admin)
    expect(admin.page.locator(".rehearsal tbody tr")).to_have_count(2)
    admin.picture("correction", whole=False)
    for name in ("desk", "inquiry", "correction"):
        assert (house.pictures / f"{name}.png").stat().st_size < 200_000
