"""An inquiry of the authority from its registration to its answer, as the staff see it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest
import time_machine
from django.core import mail
from playwright.sync_api import expect

from registry.models import Absence, Deadline, Notice
from registry.services import outbox, reminders
from requests.models import RegulatorInquiry
from tests.browser.conftest import House
from tests.conftest import Office

pytestmark = pytest.mark.browser

MOSCOW = ZoneInfo("Europe/Moscow")
QUESTIONS = "Which organisational measures of Article 18.1 have been taken, and by which orders?"
DRAFT = "In reply to your letter we report:\n\n1. Order 14 names the responsible person."
LATER_DRAFT = f"{DRAFT}\n2. The policy was published on 1 September 2025."
OWN_WORDS = f"{DRAFT}\n2. The measures are listed in the annex."


def moscow(year: int, month: int, day: int, hour: int = 10, minute: int = 0) -> datetime:
    return datetime(year, month, day, hour, minute, tzinfo=MOSCOW)


@pytest.fixture
def clock() -> Iterator[time_machine.Coordinates]:
    """The server's time, which the story moves on."""
    with time_machine.travel(moscow(2025, 12, 24), tick=True) as traveller:
        yield traveller


def test_an_inquiry_is_answered_in_time_while_the_dpo_is_away(
    clock: time_machine.Coordinates, live_office: Office, house: House
) -> None:
    team = live_office.ipm

    # 24 December: the DPO enters the absence.
    dpo = house.visitor()
    dpo.log_in("dpo@ipm")
    expect(dpo.page.locator(".desk-empty")).to_be_visible()
    dpo.open("/admin/registry/absence/add/")
    dpo.page.select_option("[name=user]", label="dpo@ipm")
    dpo.page.select_option("[name=substitute]", label="deputy@ipm")
    dpo.page.fill("[name=first_on]", "2025-12-25")
    dpo.page.fill("[name=last_on]", "2026-01-11")
    dpo.page.fill("[name=order_number]", "Order 31-k of 22.12.2025")
    dpo.submit()
    assert Absence.objects.get().substitute == team.deputy
    dpo.log_out()

    # 25 December: the clerk registers the letter.
    clock.move_to(moscow(2025, 12, 25, 14, 10))
    clerk = house.visitor()
    clerk.log_in("clerk@ipm")
    clerk.page.click(".primary-action[href*=inquiry]")
    clerk.page.select_option("[name=authority]", label="Roskomnadzor")
    clerk.page.fill("[name=reference]", "08-1234 of 24.12.2025")
    clerk.fill_moment("received_at", moscow(2025, 12, 25, 11, 30))
    clerk.page.fill("[name=questions]", QUESTIONS)
    clerk.picture("story-1-registration")
    clerk.submit()
    inquiry = RegulatorInquiry.objects.get()
    page = f"/admin/requests/regulatorinquiry/{inquiry.pk}"
    expect(clerk.page.locator("h1")).to_contain_text("INQ-2025-0001")
    expect(clerk.page.locator(".messagelist")).to_contain_text("Monday, 12 January 2026")
    panel = clerk.page.locator(".clock-panel")
    expect(panel.locator(".due")).to_contain_text("Monday, 12 January 2026")
    expect(panel.locator(".due")).to_contain_text("18 days left")
    expect(panel).to_contain_text("binds: promise")
    expect(panel).to_contain_text("safe internal date: Tuesday, 30 December 2025")
    expect(panel).to_contain_text("owner: deputy@ipm")
    for step in (
        "The clock starts on Thursday, 25 December 2025 at 11:30, local time of Europe/Moscow.",
        "Calendar days counted: 10; the last is Sunday, 4 January 2026.",
        "Sunday, 4 January 2026 is a day off; the next working day is Monday, 12 January 2026.",
        "The promise is stricter and binds: Monday, 12 January 2026.",
    ):
        expect(panel.locator(".steps")).to_contain_text(step)
    clerk.picture("story-2-registered")

    # The clerk writes, but does not answer for the operator.
    clerk.verb("draft")
    clerk.page.fill("[name=answer]", DRAFT)
    clerk.submit()
    expect(clerk.page.locator(".messagelist")).to_contain_text("The draft is saved.")
    expect(clerk.page.locator(".verb-answer, .verb-extend, .verb-withdraw")).to_have_count(0)
    assert clerk.open(f"{page}/answer/").status == 403
    expect(clerk.page.locator("h1")).to_have_text("Not for your role")

    # 30 December, the safe day: the sweep was away for days; its mails go to the substitute.
    clock.move_to(moscow(2025, 12, 30, 9))
    now = datetime.now(UTC)
    reminders.remind(now=now)
    reminders.digest(now=now)
    outbox.deliver(now=now)
    assert {notice.recipient for notice in Notice.objects.all()} == {team.deputy}
    assert [letter.to for letter in mail.outbox] == [[team.deputy.email]]
    assert "INQ-2025-0001" in mail.outbox[0].body
    assert f"{page}/change/" in mail.outbox[0].body

    # The substitute sees it on the desk and finds that a promise cannot be extended.
    deputy = house.visitor()
    deputy.log_in("deputy@ipm")
    entry = deputy.page.locator(".desk-group.today .clock")
    expect(entry).to_contain_text("Monday, 12 January 2026")
    expect(entry).to_contain_text("Roskomnadzor, 08-1234 of 24.12.2025")
    deputy.picture("story-3-desk-of-the-substitute")
    entry.locator("h3 a").click()
    deputy.verb("extend")
    deputy.page.fill("[name=reasons]", "The archive is closed until 9 January.")
    deputy.page.fill("[name=notice_number]", "17-out of 30.12.2025")
    deputy.fill_moment("notice_sent_at", moscow(2025, 12, 30, 8, 30))
    assert deputy.submit() == 422
    expect(deputy.page.locator(".errornote")).to_have_text(
        "INQ-2025-0001: the operator's own promise binds (IPM policy 3.2, due on Monday, "
        "12 January 2026), and a promise is never extended."
    )
    expect(deputy.page.locator("[name=notice_number]")).to_have_value("17-out of 30.12.2025")
    deputy.picture("story-4-extension-refused")

    # Two people at once: the page of the substitute grows old while the clerk writes on.
    deputy.open(f"{page}/answer/")
    clerk.log_in("clerk@ipm")  # five days on, the first session has ended
    clerk.open(f"{page}/draft/")
    clerk.page.fill("[name=answer]", LATER_DRAFT)
    clerk.submit()
    deputy.page.fill("[name=answer]", OWN_WORDS)
    deputy.page.select_option("[name=sent_channel]", label="portal of the authority")
    deputy.page.fill("[name=proof]", "Portal receipt 5521-A")
    assert deputy.submit() == 409
    expect(deputy.page.locator(".errornote")).to_contain_text(
        "INQ-2025-0001 was changed by somebody else while you were writing. Nothing was saved"
    )
    expect(deputy.page.locator("[name=answer]")).to_have_value(OWN_WORDS)
    expect(deputy.page.locator("[name=proof]")).to_have_value("Portal receipt 5521-A")
    expect(deputy.page.locator(".newer pre")).to_have_text(LATER_DRAFT)
    deputy.picture("story-5-conflict")
    inquiry.refresh_from_db()
    assert (inquiry.state, inquiry.answer) == ("open", LATER_DRAFT)

    # Having read it, the substitute sends.
    deputy.page.fill("[name=answer]", LATER_DRAFT)
    deputy.submit()
    expect(deputy.page.locator(".messagelist")).to_contain_text(
        "INQ-2025-0001 is answered; its clock has stopped."
    )
    expect(deputy.page.locator(".clock-panel .state")).to_have_text("met in time")
    expect(deputy.page.locator(".verb-answer, .verb-draft")).to_have_count(0)
    deputy.picture("story-6-answered")
    deputy.open("/admin/")
    expect(deputy.page.locator(".desk-empty")).to_be_visible()
    inquiry.refresh_from_db()
    met = Deadline.objects.get()
    assert inquiry.answer == LATER_DRAFT
    assert inquiry.sent_by == team.deputy
    assert met.met_at is not None and met.due_on == date(2026, 1, 12)

    # 12 January: the DPO is back and reads who did what, when and why.
    clock.move_to(moscow(2026, 1, 12, 9))
    dpo.log_in("dpo@ipm")
    dpo.open(f"{page}/change/")
    dpo.page.click(".historylink")
    rows = dpo.page.locator("#change-history tbody tr")
    expect(rows).to_have_count(4)
    for number, (who, when, why) in enumerate(
        [
            ("deputy@ipm", "Tuesday, 30 December 2025, 09:0", "answer sent"),
            ("clerk@ipm", "Tuesday, 30 December 2025, 09:0", "draft of the answer"),
            ("clerk@ipm", "Thursday, 25 December 2025, 14:1", "draft of the answer"),
            ("clerk@ipm", "Thursday, 25 December 2025, 14:1", "registered"),
        ]
    ):
        for text in (who, when, why):
            expect(rows.nth(number)).to_contain_text(text)
    dpo.picture("story-7-history")

    # And the substitution is over.
    clock.move_to(moscow(2026, 1, 12, 9, 5))
    deputy.log_in("deputy@ipm")
    assert deputy.open(f"{page}/withdraw/").status == 403
