"""The papers that the law wants from the register: written, printed, signed, filed."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Any
from zoneinfo import ZoneInfo

from django.utils import timezone
from playwright.sync_api import expect

from registry.choices import Event
from registry.models import (
    ControlStep,
    Deadline,
    ProcessingActivity,
    RegisterPaper,
    User,
)
from registry.services.notices_watch import watch_notices
from tests.browser.conftest import Visitor
from tests.browser.line_hands import press
from tests.browser.register_facts import named
from tests.browser.register_hands import (
    Key,
    change,
    done,
    enter,
    fill,
    paper,
    read_paper,
    row,
    the_operator,
)
from tests.browser.register_repairs import ADDRESS, CARD, INN, MAIL, Repair

ORDER = "6 of 2 March 2026"
POSITION = "Director for data protection"
MOSCOW = ZoneInfo("Europe/Moscow")


def signings(dpo: User) -> Iterator[tuple[Key, Repair]]:
    """The findings about papers, each with what clears it, in an order that a DPO can follow."""
    yield ("PAP-007", CARD), a_step_of_control(dpo)
    yield ("PAP-008", CARD), the_plan
    yield ("PAP-006", MAIL), an_act("email_information")
    yield ("PAP-006", "activity:employment"), an_act("employment")
    yield ("PAP-001", CARD), the_notice


def write(desk: Visitor, kind: str, activity: str = "", **answers: Any) -> None:
    """From the choice of the paper to its draft, each choice by its link."""
    desk.open("/admin/registry/registerpaper/")
    press(desk, ".verb-write")
    press(desk, f".map-choice a[href*='kind={kind}']")
    if activity:
        press(desk, f".map-choice a[href*='activity={activity}']")
    fill(desk, {"language": "en", **answers})
    desk.submit()
    done(desk)
    expect(desk.page.locator("h1 .kind")).to_contain_text("draft")


def whole(desk: Visitor, *told: str) -> None:
    """Nothing is missing in the draft, and it can be printed and read before it is signed."""
    assert desk.page.locator(".lacking li").all_inner_texts() == []
    printed = paper(desk, ".verb-pdf")
    for words in ("DRAFT", "IPM", *told):
        assert words in printed, (words, printed)


def sign(desk: Visitor, **answers: Any) -> str:
    desk.verb("sign")
    fill(desk, answers)
    desk.submit()
    done(desk)
    expect(desk.page.locator("h1 .kind")).to_contain_text("signed")
    printed = paper(desk, ".verb-pdf")
    assert "DRAFT" not in printed and POSITION in printed
    return printed


def file_it(desk: Visitor, reference: str) -> None:
    desk.verb("file")
    # Without the number of the sending nobody could prove it.
    assert desk.submit() == 422
    fill(desk, {"reference": reference})
    desk.submit()
    done(desk)
    expect(desk.page.locator("h1 .kind")).to_contain_text("filed")


# --- repairs -----------------------------------------------------------------------------------
def a_step_of_control(dpo: User) -> Repair:
    def repair(desk: Visitor, key: Key) -> None:
        enter(
            desk, ControlStep, code="access", every_months=6, responsible=dpo,
            next_on="2026-09-01",
            **named("Who has access", "Кто имеет доступ", "Кімнің қолжетімділігі бар"),
        )  # fmt: skip

    return repair


def the_plan(desk: Visitor, key: Key) -> None:
    write(desk, "control_plan")
    whole(desk, "Who has access", "Анна Иванова", "2026-09-01")
    desk.judge("draft of a plan")
    desk.verb("sign")
    assert desk.submit() == 422, "an order without its number"
    expect(desk.page.locator(".errornote")).to_contain_text("order")
    desk.page.go_back()
    desk.page.go_back()
    assert ORDER in sign(desk, order_number=ORDER)


def an_act(activity: str) -> Repair:
    def repair(desk: Visitor, key: Key) -> None:
        write(desk, "harm", activity)
        whole(desk, ADDRESS, INN, row(ProcessingActivity, activity).name_en)
        sign(desk)
        desk.judge(f"act about {activity}")
        desk.picture(f"b-harm-{activity}")

    return repair


def the_notice(desk: Visitor, key: Key) -> None:
    """What the law wants and the register lacks is named; the draft goes, another one is whole."""
    said = {"encryption": "None is used", "state_systems": "Nobody has access"}
    write(desk, "notice_start", **said)
    lacking = " ".join(desk.page.locator(".lacking li").all_inner_texts())
    assert "on which day it started" in lacking, lacking
    desk.judge("notice that lacks something")
    desk.picture("b-notice-lacks")
    assert desk.page.locator(".verb-sign").count() == 0
    desk.verb("discard")
    fill(desk, {"reason": "The register was not complete"})
    desk.submit()
    done(desk)
    for activity in ("email_information", "employment"):
        page = row(ProcessingActivity, activity).pk
        desk.open(f"/admin/registry/processingactivity/{page}/change/")
        change(desk, started_on="2026-03-02")
    write(desk, "notice_start", **said)
    whole(
        desk, INN, ADDRESS, "22(3)", "Employment", "E-mail address", "Employees", "Анна Иванова",
        "Incident procedure", "Rules of access", "None is used", "Nobody has access",
    )  # fmt: skip
    sign(desk)
    file_it(desk, "77-26-1")
    desk.judge("notice that is filed")
    desk.picture("b-notice")
    papers = RegisterPaper.objects.filter(operator=the_operator())
    numbers = list(papers.order_by("pk").values_list("number", flat=True))
    # The number of the draft that went is never used again.
    assert numbers == [f"RP-2026-000{number}" for number in (1, 2, 3, 5)]


# --- later -------------------------------------------------------------------------------------
def the_change_is_told(desk: Visitor) -> None:
    """The transfer changed what the authority was told: a clock runs until it is told again."""
    with timezone.override(MOSCOW):
        watch_notices(now=timezone.now())
    desk.open("/admin/")
    clock = Deadline.objects.open().get(event=Event.PARTICULARS_CHANGED)
    # Of a change in March the authority is told by the 15th of April (152-FZ 22(7)).
    assert (clock.operator, clock.due_on) == (the_operator(), date(2026, 4, 15))
    for words in (clock.label, "notify the authority", "15 April 2026", "22(7)"):
        expect(desk.page.locator("#content")).to_contain_text(words)
    write(desk, "notice_change")
    whole(desk, "United Arab Emirates")
    sign(desk)
    file_it(desk, "77-26-2")
    assert not Deadline.objects.open().filter(pk=clock.pk).exists()
    assert watch_notices(now=timezone.now())["started"] == 0


def the_list_is_approved(desk: Visitor) -> None:
    write(desk, "data_list")
    whole(desk, "E-mail address", "Employment")
    sign(desk, order_number=ORDER)
    desk.picture("b-data-list")


def the_register_is_taken_along(desk: Visitor) -> None:
    """As a file, from the operator's card."""
    page = f"/admin/registry/operator/{the_operator().pk}/change/"
    for kind, begins in (("xlsx", b"PK"), ("json", b"{"), ("pdf", b"%PDF")):
        desk.open(page)
        with desk.page.expect_download() as arrived:
            desk.page.locator(f"a[href*='{kind}']").first.click()
        content = arrived.value.path().read_bytes()
        assert content.startswith(begins), kind
    assert "Staff list of the group" in read_paper(content)
