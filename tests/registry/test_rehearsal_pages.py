"""Correcting the law in the admin: first what would move, then the one recorded step."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from html import unescape
from typing import Any

import pytest
import time_machine
from django.contrib.messages import get_messages
from django.test import Client
from django.urls import reverse

from registry.models import (
    CalendarDay,
    CalendarYear,
    Correction,
    CorrectionItem,
    Deadline,
    DeadlineRule,
    Jurisdiction,
    User,
)
from requests.models import RegulatorInquiry
from requests.services.inquiries import clock_of
from tests.conftest import Office
from tests.requests.letters import answer, letter

LogIn = Callable[[User], Client]
ADD_DAY = reverse("admin:registry_calendarday_add")
ADD_RULE = reverse("admin:registry_deadlinerule_add")
NOW = datetime(2025, 12, 26, 9, tzinfo=UTC)
MODELS = (CalendarDay, CalendarYear, DeadlineRule, Deadline, Correction, CorrectionItem)


@pytest.fixture(autouse=True)
def today() -> Iterator[None]:
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture
def ipm(office: Office) -> RegulatorInquiry:
    """Due on Monday 12 January 2026."""
    return letter(office.ipm)


@pytest.fixture
def pandev(office: Office) -> RegulatorInquiry:
    """Due on Monday 5 January 2026."""
    return letter(office.pandev)


@pytest.fixture
def admin(office: Office, as_user: LogIn) -> Client:
    return as_user(office.admin)


def a_day(country: str = "RU", **changed: Any) -> dict[str, Any]:
    return {
        "jurisdiction": Jurisdiction.objects.get(code=country).pk,
        "day": "2026-01-12",
        "reason": "transferred from 3 January",
        "source": "decree 1335",
    } | changed


def rows() -> dict[str, list[Any]]:
    """Everything that a correction could write, history too."""
    models = [*MODELS, *(model.history.model for model in MODELS)]
    return {model._meta.label: list(model.objects.order_by("pk").values()) for model in models}


def shown(response: Any) -> list[tuple[str, date | None, date | None]]:
    assert response.status_code == 200
    assert "admin/rehearsal.html" in [template.name for template in response.templates]
    return [
        (move.deadline.label, move.due_before, move.due_after) for move in response.context["moves"]
    ]


def confirm(client: Client, url: str, rehearsal: Any) -> Any:
    """Press the button on the page as it was shown."""
    return client.post(url, dict(rehearsal.context["fields"]) | {"_confirmed": "1"})


def said(response: Any) -> list[str]:
    return [str(message) for message in get_messages(response.wsgi_request)]


def rule(code: str) -> DeadlineRule:
    return DeadlineRule.objects.get(code=code)


def page_of(row: Any) -> str:
    return reverse(f"admin:registry_{row._meta.model_name}_change", args=[row.pk])


def form_of(client: Client, url: str, **changed: Any) -> dict[str, Any]:
    """The fields of a page as the browser would send them back, with some changed."""
    form = client.get(url).context["adminform"].form
    values = {
        name: value.isoformat() if isinstance(value, date) else value
        for name in form.fields
        if (value := form[name].value()) not in (None, False)
    }
    return values | {"change_reason": "a lawyer found it"} | changed


# --- a day of the calendar -------------------------------------------------------------------
def test_a_new_day_off_shows_what_would_move_and_writes_nothing(
    admin: Client, ipm: RegulatorInquiry, pandev: RegulatorInquiry
) -> None:
    before = rows()
    response = admin.post(ADD_DAY, a_day())
    assert shown(response) == [("INQ-2025-0001", date(2026, 1, 12), date(2026, 1, 13))]
    page = unescape(response.content.decode())
    assert "This correction moves 1 open deadline" in page
    assert rows() == before
    assert said(response) == []


def test_confirming_moves_them_in_one_recorded_step(
    office: Office, admin: Client, ipm: RegulatorInquiry, pandev: RegulatorInquiry
) -> None:
    response = confirm(admin, ADD_DAY, admin.post(ADD_DAY, a_day()))
    assert response.status_code == 302
    day = CalendarDay.objects.get()
    assert (day.day, day.is_working) == (date(2026, 1, 12), False)
    clock = clock_of(ipm)
    assert clock.due_on == date(2026, 1, 13)
    newest = clock.history.order_by("-history_id").first()
    assert newest.history_user == office.admin
    assert newest.history_change_reason == "correction: change of the calendar: RU 2026-01-12"
    assert clock_of(pandev).due_on == date(2026, 1, 5)
    assert clock_of(pandev).history.count() == 1
    correction = Correction.objects.get()
    assert correction.what == "change of the calendar: RU 2026-01-12"
    assert correction.reason == "transferred from 3 January"
    assert (correction.made_by, correction.made_at) == (office.admin, NOW)
    assert correction.operator is None
    (item,) = CorrectionItem.objects.all()
    assert item.deadline == clock
    assert (item.due_before, item.due_after) == (date(2026, 1, 12), date(2026, 1, 13))
    for row in (correction, item):
        (trace,) = row.history.all()
        assert (trace.history_user, trace.history_change_reason) == (
            office.admin, "transferred from 3 January",
        )  # fmt: skip
    (trace,) = day.history.all()
    assert trace.history_user == office.admin


def test_the_message_appears_once(admin: Client, ipm: RegulatorInquiry) -> None:
    rehearsal = admin.post(ADD_DAY, a_day())
    assert said(rehearsal) == []
    done = confirm(admin, ADD_DAY, rehearsal)
    assert len(said(done)) == 1
    assert "was added successfully" in said(done)[0]


def test_a_day_that_moves_nothing_is_recorded_without_a_correction(
    admin: Client, ipm: RegulatorInquiry
) -> None:
    # Steps that name the day change, dates do not.
    response = admin.post(ADD_DAY, a_day(day="2026-03-02"))
    assert shown(response) == []
    assert "No open deadline moves." in response.content.decode()
    assert confirm(admin, ADD_DAY, response).status_code == 302
    assert CalendarDay.objects.count() == 1
    assert not Correction.objects.exists()


def test_a_working_saturday_moves_forward(admin: Client, office: Office) -> None:
    inquiry = letter(office.ipm, received_at=datetime(2025, 12, 3, 9, tzinfo=UTC))
    # 13 December 2025 is a Saturday, and the tenth day.
    assert clock_of(inquiry).due_on == date(2025, 12, 15)
    response = admin.post(ADD_DAY, a_day(day="2025-12-13", is_working="on"))
    assert shown(response) == [(inquiry.number, date(2025, 12, 15), date(2025, 12, 13))]
    confirm(admin, ADD_DAY, response)
    assert clock_of(inquiry).due_on == date(2025, 12, 13)


def test_a_closed_case_never_moves(admin: Client, office: Office, ipm: RegulatorInquiry) -> None:
    answer(ipm, office.ipm, sent_at=NOW, now=NOW)
    response = admin.post(ADD_DAY, a_day())
    assert shown(response) == []
    confirm(admin, ADD_DAY, response)
    assert clock_of(ipm).due_on == date(2026, 1, 12)


def test_changing_a_day_asks_why_and_moves_back(admin: Client, ipm: RegulatorInquiry) -> None:
    confirm(admin, ADD_DAY, admin.post(ADD_DAY, a_day()))
    url = page_of(CalendarDay.objects.get())
    data = {"reason": "r", "source": "s", "is_working": "on", "change_reason": ""}
    refused = admin.post(url, data)
    assert refused.context["adminform"].form.errors.keys() == {"change_reason"}
    rehearsal = admin.post(url, data | {"change_reason": "the decree was repealed"})
    assert shown(rehearsal) == [("INQ-2025-0001", date(2026, 1, 13), date(2026, 1, 12))]
    confirm(admin, url, rehearsal)
    assert clock_of(ipm).due_on == date(2026, 1, 12)
    assert Correction.objects.latest("pk").reason == "the decree was repealed"
    assert Correction.objects.count() == 2


# --- what is refused -------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"day": "2026-02-30"}, "Enter a valid date."),
        ({"source": ""}, "This field is required."),
        ({"jurisdiction": "0"}, "Select a valid choice"),
    ],
)
def test_a_form_error_shows_the_form(
    admin: Client, ipm: RegulatorInquiry, wrong: dict[str, str], words: str
) -> None:
    before = rows()
    for confirmed in ({}, {"_confirmed": "1", "_seen": "x"}):
        response = admin.post(ADD_DAY, a_day(**wrong) | confirmed)
        assert response.status_code == 200
        assert response.context["adminform"].form.errors
        assert words in response.content.decode()
    assert rows() == before


def test_a_stale_page_is_judged_anew(office: Office, admin: Client, ipm: RegulatorInquiry) -> None:
    rehearsal = admin.post(ADD_DAY, a_day())
    # A second letter arrives while the administrator looks at the page.
    letter(office.ipm, reference="2")
    before = rows()
    again = confirm(admin, ADD_DAY, rehearsal)
    assert [label for label, *_dates in shown(again)] == ["INQ-2025-0001", "INQ-2025-0002"]
    assert said(again) == [
        "Meanwhile something else has changed. Nothing was saved: look once more."
    ]
    assert rows() == before
    assert confirm(admin, ADD_DAY, again).status_code == 302
    assert CorrectionItem.objects.count() == 2


def test_one_click_twice_on_confirm_adds_one_day(admin: Client, ipm: RegulatorInquiry) -> None:
    rehearsal = admin.post(ADD_DAY, a_day())
    confirm(admin, ADD_DAY, rehearsal)
    before = rows()
    second = confirm(admin, ADD_DAY, rehearsal)
    assert "This day is in the calendar already; change that row." in second.content.decode()
    assert rows() == before


def test_a_forged_confirmation_is_only_a_rehearsal(admin: Client, ipm: RegulatorInquiry) -> None:
    before = rows()
    for forged in ({"_confirmed": "1"}, {"_confirmed": "1", "_seen": "0" * 64}):
        assert len(shown(admin.post(ADD_DAY, a_day() | forged))) == 1
    assert rows() == before


def test_nobody_but_the_administrator_corrects_the_law(
    office: Office, as_user: LogIn, ipm: RegulatorInquiry
) -> None:
    changed = rule("RU.REG.INQUIRY")
    before = rows()
    for user in (office.ipm.dpo, office.ipm.clerk, office.ipm.auditor, office.nobody):
        client = as_user(user)
        for confirmed in ({}, {"_confirmed": "1"}):
            assert client.post(ADD_DAY, a_day() | confirmed).status_code == 403
            assert client.post(ADD_RULE, confirmed).status_code == 403
            assert client.post(page_of(changed), {"length": "1"} | confirmed).status_code == 403
    assert rows() == before


def test_a_correction_that_no_calendar_can_count_is_refused_whole(
    admin: Client, ipm: RegulatorInquiry
) -> None:
    url = page_of(rule("PROMISE.IPM.3_2"))
    before = rows()
    response = admin.post(url, form_of(admin, url, length="9000"))
    assert response.status_code == 422
    assert "work calendar has no year" in response.content.decode()
    assert rows() == before


# --- rules -----------------------------------------------------------------------------------
def test_a_corrected_length_moves_open_deadlines(
    office: Office,
    admin: Client,
    ipm: RegulatorInquiry,
    pandev: RegulatorInquiry,
    as_user: LogIn,
) -> None:
    row = rule("PROMISE.IPM.3_2")
    url = page_of(row)
    rehearsal = admin.post(url, form_of(admin, url, length="5"))
    assert shown(rehearsal) == [("INQ-2025-0001", date(2026, 1, 12), date(2025, 12, 30))]
    row.refresh_from_db()
    assert row.length == 10
    done = confirm(admin, url, rehearsal)
    assert done.status_code == 302
    row.refresh_from_db()
    assert row.length == 5
    newest = row.history.order_by("-history_id").first()
    assert (newest.history_user, newest.history_change_reason) == (
        office.admin, "a lawyer found it",
    )  # fmt: skip
    assert clock_of(ipm).due_on == date(2025, 12, 30)
    correction = Correction.objects.get()
    assert correction.reason == "a lawyer found it"
    assert correction.items.count() == 1
    assert len(said(done)) == 1
    # The promise is the operator's own, and so is its correction.
    assert correction.operator == office.ipm.operator
    page = reverse("admin:registry_correction_changelist")
    assert "a lawyer found it" in as_user(office.ipm.dpo).get(page).content.decode()
    assert "a lawyer found it" not in as_user(office.pandev.dpo).get(page).content.decode()


def test_a_new_version_moves_nothing_that_is_open(
    office: Office, admin: Client, ipm: RegulatorInquiry
) -> None:
    old = rule("RU.REG.INQUIRY")
    url = page_of(old)
    rehearsal = admin.post(url, form_of(admin, url, effective_until="2025-12-31"))
    assert shown(rehearsal) == []
    confirm(admin, url, rehearsal)
    version = form_of(
        admin, url, code=old.code, source="statute", jurisdiction=old.jurisdiction_id,
        operator="", length="3", effective_from="2026-01-01", effective_until="",
    )  # fmt: skip
    rehearsal = admin.post(ADD_RULE, version)
    assert shown(rehearsal) == []
    assert confirm(admin, ADD_RULE, rehearsal).status_code == 302
    assert clock_of(ipm).statute_due_on == date(2026, 1, 20)
    assert not Correction.objects.exists()
    later = datetime(2026, 1, 14, 9, tzinfo=UTC)
    assert clock_of(
        letter(office.ipm, reference="2", received_at=later, now=later)
    ).statute_due_on == date(2026, 1, 19)


def test_overlapping_versions_are_refused(admin: Client) -> None:
    old = rule("RU.REG.INQUIRY")
    before = rows()
    response = admin.post(
        ADD_RULE,
        form_of(
            admin, page_of(old), code=old.code, source="statute",
            jurisdiction=old.jurisdiction_id, operator="", effective_from="2026-01-01",
        ),
    )  # fmt: skip
    assert response.status_code == 200
    assert response.context["adminform"].form.non_field_errors() == [
        "Two versions of RU.REG.INQUIRY would be in force on 2026-01-01: end one first."
    ]
    assert rows() == before


@pytest.mark.parametrize("article", ["", "   "])
def test_a_rule_without_an_article_is_refused_in_one_sentence(admin: Client, article: str) -> None:
    url = page_of(rule("RU.REG.INQUIRY"))
    before = rows()
    response = admin.post(url, form_of(admin, url, article=article))
    assert response.status_code == 200
    assert response.context["adminform"].form.errors == {"article": ["This field is required."]}
    assert rows() == before


def test_ending_a_rule_under_an_open_case_is_refused_by_name(
    admin: Client, ipm: RegulatorInquiry
) -> None:
    url = page_of(rule("RU.REG.INQUIRY"))
    before = rows()
    response = admin.post(url, form_of(admin, url, effective_until="2025-12-01"))
    assert response.status_code == 422
    assert "Rule RU.REG.INQUIRY was no longer in force on Thursday, 25 December 2025" in (
        unescape(response.content.decode())
    )
    assert rows() == before


# --- years -----------------------------------------------------------------------------------
def test_a_decreed_year_takes_the_warning_out_of_open_cases(admin: Client, office: Office) -> None:
    year = CalendarYear.objects.get(jurisdiction__code="RU", year=2026)
    CalendarYear.objects.filter(pk=year.pk).update(decreed=False)
    inquiry = letter(office.ipm)
    assert "not_decreed" in [code for code, _params in clock_of(inquiry).steps]
    url = page_of(year)
    rehearsal = admin.post(url, form_of(admin, url, decreed="on"))
    assert shown(rehearsal) == []
    confirm(admin, url, rehearsal)
    assert "not_decreed" not in [code for code, _params in clock_of(inquiry).steps]
